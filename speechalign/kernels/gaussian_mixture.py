"""Log-likelihoods of Gaussian mixtures that share codebooks, with diagonal covariances."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

# Values of a feature stream, and states that share a codebook. Both are constants so that LLVM
# unrolls over them and vectorises over frames: seven times faster than with run-time sizes.
DIMS = 13
STATES = 3
# Frames handled at once: a tile of one codebook's densities fits the first-level cache.
_TILE = 32


@njit(cache=True, nogil=True)
def tied_mixture_log_likelihoods(
    features: np.ndarray,
    means: np.ndarray,
    half_precisions: np.ndarray,
    log_norms: np.ndarray,
    mixture_weights: np.ndarray,
    stream_weights: np.ndarray,
    codebook_used: np.ndarray,
) -> np.ndarray:
    """Score every state on every frame, summed over feature streams.

    Parameters
    ----------
    features : ndarray, shape (R, DIMS, T), float32
        R feature streams of DIMS values; the frames are contiguous.
    means, half_precisions : ndarray, shape (C, R, K, DIMS), float32
        K Gaussians for each codebook and stream; ``half_precisions`` is 1 / (2 variance).
    log_norms : ndarray, shape (C, R, K), float32
        Logarithm of each Gaussian's normaliser; -inf leaves it out, but never all K of a stream.
    mixture_weights : ndarray, shape (C, R, K, STATES), float32
        Weight of each Gaussian in each of the states that own the codebook.
    stream_weights : ndarray, shape (R,), float32
        Factor on the log-likelihood of each stream.
    codebook_used : ndarray, shape (C,), bool
        Codebooks to score; the states of the others are left at -inf.

    Returns
    -------
    ndarray, shape (T, C * STATES), float32
        Column ``c * STATES + h`` is state h of codebook c.

    Notes
    -----
    score(t, c, h) = sum_r stream_weights[r] log sum_k mixture_weights[c, r, k, h]
    N(features[r, :, t]; means[c, r, k], variances[c, r, k]). All K Gaussians are summed, each
    relative to the best of its stream and frame.

    References
    ----------
    .. [1] X. Huang and M. Jack, "Semi-continuous hidden Markov models for speech signals",
       Computer Speech and Language 3(3), 1989.
    """
    streams, _, frames = features.shape
    codebooks, _, densities, _ = means.shape
    scores = np.full((frames, codebooks * STATES), np.float32(-math.inf), np.float32)
    log_density = np.empty((densities, _TILE), np.float32)
    best = np.empty(_TILE, np.float32)
    sums = np.empty((STATES, _TILE), np.float32)
    tile = np.zeros((DIMS, _TILE), np.float32)
    for begin in range(0, frames, _TILE):
        width = min(_TILE, frames - begin)
        for c in range(codebooks):
            if codebook_used[c]:
                scores[begin : begin + width, c * STATES : (c + 1) * STATES] = np.float32(0.0)
        for r in range(streams):
            tile[:, :width] = features[r, :, begin : begin + width]
            for c in range(codebooks):
                if not codebook_used[c]:
                    continue
                _log_densities(tile, means[c, r], half_precisions[c, r], log_norms[c, r],
                               log_density, best)  # fmt: skip
                _mix(log_density, best, mixture_weights[c, r], sums)
                for h in range(STATES):
                    for t in range(width):
                        value = math.log(sums[h, t]) + best[t]
                        scores[begin + t, c * STATES + h] += stream_weights[r] * value
    return scores


@njit(cache=True, nogil=True)
def mixture_log_likelihoods(
    features: np.ndarray,
    means: np.ndarray,
    half_precisions: np.ndarray,
    log_norms: np.ndarray,
    codebooks: np.ndarray,
) -> np.ndarray:
    """Score mixtures of Gaussians over all feature streams together on every frame.

    Parameters
    ----------
    features : ndarray, shape (R, DIMS, T), float32
        R feature streams of DIMS values; the frames are contiguous.
    means, half_precisions : ndarray, shape (C, R, K, DIMS), float32
        K Gaussians for each mixture; ``half_precisions`` is 1 / (2 variance).
    log_norms : ndarray, shape (C, K), float32
        Logarithm of each Gaussian's normaliser times its weight; -inf leaves it out, but never all
        K of a mixture.
    codebooks : ndarray, shape (U,), int64
        The mixtures to score.

    Returns
    -------
    ndarray, shape (T, U), float32
        log sum_k exp(log_norms[c, k] - sum_rd half_precisions[c, r, k, d] (features[r, d, t] -
        means[c, r, k, d])^2), with c = codebooks[u].
    """
    streams, _, frames = features.shape
    densities = means.shape[2]
    scores = np.empty((frames, len(codebooks)), np.float32)
    log_density = np.empty((densities, _TILE), np.float32)
    best = np.empty(_TILE, np.float32)
    sums = np.empty(_TILE, np.float32)
    tiles = np.zeros((streams, DIMS, _TILE), np.float32)
    for begin in range(0, frames, _TILE):
        width = min(_TILE, frames - begin)
        tiles[:, :, :width] = features[:, :, begin : begin + width]
        for u in range(len(codebooks)):
            c = codebooks[u]
            best[:] = np.float32(-math.inf)
            sums[:] = np.float32(0.0)
            for k in range(densities):
                if log_norms[c, k] == -math.inf:
                    continue
                log_density[k, :] = log_norms[c, k]
                for r in range(streams):
                    _subtract_distances(
                        tiles[r], means[c, r, k], half_precisions[c, r, k], log_density[k]
                    )
                for t in range(_TILE):
                    best[t] = log_density[k, t] if log_density[k, t] > best[t] else best[t]
            for k in range(densities):
                if log_norms[c, k] == -math.inf:
                    continue
                for t in range(_TILE):
                    sums[t] += _exp(log_density[k, t] - best[t])
            for t in range(width):
                scores[begin + t, u] = best[t] + math.log(sums[t])
    return scores


@njit(cache=True, nogil=True)
def _subtract_distances(
    tile: np.ndarray, mean: np.ndarray, half_precision: np.ndarray, log_density: np.ndarray
) -> None:
    """Subtract the weighted distance of one stream from each frame's log-density."""
    for t in range(_TILE):
        value = log_density[t]
        for d in range(DIMS):
            difference = tile[d, t] - mean[d]
            value -= difference * difference * half_precision[d]
        log_density[t] = value


