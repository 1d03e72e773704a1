"""Dynamic time warping: the cheapest monotone path through a matrix of costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.errors import InputError

_DIAGONAL, _DOWN, _RIGHT, _BEGIN = np.uint8(0), np.uint8(1), np.uint8(2), np.uint8(3)


@dataclass(frozen=True)
class DtwPath:
    """A path from the first column of a matrix to the last.

    Parameters
    ----------
    rows, columns : ndarray, shape (P,), int64
        Its cells; at each step one or both go up by one.
    cost : float
        Sum of the costs of its cells.
    """

    rows: np.ndarray
    columns: np.ndarray
    cost: float


def dtw(costs: np.ndarray, *, free_rows: bool = False) -> DtwPath:
    """Find the cheapest path through a matrix that goes down, right, or both at once.

    Parameters
    ----------
    costs : ndarray, shape (N, M), float32 or float64
        Cost of pairing row i with column j; finite, of either sign.
    free_rows : bool
        The path may begin in any row of the first column, and end in any row of the last, the
        first such where several are as cheap.

    Returns
    -------
    DtwPath
        From (0, 0) to (N - 1, M - 1), unless rows are free. Of equal costs, the step of both at
        once is preferred, then the one down, then the one to the right.

    Raises
    ------
    InputError
        The matrix is empty, of the wrong dtype, or has a cost that is not finite.

    Notes
    -----
    D[i, j] = costs[i, j] + min(D[i-1, j-1], D[i-1, j], D[i, j-1]), with D[0, 0] = costs[0, 0];
    where rows are free, D[i, 0] = costs[i, 0] + min(0, D[i-1, 0]). O(NM) time; one byte a cell of
    memory, and sums in float64.

    References
    ----------
    .. [1] H. Sakoe and S. Chiba, "Dynamic programming algorithm optimization for spoken word
       recognition", IEEE Trans. ASSP 26(1), 1978, without slope constraint and weights.

    Examples
    --------
    >>> path = dtw(np.array([[0.0, 2.0, 9.0], [9.0, 1.0, 1.0]]))
    >>> list(zip(path.rows.tolist(), path.columns.tolist())), path.cost
    ([(0, 0), (1, 1), (1, 2)], 2.0)
    """
    if costs.ndim != 2 or 0 in costs.shape or costs.dtype not in (np.float32, np.float64):
        raise InputError(
            f"costs: expected shape (N, M), float32 or float64, N and M at least 1; got "
            f"{costs.shape} {costs.dtype}"
        )
    if not np.isfinite(costs).all():
        i, j = np.argwhere(~np.isfinite(costs))[0].tolist()
        raise InputError(f"costs[{i}, {j}]: expected a finite number, got {costs[i, j]}")
    steps, last, cost = _fill(np.ascontiguousarray(costs), free_rows)
    rows, columns = _trace(steps, last)
    return DtwPath(rows, columns, float(cost))


@njit(cache=True, nogil=True)
def _fill(costs: np.ndarray, free_rows: bool) -> tuple[np.ndarray, int, float]:
    """Return the step into each cell, (N, M) uint8, and last row and cost of the best path."""
    height, width = costs.shape
    steps = np.empty((height, width), np.uint8)
    row = np.empty(width)
    total = 0.0
    for j in range(width):
        total += costs[0, j]
        row[j] = total
        steps[0, j] = _RIGHT
    steps[0, 0] = _BEGIN
    last, lowest = 0, row[width - 1]
    for i in range(1, height):
        diagonal = row[0]
        steps[i, 0] = _DOWN
        if free_rows and diagonal >= 0.0:
            row[0] = 0.0
            steps[i, 0] = _BEGIN
        row[0] += costs[i, 0]
        left = row[0]
        for j in range(1, width):
            above = row[j]
            best, step = diagonal, _DIAGONAL
            if above < best:
                best, step = above, _DOWN
            if left < best:
                best, step = left, _RIGHT
            steps[i, j] = step
            left = best + costs[i, j]
            row[j] = left
            diagonal = above
        if not free_rows or row[width - 1] < lowest:
            last, lowest = i, row[width - 1]
    return steps, last, lowest


@njit(cache=True, nogil=True)
def _trace(steps: np.ndarray, last: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows and columns of the path to the last column that the steps tell."""
    i, j = last, steps.shape[1] - 1
    rows = np.empty(i + j + 1, np.int64)
    columns = np.empty(i + j + 1, np.int64)
    at = i + j
    rows[at], columns[at] = i, j
    while steps[i, j] != _BEGIN:
        step = steps[i, j]
        if step != _RIGHT:
            i -= 1
        if step != _DOWN:
            j -= 1
        at -= 1
        rows[at], columns[at] = i, j
    return rows[at:], columns[at:]
