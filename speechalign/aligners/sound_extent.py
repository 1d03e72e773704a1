"""Extent of noise tokens: the sound between two words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

Kind = Literal["word", "noise", "silence"]

_STEP = 0.01  # seconds
_BLOCK = 4096  # steps whose samples are squared at once
# A frame is loud from a third of the way up from the background to the speech, at least 6 dB.
_SHARE, _LEAST = 1 / 3, 6.0
_QUIETEST = 1e-8  # mean square, -80 dB: what is below is background, digital silence or not
# Seconds. Sounds closer than this are one, such as claps; one shorter than this that touches a word
# is its end or beginning; a token longer than this has found something by itself.
_APART = 0.1
_SHORTEST = 0.02
# Seconds. Noise that lasts this long is cut out but for its edges.
_LONG, _EDGE = 1.0, 0.3


def cover_sound(
    times: np.ndarray, kinds: Sequence[Kind], samples: np.ndarray, sample_rate: int
) -> np.ndarray:
    """Stretch noise tokens over the sound of the pauses around them.

    A model of phones takes loud noise for silence as readily as for noise, so that a token for it
    may be left with three frames. Words keep their times.

    Parameters
    ----------
    times : ndarray, shape (K + 1,), float64
        Boundaries of K items, seconds, in order.
    kinds : sequence of {"word", "noise", "silence"}
        What each item is.
    samples : ndarray, shape (N,), float32
        The recording.
    sample_rate : int
        Hz.

    Returns
    -------
    ndarray, shape (K + 1,), float64
        The same boundaries, but those between noise and silence: noise begins with the first sound
        between two words and ends with the last. Where there is none, it stays as it is.
    """
    if "noise" not in kinds:
        return times
    moved = times.copy()
    loud = _loud_frames(samples, sample_rate)
    for first, last in _gaps(kinds):
        inside = [k for k in range(first, last) if kinds[k] == "noise"]
        if not inside:
            continue
        begin, end = inside[0], inside[-1] + 1
        low, high = float(times[first]), float(times[last])
        sounds = _sounds(loud, low, high)
        if not sounds:
            continue
        start, stop = max(low, sounds[0][0]), min(high, sounds[-1][1])
        if begin + 1 < end:  # Between several tokens, the path alone decides.
            start, stop = min(start, times[begin + 1] - _STEP), max(stop, times[end - 1] + _STEP)
        elif times[end] - times[begin] > _APART:
            start, stop = min(start, times[begin]), max(stop, times[end])
        if begin > first:
            moved[begin] = max(start, low)
        if end < last:
            moved[end] = min(stop, high)
    return moved


def cover_between(
    times: np.ndarray, noisy: Sequence[bool], samples: np.ndarray, sample_rate: int
) -> np.ndarray:
    """Stretch noise tokens, some rows of (K, 2) times of labels, as `cover_sound` does."""
    kinds: list[Kind] = ["silence"]
    for noise in noisy:
        kinds += ["noise" if noise else "word", "silence"]
    edges = np.concatenate([[0.0], times.ravel(), [len(samples) / sample_rate]])
    covered: np.ndarray = cover_sound(edges, kinds, samples, sample_rate)[1:-1].reshape(-1, 2)
    return covered


def _loud_frames(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Tell for each multiple of 10 ms whether the 20 ms around it are louder than the background.

    That is a third of the way, in dB, from the background (the 10th percentile of the levels) to
    the speech (the 80th), and 6 dB at least.
    """
    step = round(_STEP * sample_rate)
    count = len(samples) // step + 1
    energy = np.zeros(count + 1)  # of the steps before and after each multiple
    for begin in range(0, count, _BLOCK):
        part = samples[begin * step : (begin + _BLOCK) * step].astype(np.float64) ** 2
        if len(part):
            sums = np.add.reduceat(part, np.arange(0, len(part), step))
            energy[begin + 1 : begin + 1 + len(sums)] = sums
    middles = np.arange(count) * step
    sizes = np.minimum(middles + step, len(samples)) - np.maximum(middles - step, 0)
    means = (energy[:-1] + energy[1:]) / np.maximum(sizes, 1)
    levels = 10 * np.log10(np.maximum(means, _QUIETEST))
    background, speech = np.percentile(levels, [10, 80])
    loud: np.ndarray = levels > background + max(_LEAST, _SHARE * (speech - background))
    return loud


