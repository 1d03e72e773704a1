"""Praat TextGrid, long form: the default format.

Specification: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html

Written: every tier, in order and contiguous from 0 to the duration, silence as empty labels,
times with the digits that read back as the same float. A gap of at most 1 µs is closed, so that
no interval is empty and neighbours carry the same number.
Lost: confidences; intervals whose label is blank become silence.
Refused when written: a recording of no length, which Praat has no file for.
Read: the long, short, chronological and binary forms, as `speechalign.files.textgrid` says; tiers
need not be contiguous. Point tiers hold no intervals and are passed over.
Refused when read: overlapping intervals, labelled intervals of no length, two tiers of one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import textgrid

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.textgrid import read_textgrid
from speechalign.files.writing import check_no_zero, replacing
from speechalign.formats.rows import TOLERANCE, Row, assemble

SUFFIXES = (".TextGrid",)


def write(alignment: Alignment, path: Path) -> None:
    """Write the long form."""
    # The library writes the long form and has no short one. It prints floats with repr, which
    # reads back exactly, but leaves quotes in tier names alone: they are doubled here
    # (test_textgrid_escapes_quotes).
    grid = textgrid.TextGrid(minTime=0, maxTime=check_duration(alignment, path))
    for name in alignment.tiers:
        tier = textgrid.IntervalTier(name.replace('"', '""'), 0, alignment.duration)
        tier.intervals = [textgrid.Interval(*cell) for cell in cells(alignment, name)]
        check_no_zero(name + "".join(cell.mark for cell in tier), path)
        grid.append(tier)
    with replacing(path) as sink:
        grid.write(sink)


def check_duration(alignment: Alignment, path: Path) -> float:
    """Return the duration; FormatError where it is 0."""
    if alignment.duration == 0:
        raise FormatError(f"{path}: a TextGrid needs a duration above 0 s; leave the file out")
    return alignment.duration


def cells(alignment: Alignment, tier: str) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and label of contiguous intervals, with gaps of rounding closed."""
    end = 0.0
    spoken = [interval for interval in alignment.tiers[tier] if interval.label.strip()]
    for interval, after in zip(spoken, [*spoken[1:], None]):
        start = end
        if interval.start - end > TOLERANCE:
            yield end, interval.start, ""
            start = interval.start
        end = interval.end
        if after is None and alignment.duration - end <= TOLERANCE:
            end = alignment.duration
        yield start, end, interval.label
    if end < alignment.duration:
        yield end, alignment.duration, ""


def read(path: Path) -> Alignment:
    """Read a TextGrid of any form."""
    grid = read_textgrid(path)
    names = [tier.name for tier in grid.tiers]
    for number, tier in enumerate(grid.tiers):
        if tier.name in names[:number]:
            raise FormatError(
                f"{path}, {tier.place}: a second tier is called {tier.name!r}; rename one of them "
                "in Praat"
            )
    rows = (
        Row(mark.place, tier.name, mark.start, mark.end, mark.text)
        for tier in grid.tiers
        for mark in tier.marks
    )
    return assemble(path, rows, duration=grid.duration, tiers=names)
