"""WebVTT subtitles: cues of several words, as many as are good to read.

Specification: https://www.w3.org/TR/webvtt1/

Written: the ``words`` tier in cues of up to 42 characters and 6 s that end at pauses of more than
0.5 s; without ``words``, one cue for each of the ``utterances``. The speaker of a tier
``SPEAKER - words`` is the cue's voice (``<v SPEAKER>``).
Lost: the times of words inside a cue, digits below the millisecond, the duration (reading ends
with the last cue), every other tier, confidences; each run of white space becomes a space.
Read: into ``utterances``, or ``SPEAKER - utterances`` where a cue has a voice, which written again
give the same cues; other tags, cue settings, notes, styles and regions are passed over.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import read_text
from speechalign.files.tier_names import join
from speechalign.files.writing import write_text
from speechalign.formats.cues import group, parse, timestamp
from speechalign.formats.rows import Row, assemble

SUFFIXES = (".vtt",)
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
_TAG = re.compile(r"<[^>]*>")


def write(alignment: Alignment, path: Path) -> None:
    """Write a header and cues."""
    text = "WEBVTT\n"
    for cue in group(alignment, path):
        voice = f"<v {html.escape(cue.speaker, quote=False)}>" if cue.speaker else ""
        times = f"{timestamp(cue.start, '.')} --> {timestamp(cue.end, '.')}"
        text += f"\n{times}\n{voice}{html.escape(cue.text, quote=False)}\n"
    write_text(path, text)


def read(path: Path) -> Alignment:
    """Read cues as utterances."""
    text = read_text(path)
    if not text.startswith("WEBVTT"):
        raise FormatError(f"{path}, line 1: expected WEBVTT, got {text[:20]!r}; is it an .srt?")
    rows = []
    for place, start, end, marked in parse(text, path):
        voice = _VOICE.match(marked)
        speaker = html.unescape(voice[1]).strip() if voice else None
        label = html.unescape(_TAG.sub("", marked))
        rows.append(Row(place, join(speaker, "utterances"), start, end, label))
    return assemble(path, rows, tiers=[] if rows else ["utterances"])
