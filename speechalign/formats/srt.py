"""SubRip subtitles: cues of several words, as many as are good to read.

Description: https://wiki.videolan.org/SubRip/

Written: the ``words`` tier in cues of up to 42 characters and 6 s that end at pauses of more than
0.5 s; without ``words``, one cue for each of the ``utterances``. Where there are several speakers,
the text begins with ``SPEAKER: ``.
Lost: the times of words inside a cue, digits below the millisecond, the duration (reading ends
with the last cue), every other tier, confidences; each run of white space becomes a space.
Read: into ``utterances``, which written again give the same file; text is taken as it stands, tags
included.
Refused when read: cues that overlap, which several speakers' may.
"""

from __future__ import annotations

from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.files.reading import read_text
from speechalign.files.writing import write_text
from speechalign.formats.cues import group, parse, timestamp
from speechalign.formats.rows import Row, assemble

SUFFIXES = (".srt",)


def write(alignment: Alignment, path: Path) -> None:
    """Write numbered cues."""
    shown = group(alignment, path)
    several = len({cue.speaker for cue in shown}) > 1
    text = ""
    for number, cue in enumerate(shown, 1):
        who = f"{cue.speaker}: " if several and cue.speaker else ""
        times = f"{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}"
        text += f"{number}\n{times}\n{who}{cue.text}\n\n"
    write_text(path, text)


def read(path: Path) -> Alignment:
    """Read cues as utterances."""
    cues = parse(read_text(path), path)
    rows = (Row(place, "utterances", start, end, text) for place, start, end, text in cues)
    return assemble(path, rows, tiers=["utterances"])