@njit(cache=True, nogil=True)
def _log_densities(
    tile: np.ndarray,
    means: np.ndarray,
    half_precisions: np.ndarray,
    log_norms: np.ndarray,
    log_density: np.ndarray,
    best: np.ndarray,
) -> None:
    """Fill log N(x_t; k) for a tile of frames, and the best of each frame."""
    for t in range(_TILE):
        best[t] = np.float32(-math.inf)
    for k in range(len(means)):
        for t in range(_TILE):
            value = log_norms[k]
            for d in range(DIMS):
                difference = tile[d, t] - means[k, d]
                value -= difference * difference * half_precisions[k, d]
            log_density[k, t] = value
        for t in range(_TILE):
            best[t] = log_density[k, t] if log_density[k, t] > best[t] else best[t]


@njit(cache=True, nogil=True)
def _mix(
    log_density: np.ndarray, best: np.ndarray, mixture_weights: np.ndarray, sums: np.ndarray
) -> None:
    """Sum the densities, relative to the best one of the frame, for each of the three states."""
    sums[:] = np.float32(0.0)
    for k in range(len(mixture_weights)):
        weight0 = mixture_weights[k, 0]
        weight1 = mixture_weights[k, 1]
        weight2 = mixture_weights[k, 2]
        for t in range(_TILE):
            density = _exp(log_density[k, t] - best[t])
            sums[0, t] += weight0 * density
            sums[1, t] += weight1 * density
            sums[2, t] += weight2 * density


@njit(cache=True, nogil=True, inline="always")
def _exp(x: np.float32) -> np.float32:
    """Return exp(x) for x <= 0 in float32, in operations that LLVM can vectorise.

    x = n ln 2 + r with |r| <= ln 2 / 2, and a sixth-degree polynomial in r; below -87 it stays at
    exp(-87). Largest relative error 3e-7 (test_exponential_over_its_whole_range).
    """
    x = max(x, np.float32(-87.0))
    n = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = (x - n * np.float32(0.693359375)) + n * np.float32(2.12194440e-4)
    p = np.float32(1.0 / 720.0)
    p = p * r + np.float32(1.0 / 120.0)
    p = p * r + np.float32(1.0 / 24.0)
    p = p * r + np.float32(1.0 / 6.0)
    p = p * r + np.float32(0.5)
    p = p * r + np.float32(1.0)
    p = p * r + np.float32(1.0)
    power = np.int32(np.int32(n) + np.int32(127)) << np.int32(23)
    return np.float32(p * np.int32(power).view(np.float32))
