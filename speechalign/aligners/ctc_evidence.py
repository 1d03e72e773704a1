"""Posteriors of a CTC model beyond its best path: of words, boundaries, labels and readings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import soxr

from speechalign.aligners.confidence import (
    boundary_distribution,
    credible_margins,
    item_confidences,
)
from speechalign.aligners.ctc_boundaries import RATE
from speechalign.aligners.phone_boundaries import spectral_change
from speechalign.aligners.phone_evidence import Judgement
from speechalign.aligners.posteriors import ranked, way_posteriors, windows
from speechalign.alignment import Margins
from speechalign.audio.waveform import Waveform
from speechalign.frames import FrameGrid
from speechalign.graphs.ctc import ctc_graph
from speechalign.graphs.ctc_variants import ctc_variant_graph
from speechalign.graphs.ctc_words import ctc_word_graph, with_star
from speechalign.kernels import forward_backward
from speechalign.models.spread import Spread
from speechalign.text.word import Pronunciation

# Factor on scores, because neighbouring frames are not independent, and the prior of a word that is
# not said. Both were chosen on synthetic speech with words replaced.
_SCALE = 0.5
_NOT_SAID = math.log(0.05)
# Items that another account of the audio may leave out in a row.
_MAX_JUMP = 4
# Items whose confidences are found at once, with context.
_ITEMS, _BESIDE = 48, 6
# Labels whose boundaries are found at once, with context; memory stays bounded.
_WINDOW, _CONTEXT = 64, 4
_FARTHEST = 0.25  # seconds from a boundary within which it may lie
_RIVALS = 20  # symbols that a label is compared with: those that score most in its frames
SPREAD = Spread(((0.7, 0.004), (0.3, 0.035)))
"""Spread of all CTC models. No German one is at hand to fit it to; these are the values that German
HMMs had before distributions were stretched."""
_TINY = float(np.finfo(np.float64).tiny)


def reading_confidences(
    log_probs: np.ndarray,
    rows: Sequence[Sequence[int]],
    spans: np.ndarray,
    *,
    blank: int,
    star: int,
) -> list[float | None]:
    """Estimate the confidence of each item of a path.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    rows : Sequence[Sequence[int]]
        Labels of each of I items; V is any sound.
    spans : ndarray, shape (I, 2), int64
        Frames ``[begin, end)`` of each item on the best path.
    blank, star : int
        Columns of the blank, and of any sound.

    Returns
    -------
    list of float or None
        Posterior of each item on its frames, where one in twenty may be left out or be another
        sound.

    Notes
    -----
    Scores are scaled down, and any sound is the mean of scaled probabilities; so its column is not
    that of the search.
    """
    confidences: list[float | None] = []
    cut = windows(spans, len(log_probs), size=_ITEMS, context=_BESIDE, with_gaps=True)
    for inner, outer, frames in cut:
        graph = ctc_word_graph(
            [rows[number] for number in outer],
            blank=blank,
            star=star,
            skip_weight=_NOT_SAID,
            max_jump=_MAX_JUMP,
        )
        scaled = log_probs[frames] * log_probs.dtype.type(_SCALE)
        posteriors = forward_backward(with_star(scaled, blank=blank), graph).posteriors
        positions = np.zeros(len(scaled), np.int64)
        for i, number in enumerate(outer):
            begin, end = (spans[number] - frames.start).tolist()
            positions[begin:end] = 2 * i + 1
            positions[end:] = 2 * i + 2
        found = item_confidences(posteriors, positions)
        confidences += [found[number - outer.start] for number in inner]
    return confidences


def label_margins(
    log_probs: np.ndarray,
    grid: FrameGrid,
    labels: np.ndarray,
    spans: np.ndarray,
    spoken: np.ndarray,
    times: np.ndarray,
    waveform: Waveform,
    *,
    blank: int,
) -> list[tuple[Margins, Margins]]:
    """Find the credible intervals of the start and the end of each label of a word.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    grid : FrameGrid
        Of the T frames.
    labels : ndarray, shape (L,), int64
        Of the best path, those between words included.
    spans : ndarray, shape (L, 2), int64
        Frames ``[begin, end)`` of each of them.
    spoken : ndarray, shape (L,), bool
        Which of them belong to words, K of them.
    times : ndarray, shape (K, 2), float64
        Where these were found to start and end, seconds.
    waveform : Waveform
        The recording.
    blank : int
        Column of the blank.

    Notes
    -----
    With A(t) the probability that a label has been heard for the last time by t, and B(t) that the
    next one has been heard for the first time, summed over all alignments and linear between the
    middles of frames, a boundary lies at t with a density of A(t) (1 - B(t)) c(t)^2, where c is
    the spectral change. Two boundaries with a pause between them are parted in its middle, and none
    is looked for more than a quarter of a second away.
    """
    samples = waveform.samples
    if waveform.sample_rate != RATE:
        samples = soxr.resample(samples, waveform.sample_rate, RATE)
    change, cells = spectral_change(samples, RATE)
    edges = cells.seconds(np.arange(len(change) + 1))
    own = np.flatnonzero(spoken)
    middles = np.concatenate(
        [[-_FARTHEST], (times[:-1, 1] + times[1:, 0]) / 2, [waveform.duration + _FARTHEST]]
    )
    parted = np.concatenate([[True], times[:-1, 1] < times[1:, 0], [True]])
    found: dict[tuple[int, int], Margins] = {}
    for first, inner, moments, ended, begun in _passed(log_probs, grid, labels, spans, blank):
        for k in np.flatnonzero((own >= inner.start) & (own < inner.stop)).tolist():
            for side in (0, 1):
                time = float(times[k, side])
                low, high = time - _FARTHEST, time + _FARTHEST
                if parted[k + side]:
                    low, high = (
                        (low, min(high, middles[k + 1])) if side else (max(low, middles[k]), high)
                    )
                before, after = k - 1 + side, k + side
                begins = after < len(own) and own[after] - first < len(begun)
                probability = partial(
                    _between_labels,
                    moments=moments,
                    ended=ended[own[before] - first] if before >= 0 else None,
                    begun=begun[own[after] - first] if begins else None,
                )
                found[k, side] = _margins(edges, change, (low, high), probability, time)
    return [(found[k, 0], found[k, 1]) for k in range(len(times))]


def _margins(
    edges: np.ndarray,
    change: np.ndarray,
    bounds: tuple[float, float],
    probability: Callable[[np.ndarray], np.ndarray],
    time: float,
) -> Margins:
    """Return the credible intervals of a boundary that was put at a time and lies within bounds.

    ``probability`` is that of the two labels at each of some moments, which is weighed by the
    spectral change in the cells between edges.
    """
    low, high = bounds
    begin, end = np.searchsorted(edges, [low, high])
    begin = max(0, begin - 1)
    cut = edges[begin : end + 1]
    centres = (cut[:-1] + cut[1:]) / 2
    weights = change[begin : begin + len(centres)] ** 2 * ((centres > low) & (centres < high))
    mass = np.append(0.0, np.cumsum(probability(centres) * weights))
    if mass[-1] > 0:
        return credible_margins(cut, mass / mass[-1], time, SPREAD)
    return credible_margins(np.array([time]), np.ones(1), time, SPREAD)


def _between_labels(
    times: np.ndarray, *, moments: np.ndarray, ended: np.ndarray | None, begun: np.ndarray | None
) -> np.ndarray:
    """Return how probable it is that one label has ended at each time, and the next not begun.

    ``ended`` and ``begun`` are the probabilities at the moments; None where there is no such label.
    """
    past = np.ones(len(times)) if ended is None else np.interp(times, moments, ended)
    ahead = np.zeros(len(times)) if begun is None else np.interp(times, moments, begun)
    return past * (1.0 - ahead)


def _passed(
    log_probs: np.ndarray, grid: FrameGrid, labels: np.ndarray, spans: np.ndarray, blank: int
) -> Iterator[tuple[int, range, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the first label of a window, those to look at, and when labels have ended and begun.

    That is the middles of the frames of the window, seconds, and for each of its labels the
    probability that by then it has been heard for the last and for the first time.
    """
    count = len(labels)
    for begin in range(0, count, _WINDOW):
        end = min(begin + _WINDOW, count)
        low, high = max(0, begin - _CONTEXT), min(count, end + _CONTEXT)
        first = int(spans[low, 0]) if low else 0
        last = int(spans[high - 1, 1]) if high < count else len(log_probs)
        graph = ctc_graph(labels[low:high], blank=blank)
        posteriors = forward_backward(log_probs[first:last], graph).posteriors
        full = np.zeros((last - first, 2 * (high - low) + 1))
        full[:, : posteriors.shape[1]] = posteriors
        passed = boundary_distribution(full)
        moments = grid.seconds(np.arange(first, last + 1) + 0.5)
        yield low, range(begin, end), moments, passed[2:-1:2], passed[1:-1:2]


