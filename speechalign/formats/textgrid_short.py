"""Praat TextGrid, short form: the same content as the long form, one value a line.

Specification: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html

What is written, lost and refused is as in the long form; reading is the same function.
"""

from __future__ import annotations

from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.files.writing import write_text
from speechalign.formats.textgrid import cells, check_duration, read

__all__ = ["SUFFIXES", "read", "write"]

SUFFIXES = (".TextGrid",)


def write(alignment: Alignment, path: Path) -> None:
    """Write the short form."""
    duration = check_duration(alignment, path)
    values: list[object] = [0, duration, "<exists>", len(alignment.tiers)]
    for name in alignment.tiers:
        intervals = list(cells(alignment, name))
        values += ['"IntervalTier"', _quoted(name), 0, duration, len(intervals)]
        for start, end, label in intervals:
            values += [start, end, _quoted(label)]
    header = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    write_text(path, header + "".join(f"{value}\n" for value in values))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
