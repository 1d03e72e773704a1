"""Cues: what the subtitle formats show at a time, and how words are grouped into them."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TypedDict

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError, InputError, SpeechAlignWarning
from speechalign.files.tier_names import split, split_layer
from speechalign.formats.cue_breaks import CLAUSE, INSIDE, SENTENCE, break_costs
from speechalign.formats.cue_lines import fewest_lines, lines_of, wrap

CHARACTERS = 42
LINES = 1
SECONDS = 6.0
GAP = 0.5
# Costs beside those of breaks: of each cue; of a sentence that shares one with others, or with a
# part of another; and of a cue that is short, for each second that it lacks.
_CUE, _WITH_OTHERS, _WITH_PART, _SHORT, _READABLE = 3.0, 1.0, 4.0, 2.0, 1.0
# Share of what a break costs beyond the end of a clause where a line ends; inside names, it is all.
_LINE = 0.5


class CueOptions(TypedDict, total=False):
    """Keywords of the subtitle formats, as `Limits` explains them."""

    cue_characters: int | None
    cue_lines: int | None
    cue_seconds: float | None
    cue_gap: float | None
    cue_shortest: float | None
    cue_speed: float | None
    cue_highlight: bool | None


CUE_OPTIONS = frozenset(CueOptions.__annotations__)


@dataclass(frozen=True)
class TimedText:
    """A word of a cue: [start, end) in ticks of the format, and its text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Cue:
    """One caption.

    Parameters
    ----------
    start, end : int
        ``[start, end)``, in ticks of the format.
    text : str
        On one line.
    speaker : str or None
        Who says it, where known.
    words : tuple[TimedText, ...]
        Its words, within the cue and without overlap; none where their times are not known.
    """

    start: int
    end: int
    text: str
    speaker: str | None
    words: tuple[TimedText, ...] = ()


@dataclass(frozen=True)
class Limits:
    """Limits and display of cues; None for no limit.

    Parameters
    ----------
    cue_characters : int or None
        Characters of a line.
    cue_lines : int or None
        Lines of a cue.
    cue_seconds : float or None
        From the start of a cue to its end.
    cue_gap : float or None
        Longest pause inside a cue, seconds.
    cue_shortest : float or None
        Seconds that a cue stays, where the next leaves room.
    cue_speed : float or None
        Characters a second; a SpeechAlignWarning counts the cues that are faster.
    cue_highlight : bool or None
        Whether each word is marked as it is said, where the format can.

    Raises
    ------
    InputError
        A limit is not above 0.
    """

    cue_characters: int | None = None
    cue_lines: int | None = None
    cue_seconds: float | None = None
    cue_gap: float | None = None
    cue_shortest: float | None = None
    cue_speed: float | None = None
    cue_highlight: bool | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not isinstance(value, bool) and not value > 0:
                raise InputError(f"{name}: expected a number above 0, got {value}")

    @property
    def width(self) -> int:
        """Characters of a line."""
        return self.cue_characters or CHARACTERS

    @property
    def divide(self) -> bool:
        """Return whether the limits divide utterances."""
        return any((self.cue_lines, self.cue_seconds, self.cue_gap))

    def or_defaults(self) -> Limits:
        """Return limits for words that no utterances keep apart."""
        return replace(
            self,
            cue_lines=self.cue_lines or LINES,
            cue_seconds=self.cue_seconds or SECONDS,
            cue_gap=self.cue_gap or GAP,
        )

    def allow(self, words: Sequence[Interval]) -> bool:
        """Tell whether words, in order of time, fit in a cue."""
        seconds = math.inf if self.cue_seconds is None else self.cue_seconds
        gap = math.inf if self.cue_gap is None else self.cue_gap
        lines = math.inf if self.cue_lines is None else self.cue_lines
        return (
            words[-1].end - words[0].start <= seconds
            and all(after.start - before.end <= gap for before, after in pairwise(words))
            and fewest_lines(_text(words).split(" "), self.width) <= lines
        )