def judge_labels(
    log_probs: np.ndarray,
    labels: np.ndarray,
    spans: np.ndarray,
    wanted: np.ndarray,
    *,
    blank: int,
    symbols: int,
) -> list[Judgement]:
    """Compare labels of a path with other symbols of the model.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities; columns from ``symbols`` on are no rivals.
    labels : ndarray, shape (L,), int64
        Of the best path.
    spans : ndarray, shape (L, 2), int64
        Frames ``[begin, end)`` of each of them.
    wanted : ndarray, shape (L,), bool
        Which of them to judge.
    blank : int
        Column of the blank.
    symbols : int
        How many symbols the model has, the blank among them.

    Returns
    -------
    list of Judgement
        One for each label; of those that are not wanted, nothing is known.

    Notes
    -----
    As `PhoneJudge.judge`, with O the frames from the first of the label before to the last of the
    label behind, p(O | q) the sum over all alignments of these three with symbol q in the middle,
    and N the frames of the label on the best path, often one.
    """
    found: list[Judgement] = []
    for k, label in enumerate(labels.tolist()):
        if not wanted[k]:
            found.append(Judgement())
            continue
        before, after = max(0, k - 1), min(len(labels), k + 2)
        frames = log_probs[spans[before, 0] : spans[after - 1, 1]]
        peaks = frames[:, :symbols].max(axis=0)
        peaks[blank] = -np.inf
        rivals = np.union1d(np.argsort(peaks)[-_RIVALS:], [label])
        rivals = rivals[rivals != blank]
        row = [[[other]] for other in labels[before:after].tolist()]
        row[k - before] = [[q] for q in rivals.tolist()]
        graph = ctc_variant_graph(row, blank=blank)
        own = int(np.searchsorted(rivals, label))
        scaled, plain = (
            way_posteriors(frames * log_probs.dtype.type(factor), graph)[k - before]
            for factor in (_SCALE, 1.0)
        )
        ratio = np.log(max(float(plain[own]), _TINY) / float(plain.max()))
        length = int(spans[k, 1] - spans[k, 0])
        found.append(Judgement(float(scaled[own]), float(ratio) / length))
    return found


