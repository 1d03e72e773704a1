"""Cues: what the subtitle formats show at a time, and how words are grouped into them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError, InputError
from speechalign.files.tier_names import split, split_layer

CHARACTERS = 42
LINES = 1
SECONDS = 6.0
GAP = 0.5


@dataclass(frozen=True)
class Cue:
    """One caption: [start, end) in milliseconds, text on one line, speaker where known."""

    start: int
    end: int
    text: str
    speaker: str | None


@dataclass(frozen=True)
class Limits:
    """How much a cue may hold; None is without a limit of its own.

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

    Raises
    ------
    InputError
        A limit is not above 0.
    """

    cue_characters: int | None = None
    cue_lines: int | None = None
    cue_seconds: float | None = None
    cue_gap: float | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise InputError(f"{name}: expected a number above 0, got {value}")

    @property
    def width(self) -> int:
        """Characters of a line."""
        return self.cue_characters or CHARACTERS

    def or_defaults(self) -> Limits:
        """Return limits for words that no utterances keep apart."""
        return Limits(
            self.cue_characters,
            self.cue_lines or LINES,
            self.cue_seconds or SECONDS,
            self.cue_gap or GAP,
        )

    def allow(self, words: Sequence[Interval]) -> bool:
        """Tell whether words, in order of time, fit in a cue."""
        seconds = math.inf if self.cue_seconds is None else self.cue_seconds
        gap = math.inf if self.cue_gap is None else self.cue_gap
        lines = math.inf if self.cue_lines is None else self.cue_lines
        return (
            words[-1].end - words[0].start <= seconds
            and all(after.start - before.end <= gap for before, after in pairwise(words))
            and len(_wrap(_text(words), self.width)) <= lines
        )


def group(alignment: Alignment, path: Path, limits: Limits) -> list[Cue]:
    """Group words into cues, in order of time.

    Parameters
    ----------
    alignment : Alignment
        With tiers ``words``, ``utterances`` or both, alone or of several speakers.
    path : Path
        The file to write, for messages.
    limits : Limits
        Where there are ``utterances``, each is a cue from its first word to its last, which the
        limits that are not None divide further. Words outside utterances are grouped into cues of
        up to 42 characters and 6 s that end at pauses of more than 0.5 s, or at ``limits``.

    Returns
    -------
    list of Cue
        Those of one tier do not overlap, and last 1 ms at least.

    Raises
    ------
    FormatError
        The alignment has neither tier.
    """
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
    result: list[Cue] = []
    for (speaker, _), tiers in parts.items():
        who = None if speaker is None else split_layer(speaker)[0]
        end = 0
        found = _cues(tiers.get("words", []), tiers.get("utterances", []), limits)
        for start, stop, text in sorted(found):
            first = max(round(start * 1000), end)
            end = max(round(stop * 1000), first + 1)
            result.append(Cue(first, end, text, who))
    return sorted(result, key=lambda cue: cue.start)


def _cues(
    words: Sequence[Interval], utterances: Sequence[Interval], limits: Limits
) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and text of the cues of one tier."""
    whole = limits == Limits(limits.cue_characters)
    middles = [(word.start + word.end) / 2 for word in words]
    done = 0
    for utterance in utterances:
        first, last = (bisect_left(middles, time) for time in (utterance.start, utterance.end))
        yield from _grouped(words[done:first], limits.or_defaults())
        inside = words[first:last]
        if not inside:
            yield utterance.start, utterance.end, _text([utterance])
        elif whole:
            yield inside[0].start, inside[-1].end, _text([utterance])
        else:
            yield from _grouped(inside, limits)
        done = last
    yield from _grouped(words[done:], limits.or_defaults())


def _grouped(words: Sequence[Interval], limits: Limits) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and text of cues as long as the limits allow."""
    groups: list[list[Interval]] = []
    for word in words:
        if groups and limits.allow([*groups[-1], word]):
            groups[-1].append(word)
        else:
            groups.append([word])
    for members in groups:
        yield members[0].start, members[-1].end, _text(members)


def _text(intervals: Sequence[Interval]) -> str:
    return " ".join(" ".join(i.label.split()) for i in intervals)


def wrap(text: str, limits: Limits) -> str:
    """Break a text into as few lines as the limits allow, of lengths as even as can be.

    Examples
    --------
    >>> print(wrap("A heron waits by the river, as patient as a stone.", Limits()))
    A heron waits by the river,
    as patient as a stone.
    """
    fewest = len(_wrap(text, limits.width))
    widths = range(-(-len(text) // fewest), limits.width)
    narrowest = next((w for w in widths if len(_wrap(text, w)) == fewest), limits.width)
    return "\n".join(_wrap(text, narrowest))


def _wrap(text: str, width: int) -> list[str]:
    """Break a text at spaces into lines that are as full as can be."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


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
