"""Affine transforms of feature streams: applying them, and what estimating them needs."""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.kernels.gaussian_mixture import DIMS
from speechalign.kernels.mixture_statistics import LEAST, shares


@njit(cache=True, nogil=True)
def transformed(features: np.ndarray, transform: np.ndarray) -> np.ndarray:
    """Map each stream by its own matrix and offset.

    Parameters
    ----------
    features : ndarray, shape (R, DIMS, T), float32
        R feature streams of DIMS values.
    transform : ndarray, shape (R, DIMS, DIMS + 1), float64
        For each stream the rows of [A b].

    Returns
    -------
    ndarray, shape (R, DIMS, T), float32
        A[r] x[r, :, t] + b[r].
    """
    streams, _, frames = features.shape
    found = np.empty(features.shape, np.float32)
    row = np.empty(frames)
    for r in range(streams):
        for i in range(DIMS):
            row[:] = transform[r, i, DIMS]
            for d in range(DIMS):
                for t in range(frames):
                    row[t] += transform[r, i, d] * features[r, d, t]
            for t in range(frames):
                found[r, i, t] = row[t]
    return found


@njit(cache=True, nogil=True)
def add_transform_statistics(
    plain: np.ndarray,
    features: np.ndarray,
    posteriors: np.ndarray,
    states: np.ndarray,
    means: np.ndarray,
    half_precisions: np.ndarray,
    log_norms: np.ndarray,
    log_weights: np.ndarray,
    squares: np.ndarray,
    pulls: np.ndarray,
) -> None:
    """Add up what the most likely transform of the frames depends on.

    Parameters
    ----------
    plain : ndarray, shape (R, DIMS, T), float32
        Feature streams that are to be transformed.
    features : ndarray, shape (R, DIMS, T), float32
        The same after the present transform; they share frames among Gaussians.
    posteriors, states, means, half_precisions, log_norms, log_weights : ndarray
        As `add_mixture_statistics` has them.
    squares : ndarray, shape (R, DIMS, DIMS + 1, DIMS + 1), float64
        Added to: for each stream r and row i, the sum of x x' g over frames and Gaussians, where x
        is the frame of ``plain`` with a one behind it, and g the frame's share of the Gaussian over
        its variance in dimension i.
    pulls : ndarray, shape (R, DIMS, DIMS + 1), float64
        Added to: the sum of x g m, with m the mean of the Gaussian in dimension i.

    References
    ----------
    .. [1] M. J. F. Gales, "Maximum likelihood linear transformations for HMM-based speech
       recognition", Computer Speech and Language 12(2), 1998, eq. 43 and 44.
    """
    streams, _, frames = features.shape
    densities = means.shape[2]
    mixtures, hidden = log_weights.shape[1], log_weights.shape[3]
    share = np.empty(densities)
    precision = np.empty((streams, DIMS))
    pull = np.empty((streams, DIMS))
    frame = np.empty((streams, DIMS))
    x = np.ones(DIMS + 1)
    for t in range(frames):
        precision[:] = 0.0
        pull[:] = 0.0
        frame[:] = features[:, :, t]
        for u in range(len(states)):
            posterior = posteriors[t, u]
            if posterior < LEAST:
                continue
            c, h = states[u] // hidden, states[u] % hidden
            for m in range(mixtures):
                begin, end = (0, streams) if mixtures == 1 else (m, m + 1)
                total = shares(
                    frame, means[c, begin:end], half_precisions[c, begin:end], log_norms[c, m],
                    log_weights[c, m, :, h], begin, share,
                )  # fmt: skip
                for k in range(densities):
                    part = posterior * share[k] / total
                    if part < LEAST:
                        continue
                    for r in range(begin, end):
                        for d in range(DIMS):
                            weight = 2.0 * part * half_precisions[c, r, k, d]
                            precision[r, d] += weight
                            pull[r, d] += weight * means[c, r, k, d]
        for r in range(streams):
            for d in range(DIMS):
                x[d] = plain[r, d, t]
            for i in range(DIMS):
                for a in range(DIMS + 1):
                    pulls[r, i, a] += pull[r, i] * x[a]
                    weighted = precision[r, i] * x[a]
                    for b in range(DIMS + 1):
                        squares[r, i, a, b] += weighted * x[b]
