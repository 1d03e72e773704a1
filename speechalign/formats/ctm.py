"""CTM, the time-marked words of NIST's sclite: ``recording channel start duration label conf``.

Specification: https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm (CTM)

Written: the ``words`` tier, seconds with six decimals; the recording is called by the file's stem,
the channel is 1. Several speakers' words go to channels 1, 2 ... in order of their tiers, with
NIST's two further fields: ``lex``, and the speaker (and ``NA`` for a confidence that is not known).
White space cannot stand in a field: each white-space character of a label, of a speaker or of the
recording's name is written ``<space>``, and read back as a space.
Lost: the duration (reading ends with the last word), every other tier, the name of a single
speaker, the kind of white space, digits beyond the sixth.
Refused when written: a label that holds ``<space>``, words shorter than 1 µs.
Read: comments (``;;``), lines without a confidence or with ``NA`` there, and speakers; channels
without them are read as ``1 - words``, ``2 - words``, a single one as ``words``. `read` takes one
recording; a corpus in one file goes through `read_all`.
"""

from __future__ import annotations

import re
from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import lines, read_text
from speechalign.files.tier_names import join, speaker_in_name
from speechalign.files.writing import write_text
from speechalign.formats.rows import Row, assemble, number, only, span
from speechalign.formats.tiers import of_kind

SUFFIXES = (".ctm",)
_SPACE = "<space>"


def write(alignment: Alignment, path: Path) -> None:
    """Write one recording."""
    recording = _field(path.stem, path)
    text = ""
    by_speaker = of_kind(alignment, "words", path=path)
    for channel, (speaker, words) in enumerate(by_speaker.items(), 1):
        who = None if speaker is None or len(by_speaker) == 1 else _field(speaker, path) or None
        for word in words:
            start, duration = span(word, 6, path=path)
            known = "NA" if word.confidence is None else f"{word.confidence!r}"
            label = _field(word.label, path)
            text += f"{recording} {channel} {start:.6f} {duration:.6f} {label}"
            if who is not None:
                text += f" {known} lex {who}\n"
            else:
                text += "\n" if word.confidence is None else f" {known}\n"
    write_text(path, text)


def _field(text: str, path: Path) -> str:
    if _SPACE in text:
        raise FormatError(f"{path}: {text!r} holds {_SPACE}, which stands for a space in a CTM")
    return re.sub(r"\s", _SPACE, text)


def read(path: Path) -> Alignment:
    """Read the only recording of a file; FormatError where there are several."""
    recordings = read_all(path)
    return only(recordings, path) if recordings else Alignment({"words": ()}, 0.0)


def read_all(path: Path) -> dict[str, Alignment]:
    """Read every recording of a file, by its name in the first field."""
    found: dict[str, list[tuple[str, Row]]] = {}
    for count, line in enumerate(lines(read_text(path)), 1):
        place = f"line {count}"
        fields = re.split(r"[ \t]+", line.strip(" \t"))
        if fields == [""] or line.startswith(";;"):
            continue
        if not 5 <= len(fields) <= 8:
            raise FormatError(
                f"{path}, {place}: expected 'recording channel start duration label [confidence]',"
                f" got {len(fields)} fields: {line[:80]!r}"
            )
        recording, channel, begin, length, label = fields[:5]
        start = number(begin, path=path, place=place)
        # Neighbours that meet in the file meet in memory: the sum is rounded as `span` does.
        end = round(start + number(length, path=path, place=place), 6)
        confidence = None
        if len(fields) > 5 and fields[5] != "NA":
            confidence = number(fields[5], path=path, place=place)
        row = Row(place, "words", start, end, label.replace(_SPACE, " "), confidence)
        speaker = channel if len(fields) < 8 or fields[7] == "NA" else fields[7]
        found.setdefault(recording.replace(_SPACE, " "), []).append(
            (speaker.replace(_SPACE, " "), row)
        )
    return {recording: _alignment(path, rows) for recording, rows in found.items()}


def _alignment(path: Path, rows: list[tuple[str, Row]]) -> Alignment:
    """Give each speaker, or channel, a tier."""
    speakers = sorted({speaker for speaker, _ in rows})
    return assemble(
        path,
        (
            Row(
                row.place,
                join(speaker_in_name(speaker, speakers), "words"),
                row.start,
                row.end,
                row.label,
                row.confidence,
            )
            for speaker, row in rows
        ),
    )
