"""Cues: what the subtitle formats show at a time, and how words are grouped into them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError
from speechalign.files.reading import lines
from speechalign.files.tier_names import split
from speechalign.formats.tiers import of_kind

MAX_CHARACTERS = 42
MAX_SECONDS = 6.0
MAX_GAP = 0.5


@dataclass(frozen=True)
class Cue:
    """One caption: [start, end) in milliseconds, text on one line, speaker where known."""

    start: int
    end: int
    text: str
    speaker: str | None


def group(alignment: Alignment, path: Path) -> list[Cue]:
    """Group words into cues, in order of time.

    A cue ends before a word that would take it past 42 characters or 6 s, or that follows a pause
    of more than 0.5 s. An alignment without a ``words`` tier gives a cue for each interval of
    ``utterances``. A speaker's cues never overlap, and last 1 ms at least.

    Raises
    ------
    FormatError
        The alignment has neither tier.
    """
    result: list[Cue] = []
    has_words = any(split(name)[1] == "words" for name in alignment.tiers)
    for speaker, intervals in of_kind(alignment, "words", "utterances", path=path):
        groups = _groups(intervals) if has_words else [[i] for i in intervals]
        end = 0
        for members in groups:
            start = max(round(members[0].start * 1000), end)
            end = max(round(members[-1].end * 1000), start + 1)
            text = " ".join(_one_line(i.label) for i in members)
            result.append(Cue(start, end, text, speaker))
    return sorted(result, key=lambda cue: cue.start)


def _groups(words: Sequence[Interval]) -> list[list[Interval]]:
    groups: list[list[Interval]] = []
    length = 0
    for word in words:
        size = len(_one_line(word.label))
        if (
            groups
            and length + 1 + size <= MAX_CHARACTERS
            and word.end - groups[-1][0].start <= MAX_SECONDS
            and word.start - groups[-1][-1].end <= MAX_GAP
        ):
            groups[-1].append(word)
            length += 1 + size
        else:
            groups.append([word])
            length = size
    return groups


def _one_line(label: str) -> str:
    return " ".join(label.split())


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


_TIME = r"(?:(\d+):)?(\d\d):(\d\d)[.,](\d{1,3})"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")


def parse(text: str, path: Path) -> Iterator[tuple[str, float, float, str]]:
    """Yield place, start, end (seconds) and text of the blocks with a line of times.

    Blocks are parted by empty lines; what precedes the times is the cue's number or name, and a
    block without times (a header, a note, a style) is passed over.

    Raises
    ------
    FormatError
        A line has an arrow and is no pair of times.
    """
    times: re.Match[str] | None = None
    place = ""
    words: list[str] = []
    for number, line in enumerate([*lines(text), ""], 1):
        if not line.strip():
            if times:
                start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
                yield place, start, end, " ".join(words)
            times, words = None, []
        elif times:
            words.append(line)
        elif "-->" in line:
            place = f"line {number}"
            times = _TIMES.fullmatch(line)
            if times is None:
                raise FormatError(
                    f"{path}, {place}: expected 'hh:mm:ss.mmm --> hh:mm:ss.mmm', got {line[:60]!r}"
                )


def _seconds(fields: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = fields
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return (whole * 1000 + int((fraction or "0").ljust(3, "0"))) / 1000
