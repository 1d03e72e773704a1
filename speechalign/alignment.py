"""Interval and Alignment: labelled spans of a recording, in seconds."""

from __future__ import annotations

import math
import os
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from itertools import pairwise
from numbers import Real
from typing import Literal, NoReturn

from speechalign.errors import InputError, wrong_type


@dataclass(frozen=True)
class Margins:
    """Credible intervals of a boundary, relative to where it was put, so that it can be moved.

    Parameters
    ----------
    low_90, low_50, high_50, high_90 : float
        Seconds: ends of the intervals that hold the boundary with a probability of 50 and 90 %;
        ``low_90 <= low_50 <= 0 <= high_50 <= high_90``.
    """

    low_90: float
    low_50: float
    high_50: float
    high_90: float

    def after_move(self, seconds: float) -> Margins:
        """Return the same intervals relative to a boundary that was moved; they come to hold it."""
        low_90, low_50, high_50, high_90 = (value - seconds for value in astuple(self))
        return Margins(min(low_90, 0.0), min(low_50, 0.0), max(high_50, 0.0), max(high_90, 0.0))


@dataclass(frozen=True)
class Interval:
    """A labelled half-open span ``[start, end)``.

    Parameters
    ----------
    start, end : float
        Seconds from the beginning of the recording; ``0 <= start < end``. Other real numbers, such
        as NumPy's, become floats.
    label : str
        What is said there. Silence has no interval: it is the gap between two.
    confidence : float or None
        In [0, 1]; None where it is not known.
    start_margins, end_margins : Margins or None
        Credible intervals of the two bounds; None where they are not known.
    goodness : float or None
        Goodness of pronunciation of a phone, nats per frame, at most 0; None where it is not known.

    Raises
    ------
    InputError
        A bound is negative or not finite, the span is empty, the confidence is out of range, or an
        argument is of another type.

    Examples
    --------
    >>> Interval(0.25, 0.5, "yes").duration
    0.25
    """

    start: float
    end: float
    label: str
    confidence: float | None = None
    start_margins: Margins | None = field(default=None, repr=False)
    end_margins: Margins | None = field(default=None, repr=False)
    goodness: float | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.label, str):
            raise wrong_type("label", "a str", self.label, "Interval takes start, end, label")
        if type(self.label) is not str:
            object.__setattr__(self, "label", str(self.label))
        for name in ("start", "end"):
            object.__setattr__(self, name, _number(getattr(self, name), f"{self.label!r}: {name}"))
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise InputError(f"{self.label!r}: expected finite times, got {self.start}, {self.end}")
        if not 0 <= self.start < self.end:
            raise InputError(
                f"{self.label!r}: expected 0 <= start < end, got [{self.start}, {self.end})"
            )
        if self.confidence is not None:
            confidence = _number(self.confidence, f"{self.label!r}: confidence")
            if not 0 <= confidence <= 1:
                raise InputError(
                    f"{self.label!r}: expected a confidence in [0, 1], got {confidence}"
                )
            object.__setattr__(self, "confidence", confidence)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    @property
    def start_50(self) -> tuple[float, float] | None:
        """The 50 % credible interval of the start, seconds; None where it is not known."""
        return _around(self.start, self.start_margins, 50)

    @property
    def start_90(self) -> tuple[float, float] | None:
        """The 90 % credible interval of the start, seconds; None where it is not known."""
        return _around(self.start, self.start_margins, 90)

    @property
    def end_50(self) -> tuple[float, float] | None:
        """The 50 % credible interval of the end, seconds; None where it is not known."""
        return _around(self.end, self.end_margins, 50)

    @property
    def end_90(self) -> tuple[float, float] | None:
        """The 90 % credible interval of the end, seconds; None where it is not known."""
        return _around(self.end, self.end_margins, 90)


def _around(
    time: float, margins: Margins | None, percent: Literal[50, 90]
) -> tuple[float, float] | None:
    if margins is None:
        return None
    if percent == 50:
        return max(0.0, time + margins.low_50), time + margins.high_50
    return max(0.0, time + margins.low_90), time + margins.high_90


