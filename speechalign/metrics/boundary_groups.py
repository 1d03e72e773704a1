"""Boundary errors by group: by context, by phone class, by speaker, by duration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError
from speechalign.files.tier_names import split
from speechalign.metrics.boundaries import ErrorScore, error_score, matched_intervals, tiers_of
from speechalign.text.phone_kinds import OTHER, PAUSE, kinds_of

Pairs = Mapping[str, tuple[Alignment, Alignment | None]]
"""Reference and hypothesis by recording, None where there is none."""

_STOPS, _FRICATIVES = frozenset({"plosive", "affricate"}), frozenset({"fricative"})
_DURATIONS = (0.1, 0.2, 0.4)  # seconds
_EDGE = 1e-3  # seconds: boundaries of two tiers this close are one


@dataclass(frozen=True)
class Boundary:
    """A boundary of a reference, and how far that of the hypothesis is off.

    Parameters
    ----------
    recording, tier : str
        Where it is.
    interval : Interval
        The interval that it starts or ends.
    is_start : bool
        Whether it starts it.
    error : float
        Hypothesis minus reference, seconds.
    before, after : str
        Kinds of the phones on both sides, as `kinds_of` names them; ``pause`` for none, ``other``
        where the reference has no phones.
    """

    recording: str
    tier: str
    interval: Interval
    is_start: bool
    error: float
    before: str
    after: str


def boundaries_of(pairs: Pairs, *, tier: str = "words") -> list[Boundary]:
    """Return the boundaries of all labels that a reference and its hypothesis have in common.

    Parameters
    ----------
    pairs : Mapping[str, tuple[Alignment, Alignment or None]]
        Reference and hypothesis by recording. The context of a boundary is read from the tier
        ``phones`` of the reference.
    tier : str
        As `speechalign.metrics.boundaries.statistics` takes it.
    """
    phones = {name: _phones(reference) for name, (reference, _) in pairs.items()}
    kinds = kinds_of({phone.label for own in phones.values() for phone in own})
    found = []
    for name, (reference, hypothesis) in pairs.items():
        if hypothesis is None:
            continue
        context = _Context(phones[name], kinds, tiers_of(reference, tier))
        for where, gold, ours in matched_intervals(reference, hypothesis, tier):
            for is_start, time, error in (
                (True, gold.start, ours.start - gold.start),
                (False, gold.end, ours.end - gold.end),
            ):
                before, after = context.at(time)
                found.append(Boundary(name, where, gold, is_start, error, before, after))
    return found


class _Context:
    """Kinds of the phones around each time of a recording."""

    def __init__(
        self,
        phones: Sequence[Interval],
        kinds: Mapping[str, tuple[str, str]],
        words: Mapping[str, Sequence[Interval]],
    ) -> None:
        self._phones, self._kinds = phones, kinds
        self._starts = np.array([phone.start for phone in phones])
        self._ends = np.array([phone.end for phone in phones])
        spans = [span for own in words.values() for span in own]
        self._words = [np.array([s.start for s in spans]), np.array([s.end for s in spans])]

    def at(self, time: float) -> tuple[str, str]:
        """Return the kinds before and behind a time."""
        return self._side(time, self._ends, 1), self._side(time, self._starts, 0)

    def _side(self, time: float, edges: np.ndarray, part: int) -> str:
        """Return the kind of the phone with an edge at a time; part 1 is what ends there."""
        near = np.flatnonzero(np.abs(edges - time) <= _EDGE)
        if near.size:
            return self._kinds[self._phones[near[0]].label][part]
        spoken = np.any(np.abs(self._words[part] - time) <= _EDGE)
        return OTHER if spoken else PAUSE


def _phones(reference: Alignment) -> list[Interval]:
    return [phone for own in tiers_of(reference, "phones").values() for phone in own]


def _context(boundary: Boundary) -> str:
    sides = {boundary.before, boundary.after}
    if PAUSE in sides:
        return "pause"
    if sides == {"vowel"}:
        return "vowel-vowel"
    if sides & _STOPS:
        return "stop"
    if sides & _FRICATIVES:
        return "fricative"
    return "unknown" if sides == {OTHER} else "nasal, approximant"


def _phone_class(boundary: Boundary) -> str:
    return boundary.after if boundary.is_start else boundary.before


def _speaker(boundary: Boundary) -> str:
    return split(boundary.tier)[0] or boundary.recording.rpartition("/")[0] or "unknown"


def _duration(boundary: Boundary) -> str:
    seconds = boundary.interval.end - boundary.interval.start
    for limit, longer in zip(_DURATIONS[::-1], (None, *_DURATIONS[::-1])):
        if seconds >= limit:
            return f"{limit:g} to {longer:g} s" if longer else f"from {limit:g} s"
    return f"up to {_DURATIONS[0]:g} s"


GROUPINGS: Mapping[str, Callable[[Boundary], str]] = {
    "context": _context,
    "phone-class": _phone_class,
    "speaker": _speaker,
    "duration": _duration,
}
"""By name: the group of a boundary.

``context``: ``pause`` where the boundary has a pause on a side, else ``vowel-vowel``, else ``stop``
where it has a plosive or affricate on a side, else ``fricative``, else ``nasal, approximant``.
``phone-class``: kind of the phone that starts or ends the interval. ``speaker``: the folder of the
recording, or the speaker in the tier's name. ``duration``: of the interval.
"""


def group(boundaries: Sequence[Boundary], by: str) -> dict[str, ErrorScore]:
    """Score boundaries by group, the largest group first.

    Parameters
    ----------
    boundaries : Sequence[Boundary]
        What `boundaries_of` returns.
    by : str
        A name in ``GROUPINGS``.

    Returns
    -------
    dict of str to ErrorScore
        Errors of starts and ends by group. Without precision, recall and F1: labels that only one
        side has belong to no group.

    Raises
    ------
    InputError
        There is no such grouping.
    """
    if by not in GROUPINGS:
        raise InputError(f"by: expected one of {', '.join(GROUPINGS)}, got {by!r}")
    errors: dict[str, list[float]] = {}
    for boundary in boundaries:
        errors.setdefault(GROUPINGS[by](boundary), []).append(boundary.error)
    ordered = sorted(errors.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: error_score(np.array(own), 0, 0) for name, own in ordered}
