"""Boundaries between the labels of a CTC path, which are somewhere inside their sounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soxr

from speechalign.aligners.phone_boundaries import spectral_change
from speechalign.audio.waveform import Waveform
from speechalign.frames import FrameGrid

RATE = 16000
"""Hz, of the measurements below, whatever the model's."""
_LEAST_PAUSE = 0.08  # seconds; the closure of a stop is shorter
_MARGIN = 0.0025  # seconds
_FARTHEST = 0.25  # seconds that a word may reach beyond its last label where no pause shows
_QUIET = 0.2  # of the way from the level of the background to that of speech, in dB
_LEAST_RANGE = 10.0  # dB between the two, for pauses to show at all
# The same, where silence between recordings is quieter than the rooms they were made in; chosen on
# recordings of two speakers of CMU ARCTIC, joined with pauses.
_WIDEST_RANGE = 35.0
# Labels of a long recording whose times are found at once, and seconds of audio around them.
_WINDOW, _SEAM = 256, 0.1


@dataclass(frozen=True)
class Levels:
    """Levels of the pauses and of the speech of a recording, in dB.

    Parameters
    ----------
    background, speech : float
        Natural scale of `cell_levels`.
    """

    background: float
    speech: float

    @property
    def quiet(self) -> float:
        """The level below which nothing is said; -inf where the two can hardly be told apart."""
        between = self.speech - self.background
        return self.background + _QUIET * between if between >= _LEAST_RANGE else -np.inf


