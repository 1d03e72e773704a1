"""LRC: lyrics, a line with the time at which it begins.

Description: https://en.wikipedia.org/wiki/LRC_(file_format)

Written: cues as in SubRip files, with the same options, each on one line ``[mm:ss.xx]text``, in
hundredths of a second; and a time without text where nobody speaks. Where there are several
speakers, the text begins with ``SPEAKER: ``. With ``cue_highlight=True``, words have times
(``<mm:ss.xx>word``, the enhanced form).
Lost: where cues of several speakers overlap, the end of the first; digits below the hundredth, the
duration, every other tier, confidences; each run of white space becomes a space.
Read: into ``utterances``, each up to the next time, the last one for 4 s; where words have times,
also into ``words``. Lines with several times are said several times; ``[offset:]`` counts, other
tags do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import lines, read_text
from speechalign.files.writing import write_text
from speechalign.formats.cues import CUE_OPTIONS, Cue, CueOptions, cues
from speechalign.formats.rows import Row, assemble

if TYPE_CHECKING:
    from typing_extensions import Unpack

SUFFIXES = (".lrc",)
OPTIONS = CUE_OPTIONS
_PER_SECOND = 100
_LAST = 4.0  # seconds that the last line lasts, where nothing says it
_CLOCK = r"(?:[0-9]{1,3}:)?[0-9]{1,4}:[0-5]?[0-9](?:[.:][0-9]{1,3})?"
_STAMP = re.compile(rf"\[({_CLOCK})\]")
_WORD = re.compile(rf"<({_CLOCK})>")
_TAG = re.compile(r"\[([A-Za-z#][^:\]]*):(.*)\]\s*")


def write(alignment: Alignment, path: Path, **options: Unpack[CueOptions]) -> None:
    """Write a line for each cue, and for each end that is no beginning."""
    shown, _ = cues(alignment, path, options, per_second=_PER_SECOND)
    several = len({cue.speaker for cue in shown}) > 1
    text = ""
    for cue, after in zip(shown, [*shown[1:], None]):
        who = f"{cue.speaker}: " if several and cue.speaker else ""
        said = _enhanced(cue, who) if cue.words else _escaped(who + cue.text)
        text += f"[{_stamp(cue.start)}]{said}\n"
        if after is None or after.start > cue.end:
            text += f"[{_stamp(cue.end)}]\n"
    write_text(path, text)


def _enhanced(cue: Cue, who: str) -> str:
    """Return the words of a cue, each behind its time, and the time where the last one ends."""
    parts = [_escaped(who)] if who else []
    for word, after in zip(cue.words, [*cue.words[1:], None]):
        end = cue.end if after is None else after.start
        pause = f"<{_stamp(word.end)}>" if word.end < end or after is None else ""
        parts.append(f"<{_stamp(word.start)}>{_escaped(word.text)}{pause}")
    return " ".join(parts)


def _escaped(text: str) -> str:
    """Return a text of which nothing is read as a time."""
    text = _WORD.sub(lambda time: f"<\u2060{time[1]}>", text)
    return f" {text}" if text.startswith("[") else text


def _stamp(ticks: int) -> str:
    seconds, hundredths = divmod(ticks, _PER_SECOND)
    return f"{seconds // 60:02}:{seconds % 60:02}.{hundredths:02}"


def read(path: Path) -> Alignment:
    """Read lines as utterances, and the words that have times."""
    offset = 0.0
    found: list[tuple[float, str, str]] = []
    for number, line in enumerate(lines(read_text(path)), 1):
        rest, times = line.strip(), []
        while stamp := _STAMP.match(rest):
            times.append(_seconds(stamp[1]))
            rest = rest[stamp.end() :]
        tag = _TAG.fullmatch(rest)
        if tag and not times:
            if tag[1].strip().lower() == "offset":
                offset = _offset(tag[2], path, number)
        elif rest and not times:
            raise FormatError(
                f"{path}, line {number}: expected [mm:ss.xx] before the text, got {line[:40]!r}"
            )
        found += [(time, f"line {number}", rest.strip()) for time in times]
    found.sort(key=lambda part: part[0])
    ends = [after[0] for after in found[1:]]
    rows = [
        row
        for (start, place, text), end in zip(found, [*ends, found[-1][0] + _LAST if found else 0.0])
        for row in _rows(place, start, end, text, offset)
    ]
    return assemble(path, rows, tiers=["utterances"])


def _offset(text: str, path: Path, number: int) -> float:
    try:
        return int(text) / 1000
    except ValueError:
        raise FormatError(
            f"{path}, line {number}: expected an offset in milliseconds, got {text[:20]!r}"
        ) from None


def _seconds(time: str) -> float:
    whole, _, fraction = time.partition(".")
    fields = whole.split(":")
    if not fraction and len(fields) == 3 and len(fields[2]) == 2 and len(fields[0]) == 2:
        fields, fraction = fields[:2], fields[2]  # mm:ss:xx
    seconds = 0
    for field in fields:
        seconds = 60 * seconds + int(field)
    return seconds + int((fraction or "0").ljust(3, "0")) / 1000


def _rows(place: str, start: float, end: float, text: str, offset: float) -> Iterator[Row]:
    """Yield an utterance, and the words with times of their own."""

    def row(tier: str, begin: float, stop: float, label: str) -> Row:
        plain = " ".join(label.replace("<\u2060", "<").split())
        return Row(place, tier, max(begin - offset, 0.0), max(stop - offset, 0.0), plain)

    first, *timed = _WORD.split(text)
    yield row("utterances", start, end, "".join([first, *timed[1::2]]))
    times = [*map(_seconds, timed[::2]), end]
    if timed and all(a <= b for a, b in pairwise(times)):
        for label, begin, stop in zip(timed[1::2], times, times[1:]):
            if begin < stop:
                yield row("words", begin, stop, label)
