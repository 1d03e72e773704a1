"""Rows: intervals as they stand in a file, each with its place, and the way to an Alignment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError, InputError

TOLERANCE = 1e-6
"""Seconds by which rounding may let neighbours in a file overlap, or stand apart."""


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
    """

    place: str
    tier: str
    start: float
    end: float
    label: str
    confidence: float | None = None


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
        Intervals of a tier overlap or end after the recording, by more than ``TOLERANCE``, or one
        is no interval at all: the message names file, tier, interval and place.
    """
    by_tier: dict[str, list[Row]] = {name: [] for name in tiers}
    for row in rows:
        by_tier.setdefault(row.tier, [])
        if row.label.strip():
            by_tier[row.tier].append(row)
    intervals = {
        name: _intervals(path, sorted(found, key=lambda row: row.start), duration)
        for name, found in by_tier.items()
    }
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


def _intervals(path: Path, rows: list[Row], duration: float | None) -> list[Interval]:
    """Check the rows of one tier, in order of time."""
    result: list[Interval] = []
    before: Row | None = None
    for row in rows:
        where = f"{path}, {row.place}, tier {row.tier!r}"
        start, end = row.start, row.end
        if before is not None and start < result[-1].end:
            if result[-1].end - start > TOLERANCE:
                raise FormatError(
                    f"{where}: {row.label!r} starts at {start} s, before {before.label!r} "
                    f"({before.place}) ends at {before.end} s; intervals of a tier must not overlap"
                )
            start = result[-1].end
        if duration is not None and end > duration:
            if end - duration > TOLERANCE:
                raise FormatError(
                    f"{where}: {row.label!r} ends at {end} s, after the recording ends at "
                    f"{duration} s; correct one of the two"
                )
            end = duration
        try:
            result.append(Interval(start, end, row.label, row.confidence))
        except InputError as error:
            raise FormatError(f"{where}: {error}; correct or remove it") from None
        before = row
    return result