def cell_levels(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return the level of every 5 ms, in dB: mean energy of the 15 ms around, shape (M,)."""
    cell = sample_rate // 200
    count = max(1, len(samples) // cell)
    padded = np.pad(samples[: count * cell], (0, max(0, count * cell - len(samples))))
    cells = padded.reshape(count, cell)
    energy = np.einsum("ij,ij->i", cells, cells).astype(np.float64) / cell
    smooth = np.convolve(np.pad(energy, 1, "edge"), np.full(3, 1 / 3), "valid")
    levels: np.ndarray = 10 * np.log10(np.maximum(smooth, 1e-10))
    return levels


def measure_levels(levels: np.ndarray, cores: np.ndarray) -> Levels:
    """Tell background, at most 35 dB below speech, from speech.

    Parameters
    ----------
    levels : ndarray, shape (M,), float64
        What `cell_levels` returned.
    cores : ndarray, shape (K, 2), float64
        First and last moment, seconds, at which each label is heard.
    """
    at = np.clip((cores.mean(axis=1) * 200).astype(np.int64), 0, len(levels) - 1)
    speech = float(np.median(levels[at]))
    return Levels(max(float(np.quantile(levels, 0.05)), speech - _WIDEST_RANGE), speech)


def times_of_labels(
    grid: FrameGrid, spans: np.ndarray, begins: Sequence[bool], waveform: Waveform
) -> np.ndarray:
    """Find when each label of a path begins and ends, in a recording of any length.

    Parameters
    ----------
    grid : FrameGrid
        Of the frames of the path.
    spans : ndarray, shape (K, 2), int64
        Frames ``[begin, end)`` of each label.
    begins : Sequence[bool]
        As `label_times` takes it.
    waveform : Waveform
        The recording.

    Returns
    -------
    ndarray, shape (K, 2), float64
        As `label_times` returns them, found in windows.
    """
    duration, rate = waveform.duration, waveform.sample_rate
    cores = np.stack([grid.seconds(spans[:, 0] + 0.5), grid.seconds(spans[:, 1] - 0.5)], axis=1)
    cores = np.clip(cores, 0.0, duration)
    levels = measure_levels(cell_levels(waveform.samples, rate), cores)
    block = rate // 100
    times = np.empty_like(cores)
    for begin in range(0, len(cores), _WINDOW):
        end = min(begin + _WINDOW, len(cores))
        low, high = max(0, begin - 1), min(len(cores), end + 1)
        # Windows see the same cells of audio, so that they agree where they meet.
        first = block * max(0, int((cores[low, 0] - _SEAM) * rate) // block) if low else 0
        last = int((cores[high - 1, 1] + _SEAM) * rate) if high < len(cores) else None
        shift = first / rate
        found = label_times(
            cores[low:high] - shift,
            begins[low:high],
            waveform.samples[first:last],
            rate,
            levels,
        )
        times[begin:end] = found[begin - low : end - low] + shift
    bounded: np.ndarray = np.minimum(times, duration)
    return bounded


def label_times(
    cores: np.ndarray,
    begins: Sequence[bool],
    samples: np.ndarray,
    sample_rate: int,
    levels: Levels,
) -> np.ndarray:
    """Find when each label begins and ends.

    Parameters
    ----------
    cores : ndarray, shape (K, 2), float64
        First and last moment, seconds, at which each label is heard, in order.
    begins : Sequence[bool]
        Of each label, whether a word begins with it, so that a pause may come before.
    samples : ndarray, shape (N,), float32
        The recording.
    sample_rate : int
        Hz.
    levels : Levels
        Of the recording, or of a longer one around it.

    Returns
    -------
    ndarray, shape (K, 2), float64
        Start and end of each label, seconds, in order and without overlap; those of one word touch.

    Notes
    -----
    A label is heard for a frame or two somewhere within its sound, with blanks around [1]_. The
    boundary between two labels of a word lies between their cores: at the median of the squared
    spectral change there, the change at which the sounds part. Between words and at both ends of
    the recording, the longest quiet stretch of 80 ms or more is a pause: the word before ends
    where it begins, and the next one starts where it ends. Where no pause shows, as in noise, and
    the labels are more than half a second apart, a word reaches a quarter of a second at most
    beyond its labels.

    References
    ----------
    .. [1] A. Zeyer, R. Schlueter and H. Ney, "Why does CTC result in peaky behavior?",
       arXiv:2105.14849, 2021.
    """
    if sample_rate != RATE:
        samples = soxr.resample(samples, sample_rate, RATE)
    change, grid = spectral_change(samples, RATE)
    edges = grid.seconds(np.arange(len(change) + 1))
    mass = np.append(0.0, np.cumsum(change**2))
    quiet = cell_levels(samples, RATE) < levels.quiet
    duration = len(samples) / RATE

    def between(low: float, high: float) -> float:
        """Return the median of the change within a range."""
        first, last = np.interp([low, high], edges, mass)
        if last <= first:
            return (low + high) / 2
        return float(np.interp((first + last) / 2, mass, edges))

    def parted(low: float, high: float) -> tuple[float, float]:
        """Return where the word before ends, and where the next one starts."""
        pause = _longest(quiet, low, high)
        if pause is not None:
            return pause
        if high - low > 2 * _FARTHEST:
            return between(low, low + _FARTHEST), between(high - _FARTHEST, high)
        shared = between(low, high)
        return shared, shared

    times = np.empty((len(cores), 2))
    times[0, 0] = parted(0.0, cores[0, 0])[1]
    for k in range(1, len(cores)):
        # A label lasts, however short its core is.
        margin = min(_MARGIN, (cores[k, 0] - cores[k - 1, 1]) / 4)
        low, high = cores[k - 1, 1] + margin, cores[k, 0] - margin
        times[k - 1, 1], times[k, 0] = parted(low, high) if begins[k] else (between(low, high),) * 2
    times[-1, 1] = parted(cores[-1, 1], duration)[0]
    return lasting(times, duration)


def lasting(times: np.ndarray, duration: float) -> np.ndarray:
    """Move boundaries as little as makes every span last, within the recording.

    Parameters
    ----------
    times : ndarray, shape (K, 2), float64
        Start and end of spans, seconds, which should be in order and need not last.
    duration : float
        Of the recording, seconds.

    Returns
    -------
    ndarray, shape (K, 2), float64
        In order, without overlap, each at least 2.5 ms long if there is room for that.

    Examples
    --------
    >>> lasting(np.array([[0.0, 0.5], [0.5, 0.5]]), 1.0).round(4).tolist()
    [[0.0, 0.5], [0.5, 0.5025]]
    """
    least = min(_MARGIN, duration / (2 * len(times)))
    spans = times.copy()
    before = 0.0
    for span in spans:
        span[0] = max(span[0], before)
        before = span[1] = max(span[1], span[0] + least)
    after = duration
    for span in spans[::-1]:
        span[1] = min(span[1], after)
        after = span[0] = max(0.0, min(span[0], span[1] - least))
    return spans


def _longest(quiet: np.ndarray, low: float, high: float) -> tuple[float, float] | None:
    """Return the longest quiet stretch within a range, if it is long enough for a pause."""
    first, last = int(np.ceil(low * 200)), int(np.floor(high * 200))
    inside = np.concatenate([[False], quiet[first:last], [False]])
    starts = np.flatnonzero(~inside[:-1] & inside[1:])
    ends = np.flatnonzero(inside[:-1] & ~inside[1:])
    if not starts.size:
        return None
    k = int(np.argmax(ends - starts))
    start, end = (first + starts[k]) / 200, (first + ends[k]) / 200
    return (start, end) if end - start >= _LEAST_PAUSE else None
