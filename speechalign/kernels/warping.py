"""Monotone maps of one sequence onto another: the best one, and the sum over all of them."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_BOTH, _STAY, _SKIP = np.uint8(0), np.uint8(1), np.uint8(2)


def best_map(costs: np.ndarray, *, skip: bool, free_ends: bool) -> np.ndarray:
    """Find the cheapest monotone map of rows to columns, one column a row.

    Parameters
    ----------
    costs : ndarray, shape (N, M), float32 or float64, C-contiguous
        Cost of mapping row i to column j; finite, N and M at least 1.
    skip : bool
        A step may pass over one column.
    free_ends : bool
        Rows before the first and after the last column that is mapped to cost nothing.

    Returns
    -------
    ndarray, shape (N,), int64
        Column of each row, from 0 to M - 1; -1 for rows at free ends. All are -1 where N rows are
        too few for M columns. Of equal costs, the step to the next column is preferred, then none,
        then the one that skips.

    Notes
    -----
    c[i, j] = costs[i, j] + min(c[i-1, j-1], c[i-1, j], c[i-1, j-2] with ``skip``), with
    c[0, 0] = costs[0, 0]; with ``free_ends``, c[i, 0] may begin at any i and the last column end at
    any. O(NM) time, one byte a cell of memory, and sums in float64.

    Examples
    --------
    >>> costs = np.array([[0.0, 5.0], [1.0, 4.0], [9.0, 1.0]])
    >>> best_map(costs, skip=False, free_ends=False).tolist()
    [0, 0, 1]
    >>> best_map(costs, skip=False, free_ends=True).tolist()
    [-1, 0, 1]
    """
    return _best_map(costs, skip, free_ends)


def soft_cost(
    costs: np.ndarray, gamma: float, *, skip: bool, dtw: bool, free_ends: bool
) -> tuple[float, np.ndarray]:
    """Sum over all monotone paths, and find how probable each cell is to be on one.

    Parameters
    ----------
    costs : ndarray, shape (N, M), float32 or float64, C-contiguous
        Finite, N and M at least 1.
    gamma : float
        Temperature of the soft minimum, above 0.
    skip, free_ends : bool
        As `best_map` has them.
    dtw : bool
        A row may take several columns, as in dynamic time warping.

    Returns
    -------
    cost : float
        -gamma times the log of the sum over paths of exp(-cost of the path / gamma); inf where
        there is none.
    occupation : ndarray, shape (N, M), float64
        Derivative of the cost with respect to the costs: the probability of each cell.

    Notes
    -----
    R[i, j] = costs[i, j] - gamma log sum over predecessors p of exp(-R[p] / gamma); backwards,
    E[p] = sum over successors c of E[c] exp((R[c] - costs[c] - R[p]) / gamma) [1]_.

    References
    ----------
    .. [1] M. Cuturi and M. Blondel, "Soft-DTW: a differentiable loss function for time-series",
       Proc. ICML, 2017, algorithms 1 and 2, for other predecessors as well.
    """
    sums = _soft_sums(costs, gamma, skip, dtw, free_ends)
    return _soft_occupation(costs, sums, gamma, skip, dtw, free_ends)


@njit(cache=True, nogil=True)
def _best_map(costs: np.ndarray, skip: bool, free_ends: bool) -> np.ndarray:
    height, width = costs.shape
    steps = np.empty((height, width), np.uint8)
    # Two places in front stand for the columns before the first.
    before = np.full(width + 2, np.inf)
    after = np.full(width + 2, np.inf)
    before[1] = 0.0
    last, lowest = height - 1, np.inf
    for i in range(height):
        for j in range(width):
            best, step = before[j + 1], _BOTH
            if before[j + 2] < best:
                best, step = before[j + 2], _STAY
            if skip and j > 1 and before[j] < best:
                best, step = before[j], _SKIP
            steps[i, j] = step
            after[j + 2] = best + costs[i, j]
        before, after = after, before
        before[1] = 0.0 if free_ends else np.inf
        before[0] = np.inf
        if free_ends and before[width + 1] < lowest:
            lowest, last = before[width + 1], i
    columns = np.full(height, -1, np.int64)
    if before[width + 1] == np.inf and lowest == np.inf:
        return columns
    j = width - 1
    for i in range(last, -1, -1):
        columns[i] = j
        step = steps[i, j]
        if step != _STAY:
            j -= 1 if step == _BOTH else 2
        if j < 0:
            break
    return columns


@njit(cache=True, nogil=True)
def _soft_sums(
    costs: np.ndarray, gamma: float, skip: bool, dtw: bool, free_ends: bool
) -> np.ndarray:
    """Return R of the notes of `soft_cost`."""
    height, width = costs.shape
    sums = np.empty((height, width))
    for i in range(height):
        for j in range(width):
            stay = sums[i - 1, j] if i > 0 else math.inf
            both = sums[i - 1, j - 1] if i > 0 and j > 0 else math.inf
            if j == 0 and (i == 0 or free_ends):
                both = 0.0
            jump = sums[i - 1, j - 2] if skip and i > 0 and j > 1 else math.inf
            wait = sums[i, j - 1] if dtw and j > 0 else math.inf
            low = min(min(stay, both), min(jump, wait))
            if low == math.inf:
                sums[i, j] = math.inf
                continue
            total = math.exp((low - stay) / gamma) + math.exp((low - both) / gamma)
            if skip:
                total += math.exp((low - jump) / gamma)
            if dtw:
                total += math.exp((low - wait) / gamma)
            sums[i, j] = costs[i, j] + low - gamma * math.log(total)
    return sums


@njit(cache=True, nogil=True)
def _soft_occupation(
    costs: np.ndarray, sums: np.ndarray, gamma: float, skip: bool, dtw: bool, free_ends: bool
) -> tuple[float, np.ndarray]:
    """Return what `soft_cost` does, given R of its notes."""
    height, width = costs.shape
    found = np.zeros((height, width))
    total = sums[height - 1, width - 1]
    if free_ends:
        low = sums[:, width - 1].min()
        if low < math.inf:
            for i in range(height):
                found[i, width - 1] = math.exp((low - sums[i, width - 1]) / gamma)
            weight = found[:, width - 1].sum()
            found[:, width - 1] /= weight
            total = low - gamma * math.log(weight)
    elif total < math.inf:
        found[height - 1, width - 1] = 1.0
    for i in range(height - 1, -1, -1):
        for j in range(width - 1, -1, -1):
            here = found[i, j]
            if here == 0.0:
                continue
            entry = sums[i, j] - costs[i, j]
            if i > 0:
                found[i - 1, j] += here * math.exp((entry - sums[i - 1, j]) / gamma)
                if j > 0:
                    found[i - 1, j - 1] += here * math.exp((entry - sums[i - 1, j - 1]) / gamma)
                if skip and j > 1:
                    found[i - 1, j - 2] += here * math.exp((entry - sums[i - 1, j - 2]) / gamma)
            if dtw and j > 0:
                found[i, j - 1] += here * math.exp((entry - sums[i, j - 1]) / gamma)
    return total, found
