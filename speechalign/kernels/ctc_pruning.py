"""Lower bounds for the scores of states on a best CTC path, given any path.

Let S be the score of that path. No frame can add more than its highest emission, so a state whose
score, plus all that the frames to come can add, stays below S lies on no best path.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.kernels.ctc_rows import FLOOR

FEW = 128
"""Up to so many columns, the highest emission of a frame is looked for; beyond, it is inferred."""

_SURE = -0.5


@njit(cache=True, nogil=True)
def gains_of(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    positions: np.ndarray,
    block: int,
) -> np.ndarray:
    """Return the most that any path can add in each block.

    Of few columns, that is the highest in each frame. Of many, most need not be read: where the
    path found reads more than `_SURE`, no other column can hold more, as probabilities sum to one.
    In the frames that are left the columns of the text are read; where these are more than a
    quarter, nothing much would be pruned, and nothing is returned.
    """
    frames, vocabulary = log_probs.shape
    gains = np.zeros(-(-frames // block))
    read = 0
    for t in range(frames):
        highest = -np.inf
        if vocabulary > FEW:
            pair = positions[t] // 2
            highest = log_probs[t, blank if positions[t] % 2 == 0 else targets[pair]]
        if highest < _SURE:
            read += 1
            if vocabulary <= FEW:
                highest = log_probs[t, 0]
                for v in range(1, vocabulary):
                    x = log_probs[t, np.uintp(v)]
                    highest = x if x > highest else highest
            elif 4 * read > frames:
                return gains[:0]
            else:
                highest = log_probs[t, blank]
                for p in range(len(targets)):
                    x = log_probs[t, np.uintp(targets[p])]
                    highest = x if x > highest else highest
        gains[t // block] += max(highest, FLOOR)
    return gains


@njit(cache=True, nogil=True)
def limits_of(gains: np.ndarray, frames: int, score: float) -> np.ndarray:
    """Return what a state must have scored at the end of each block to be on a path of ``score``.

    Scores are sums of T float32 terms, each rounded at the size that the row spans; twice the bound
    on those errors is conceded.
    """
    to_come = gains.sum()
    slack = 2.0**-23 * frames * (abs(to_come - score) + 64.0)
    limits = np.empty(len(gains))
    for number in range(len(gains)):
        to_come -= gains[number]
        limits[number] = score - to_come - slack
    return limits
