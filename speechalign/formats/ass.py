r"""Advanced SubStation Alpha: subtitles with karaoke, which marks each word as it is said.

Specification: http://www.tcax.org/docs/ass-specs.htm; libass is what players use.

Written: cues as in SubRip files, with the same options, and times in hundredths of a second. Each
word has a syllable ``{\k...}`` as long as it lasts, pauses have syllables without text; with
``cue_highlight=False``, there are none. The speaker of a tier ``SPEAKER - words`` is the name of
the event. Braces are written ``\{`` and ``\}``, and a backslash has a word joiner (U+2060) behind
it.
Lost: digits below the hundredth, the duration, every other tier, confidences, commas in the names
of speakers; each run of white space becomes a space.
Read: dialogue into ``utterances``, or ``SPEAKER - utterances``; where it has karaoke, also into
``words``, from the first syllable of a word to its last. Comments, drawings and other override
codes are no text; what overlaps goes to ``utterances (2)`` and on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import lines, read_text
from speechalign.files.tier_names import join
from speechalign.files.writing import write_text
from speechalign.formats.cues import (
    CUE_OPTIONS,
    Cue,
    CueOptions,
    Limits,
    cues,
    lines_of_words,
    show,
)
from speechalign.formats.rows import Row, assemble

if TYPE_CHECKING:
    from typing_extensions import Unpack

SUFFIXES = (".ass", ".ssa")
OPTIONS = CUE_OPTIONS
_HEAD = """[Script Info]
ScriptType: v4.00+
PlayResX: 1920
PlayResY: 1080
ScaledBorderAndShadow: yes

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, \
Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, \
Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Arial,60,&H00FFFFFF,&H00A0A0A0,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,3,0,2,\
60,60,50,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
"""
_COLUMNS = ["layer", "start", "end", "style", "name", "marginl", "marginr", "marginv", "effect",
            "text"]  # fmt: skip
_PER_SECOND = 100
_TIME = re.compile(r"\s*([0-9]{1,3}):([0-9]{1,2}):([0-9]{1,2})(?:[.:]([0-9]{1,3}))?\s*")
_PIECE = re.compile(r"\\([{}])|\\([Nnh])|\{([^{}]*)\}|(\\)\u2060|(.)", re.DOTALL)
_KARAOKE = re.compile(r"\\[kK][fo]?\s*([0-9]{1,7})")
_DRAWING = re.compile(r"\\p([0-9]+)")


def write(alignment: Alignment, path: Path, **options: Unpack[CueOptions]) -> None:
    """Write a style and a line of dialogue for each cue."""
    shown, limits = cues(alignment, path, options, highlight=True, per_second=_PER_SECOND)
    text = _HEAD
    for cue in shown:
        said = _karaoke(cue, limits) if cue.words else _escaped(show(cue, limits))
        name = " ".join((cue.speaker or "").replace(",", " ").split())
        text += f"Dialogue: 0,{_clock(cue.start)},{_clock(cue.end)},Default,{name},0,0,0,,{said}\n"
    write_text(path, text)


def _karaoke(cue: Cue, limits: Limits) -> str:
    """Return the words of a cue, each in a syllable."""
    now = cue.start
    written = []
    for line in lines_of_words(cue, limits):
        syllables = []
        for word in line:
            pause = f"{{\\k{word.start - now}}}" if word.start > now else ""
            syllables.append(f"{pause}{{\\k{word.end - word.start}}}{_escaped(word.text)}")
            now = word.end
        written.append(" ".join(syllables))
    return r"\N".join(written)


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\\u2060").replace("{", r"\{").replace("}", r"\}")
    return text.replace("\n", r"\N")


def _clock(ticks: int) -> str:
    seconds, hundredths = divmod(ticks, _PER_SECOND)
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{hundredths:02}"


def read(path: Path) -> Alignment:
    """Read dialogue as utterances, and karaoke as words."""
    section = ""
    columns = _COLUMNS
    rows: list[Row] = []
    for number, line in enumerate(lines(read_text(path)), 1):
        place = f"line {number}"
        if line.startswith("[") and (section or line.strip().lower() == "[script info]"):
            section = line.strip().lower()
        key, colon, value = line.partition(":")
        kind = key.strip().lower()
        if not section and line.strip() and not line.startswith((";", "!")):
            raise FormatError(f"{path}, {place}: expected [Script Info], got {line[:40]!r}")
        if section != "[events]" or not colon:
            continue
        if kind == "format":
            columns = [name.strip().lower() for name in value.split(",")]
            missing = {"start", "end", "text"} - set(columns)
            if missing or columns[-1] != "text":
                raise FormatError(
                    f"{path}, {place}: expected the columns Start, End and, last, Text; got "
                    f"{value.strip()!r}"
                )
        elif kind == "dialogue":
            fields = value.lstrip(" ").split(",", len(columns) - 1)
            if len(fields) < len(columns):
                raise FormatError(
                    f"{path}, {place}: expected {len(columns)} fields ({', '.join(columns)}), got "
                    f"{len(fields)}"
                )
            event = dict(zip(columns, fields))
            start, end = (_seconds(event[name], path, place) for name in ("start", "end"))
            rows += _rows(place, start, end, event.get("name", "").strip(), event["text"])
    if not section:
        raise FormatError(f"{path}: expected [Script Info], got an empty file")
    return assemble(path, rows, tiers=[] if rows else ["utterances"])


def _seconds(time: str, path: Path, place: str) -> float:
    found = _TIME.fullmatch(time)
    if found is None:
        raise FormatError(f"{path}, {place}: expected a time h:mm:ss.cc, got {time[:40]!r}")
    hours, minutes, seconds = map(int, found.groups()[:3])
    thousandths = int((found[4] or "0").ljust(3, "0"))
    return ((hours * 60 + minutes) * 60 + seconds) + thousandths / 1000


def _rows(place: str, start: float, end: float, name: str, text: str) -> Iterator[Row]:
    """Yield an utterance, and the words of its karaoke."""
    now = until = 0  # the syllable, in hundredths from the start
    timed = False
    letters: list[tuple[str, int, int]] = []
    drawing = False
    for piece in _PIECE.finditer(text):
        brace, space, code, backslash, letter = piece.groups()
        if code is not None:
            for length in _KARAOKE.findall(code):
                now, until, timed = until, until + int(length), True
            shapes = _DRAWING.findall(code)
            drawing = int(shapes[-1]) > 0 if shapes else drawing
        elif not drawing:
            shown = " " if space else brace or backslash or letter
            letters.append((shown, now, until))
    label = " ".join("".join(letter for letter, *_ in letters).split())
    speaker = name or None
    yield Row(place, join(speaker, "utterances"), start, end, label)
    if not timed:
        return
    for said, begin, until in _words(letters):
        first = start + begin / _PER_SECOND
        last = min(start + until / _PER_SECOND, end)
        if first < last:
            yield Row(place, join(speaker, "words"), first, last, said)


def _words(letters: list[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Yield words with the times of their syllables; a syllable is never divided."""
    said, begin, end, space = "", 0, 0, False
    for letter, first, last in letters:
        if letter.isspace():
            space = bool(said)
        elif space and first >= end:
            yield said, begin, end
            said, begin, end, space = letter, first, last, False
        else:
            begin = begin if said else first
            said, end, space = f"{said}{' ' * space}{letter}", last, False
    if said:
        yield said, begin, end