def cues(
    alignment: Alignment,
    path: Path,
    options: CueOptions,
    *,
    highlight: bool = False,
    per_second: int = 1000,
) -> tuple[list[Cue], Limits]:
    """Group words into cues, in order of time.

    Parameters
    ----------
    alignment : Alignment
        With tiers ``words``, ``utterances`` or both, alone or of several speakers.
    path : Path
        The file to write, for messages.
    options : CueOptions
        Keywords of `Limits`. Where there are ``utterances``, each is a cue from its first word to
        its last, which limits of lines, seconds and pauses divide further. Words outside utterances
        are grouped into cues of one line and 6 s that end at pauses of more than 0.5 s, or at the
        limits. Cues end with sentences and clauses where they can, and never inside a number or a
        name where there is another way.
    highlight : bool
        Whether words are marked by default.
    per_second : int
        Ticks of the format's clock.

    Returns
    -------
    list of Cue
        Those of one tier do not overlap, and last a tick at least. Words are there only where they
        are to be marked, and last a tick at least too.
    Limits
        The options.

    Raises
    ------
    FormatError
        The alignment has neither tier.
    """
    limits = Limits(**options)
    marks = highlight if limits.cue_highlight is None else limits.cue_highlight
    parts: dict[tuple[str | None, int], dict[str, list[Interval]]] = {}
    for name, intervals in alignment.tiers.items():
        speaker, kind = split(name)
        kind, number = split_layer(kind)
        if kind in ("words", "utterances"):
            spoken = [i for i in intervals if i.label.strip()]
            parts.setdefault((speaker, number), {})[kind] = spoken
    if not parts:
        raise FormatError(
            f"{path}: this format holds words or utterances, and the alignment has only the tiers "
            f"{list(alignment.tiers)}; write another format, or rename a tier"
        )
    found: list[Cue] = []
    for (speaker, _), tiers in parts.items():
        who = None if speaker is None else split_layer(speaker)[0]
        own: list[Cue] = []
        end = 0
        drafts = _drafts(tiers.get("words", []), tiers.get("utterances", []), limits)
        for start, stop, text, words in sorted(drafts, key=lambda draft: draft[:2]):
            first = max(round(start * per_second), end)
            end = max(round(stop * per_second), first + max(1, marks * len(words)))
            timed = _within(words, first, end, per_second) if marks else ()
            own.append(Cue(first, end, text, who, timed))
        found += _lasting(own, round((limits.cue_shortest or 0) * per_second))
    found.sort(key=lambda cue: cue.start)
    if limits.cue_speed is not None:
        _warn_of_speed(found, limits.cue_speed, per_second, path)
    return found, limits


_Draft = tuple[float, float, str, Sequence[Interval]]
"""Start and end in seconds, text and words of a cue."""


def _drafts(
    words: Sequence[Interval], utterances: Sequence[Interval], limits: Limits
) -> Iterator[_Draft]:
    """Yield the cues of one tier."""
    middles = [(word.start + word.end) / 2 for word in words]
    done = 0
    for utterance in utterances:
        first, last = (bisect_left(middles, time) for time in (utterance.start, utterance.end))
        yield from _grouped(words[done:first], limits.or_defaults())
        inside = words[first:last]
        if not inside:
            yield utterance.start, utterance.end, _text([utterance]), ()
        elif limits.divide:
            yield from _grouped(inside, limits)
        else:
            yield inside[0].start, inside[-1].end, _text([utterance]), inside
        done = last
    yield from _grouped(words[done:], limits.or_defaults())


