"""Rows: intervals as they stand in a file, each with its place, and the way to an Alignment."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from speechalign.alignment import Alignment, Interval, Margins
from speechalign.errors import FormatError, InputError, SpeechAlignWarning
from speechalign.files.tier_names import layer, split_layer

TOLERANCE = 1e-6
"""Seconds by which rounding may let neighbours in a file overlap, or stand apart."""
RAGGED = 0.1
"""Seconds by which neighbours may overlap where a program is not exact, but means one after the
other."""


@dataclass(frozen=True)
class Row:
    """One interval of a file.

    Parameters
    ----------
    place : str
        Where it stands, for messages: ``line 12``.
    tier : str
        The tier it goes to.
    start, end : float
        Seconds.
    label : str
        A blank one is silence.
    confidence : float or None
        In [0, 1]; None where nothing is known.
    start_margins, end_margins : Margins or None
        As `Interval` has them.
    goodness : float or None
        As `Interval` has it.
    """

    place: str
    tier: str
    start: float
    end: float
    label: str
    confidence: float | None = None
    start_margins: Margins | None = None
    end_margins: Margins | None = None
    goodness: float | None = None


def number(text: str, *, path: Path, place: str) -> float:
    """Read a number; FormatError names the place of what is none."""
    try:
        return float(text)
    except ValueError:
        raise FormatError(f"{path}, {place}: expected a number, got {text!r}; correct it") from None


def span(interval: Interval, decimals: int, *, path: Path) -> tuple[float, float]:
    """Round an interval to start and duration so that neighbours still meet.

    Raises
    ------
    FormatError
        Nothing is left of it at this resolution.
    """
    start, end = round(interval.start, decimals), round(interval.end, decimals)
    if start >= end:
        raise FormatError(
            f"{path}: {interval.label!r} at {interval.start} s is shorter than the format's "
            f"resolution of 1e-{decimals} s; write JSON or a TextGrid"
        )
    return start, round(end - start, decimals)


def assemble(
    path: Path, rows: Iterable[Row], *, duration: float | None = None, tiers: Iterable[str] = ()
) -> Alignment:
    """Build an alignment out of the rows of a file, in any order.

    Where an interval overlaps the next by up to ``RAGGED`` seconds and half of its length, it ends
    where the next starts; otherwise the next goes to a further tier, ``words (2)``. A
    SpeechAlignWarning says how many, and where the first is.

    Parameters
    ----------
    path : Path
        The file, for messages.
    rows : Iterable[Row]
        Those with a blank label are silence and fall away.
    duration : float, optional
        Length of the recording in seconds; the end of the last interval where it is left out.
    tiers : Iterable[str]
        Tiers that exist even if no row goes to them; further ones follow in order of appearance.

    Raises
    ------
    FormatError
        An interval ends after the recording, by more than ``TOLERANCE``, or is no interval at
        all: the message names file, tier, interval and place.
    """
    by_tier: dict[str, list[Row]] = {name: [] for name in tiers}
    for row in rows:
        by_tier.setdefault(row.tier, [])
        if row.label.strip():
            by_tier[row.tier].append(row)
    intervals: dict[str, list[Interval]] = {}
    overlaps: list[str] = []
    for name, found in by_tier.items():
        layers, overlapping = _layers(path, sorted(found, key=lambda row: row.start), duration)
        overlaps += overlapping
        base, number = split_layer(name)
        intervals[name] = layers[0]
        for layer_intervals in layers[1:]:
            while layer(base, number) in intervals.keys() | by_tier.keys():
                number += 1
            intervals[layer(base, number)] = layer_intervals
    if overlaps:
        warnings.warn(
            f"{path}, {overlaps[0]}"
            + f" ({len(overlaps) - 1} more that overlap)" * (len(overlaps) > 1),
            SpeechAlignWarning,
            stacklevel=3,
        )
    if duration is None:
        duration = max((found[-1].end for found in intervals.values() if found), default=0.0)
    try:
        return Alignment(intervals, duration)
    except InputError as error:
        raise FormatError(f"{path}: {error}") from None


def only(recordings: Mapping[str, Alignment], path: Path) -> Alignment:
    """Return the one recording of a file; FormatError names two where there are several."""
    first, *others = recordings
    if others:
        raise FormatError(
            f"{path}: expected one recording, got {len(recordings)} ({first!r}, {others[0]!r} "
            "...); use read_alignments, or split the file"
        )
    return recordings[first]


def _layers(
    path: Path, rows: list[Row], duration: float | None
) -> tuple[list[list[Interval]], list[str]]:
    """Place the rows of a tier, in order of time, on as few layers as hold them without overlap.

    Return the layers, and a line for each interval that another one was cut for, or that went to a
    further layer.
    """
    layers: list[list[Interval]] = [[]]
    overlaps: list[str] = []
    for row in rows:
        where = f"{path}, {row.place}, tier {row.tier!r}"
        end = row.end
        if duration is not None and end > duration:
            if end - duration > TOLERANCE:
                raise FormatError(
                    f"{where}: {row.label!r} ends at {end} s, after the recording ends at "
                    f"{duration} s; correct one of the two"
                )
            end = duration
        try:
            interval = Interval(
                row.start,
                end,
                row.label,
                row.confidence,
                row.start_margins,
                row.end_margins,
                row.goodness,
            )
            number = next((n for n, found in enumerate(layers) if _fits(found, interval)), None)
            if number is None:
                number = len(layers)
                layers.append([])
            before = layers[number][-1] if layers[number] else None
            if before is not None and interval.start < before.end:
                if before.end - interval.start > TOLERANCE:
                    overlaps.append(f"{_overlap(interval, before, row)}; cut there")
                    layers[number][-1] = replace(before, end=interval.start)
                else:
                    interval = replace(interval, start=before.end)
            elif number > 0:
                overlaps.append(f"{_overlap(interval, layers[0][-1], row)}; put on a further tier")
        except InputError as error:
            raise FormatError(f"{where}: {error}; correct or remove it") from None
        layers[number].append(interval)
    return layers, overlaps


def _fits(found: list[Interval], interval: Interval) -> bool:
    """Tell whether an interval follows those of a layer, or the last one may be cut for it."""
    if not found:
        return True
    before = found[-1]
    overlap = before.end - interval.start
    cuts = before.end < interval.end and 2 * overlap <= before.duration + TOLERANCE
    return overlap <= TOLERANCE or (overlap <= RAGGED + TOLERANCE and cuts)


def _overlap(interval: Interval, before: Interval, row: Row) -> str:
    return (
        f"{row.place}, tier {row.tier!r}: {interval.label!r} starts at {interval.start:g} s, "
        f"before {before.label!r} ends at {before.end:g} s"
    )
