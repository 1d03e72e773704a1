"""Padding: which recordings are scored in one batch."""

from __future__ import annotations

import numpy as np


def padded_batches(lengths: np.ndarray, *, most: float) -> list[np.ndarray]:
    """Sort recordings by length, and cut them into batches of so many samples, padding included.

    Parameters
    ----------
    lengths : ndarray, shape (B,), int64
        Samples of each recording.
    most : float
        Samples that a batch may have when all its recordings are as long as the longest. A
        recording that is longer by itself is a batch of its own.

    Returns
    -------
    list of ndarray
        Numbers of the recordings of each batch, int64; each recording is in one of them.

    Examples
    --------
    >>> [rows.tolist() for rows in padded_batches(np.array([9, 3, 4, 3]), most=9)]
    [[1, 3], [2], [0]]
    """
    batches: list[list[int]] = []
    for row in np.argsort(lengths, kind="stable").tolist():
        if batches and (len(batches[-1]) + 1) * lengths[row] <= most:
            batches[-1].append(row)
        else:
            batches.append([row])
    return [np.array(rows, np.int64) for rows in batches]
