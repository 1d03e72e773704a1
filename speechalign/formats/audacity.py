r"""Audacity labels: ``start\tend\tlabel``, one word a line.

Specification: https://manual.audacityteam.org/man/importing_and_exporting_labels.html

Written: the ``words`` tier, seconds with six decimals. Audacity wants ``.txt``, which says
nothing; the suffix that is recognised is ``.labels.txt``.
Lost: the duration (reading ends with the last label), every other tier, confidences, digits
beyond the sixth; each run of white space in a label becomes a space, none at its ends.
Refused when written: words of several speakers, labels shorter than 1 µs.
Read: into ``words``; point labels (start = end) and the lines of a spectral selection
(``\\<tab>low<tab>high``) are passed over.
"""

from __future__ import annotations

from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import lines, read_text
from speechalign.files.writing import write_text
from speechalign.formats.rows import Row, assemble, number, span
from speechalign.formats.tiers import of_kind

SUFFIXES = (".labels.txt",)


def write(alignment: Alignment, path: Path) -> None:
    """Write the words of one speaker."""
    speakers = of_kind(alignment, "words", path=path)
    if len(speakers) > 1:
        raise FormatError(
            f"{path}: a label track holds one speaker's words, got {len(speakers)} speakers; write "
            "a TextGrid or CSV"
        )
    text = ""
    for word in next(iter(speakers.values())):
        start, duration = span(word, 6, path=path)
        text += f"{start:.6f}\t{start + duration:.6f}\t{' '.join(word.label.split())}\n"
    write_text(path, text)


def read(path: Path) -> Alignment:
    """Read a label track."""
    rows = []
    for count, line in enumerate(lines(read_text(path)), 1):
        place = f"line {count}"
        if not line.strip() or line.startswith("\\"):
            continue
        fields = line.split("\t", 2)
        if len(fields) < 3:
            raise FormatError(f"{path}, {place}: expected start, end and label between tabs")
        start, end = (number(field, path=path, place=place) for field in fields[:2])
        if start != end:
            rows.append(Row(place, "words", start, end, fields[2]))
    return assemble(path, rows, tiers=["words"])
