"""From probabilities of speech to segments: lengths of pauses, padding, and cuts of long ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from speechalign.errors import InputError

_CUT = 0.2  # seconds: a cut lies in the middle of the least likely stretch of this length


@dataclass(frozen=True)
class Limits:
    """Limits of segments and pauses, in seconds.

    Parameters
    ----------
    min_speech : float
        Shorter speech between two pauses is dropped.
    min_pause : float
        Shorter pauses do not end a segment.
    padding : float
        Added to both ends of a segment; neighbours share the pause that is too short for both.
    longest : float
        Longer segments, padding included, are cut where speech is least likely.

    Raises
    ------
    InputError
        A number is negative or not finite, or ``longest`` is below 1.
    """

    min_speech: float = 0.25
    min_pause: float = 0.5
    padding: float = 0.1
    longest: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            least = 1.0 if name == "longest" else 0.0
            if not least <= value < np.inf:
                raise InputError(f"{name}: expected {least:g} s or more, got {value}")


def speech_intervals(
    probabilities: np.ndarray, step: float, duration: float, limits: Limits
) -> list[tuple[float, float]]:
    """Cut a recording into segments of speech.

    Parameters
    ----------
    probabilities : ndarray, shape (T,), float64
        Of speech, in each frame; 0.5 and more is speech.
    step : float
        Length of a frame, seconds.
    duration : float
        Of the recording, seconds.
    limits : Limits
        How long segments and pauses may be.

    Returns
    -------
    list of (float, float)
        Start and end, seconds: in order, without overlap, within the recording.
    """
    change = np.flatnonzero(np.diff(probabilities >= 0.5, prepend=False, append=False))
    times = np.minimum(change * step, duration).tolist()
    joined: list[list[float]] = []
    for start, end in zip(times[::2], times[1::2]):
        if joined and start - joined[-1][1] < limits.min_pause:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    kept = [span for span in joined if span[1] - span[0] >= limits.min_speech]
    if not kept:
        return []
    ends = [0.0, *((a[1] + b[0]) / 2 for a, b in pairwise(kept)), duration]
    near = _moving_average(probabilities, max(1, round(_CUT / step)))
    segments: list[tuple[float, float]] = []
    for (start, end), earliest, latest in zip(kept, ends, ends[1:]):
        first = max(start - limits.padding, earliest)
        last = min(end + limits.padding, latest)
        segments += _cut(first, last, near, step, limits.longest)
    return segments


def _moving_average(values: np.ndarray, width: int) -> np.ndarray:
    """Return the mean around each boundary of frames, shape (T + 1,); beyond the ends, of 1."""
    padded = np.pad(values, (width // 2 + 1, width - width // 2), constant_values=1.0)
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    means: np.ndarray = (sums[width:] - sums[:-width])[1 : len(values) + 2] / width
    return means


def _cut(
    start: float, end: float, near: np.ndarray, step: float, longest: float
) -> list[tuple[float, float]]:
    """Cut a segment so often that every piece is short enough, and at least half as long."""
    pieces = []
    while end - start > longest:
        low, high = start + longest / 2, min(start + longest, end - longest / 2)
        first, last = int(np.ceil(low / step)), int(high / step)
        middle = (low + high) / 2
        if first <= last:
            middle = (first + int(np.argmin(near[first : last + 1]))) * step
        pieces.append((start, middle))
        start = middle
    return [*pieces, (start, end)]
