"""CTC sums found by enumerating all rows of columns: independent of speechalign."""

from __future__ import annotations

import itertools
import math

import numpy as np


def collapsed(row, blank):
    """Merge equal neighbours, then leave out blanks."""
    return tuple(v for v, _ in itertools.groupby(row) if v != blank)


def unblanked(row, blank):
    """Leave out blanks."""
    return tuple(v for v in row if v != blank)


def onsets(row, blank):
    """Frames in which a label is read that was not read in the frame before."""
    return [t for t, v in enumerate(row) if v != blank and (t == 0 or row[t - 1] != v)]


def last_end(row, blank):
    """Frames up to the last one that reads a label; 0 where none does."""
    return max((t + 1 for t, v in enumerate(row) if v != blank), default=0)


def weighted_sum(log_probs, weigh):
    """Sum exp(scores + weight) over all rows; return its log and the shares (T, V) of each column.

    ``weigh(row)`` is the natural-log weight of a row, None where it does not count.
    """
    frames, columns = log_probs.shape
    shares = np.zeros((frames, columns))
    total = 0.0
    for row in itertools.product(range(columns), repeat=frames):
        weight = weigh(row)
        if weight is not None:
            mass = math.exp(sum(float(log_probs[t, v]) for t, v in enumerate(row)) + weight)
            total += mass
            for t, v in enumerate(row):
                shares[t, v] += mass
    if total == 0:
        return -math.inf, shares
    return math.log(total), shares / total
