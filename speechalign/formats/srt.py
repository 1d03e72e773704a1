"""SubRip subtitles: cues of several words, as many as are good to read.

Description: https://wiki.videolan.org/SubRip/

Written: one cue for each of the ``utterances``, from its first word to its last, broken into lines
of up to 42 characters; without ``utterances``, the ``words`` in cues of one line of up to 42
characters and 6 s that end at pauses of more than 0.5 s, and with sentences and clauses where they
can. Options: ``cue_characters`` of a line, ``cue_lines``, ``cue_seconds`` and ``cue_gap`` (the
longest pause inside a cue, seconds), which divide utterances too; ``cue_shortest``, seconds that a
cue stays; ``cue_speed``, characters a second that are worth a warning. Where there are several
speakers, the text begins with ``SPEAKER: ``.
Lost: the times of words inside a cue, digits below the millisecond, the duration (reading ends
with the last cue), every other tier, confidences; each run of white space becomes a space.
Read: into ``utterances``, which written again give the same file; cues that overlap, which several
speakers' may, into ``utterances (2)`` and on. Tags that players know, override codes and character
references are no text; lines that rolling captions repeat are read once.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.alignment import Alignment
from speechalign.files.reading import read_text
from speechalign.files.writing import write_text
from speechalign.formats.cue_lines import wrap
from speechalign.formats.cue_reading import one_line, read_cues, read_once
from speechalign.formats.cues import CUE_OPTIONS, CueOptions, cues, timestamp
from speechalign.formats.markup import SUBRIP, escape, plain
from speechalign.formats.rows import Row, assemble

if TYPE_CHECKING:
    from typing_extensions import Unpack

SUFFIXES = (".srt",)
OPTIONS = CUE_OPTIONS - {"cue_highlight"}


def write(alignment: Alignment, path: Path, **options: Unpack[CueOptions]) -> None:
    """Write numbered cues."""
    shown, limits = cues(alignment, path, options)
    several = len({cue.speaker for cue in shown}) > 1
    text = ""
    for number, cue in enumerate(shown, 1):
        who = f"{cue.speaker}: " if several and cue.speaker else ""
        times = f"{timestamp(cue.start, ',')} --> {timestamp(cue.end, ',')}"
        text += f"{number}\n{times}\n{escape(wrap(who + cue.text, limits.width), SUBRIP)}\n\n"
    write_text(path, text)


def read(path: Path) -> Alignment:
    """Read cues as utterances."""

    def text(marked: str) -> str:
        return plain(marked, SUBRIP)

    cues = read_once(read_cues(read_text(path), path, blank_ends=False), path, text)
    rows = (
        Row(cue.place, "utterances", cue.start, cue.end, one_line(text("\n".join(cue.lines))))
        for cue in cues
    )
    return assemble(path, rows, tiers=["utterances"])
