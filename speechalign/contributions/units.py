"""Units: the rows or columns of a map that belong to each word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite

import numpy as np

from speechalign.alignment import Interval
from speechalign.contributions.subwords import Scheme, group_subwords, is_special
from speechalign.errors import InputError
from speechalign.links import TimedWord, is_punctuation

_ROUNDING = 1e-6  # of a cell: boundaries on the edge of a cell do not lose it


@dataclass(frozen=True)
class Units:
    """One axis of a contribution map, by word.

    Parameters
    ----------
    labels : tuple[str, ...]
        Text of each unit: a word, or several that share their time, joined by a space.
    words : tuple[tuple[int, ...], ...]
        Which words of the sentence, counted from 0, punctuation included.
    cells : tuple[tuple[int, ...], ...]
        Which rows or columns of the map; at least one each.
    size : int
        Rows or columns of the map.
    spans : tuple[Interval, ...]
        Where each unit lies on the axis: in seconds, or in tokens.
    length : float
        Length of the axis, in the same.
    warnings : tuple[str, ...]
        Words that are shorter than a cell.
    """

    labels: tuple[str, ...]
    words: tuple[tuple[int, ...], ...]
    cells: tuple[tuple[int, ...], ...]
    size: int
    spans: tuple[Interval, ...]
    length: float
    warnings: tuple[str, ...] = ()

    def matrix(self) -> np.ndarray:
        """Return which cells are in each unit, shape (units, size), of 0 and 1, float64."""
        found = np.zeros((len(self.cells), self.size))
        for row, cells in zip(found, self.cells):
            row[list(cells)] = 1
        return found


def time_units(words: Sequence[TimedWord], size: int, seconds: float) -> Units:
    """Find the cells of each word on an axis of time.

    Parameters
    ----------
    words : Sequence[TimedWord]
        All words of the sentence. Those without time are in no unit; neighbours that begin at the
        same time are one.
    size : int
        Cells of the map.
    seconds : float
        Time that all cells cover, from the beginning of the recording.

    Returns
    -------
    Units
        A word that covers no whole cell has the one in its middle, with a warning.

    Raises
    ------
    InputError
        No word has a time, or one ends more than a cell behind the end of the map.

    Notes
    -----
    With T cells in D seconds, a word in [s, e) has the cells ceil(s T / D) to floor(e T / D) - 1.

    Examples
    --------
    >>> words = [TimedWord("a", 0.0, 0.5), TimedWord(","), TimedWord("b", 0.5, 0.75)]
    >>> units = time_units(words, 8, 1.0)
    >>> units.words, units.cells
    (((0,), (2,)), ((0, 1, 2, 3), (4, 5)))
    """
    if not (size > 0 and isfinite(seconds) and seconds > 0):
        raise InputError(f"expected cells and time, got {size} cells in {seconds} s")
    merged: list[tuple[list[int], str, float, float]] = []
    for number, word in enumerate(words):
        if word.start is None or word.end is None:
            continue
        if merged and merged[-1][2] == word.start:
            members, label, start, end = merged[-1]
            merged[-1] = [*members, number], f"{label} {word.label}", start, max(end, word.end)
        else:
            merged.append(([number], word.label, word.start, word.end))
    if not merged:
        raise InputError(f"expected word times, got {len(words)} words without time")
    rate = size / seconds
    cells: list[tuple[int, ...]] = []
    warnings = []
    for _, label, start, end in merged:
        first, last = ceil(start * rate - _ROUNDING), floor(end * rate + _ROUNDING)
        if last > size + 1 or start >= seconds:
            raise InputError(
                f"{label!r} ends at {end} s, but the map covers {seconds:.6g} s; are the times of "
                "this recording, and is the length of a cell right?"
            )
        last = min(last, size)
        if first >= last:
            first = min(int((start + end) / 2 * rate), size - 1)
            last = first + 1
            warnings.append(
                f"{label!r} at {start:.3f} s is shorter than a cell of {1000 / rate:.1f} ms; it "
                "gets the one in its middle"
            )
        cells.append(tuple(range(first, last)))
    return Units(
        tuple(label for _, label, _, _ in merged),
        tuple(tuple(members) for members, _, _, _ in merged),
        tuple(cells),
        size,
        tuple(Interval(start, end, label) for _, label, start, end in merged),
        seconds,
        tuple(warnings),
    )


def token_units(
    tokens: Sequence[str],
    size: int,
    scheme: Scheme,
    *,
    words: Sequence[str] | None = None,
    punctuation: bool = False,
) -> Units:
    """Find the cells of each word on an axis of tokens.

    Parameters
    ----------
    tokens : Sequence[str]
        One for each cell; ends of sentences and the like may be left out, here and in the map.
    size : int
        Cells of the map.
    scheme, words
        As for `group_subwords`.
    punctuation : bool
        Whether punctuation has units of its own; else it has none.

    Returns
    -------
    Units
        Without the words that are left out, whose numbers are not used again.

    Raises
    ------
    InputError
        There are not as many tokens as cells, or no words, or their text differs.

    Examples
    --------
    >>> token_units(["▁He", "y", ",", "▁you"], 4, "sentencepiece").words
    ((0,), (2,))
    """
    if len(tokens) != size:
        hint = (
            "leave out the row of the end of the sentence"
            if size == len(tokens) + 1
            else ("are they of this sentence?")
        )
        raise InputError(f"expected {size} tokens as in the map, got {len(tokens)}; {hint}")
    if all(is_special(token) for token in tokens):
        raise InputError("the sentence is empty; leave it out")
    groups = [
        (number, label, cells)
        for number, (label, cells) in enumerate(group_subwords(tokens, scheme, words))
        if cells and (punctuation or not is_punctuation(label))
    ]
    return Units(
        tuple(label for _, label, _ in groups),
        tuple((number,) for number, _, _ in groups),
        tuple(tuple(cells) for _, _, cells in groups),
        size,
        tuple(Interval(cells[0], cells[-1] + 1, label) for _, label, cells in groups),
        size,
    )
