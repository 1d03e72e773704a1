"""WebVTT subtitles: cues of several words, as many as are good to read.

Specification: https://www.w3.org/TR/webvtt1/

Written: cues as in SubRip files, with the same options. The speaker of a tier ``SPEAKER - words``
is the cue's voice (``<v SPEAKER>``). With ``cue_highlight=True``, words have their times, and a
style dims those still to come.
Lost: without highlights the times of words, digits below the millisecond, the duration (reading
ends with the last cue), every other tier, confidences; each run of white space becomes a space.
Read: into ``utterances``, or ``SPEAKER - utterances`` for what has a voice, which written again
give the same cues; where times stand between the words of a cue, also into ``words``, each from its
time to the next. Cues that overlap go to ``utterances (2)`` and on. Other tags, override codes, cue
settings, notes, styles and regions are no text; lines that rolling captions repeat are read once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import read_text
from speechalign.files.tier_names import join
from speechalign.files.writing import write_text
from speechalign.formats.cue_reading import RawCue, clock, one_line, read_cues, read_once
from speechalign.formats.cues import (
    CUE_OPTIONS,
    Cue,
    CueOptions,
    Limits,
    cues,
    lines_of_words,
    show,
    timestamp,
)
from speechalign.formats.markup import WEBVTT, escape, plain
from speechalign.formats.rows import Row, assemble

if TYPE_CHECKING:
    from typing_extensions import Unpack

SUFFIXES = (".vtt",)
OPTIONS = CUE_OPTIONS
_STYLE = "\nSTYLE\n::cue(c:future) { color: #909090 }\n"
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_ONE_WORD = re.compile(r"\s*<c>([^<]*)</c>\s*")  # it needs no times but those of its cue
_TIME = re.compile(r"<((?:[0-9]{1,6}:)?[0-9]{2}:[0-9]{2}\.[0-9]{3})>")


def write(alignment: Alignment, path: Path, **options: Unpack[CueOptions]) -> None:
    """Write a header and cues."""
    shown, limits = cues(alignment, path, options)
    text = "WEBVTT\n" + _STYLE * any(cue.words for cue in shown)
    for cue in shown:
        voice = f"<v {escape(cue.speaker, WEBVTT)}>" if cue.speaker else ""
        times = f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}"
        said = _marked(cue, limits) if cue.words else escape(show(cue, limits), WEBVTT)
        text += f"\n{times}\n{voice}{said}\n"
    write_text(path, text)


def _marked(cue: Cue, limits: Limits) -> str:
    """Return the words of a cue, with the times at which they begin and, before a pause, end."""
    now = cue.start

    def at(time: int) -> str:
        nonlocal now
        tag = f"<{timestamp(time, '.')}>" if now < time < cue.end else ""
        now = max(now, time)
        return tag

    return "\n".join(
        " ".join(
            f"{at(word.start)}<c>{escape(word.text, WEBVTT)}</c>{at(word.end)}" for word in line
        )
        for line in lines_of_words(cue, limits)
    )


def read(path: Path) -> Alignment:
    """Read cues as utterances, and the words that have times."""
    text = read_text(path)
    if not text.startswith("WEBVTT"):
        raise FormatError(f"{path}, line 1: expected WEBVTT, got {text[:20]!r}; is it an .srt?")
    found = read_once(read_cues(text, path, blank_ends=True), path, _text)
    rows = [row for cue in found for row in _rows(cue)]
    return assemble(path, rows, tiers=[] if rows else ["utterances"])


def _text(marked: str) -> str:
    return plain(marked, WEBVTT)


def _rows(cue: RawCue) -> Iterator[Row]:
    """Yield an utterance for each voice of a cue, and the words with times of its own."""
    silent, *voices = _VOICE.split("\n".join(cue.lines))
    spoken = [(None, silent), *zip(voices[::2], voices[1::2])]
    for voice, marked in spoken:
        label = one_line(_text(marked))
        if not label and len(spoken) > 1:
            continue
        speaker = " ".join(_text(voice).split()) or None if voice else None
        yield Row(cue.place, join(speaker, "utterances"), cue.start, cue.end, label)
        first, *timed = _TIME.split(marked)
        if _ONE_WORD.fullmatch(marked):
            yield Row(cue.place, join(speaker, "words"), cue.start, cue.end, label)
        if timed:
            times = [cue.start, *map(clock, timed[::2]), cue.end]
            if all(start < end for start, end in pairwise(times)):
                for piece, start, end in zip([first, *timed[1::2]], times, times[1:]):
                    word = " ".join(_text(piece).split())
                    yield Row(cue.place, join(speaker, "words"), start, end, word)
