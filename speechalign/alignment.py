"""Interval and Alignment: labelled spans of a recording, in seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from speechalign.errors import InputError


@dataclass(frozen=True)
class Interval:
    """A labelled half-open span ``[start, end)``.

    Parameters
    ----------
    start, end : float
        Seconds from the beginning of the recording; ``0 <= start < end``.
    label : str
        What is said there. Silence has no interval: it is the gap between two.
    confidence : float or None
        In [0, 1]; None where nothing is known.

    Raises
    ------
    InputError
        A bound is negative or not finite, the span is empty, or the confidence out of range.

    Examples
    --------
    >>> Interval(0.25, 0.5, "yes").duration
    0.25
    """

    start: float
    end: float
    label: str
    confidence: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise InputError(f"{self.label!r}: expected finite times, got {self.start}, {self.end}")
        if not 0 <= self.start < self.end:
            raise InputError(
                f"{self.label!r}: expected 0 <= start < end, got [{self.start}, {self.end})"
            )
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            raise InputError(
                f"{self.label!r}: expected a confidence in [0, 1], got {self.confidence}"
            )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


@dataclass(frozen=True)
class Alignment:
    """Tiers of intervals over one recording.

    Parameters
    ----------
    tiers : Mapping[str, Sequence[Interval]]
        By name, in display order: ``words`` and ``phones``, or ``SPEAKER - words`` ... where
        several speakers share the recording. Within a tier, in time order and without overlap.
    duration : float
        Length of the recording in seconds; every interval ends by then.

    Raises
    ------
    InputError
        Intervals overlap, are out of order, or end after the recording.

    Examples
    --------
    >>> alignment = Alignment({"words": [Interval(0.25, 0.5, "yes")]}, 1.0)
    >>> [i.label for i in alignment.contiguous("words")]
    ['', 'yes', '']
    """

    tiers: Mapping[str, Sequence[Interval]]
    duration: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.duration) and self.duration >= 0):
            raise InputError(f"duration: expected a finite number >= 0, got {self.duration}")
        tiers = {name: tuple(intervals) for name, intervals in self.tiers.items()}
        for name, intervals in tiers.items():
            for before, after in pairwise(intervals):
                if after.start < before.end:
                    raise InputError(
                        f"tier {name!r}: {after.label!r} starts at {after.start} s, before "
                        f"{before.label!r} ends at {before.end} s; intervals of a tier must not "
                        "overlap"
                    )
            if intervals and intervals[-1].end > self.duration:
                last = intervals[-1]
                raise InputError(
                    f"tier {name!r}: {last.label!r} ends at {last.end} s, after the recording "
                    f"ends at {self.duration} s"
                )
        object.__setattr__(self, "tiers", MappingProxyType(tiers))

    def __reduce__(self) -> tuple[type[Alignment], tuple[dict[str, Sequence[Interval]], float]]:
        return Alignment, (dict(self.tiers), self.duration)

    def contiguous(self, tier: str) -> Iterator[Interval]:
        """Yield the intervals of a tier with the gaps between them filled by empty labels."""
        end = 0.0
        for interval in self.tiers[tier]:
            if interval.start > end:
                yield Interval(end, interval.start, "")
            yield interval
            end = interval.end
        if end < self.duration:
            yield Interval(end, self.duration, "")
