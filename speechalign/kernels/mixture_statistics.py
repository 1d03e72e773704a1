"""Sufficient statistics of Gaussian mixtures: what EM collects from frames and their posteriors."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from speechalign.kernels.gaussian_mixture import DIMS

# A smaller share of a frame changes nothing that float32 parameters can show.
LEAST = 1e-8


@njit(cache=True, nogil=True)
def add_mixture_statistics(
    features: np.ndarray,
    posteriors: np.ndarray,
    states: np.ndarray,
    means: np.ndarray,
    half_precisions: np.ndarray,
    log_norms: np.ndarray,
    log_weights: np.ndarray,
    occupancies: np.ndarray,
    sums: np.ndarray,
    squares: np.ndarray,
) -> None:
    """Share each frame among the Gaussians of the states that it belongs to, and add it up.

    Parameters
    ----------
    features : ndarray, shape (R, DIMS, T), float32
        R feature streams of DIMS values.
    posteriors : ndarray, shape (T, U), float32
        Share of each frame that belongs to each of U states.
    states : ndarray, shape (U,), int64
        Number of each of them: state h of codebook c is ``c * H + h``.
    means, half_precisions : ndarray, shape (C, R, K, DIMS), float32
        K Gaussians for each codebook and stream; ``half_precisions`` is 1 / (2 variance).
    log_norms : ndarray, shape (C, M, K), float32
        Logarithm of each Gaussian's normaliser; -inf leaves it out. M is 1 where one mixture spans
        all streams, R where each stream has its own.
    log_weights : ndarray, shape (C, M, K, H), float32
        Logarithm of the weight of each Gaussian in each of the H states of its codebook.
    occupancies : ndarray, shape (C, M, K, H), float64
        Added to: frames that belong to each Gaussian in each state.
    sums, squares : ndarray, shape (C, R, K, DIMS), float64
        Added to: sum of these frames, and of their squares.

    Notes
    -----
    p(k | t, s) = w[s, k] N(x_t; k) / sum_j w[s, j] N(x_t; j);  occupancies += posteriors[t, s] p,
    sums += posteriors[t, s] p x_t,  squares += posteriors[t, s] p x_t^2. Float64 throughout.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989, eq. 52-54.
    """
    streams, _, frames = features.shape
    densities = means.shape[2]
    mixtures, hidden = log_weights.shape[1], log_weights.shape[3]
    share = np.empty(densities)
    frame = np.empty((streams, DIMS))
    for t in range(frames):
        copied = False
        for u in range(len(states)):
            posterior = posteriors[t, u]
            if posterior < LEAST:
                continue
            if not copied:
                for r in range(streams):
                    for d in range(DIMS):
                        frame[r, d] = features[r, d, t]
                copied = True
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
                    occupancies[c, m, k, h] += part
                    for r in range(begin, end):
                        for d in range(DIMS):
                            weighted = part * frame[r, d]
                            sums[c, r, k, d] += weighted
                            squares[c, r, k, d] += weighted * frame[r, d]


@njit(cache=True, nogil=True)
def shares(
    frame: np.ndarray,
    means: np.ndarray,
    half_precisions: np.ndarray,
    log_norms: np.ndarray,
    log_weights: np.ndarray,
    begin: int,
    share: np.ndarray,
) -> float:
    """Share a frame, (R, DIMS), among the K Gaussians of a mixture; return the sum of the shares.

    ``means`` and ``half_precisions`` are those of the streams that the mixture spans, from
    ``begin`` on; ``share``, (K,), is filled with the densities, relative to the largest.
    """
    best = -math.inf
    for k in range(len(share)):
        value = float(log_norms[k]) + log_weights[k]
        if value > -math.inf:
            for r in range(len(means)):
                for d in range(DIMS):
                    difference = frame[begin + r, d] - means[r, k, d]
                    value -= difference * difference * half_precisions[r, k, d]
        share[k] = value
        best = max(best, value)
    total = 0.0
    for k in range(len(share)):
        share[k] = math.exp(share[k] - best)
        total += share[k]
    return total
