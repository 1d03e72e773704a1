"""Word links of a corpus, from the contribution map of each sentence."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechalign.contributions.extraction import Method, WordMap, word_map
from speechalign.contributions.maps import find_maps, read_map
from speechalign.contributions.subwords import Scheme, find_scheme
from speechalign.contributions.units import Units, time_units, token_units
from speechalign.errors import FormatError, InputError
from speechalign.links import Links, WordTimes, match_sentences, read_parallel, read_words

_FindUnits = Callable[[str, int, int, "Sequence[str] | None"], Units]
"""From name and index of a sentence, size of the axis, and the words if they are known."""


@dataclass(frozen=True)
class TimeAxis:
    """An axis of contribution maps whose cells are frames of speech.

    Parameters
    ----------
    path : path-like
        Alignments of the speech, as `speechalign.links.WordTimes` reads them.
    tier : str
        Tier of the alignments that has the words.
    frame : float, optional
        Length of a cell in seconds (default: all cells together cover the recording).
    """

    path: str | os.PathLike[str]
    tier: str = "words"
    frame: float | None = None


@dataclass(frozen=True)
class TokenAxis:
    """An axis of contribution maps whose cells are tokens.

    Parameters
    ----------
    path : path-like
        A file of tokens, a sentence a line.
    scheme : Scheme, optional
        How tokens show where words begin (default: found by their marks).
    punctuation : bool
        Link punctuation, too.
    """

    path: str | os.PathLike[str]
    scheme: Scheme | None = None
    punctuation: bool = False


@dataclass(frozen=True)
class LinkedSentence:
    """Links of one sentence, with the map from which they come.

    Parameters
    ----------
    name : str
        Number of the sentence, or name of its map.
    links : Links
        Links between words; none where there is a problem.
    problem : str or None
        Why the sentence could not be linked.
    contributions : ndarray or None, shape (rows, columns), float64
        The map as it was read.
    words : WordMap or None
        The map, summed up by words, with warnings.
    units : tuple[tuple[int, int], ...]
        Linked pairs of source and target units of ``words``, sorted.
    """

    name: str
    links: Links
    problem: str | None = None
    contributions: np.ndarray | None = None
    words: WordMap | None = None
    units: tuple[tuple[int, int], ...] = ()


def link_corpus(
    maps: str | os.PathLike[str],
    *,
    source: TimeAxis | TokenAxis,
    target: TimeAxis | TokenAxis,
    text: str | os.PathLike[str] | None = None,
    method: Method = "argmax",
    threshold: float | None = None,
    skip_bad: bool = False,
) -> Iterator[LinkedSentence]:
    """Turn the contribution maps of a folder into word links.

    Parameters
    ----------
    maps : path-like
        A folder with a file for each sentence, as `read_map` reads them. Where their names are
        numbers, these are the numbers of the sentences, counted from 0 if there is a 0; else the
        sentences are in order of name.
    source, target : TimeAxis or TokenAxis
        Columns and rows of the maps.
    text : path-like, optional
        A file of lines ``source ||| target``: the words to link (default: the words that have
        times, or that the marks of the tokens show).
    method, threshold
        As for `WordMap.pairs`.
    skip_bad : bool
        Yield sentences with a fault without links.

    Yields
    ------
    LinkedSentence
        Links of each sentence, in order.

    Raises
    ------
    InputError
        A sentence has a fault and ``skip_bad`` is false, or the files do not go together.
    FormatError
        A file of tokens or text breaks its format.

    Examples
    --------
    >>> linked = link_corpus(
    ...     "maps", source=TimeAxis("my_output"), target=TokenAxis("tokens.txt")
    ... )  # doctest: +SKIP
    >>> print(format_links([sentence.links for sentence in linked]))  # doctest: +SKIP
    """
    maps = Path(maps)
    tokens = {
        Path(axis.path): read_words(Path(axis.path))
        for axis in (source, target)
        if isinstance(axis, TokenAxis)
    }
    pairs = None if text is None else read_parallel(text)
    lines = {path: len(found) for path, found in tokens.items()}
    if text is not None and pairs is not None:
        lines[Path(text)] = len(pairs)
    sentences = _sentences(maps, lines)
    names = [name for name, _ in sentences]
    source_units, target_units = (
        _time_units(axis, names)
        if isinstance(axis, TimeAxis)
        else _token_units(axis, tokens[Path(axis.path)])
        for axis in (source, target)
    )
    problems = 0
    for index, (name, path) in enumerate(sentences):
        try:
            if path is None:
                raise InputError(f"{maps}: no map of this sentence")
            values = read_map(path)
            words = (None, None) if pairs is None else pairs[index]
            found = word_map(
                values,
                source=source_units(name, index, values.shape[1], words[0]),
                target=target_units(name, index, values.shape[0], words[1]),
            )
        except (FormatError, InputError) as error:
            problem = f"sentence {name}: {error}"
            if not skip_bad:
                raise InputError(f"{problem}; --skip-bad (skip_bad=True) leaves such out") from None
            problems += 1
            yield LinkedSentence(name, Links(()), problem)
        else:
            yield LinkedSentence(
                name,
                found.links(method, threshold=threshold),
                contributions=values,
                words=found,
                units=tuple(sorted(found.pairs(method, threshold=threshold))),
            )
    if problems == len(sentences):
        raise InputError(f"{maps}: none of {problems} sentences could be linked")


def _sentences(maps: Path, lines: dict[Path, int]) -> list[tuple[str, Path | None]]:
    """Return the name and the map of each sentence, as many as files of text have lines."""
    files = find_maps(maps)
    if not files:
        raise InputError(f"{maps}: expected files .npy, .npz, .pt or .json, got none")
    if len(set(lines.values())) > 1:
        counts = ", ".join(f"{path}: {count}" for path, count in lines.items())
        raise InputError(f"expected files of as many lines, got {counts}")
    count = next(iter(lines.values()), None)
    if all(name.isdecimal() for name in files):
        numbers = {int(name) for name in files}
        last = max(numbers) + (0 in numbers)
        if count is not None and last > count:
            raise InputError(f"{maps}: expected maps of {count} sentences, got one of {last}")
        names = [str(number) for number in range(1, (count or last) + 1)]
        matched = match_sentences(names, files)
        return [(name, files[stem] if stem else None) for name, stem in matched.items()]
    if count is not None and len(files) != count:
        raise InputError(f"{maps}: expected {count} maps, one for each line, got {len(files)}")
    return list(files.items())


def _time_units(axis: TimeAxis, names: Sequence[str]) -> _FindUnits:
    """Return a function that finds the units of a sentence in the times of its words."""
    times = WordTimes(axis.path, names, tier=axis.tier)

    def units(name: str, _index: int, size: int, words: Sequence[str] | None) -> Units:
        timed = times.of(name, words)
        seconds = size * axis.frame if axis.frame else times.seconds(name)
        return time_units(timed, size, seconds)

    return units


def _token_units(axis: TokenAxis, tokens: Sequence[Sequence[str]]) -> _FindUnits:
    """Return a function that finds the units of a sentence in its tokens."""
    scheme = axis.scheme or find_scheme(tokens)

    def units(_name: str, index: int, size: int, words: Sequence[str] | None) -> Units:
        return token_units(tokens[index], size, scheme, words=words, punctuation=axis.punctuation)

    return units