def loud_at(times: np.ndarray, samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Return whether the sound is louder than the background at each of some times, seconds."""
    loud = _loud_frames(samples, sample_rate)
    found: np.ndarray = loud[np.clip(np.round(times / _STEP).astype(np.int64), 0, len(loud) - 1)]
    return found


def run_lengths(values: np.ndarray) -> np.ndarray:
    """Return the length of the run of equal values that each of (T,) values lies in."""
    edges = np.concatenate([[0], np.flatnonzero(np.diff(values)) + 1, [len(values)]])
    found: np.ndarray = np.repeat(np.diff(edges), np.diff(edges))
    return found


def steady_stretches(unlike_speech: np.ndarray, rate: float) -> np.ndarray:
    """Mark stretches of a second or more in which most frames are unlike speech.

    Parameters
    ----------
    unlike_speech : ndarray, shape (T,), bool
        Frames; a stretch ends with one after which there is none for 0.3 s.
    rate : float
        Frames a second.
    """
    marked = np.zeros(len(unlike_speech), np.bool_)
    places = np.flatnonzero(unlike_speech)
    if len(places) == 0:
        return marked
    for run in np.split(places, np.flatnonzero(np.diff(places) > _EDGE * rate) + 1):
        stretch = slice(run[0], run[-1] + 1)
        if stretch.stop - stretch.start >= _LONG * rate:
            marked[stretch] = 2 * len(run) > stretch.stop - stretch.start
    return marked


def long_sounds(
    gaps: Sequence[tuple[float, float]], samples: np.ndarray, sample_rate: int
) -> list[tuple[float, float]]:
    """Return where a pause is loud for a second or more, given pauses; all in seconds."""
    loud = _loud_frames(samples, sample_rate)
    sounds = [sound for low, high in gaps for sound in _sounds(loud, low, high)]
    return [(start, end) for start, end in sounds if end - start >= _LONG]


def long_noise(
    times: np.ndarray, kinds: Sequence[Kind], count: int, sample_rate: int
) -> list[tuple[int, int]]:
    """Return the samples ``[first, last)`` inside each long noise token, in order.

    Without any word there is nothing to find anew, and none are returned.

    Parameters
    ----------
    times, kinds
        As `cover_sound` takes them.
    count : int
        Samples of the recording.
    sample_rate : int
        Hz.
    """
    if "word" not in kinds:
        return []
    return [
        (
            round((start + _EDGE) * sample_rate) if start > 0 else 0,
            round((end - _EDGE) * sample_rate) if k + 1 < len(kinds) else count - 1,
        )
        for k, (kind, start, end) in enumerate(zip(kinds, times, times[1:]))
        if kind == "noise" and end - start >= _LONG
    ]


def inside(stretches: Sequence[tuple[int, int]], count: int) -> np.ndarray:
    """Mark the samples of stretches, shape (count,), bool."""
    mask = np.zeros(count, np.bool_)
    for first, last in stretches:
        mask[first:last] = True
    return mask


def restored(
    times: np.ndarray,
    kinds: Sequence[Kind],
    stretches: Sequence[tuple[int, int]],
    sample_rate: int,
) -> np.ndarray | None:
    """Return boundaries found without some stretches as times of the whole recording.

    Parameters
    ----------
    times, kinds
        As `cover_sound` takes them, of the recording without the stretches.
    stretches : sequence of (int, int)
        Samples ``[first, last)`` that were left out.
    sample_rate : int
        Hz.

    Returns
    -------
    ndarray or None
        The same boundaries; None where a stretch would lie inside a word.
    """
    moved = times.copy()
    gone = 0
    for first, last in stretches:
        seam = (first - gone) / sample_rate
        k = int(np.searchsorted(times, seam, side="right")) - 1
        if kinds[min(k, len(kinds) - 1)] == "word":
            return None
        moved[times > seam] += (last - first) / sample_rate
        gone += last - first
    return moved


def _gaps(kinds: Sequence[Kind]) -> list[tuple[int, int]]:
    """Return the items ``[first, last)`` between words."""
    edges = [-1, *(k for k, kind in enumerate(kinds) if kind == "word"), len(kinds)]
    return [(a + 1, b) for a, b in pairwise(edges) if b > a + 1]


def _sounds(loud: np.ndarray, low: float, high: float) -> list[tuple[float, float]]:
    """Return start and end of each sound between two words, without what belongs to the words."""
    first, last = int(np.ceil(low / _STEP)), int(high / _STEP) + 1
    places = first + np.flatnonzero(loud[first:last])
    if len(places) == 0:
        return []
    breaks = np.flatnonzero(np.diff(places) * _STEP > _APART)
    starts, ends = places[np.append(0, breaks + 1)], places[np.append(breaks, len(places) - 1)]
    found = []
    for start, end in zip(starts.tolist(), ends.tolist()):
        lasts = (end - start) * _STEP + _STEP
        at_word = start <= first + 1 or end >= last - 2
        if lasts >= (_APART if at_word else _SHORTEST):
            found.append((start * _STEP - _STEP / 2, end * _STEP + _STEP / 2))
    return found
