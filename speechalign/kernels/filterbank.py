"""Mel filter banks: which filters there are, and their energies.

The sums are written out because a matrix product would go to a BLAS library, whose own threads
slow down aligners that work side by side.
"""

from __future__ import annotations

import numpy as np
from numba import njit


def mel_spaced(lowest: float, highest: float, count: int) -> np.ndarray:
    """Return frequencies at equal distances on the mel scale.

    Parameters
    ----------
    lowest, highest : float
        Hz.
    count : int
        How many, both ends included.

    Returns
    -------
    ndarray, shape (count,), float64
        Hz.

    Notes
    -----
    mel = 2595 log10(1 + f / 700).

    Examples
    --------
    >>> mel_spaced(0, 700, 3).round().tolist()
    [0.0, 290.0, 700.0]
    """
    mels = np.linspace(np.log10(1 + lowest / 700), np.log10(1 + highest / 700), count)
    return np.asarray(700 * (10**mels - 1))


def triangular_filters(edges: np.ndarray, sample_rate: int, fft: int) -> np.ndarray:
    """Return triangular filters of height 1 over the bins of a power spectrum.

    Parameters
    ----------
    edges : ndarray, shape (M + 2,), float64
        Hz; filter m rises from edge m to edge m + 1 and falls to edge m + 2.
    sample_rate : int
        Hz.
    fft : int
        Points of the transform.

    Returns
    -------
    ndarray, shape (M, fft // 2 + 1), float64
        Weight of each bin in each filter.
    """
    hz = np.arange(fft // 2 + 1) * sample_rate / fft
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    slopes = np.minimum((hz - low) / (middle - low), (high - hz) / (high - middle))
    return np.asarray(np.maximum(0, slopes))


@njit(cache=True, nogil=True)
def apply_filters(frames: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Return ``frames @ filters.T``, skipping the zeros at both ends of each filter.

    Parameters
    ----------
    frames : ndarray, shape (T, F), float64
        For example power spectra.
    filters : ndarray, shape (M, F), float64
        Weights.

    Returns
    -------
    ndarray, shape (T, M), float64
        Weighted sums.
    """
    count, bins = filters.shape
    first = np.full(count, bins)
    last = np.zeros(count, np.int64)
    for m in range(count):
        for f in range(bins):
            if filters[m, f] != 0:
                first[m] = min(first[m], f)
                last[m] = f + 1
    sums = np.zeros((len(frames), count))
    for t in range(len(frames)):
        for m in range(count):
            total = 0.0
            for f in range(first[m], last[m]):
                total += frames[t, f] * filters[m, f]
            sums[t, m] = total
    return sums
