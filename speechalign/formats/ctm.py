"""CTM, the time-marked words of NIST's sclite: ``recording channel start duration label conf``.

Specification: https://github.com/usnistgov/SCTK/blob/master/doc/infmts.htm (CTM)

Written: the ``words`` tier, seconds with six decimals; the recording is called by the file's stem,
the channel is 1. Several speakers' words go to channels 1, 2 ... in order of their tiers.
White space cannot stand in a field: each white-space character of a label or of the recording's
name is written ``<space>``, and read back as a space.
Lost: the duration (reading ends with the last word), every other tier, speakers' names (channels
read back as ``1 - words``, ``2 - words``; a single one as ``words``), the kind of white space,
digits beyond the sixth.
Refused when written: a label that holds ``<space>``, words shorter than 1 µs.
Read: comments (``;;``), lines without a confidence or with ``NA`` there, and NIST's two further
fields, passed over. `read` takes one recording; a corpus in one file goes through `read_all`.
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
    for channel, words in enumerate(of_kind(alignment, "words", path=path).values(), 1):
        for word in words:
            start, duration = span(word, 6, path=path)
            confidence = "" if word.confidence is None else f" {word.confidence!r}"
            label = _field(word.label, path)
            text += f"{recording} {channel} {start:.6f} {duration:.6f} {label}{confidence}\n"
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
        found.setdefault(recording.replace(_SPACE, " "), []).append((channel, row))
    return {recording: _alignment(path, rows) for recording, rows in found.items()}


def _alignment(path: Path, rows: list[tuple[str, Row]]) -> Alignment:
    """Give each channel its tier."""
    channels = sorted({channel for channel, _ in rows})
    return assemble(
        path,
        (
            Row(
                row.place,
                join(speaker_in_name(channel, channels), "words"),
                row.start,
                row.end,
                row.label,
                row.confidence,
            )
            for channel, row in rows
        ),
    )
