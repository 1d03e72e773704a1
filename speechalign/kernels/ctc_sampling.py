"""CTC paths drawn from the probabilities of each frame, and what they collapse to."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.checks import check_lengths
from speechalign.errors import InputError


@dataclass(frozen=True)
class Collapsed:
    """Collapse paths: merge equal neighbours, then remove blanks.

    Parameters
    ----------
    labels : ndarray, shape (P, M), int64
        The labels of each path; values at and beyond its count are never read.
    starts, ends : ndarray, shape (P, M), int64
        Frames ``[start, end)`` of the run that each label was.
    counts : ndarray, shape (P,), int64
        Labels of each path; M is the largest.
    """

    labels: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    counts: np.ndarray


def sample_paths(
    log_probs: np.ndarray,
    input_lengths: np.ndarray,
    samples: int,
    *,
    seed: int | np.random.Generator,
    temperature: float = 1.0,
) -> np.ndarray:
    """Draw paths of one label a frame, each frame by itself.

    Parameters
    ----------
    log_probs : ndarray, shape (B, T, V), float32 or float64
        Natural-log probabilities; rows need not sum to one. Frames at and beyond a length are
        never read.
    input_lengths : ndarray, shape (B,), integer
        Frames of each utterance.
    samples : int
        N, paths of each utterance.
    seed : int or numpy Generator
        Where the random numbers come from; a Generator goes on from where it stands. Padding does
        not change what is drawn, and utterances in one batch draw what they would one by one from
        the same Generator.
    temperature : float
        Above zero: 1 draws from the probabilities, more from flatter ones, less from sharper ones.

    Returns
    -------
    ndarray, shape (B, N, T), int64
        The labels; 0 at and beyond a length.

    Raises
    ------
    InputError
        An argument is of another shape, type or range, a value is NaN or +inf, or a frame gives
        probability zero to every label.

    Notes
    -----
    Label v is drawn at frame t with probability ``p[t, v] ** (1 / temperature)`` over its sum. No
    label of probability zero is ever drawn. O(B T (V + N log V)) time.

    Examples
    --------
    >>> log_probs = np.log(np.array([[[0.25, 0.75], [0.5, 0.5], [0.75, 0.25]]]))
    >>> sample_paths(log_probs, np.array([3]), 2, seed=1)
    array([[[1, 1, 0],
            [1, 0, 0]]])
    """
    if log_probs.ndim != 3 or log_probs.dtype not in (np.float32, np.float64):
        raise InputError(
            f"log_probs: expected (B, T, V) float32 or float64, got {log_probs.shape} "
            f"{log_probs.dtype}"
        )
    batch, frames, vocabulary = log_probs.shape
    input_lengths = check_lengths(input_lengths, batch, frames, name="input_lengths")
    if samples < 1:
        raise InputError(f"samples: expected at least 1, got {samples}")
    if not 0 < temperature < math.inf:
        raise InputError(f"temperature: expected a finite number above 0, got {temperature}")
    uniforms = np.random.default_rng(seed).random(samples * int(input_lengths.sum()))
    paths = np.zeros((batch, samples, frames), dtype=np.int64)
    b, t, v = _sample(
        np.ascontiguousarray(log_probs), input_lengths, uniforms, 1.0 / temperature, paths
    )
    if v >= 0:
        raise InputError(
            f"log_probs[{b}, {t}, {v}]: expected a finite value or -inf, got {log_probs[b, t, v]}; "
            "check the model that made it"
        )
    if b >= 0:
        raise InputError(
            f"log_probs[{b}, {t}]: frame {t} gives probability zero to all {vocabulary} labels; "
            "check the model"
        )
    return paths


@njit(cache=True, nogil=True)
def _sample(
    log_probs: np.ndarray,
    lengths: np.ndarray,
    uniforms: np.ndarray,
    sharpness: float,
    paths: np.ndarray,
) -> tuple[int, int, int]:
    """Fill in paths; return the (b, t, v) of a bad value, v = -1 for a bad row, else all -1."""
    batch, samples, _ = paths.shape
    vocabulary = log_probs.shape[2]
    sums = np.empty(vocabulary)
    first = 0
    for b in range(batch):
        for t in range(lengths[b]):
            row = log_probs[b, t]
            highest = -math.inf
            for v in range(vocabulary):
                if not row[v] < math.inf:  # Holds for NaN as well.
                    return b, t, v
                highest = max(highest, row[v])
            if highest == -math.inf:
                return b, t, -1
            total = 0.0
            for v in range(vocabulary):
                total += math.exp(sharpness * (row[v] - highest))
                sums[v] = total
            for n in range(samples):
                # A product below the total: rounding cannot lift it there.
                drawn = uniforms[first + n * lengths[b] + t] * total
                paths[b, n, t] = np.searchsorted(sums, drawn, side="right")
        first += samples * lengths[b]
    return -1, -1, -1


def collapse_paths(paths: np.ndarray, lengths: np.ndarray, *, blank: int) -> Collapsed:
    """Merge equal neighbours of each path, then leave out the blanks.

    Parameters
    ----------
    paths : ndarray, shape (P, T), int64
        One label a frame.
    lengths : ndarray, shape (P,), int64
        Frames of each path.
    blank : int
        The label that says nothing.

    Returns
    -------
    Collapsed
        The labels that are left, and the frames of each.

    Examples
    --------
    >>> found = collapse_paths(np.array([[2, 0, 2, 2, 1, 9]]), np.array([5]), blank=0)
    >>> found.labels, found.starts, found.ends
    (array([[2, 2, 1]]), array([[0, 2, 4]]), array([[1, 4, 5]]))
    """
    labels, starts, ends = np.zeros((3, *paths.shape), dtype=np.int64)
    counts = np.empty(len(paths), dtype=np.int64)
    _collapse_all(paths, lengths, blank, labels, starts, ends, counts)
    most = int(counts.max(initial=0))
    return Collapsed(labels[:, :most], starts[:, :most], ends[:, :most], counts)


@njit(cache=True, nogil=True)
def _collapse_all(
    paths: np.ndarray,
    lengths: np.ndarray,
    blank: int,
    labels: np.ndarray,
    starts: np.ndarray,
    ends: np.ndarray,
    counts: np.ndarray,
) -> None:
    for p in range(len(paths)):
        path = paths[p, : lengths[p]]
        counts[p] = collapse(path, blank, labels[p], starts[p], ends[p])


@njit(cache=True, nogil=True)
def collapse(
    path: np.ndarray, blank: int, labels: np.ndarray, starts: np.ndarray, ends: np.ndarray
) -> int:
    """Fill in the labels of a path and the frames of each; return how many they are.

    The compiled part of `collapse_paths`, for other kernels: all arrays are (T,) int64.
    """
    count = 0
    before = blank
    for t in range(len(path)):
        label = path[t]
        if label != blank:
            if label != before:
                labels[count] = label
                starts[count] = t
                count += 1
            ends[count - 1] = t + 1
        before = label
    return count
