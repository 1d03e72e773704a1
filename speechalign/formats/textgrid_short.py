"""Praat TextGrid, short form: the same content as the long form, one value a line.

Specification: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html

What is written, lost and refused is as in the long form; reading is the same function.
"""

from __future__ import annotations

from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.files.writing import write_text
from speechalign.formats.textgrid import cells, check_duration, point_tiers, read

__all__ = ["SUFFIXES", "read", "write"]

SUFFIXES = (".TextGrid",)


def write(alignment: Alignment, path: Path) -> None:
    """Write the short form."""
    duration = check_duration(alignment, path)
    extra = {name: list(point_tiers(alignment, name)) for name in alignment.tiers}
    count = len(extra) + sum(map(len, extra.values()))
    values: list[object] = [0, duration, "<exists>", count]
    for name in alignment.tiers:
        intervals = list(cells(alignment, name))
        values += ['"IntervalTier"', _quoted(name), 0, duration, len(intervals)]
        for start, end, label in intervals:
            values += [start, end, _quoted(label)]
        for added, points in extra[name]:
            values += ['"TextTier"', _quoted(added), 0, duration, len(points)]
            for time, mark in points:
                values += [time, _quoted(mark)]
    header = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
    write_text(path, header + "".join(f"{value}\n" for value in values))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
