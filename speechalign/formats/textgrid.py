"""Praat TextGrid, long form: the default format.

Specification: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html

Written: every tier, in order and contiguous from 0 to the duration, silence as empty labels,
times with the digits that read back as the same float. A gap of at most 1 µs is closed, so that
no interval is empty and neighbours carry the same number.
Where they are known, point tiers follow the tier of phones, or of what else words consist of:
``phones boundaries``, with the credible intervals of each boundary in milliseconds
(``-24 -8 +9 +26``: 90 % from 24 before to 26 after, 50 % from 8 before to 9 after), and ``phones
goodness``, with a point in the middle of each phone: its posterior and its goodness of
pronunciation (``0.97 -0.1``).
Lost: confidences of words; intervals whose label is blank become silence.
Refused when written: a recording of no length, which Praat has no file for.
Read: the long, short, chronological and binary forms, as `speechalign.files.textgrid` says; tiers
need not be contiguous. Point tiers hold no intervals and are passed over.
Refused when read: overlapping intervals, labelled intervals of no length, two tiers of one name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import textgrid

from speechalign.alignment import Alignment, Margins
from speechalign.errors import FormatError
from speechalign.files.textgrid import read_textgrid
from speechalign.files.tier_names import split, split_layer
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
        for added, points in point_tiers(alignment, name):
            marks = textgrid.PointTier(added.replace('"', '""'), 0, alignment.duration)
            marks.points = [textgrid.Point(*point) for point in points]
            grid.append(marks)
    with replacing(path) as sink:
        grid.write(sink)


def point_tiers(alignment: Alignment, tier: str) -> Iterator[tuple[str, list[tuple[float, str]]]]:
    """Yield names and points of what is known of a tier of parts of words beside its labels."""
    if split_layer(split(tier)[1])[0] == "words":  # whose boundaries are boundaries of parts
        return
    intervals = [interval for interval in alignment.tiers[tier] if interval.label.strip()]
    bounds = [(i.start, i.start_margins) for i in intervals]
    bounds += [(i.end, i.end_margins) for i in intervals]
    known = {time: _milliseconds(margins) for time, margins in bounds if margins is not None}
    if known:
        yield f"{tier} boundaries", sorted(known.items())
    judged = [i for i in intervals if i.goodness is not None and i.confidence is not None]
    if judged:
        yield (
            f"{tier} goodness",
            [((i.start + i.end) / 2, f"{i.confidence:.2f} {i.goodness:.1f}") for i in judged],
        )


def _milliseconds(margins: Margins) -> str:
    return " ".join(f"{1000 * value:+.0f}" for value in astuple(margins))


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