def reading_posteriors(
    log_probs: np.ndarray,
    readings: Sequence[Sequence[Sequence[int]]],
    spans: np.ndarray,
    symbols: Sequence[str],
    *,
    blank: int,
) -> list[tuple[Pronunciation, ...]]:
    """Find how probable each reading of each item is.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    readings : Sequence[Sequence[Sequence[int]]]
        For each of I items its readings, each a row of labels.
    spans : ndarray, shape (I, 2), int64
        Frames ``[begin, end)`` of each item on the best path.
    symbols : Sequence[str]
        Names of the columns.
    blank : int
        Column of the blank.

    Returns
    -------
    list of tuple of Pronunciation
        For each item, the most probable first: over all alignments, as `way_posteriors` says.
    """
    named = [[tuple(symbols[label] for label in row) for row in rows] for rows in readings]
    found: list[tuple[Pronunciation, ...]] = []
    for inner, outer, frames in windows(spans, len(log_probs)):
        if all(len(readings[number]) == 1 for number in inner):
            found += [((named[number][0], 1.0),) for number in inner]
            continue
        graph = ctc_variant_graph([readings[number] for number in outer], blank=blank)
        ways = way_posteriors(log_probs[frames] * log_probs.dtype.type(_SCALE), graph)
        found += [ranked(named[n], ways[n - outer.start]) for n in inner]
    return found
