"""Distribute words that have times over segments of speech."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from speechalign.alignment import Interval


def distribute(words: Sequence[Interval], segments: Sequence[Interval]) -> tuple[Interval, ...]:
    """Label segments with the words that are said in them.

    Parameters
    ----------
    words : sequence of Interval
        In order, without overlap.
    segments : sequence of Interval
        In order, without overlap; what `Segmenter.find` returns.

    Returns
    -------
    tuple of Interval
        The segments that have words, with these as their labels. A word belongs to the segment that
        holds its middle, or the nearest one; segments reach to the ends of their words, and
        still do not overlap.
    """
    members: dict[int, list[Interval]] = {}
    starts = [segment.start for segment in segments]
    for word in words:
        middle = (word.start + word.end) / 2
        after = bisect_left(starts, middle)
        near = [n for n in (after - 1, after) if 0 <= n < len(segments)]
        if near:
            apart = [max(segments[n].start - middle, middle - segments[n].end) for n in near]
            members.setdefault(near[apart.index(min(apart))], []).append(word)
    found: list[Interval] = []
    filled = [(segments[n], own) for n, own in sorted(members.items())]
    for k, (segment, own) in enumerate(filled):
        start = min(segment.start, own[0].start)
        if found:
            start = max(start, found[-1].end)
        end = max(segment.end, own[-1].end)
        if k + 1 < len(filled):
            end = min(end, filled[k + 1][1][0].start)
        found.append(Interval(start, end, " ".join(" ".join(w.label.split()) for w in own)))
    return tuple(found)
