"""Distances along an alignment path and their gradients; only cells on the path are computed."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

SQUARED, EUCLIDEAN, COSINE = 0, 1, 2


def path_sums(
    u: np.ndarray, v: np.ndarray, firsts: np.ndarray, ends: np.ndarray, distance: int
) -> np.ndarray:
    """Sum the distances along the path of each utterance.

    Parameters
    ----------
    u : ndarray, shape (B, N, d), float32 or float64, C-contiguous
        Rows; those that are not on the path are not read.
    v : ndarray, shape (B, M, d), of the same dtype, C-contiguous
        What they are paired with.
    firsts, ends : ndarray, shape (B, N), int64
        Row i of u is paired with the rows ``[firsts[b, i], ends[b, i])`` of v.
    distance : int
        ``SQUARED``, ``EUCLIDEAN`` or ``COSINE``, one minus the cosine, which is 0 for a row of
        zeros.

    Returns
    -------
    ndarray, shape (B,), float64
        inf where no row is paired. Each distance is found in the dtype of the rows.
    """
    return _sums(u, v, firsts, ends, distance)


def path_slopes(
    u: np.ndarray,
    v: np.ndarray,
    firsts: np.ndarray,
    ends: np.ndarray,
    distance: int,
    weights: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the derivatives of the weighted sum of `path_sums`, as u and v.

    Notes
    -----
    Of a squared distance, 2 (u - v); of a euclidean one, (u - v) / D, or 0 where D is 0; of a
    cosine, ((u - v) + (c |v| / |u| - 1) u) / (|u| |v|) for u and the same with u and v exchanged
    for v, or 0 where one of them is 0. O(P d) time for P pairs.
    """
    by_u, by_v = np.zeros_like(u), np.zeros_like(v)
    _add_slopes(u, v, firsts, ends, distance, weights, by_u, by_v)
    return by_u, by_v


# Sums over d may be reordered, so that they become vector instructions; nothing else is relaxed.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _product(x: np.ndarray, y: np.ndarray) -> float:
    total = x.dtype.type(0)
    for k in range(len(x)):
        total += x[k] * y[k]
    return float(total)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _squared(x: np.ndarray, y: np.ndarray) -> float:
    total = x.dtype.type(0)
    for k in range(len(x)):
        apart = x[k] - y[k]
        total += apart * apart
    return float(total)


@njit(cache=True, nogil=True)
def _apart(x: np.ndarray, y: np.ndarray, distance: int) -> tuple[float, float, float, float]:
    """Return D, and p, q, r: dD/dx is q (x - y) + p x, and dD/dy is q (y - x) + r y."""
    if distance == SQUARED:
        return _squared(x, y), 0.0, 2.0, 0.0
    if distance == EUCLIDEAN:
        root = math.sqrt(_squared(x, y))
        return root, 0.0, 1 / root if root > 0 else 0.0, 0.0
    length, other = math.sqrt(_product(x, x)), math.sqrt(_product(y, y))
    both = length * other
    if both == 0:
        return 1.0, 0.0, 0.0, 0.0
    cosine = _product(x, y) / both
    q = 1 / both
    return 1 - cosine, cosine / length**2 - q, q, cosine / other**2 - q


@njit(cache=True, nogil=True)
def _sums(
    u: np.ndarray, v: np.ndarray, firsts: np.ndarray, ends: np.ndarray, distance: int
) -> np.ndarray:
    found = np.full(len(u), np.inf)
    for b in range(len(u)):
        total, pairs = 0.0, 0
        for i in range(u.shape[1]):
            for j in range(firsts[b, i], ends[b, i]):
                total += _apart(u[b, i], v[b, j], distance)[0]
                pairs += 1
        if pairs > 0:
            found[b] = total
    return found


@njit(cache=True, nogil=True)
def _add_slopes(
    u: np.ndarray,
    v: np.ndarray,
    firsts: np.ndarray,
    ends: np.ndarray,
    distance: int,
    weights: np.ndarray,
    by_u: np.ndarray,
    by_v: np.ndarray,
) -> None:
    kind = u.dtype.type
    for b in range(len(u)):
        for i in range(u.shape[1]):
            for j in range(firsts[b, i], ends[b, i]):
                x, y, to_x, to_y = u[b, i], v[b, j], by_u[b, i], by_v[b, j]
                _, p, q, r = _apart(x, y, distance)
                p, q, r = kind(p * weights[b]), kind(q * weights[b]), kind(r * weights[b])
                for k in range(len(x)):
                    step = q * (x[k] - y[k])
                    to_x[k] += step + p * x[k]
                    to_y[k] += r * y[k] - step