class _Tiers(dict[str, tuple[Interval, ...]]):
    """Tiers by name, which cannot be changed, so that an alignment has a hash."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[_Tiers], tuple[dict[str, tuple[Interval, ...]]]]:
        return _Tiers, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            "an Alignment cannot be changed; make another, such as "
            "Alignment({**alignment.tiers, 'notes': [...]}, alignment.duration)"
        )

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


@dataclass(frozen=True, repr=False)
class Alignment:
    """Tiers of intervals over one recording. It cannot be changed, and can be hashed and pickled.

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
        Intervals overlap, are out of order, or end after the recording; or an argument is of
        another type.

    Examples
    --------
    >>> alignment = Alignment({"words": [Interval(0.25, 0.5, "yes")]}, 1.0)
    >>> alignment
    <Alignment of 1.000 s: words 1>
    >>> [i.label for i in alignment.contiguous("words")]
    ['', 'yes', '']
    >>> alignment.at(0.3)["words"].label
    'yes'
    >>> alignment.crop(0.2, 0.6).shift(2.0).tiers["words"][0].start
    2.05
    """

    tiers: Mapping[str, Sequence[Interval]]
    duration: float

    def __post_init__(self) -> None:
        duration = _number(self.duration, "duration")
        if not (math.isfinite(duration) and duration >= 0):
            raise InputError(f"duration: expected a finite number >= 0, got {duration}")
        if not isinstance(self.tiers, Mapping):
            raise wrong_type(
                "tiers", "a mapping from names to intervals, such as {'words': [...]}", self.tiers
            )
        tiers = _Tiers({name: _intervals(name, given) for name, given in self.tiers.items()})
        for name, intervals in tiers.items():
            for before, after in pairwise(intervals):
                if after.start < before.end:
                    raise InputError(
                        f"tier {name!r}: {after.label!r} starts at {after.start} s, before "
                        f"{before.label!r} ends at {before.end} s; intervals of a tier must not "
                        "overlap"
                    )
            if intervals and intervals[-1].end > duration:
                last = intervals[-1]
                raise InputError(
                    f"tier {name!r}: {last.label!r} ends at {last.end} s, after the recording "
                    f"ends at {duration} s"
                )
        object.__setattr__(self, "tiers", tiers)
        object.__setattr__(self, "duration", duration)

    def __repr__(self) -> str:
        tiers = ", ".join(f"{name} {len(found)}" for name, found in self.tiers.items())
        return f"<Alignment of {self.duration:.3f} s: {tiers or 'no tiers'}>"

    def contiguous(self, tier: str) -> Iterator[Interval]:
        """Yield the intervals of a tier with the gaps between them filled by empty labels.

        Raises
        ------
        InputError
            There is no such tier.
        """
        if tier not in self.tiers:
            raise InputError(f"tier: expected one of {', '.join(self.tiers)}, got {tier!r}")
        end = 0.0
        for interval in self.tiers[tier]:
            if interval.start > end:
                yield Interval(end, interval.start, "")
            yield interval
            end = interval.end
        if end < self.duration:
            yield Interval(end, self.duration, "")

    def at(self, time: float) -> dict[str, Interval]:
        """Find what is said at a time.

        Parameters
        ----------
        time : float
            Seconds from the beginning of the recording.

        Returns
        -------
        dict of str to Interval
            By tier, the interval that holds the time; without the tiers that are silent then.

        Raises
        ------
        InputError
            The time is not within the recording.
        """
        time = _number(time, "time")
        if not 0 <= time <= self.duration:
            raise InputError(
                f"time: expected 0 to {self.duration} s, the length of the recording; got {time}"
            )
        found = {}
        for name, intervals in self.tiers.items():
            before = bisect_right(intervals, time, key=lambda interval: interval.start) - 1
            if before >= 0 and time < intervals[before].end:
                found[name] = intervals[before]
        return found

    def shift(self, seconds: float) -> Alignment:
        """Move every interval: a stretch's alignment to its place in the whole recording.

        Parameters
        ----------
        seconds : float
            Added to all times and to the duration; negative where the recording lost its beginning.

        Returns
        -------
        Alignment
            The same intervals, so many seconds later.

        Raises
        ------
        InputError
            An interval would begin before 0.
        """
        seconds = _number(seconds, "seconds")
        first = min((tier[0].start for tier in self.tiers.values() if tier), default=self.duration)
        if not (math.isfinite(seconds) and first + seconds >= 0):
            raise InputError(
                f"seconds: expected a finite number >= {0 - first}, as an interval starts at "
                f"{first} s; got {seconds}; cut the beginning off with crop"
            )
        moved = {
            name: [replace(i, start=i.start + seconds, end=i.end + seconds) for i in intervals]
            for name, intervals in self.tiers.items()
        }
        return Alignment(moved, self.duration + seconds)

    def crop(self, start: float = 0.0, end: float | None = None) -> Alignment:
        """Take a stretch out of the recording.

        Parameters
        ----------
        start : float
            Where the stretch begins, seconds: time 0 of the result.
        end : float or None
            Where it ends; None for the end of the recording.

        Returns
        -------
        Alignment
            All tiers. An interval that lies across an end of the stretch is cut there.

        Raises
        ------
        InputError
            The stretch is empty or not within the recording.
        """
        start = _number(start, "start")
        end = self.duration if end is None else _number(end, "end")
        if not 0 <= start < end <= self.duration:
            raise InputError(
                f"start, end: expected 0 <= start < end <= {self.duration}, the length of the "
                f"recording in seconds; got {start}, {end}"
            )
        cut = {
            name: [
                replace(
                    i,
                    start=max(i.start, start) - start,
                    end=min(i.end, end) - start,
                    start_margins=i.start_margins if i.start >= start else None,
                    end_margins=i.end_margins if i.end <= end else None,
                )
                for i in intervals
                if i.start < end and start < i.end
            ]
            for name, intervals in self.tiers.items()
        }
        return Alignment(cut, end - start)

    def save(
        self, path: str | os.PathLike[str], *, format: str | None = None, **options: object
    ) -> None:
        """Write a file, as `speechalign.write_alignment` does.

        Parameters
        ----------
        path : path-like
            The file; its suffix chooses the format, such as ``.TextGrid``.
        format : str or None
            A name in `speechalign.formats.FORMATS` instead.
        **options
            Keywords of the format, as for `speechalign.write_alignment`.

        Raises
        ------
        FormatError
            The format is not known, or cannot hold this alignment.
        OSError
            The file cannot be written.
        """
        from speechalign import write_alignment

        write_alignment(self, path, format=format, **options)


def _intervals(name: object, given: object) -> tuple[Interval, ...]:
    """Return what was given for a tier, or refuse it."""
    if not isinstance(name, str):
        raise wrong_type("tiers", "names as keys", name)
    if not isinstance(given, Iterable):
        raise wrong_type(f"tier {name!r}", "a sequence of Interval", given)
    intervals = tuple(given)
    for number, interval in enumerate(intervals):
        if not isinstance(interval, Interval):
            raise wrong_type(
                f"tier {name!r}[{number}]",
                "an Interval",
                interval,
                "write Interval(start, end, label)",
            )
    return intervals


def _number(value: object, name: str) -> float:
    """Return a real number as Python's float, or refuse what is none."""
    if type(value) is float:
        return value
    if not isinstance(value, Real):
        raise wrong_type(name, "a number", value, "convert it with float()")
    return float(value)
