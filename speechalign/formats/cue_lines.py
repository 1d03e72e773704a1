"""Lines of subtitles: as few as can be, and broken where a reader would."""

from __future__ import annotations

from collections.abc import Sequence

from speechalign.formats.cue_breaks import INSIDE, SENTENCE, break_costs

_UNEVEN = 4.0  # cost of a line that is longer or shorter than the others by a whole line


def wrap(text: str, width: int, most: int | None = None) -> str:
    """Break a text into lines.

    Examples
    --------
    >>> print(wrap("A heron waits by the river, as patient as a stone.", 42))
    A heron waits by the river,
    as patient as a stone.
    """
    words = text.split(" ")
    return "\n".join(" ".join(words[first:last]) for first, last in lines_of(words, width, most))


def lines_of(
    words: Sequence[str], width: int, most: int | None = None, costs: Sequence[float] | None = None
) -> list[tuple[int, int]]:
    """Break words into lines.

    Parameters
    ----------
    words : sequence of str
        The words of a cue.
    width : int
        Characters of a line; a longer word has one of its own.
    most : int or None
        Number of lines that is allowed; None for any.
    costs : sequence of float or None
        What `break_costs` returns for the words; None to ask it.

    Returns
    -------
    list of (int, int)
        The words ``[first, last)`` of each line. There are as few as can be, or more where
        that keeps a number or a name together; of lengths as even as can be, and ended with
        sentences and clauses rather than elsewhere.
    """
    costs = break_costs(words) if costs is None else costs
    fewest = fewest_lines(words, width)
    if fewest == 1:
        return [(0, len(words))]
    whole = _broken(words, costs, width, fewest, torn=1.0)
    if most is None or len(whole) <= most:
        return whole
    return _broken(words, costs, width, fewest, torn=0.0)


def _broken(
    words: Sequence[str], costs: Sequence[float], width: int, fewest: int, *, torn: float
) -> list[tuple[int, int]]:
    """Return the lines with the fewest torn names, if these count, then the fewest and best."""
    even = min(width, len(" ".join(words)) / fewest)
    # From each word on: torn names and lines, cost, and where the first line ends.
    best = [(0.0, 0.0, len(words))] * (len(words) + 1)
    for first in reversed(range(len(words))):
        length = -1
        found = []
        for last in range(first + 1, len(words) + 1):
            length += 1 + len(words[last - 1])
            if length > width and last > first + 1:
                break
            cost = costs[last - 1] if last < len(words) else SENTENCE
            uneven = _UNEVEN * ((length - even) / width) ** 2
            weight = 1 + len(words) * torn * (cost >= INSIDE)
            found.append((weight + best[last][0], cost + uneven + best[last][1], last))
        best[first] = min(found)
    lines: list[tuple[int, int]] = []
    first = 0
    while first < len(words):
        lines.append((first, best[first][2]))
        first = best[first][2]
    return lines


def fewest_lines(words: Sequence[str], width: int) -> int:
    """Return how many lines words need at least."""
    lines, length = 1, -1
    for word in words:
        if length >= 0 and length + 1 + len(word) > width:
            lines, length = lines + 1, -1
        length += 1 + len(word)
    return lines
