"""Reasons for what differs between a text and its recording, in words."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from speechalign.alignment import Interval
from speechalign.text.word import Word

_MEET = 0.05  # seconds between two words that hardly any word fits in


@dataclass(frozen=True)
class Passage:
    """A passage of a text, or of its recording, that the other has not or has once more.

    Parameters
    ----------
    kind : {"untranscribed", "repeated", "skipped"}
        What is the matter.
    start, end : float or None
        Seconds; None where it was skipped.
    text : str
        The words; empty where there are none.
    reason : str
        Why it is thought so.
    """

    kind: str
    start: float | None
    end: float | None
    text: str
    reason: str


def misfit_reasons(
    words: Sequence[Word], untranscribed: Sequence[Interval], bounds: tuple[float, float]
) -> list[Passage]:
    """List the passages that differ, each with its reason: in order of time, skipped ones last.

    Parameters
    ----------
    words : Sequence[Word]
        Those of the transcript, in its order; further readings of a word follow it.
    untranscribed : Sequence[Interval]
        Audio that is not in the transcript.
    bounds : tuple[float, float]
        Seconds between which the words may be said.

    Returns
    -------
    list of Passage
    """
    timed = [
        Passage(
            "untranscribed", i.start, i.end, "",
            f"{i.duration:.1f} s of sound that is not in the text",
        )
        for i in untranscribed
    ]  # fmt: skip
    timed += _repeated(words, [interval.start for interval in untranscribed])
    timed.sort(key=lambda passage: passage.start or 0.0)
    return [*timed, *_skipped(words, *bounds)]


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.label for word in words)


def _repeated(words: Sequence[Word], sounds: Sequence[float]) -> Iterator[Passage]:
    """Yield the passages that are said again, parted where another sound begins."""
    first, said = None, []
    for word in words:
        first = word if word.status != "repeated" else first
        if first is not None and word.span is not None:
            said.append((word, first))
    said.sort(key=lambda pair: pair[0].start)
    begun = sorted(sounds)
    parts = groupby(said, key=lambda p: (p[0].status == "repeated", bisect(begun, p[0].start)))
    for (again, _), pairs in parts:
        if again:
            passage = list(pairs)
            own = [word for word, _ in passage]
            begin, end = passage[0][1].start, passage[-1][1].end
            reason = f"said again; the first time from {begin:.2f} to {end:.2f} s"
            yield Passage("repeated", own[0].start, own[-1].end, _text(own), reason)


def _skipped(words: Sequence[Word], begin: float, end: float) -> Iterator[Passage]:
    """Yield the passages that are not said, with the place where they would be."""
    firsts = [word for word in words if word.status != "repeated"]
    before, place = begin, 0
    for skipped, group in groupby(firsts, key=lambda word: word.span is None):
        passage = list(group)
        place += len(passage)
        if not skipped:
            before = passage[-1].end
            continue
        after = firsts[place].start if place < len(firsts) else end
        if after < before:  # what follows in the text is said earlier
            reason = f"no speech like it after {before:.2f} s or before {after:.2f} s"
        elif after - before < _MEET:
            reason = f"no time for it: the words around it meet at {before:.2f} s"
        else:
            reason = f"no speech like it between {before:.2f} and {after:.2f} s"
        yield Passage("skipped", None, None, _text(passage), reason)