def _grouped(words: Sequence[Interval], limits: Limits) -> Iterator[_Draft]:
    """Yield the cues that words are best divided into, by the sum of costs."""
    pauses = [after.start - before.end for before, after in pairwise(words)]
    texts = [_text([word]) for word in words]
    costs = [*break_costs(texts, pauses), SENTENCE]
    best = [0.0] * (len(words) + 1)
    ends = [0] * len(words)
    for first in reversed(range(len(words))):
        best[first] = math.inf
        sentences = 0
        for last in range(first + 1, len(words) + 1):
            members = words[first:last]
            if last > first + 1 and not limits.allow(members):
                break
            lacking = max(0.0, _READABLE - (members[-1].end - members[0].start))
            shared = _WITH_OTHERS if costs[last - 1] == SENTENCE else _WITH_PART
            cost = _CUE + costs[last - 1] + _SHORT * lacking + sentences * shared + best[last]
            inner = costs[first : last - 1]
            if limits.cue_lines != 1:
                lines = lines_of(texts[first:last], limits.width, limits.cue_lines, inner)
                torn = (inner[end - 1] for _, end in lines[:-1])
                cost += sum(c if c == INSIDE else _LINE * max(0, c - CLAUSE) for c in torn)
            if cost <= best[first]:  # Of equal ones, the longest.
                best[first], ends[first] = cost, last
            sentences += costs[last - 1] == SENTENCE
    first = 0
    while first < len(words):
        members = words[first : ends[first]]
        yield members[0].start, members[-1].end, _text(members), members
        first = ends[first]


def _within(
    words: Sequence[Interval], start: int, end: int, per_second: int
) -> tuple[TimedText, ...]:
    """Return the words of a cue in ticks, each of which lasts one at least.

    The cue has a tick for each of them.
    """
    timed = []
    for word, last in zip(words, range(end - len(words), end)):
        start = min(max(start, round(word.start * per_second)), last)
        stop = min(max(start + 1, round(word.end * per_second)), last + 1)
        timed.append(TimedText(start, stop, _text([word])))
        start = stop
    return tuple(timed)


def _lasting(own: Sequence[Cue], least: int) -> Iterator[Cue]:
    """Yield the cues of a tier, those that are too short longer where there is room."""
    for cue, after in zip(own, [*own[1:], None]):
        end = max(cue.end, cue.start + least)
        yield replace(cue, end=end if after is None else max(cue.end, min(end, after.start)))


def _warn_of_speed(found: Sequence[Cue], speed: float, per_second: int, path: Path) -> None:
    """Warn of cues that are hard to read in their time."""
    rates = [len(cue.text) * per_second / (cue.end - cue.start) for cue in found]
    fast = [(cue, rate) for cue, rate in zip(found, rates) if rate > speed]
    if fast:
        cue, rate = max(fast, key=lambda pair: pair[1])
        at = timestamp(cue.start * 1000 // per_second, ".")
        warnings.warn(
            f"{path}: {len(fast)} of {len(found)} subtitles are faster than {speed:g} characters a "
            f"second; the fastest, {rate:.0f}, is {cue.text[:40]!r} at {at}; allow more pause "
            "inside them, or let short ones stay (cue_gap, cue_shortest)",
            SpeechAlignWarning,
            stacklevel=5,
        )


def show(cue: Cue, limits: Limits) -> str:
    """Return the text of a cue in lines."""
    return wrap(cue.text, limits.width, limits.cue_lines)


def lines_of_words(cue: Cue, limits: Limits) -> list[tuple[TimedText, ...]]:
    """Return the words of a cue in lines."""
    texts = [word.text for word in cue.words]
    lines = lines_of(texts, limits.width, limits.cue_lines)
    return [cue.words[first:last] for first, last in lines]


def _text(intervals: Sequence[Interval]) -> str:
    return " ".join(" ".join(i.label.split()) for i in intervals)


def timestamp(milliseconds: int, mark: str) -> str:
    """Write ``hh:mm:ss`` and, behind a decimal mark, the milliseconds.

    Examples
    --------
    >>> timestamp(3_723_004, ",")
    '01:02:03,004'
    """
    whole, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{mark}{thousandths:03}"
