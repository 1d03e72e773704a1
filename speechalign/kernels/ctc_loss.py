"""CTC forward-backward: the sum over all alignments of a batch, and how much of it passes where.

The specialised twin of `forward_backward` on ``ctc_graph(targets, blank=blank)``, many times faster
(``tools/bench/losses.py``), with the two weights that losses put on alignments.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.errors import InputError
from speechalign.kernels.ctc_scaled import (
    DONE,
    ILLEGAL,
    UNDERFLOW,
    likely_tilt,
    occupy_scaled,
    scratch_size,
)
from speechalign.kernels.logspace import log_add

# Nats that alignments may lie below what rows hold without a tilt, by a quick estimate.
_FAR = 850.0


@dataclass(frozen=True)
class CtcOccupation:
    """The sum over all CTC alignments of each utterance.

    Parameters
    ----------
    scores : ndarray, shape (B,), float64
        Natural-log sum; -inf where there is no alignment.
    posteriors : ndarray, shape (B, T, L + 1), of the dtype of the emissions
        Share of the sum in which frame t reads the blank (column 0) or target l (column l + 1).
        Zero beyond the lengths, and where there is no alignment.
    """

    scores: np.ndarray
    posteriors: np.ndarray


def ctc_occupation(
    log_probs: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    *,
    blank: int,
    delay_penalty: float = 0.0,
    risk: float = 0.0,
    jobs: int = 1,
) -> CtcOccupation:
    """Sum over the CTC alignments of each utterance of a batch.

    Parameters
    ----------
    log_probs : ndarray, shape (B, T, V), float32 or float64
        Natural-log scores, normalised or not; -inf marks an impossible label. Any strides.
    targets : ndarray, shape (B, L), int64
        Labels in order, each a column other than ``blank``; the caller has checked them.
    input_lengths, target_lengths : ndarray, shape (B,), int64
        Frames and labels of each utterance; what lies beyond is never read.
    blank : int
        Column of the blank.
    delay_penalty : float
        An alignment that first reads target l at frame t gains ``delay_penalty * (T // 2 - t)``
        nats for it, T being the frames of the utterance.
    risk : float
        An alignment whose last target ends at frame tau, counted from 1, loses ``risk * tau / T``.
    jobs : int
        Threads over utterances; no result depends on it.

    Returns
    -------
    CtcOccupation
        Sums and posteriors, accumulated in float64.

    Raises
    ------
    InputError
        NaN or +inf among the scores of the blank or of targets.

    Notes
    -----
    With states s = 0 .. 2L, blank and labels in turn,
    ``alpha[t, s] = p[t, s] * (alpha[t-1, s] + w[t, s] * (alpha[t-1, s-1] + alpha[t-1, s-2]))``, the
    last term only from one label to a different one, w the weight of entering a label at t;
    beta likewise backwards. Both are kept as probabilities, each row scaled [1]_, with one
    exponential a label and frame. An utterance in which some frame's product of both rows is too
    small for that is done with a weight on entering labels that keeps rows where alignments are, at
    once where average emissions tell as much; and if that does not help, in the log domain. What
    that misses is an alignment that is 1000 nats below the others both in what goes before a frame
    and in what follows it.

    References
    ----------
    .. [1] A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist temporal
       classification", Proc. ICML, 2006, section 4.1.

    Examples
    --------
    >>> log_probs = np.log([[[0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]])
    >>> one = ctc_occupation(log_probs, np.array([[1, 2]]), np.array([3]), np.array([2]), blank=0)
    >>> round(float(np.exp(one.scores[0])), 3), one.posteriors[0, 1].round(3).tolist()
    (0.514, [0.56, 0.315, 0.125])
    """
    scores = np.full(len(log_probs), -np.inf)
    posteriors = np.zeros((*log_probs.shape[:2], targets.shape[1] + 1), log_probs.dtype)

    statuses = np.empty(len(log_probs), dtype=np.int64)

    def occupy(job: int) -> None:
        scratch = np.empty(scratch_size(log_probs.shape[1], targets.shape[1]))
        for b in range(job, len(log_probs), jobs):
            frames = log_probs[b, : input_lengths[b]]
            labels = np.ascontiguousarray(targets[b, : target_lengths[b]])
            options = (labels, blank, delay_penalty, risk)
            tilt, worth = likely_tilt(frames, labels, blank, 16)
            if worth < _FAR:
                tilt = 0.0
            statuses[b], scores[b] = occupy_scaled(frames, *options, tilt, scratch, posteriors[b])
            if statuses[b] == UNDERFLOW:
                tilt, _ = likely_tilt(frames, labels, blank, 256)
                statuses[b], scores[b] = occupy_scaled(
                    frames, *options, tilt, scratch, posteriors[b]
                )
            if statuses[b] == UNDERFLOW:
                posteriors[b] = 0
                statuses[b], scores[b] = _occupy_logs(frames, *options, posteriors[b])

    jobs = max(1, min(jobs, len(log_probs)))
    if jobs == 1:
        occupy(0)
    else:
        with ThreadPoolExecutor(jobs) as threads:
            list(threads.map(occupy, range(jobs)))
    if ILLEGAL in statuses:
        b = int(np.argmax(statuses == ILLEGAL))
        frames = log_probs[b, : input_lengths[b]]
        read = np.append(targets[b, : target_lengths[b]], blank)
        t, column = np.argwhere(~(frames[:, read] < np.inf))[0]
        raise illegal_score(b, int(t), int(read[column]), float(frames[t, read[column]]))
    return CtcOccupation(scores, posteriors)


def illegal_score(b: int, t: int, v: int, found: float) -> InputError:
    """Return the error of an emission that is NaN or +inf."""
    return InputError(
        f"log_probs[{b}, {t}, {v}]: expected a finite value or -inf, got {found}; check the model "
        f"and the features of utterance {b}"
    )


@njit(cache=True, nogil=True)
def spread(
    posteriors: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    factors: np.ndarray,
    blank: int,
    gradient: np.ndarray,
) -> None:
    """Add factors[b] times the posteriors to the columns of a gradient (B, T, V) of zeros."""
    for b in range(len(targets)):
        for t in range(input_lengths[b]):
            gradient[b, t, blank] = factors[b] * posteriors[b, t, 0]
            for i in range(target_lengths[b]):
                gradient[b, t, targets[b, i]] += factors[b] * posteriors[b, t, i + 1]


@njit(cache=True, nogil=True)
def _occupy_logs(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    delay_penalty: float,
    risk: float,
    posteriors: np.ndarray,
) -> tuple[int, float]:
    """Do as `occupy_scaled` with logarithms: slower, of any range."""
    frames, states = len(log_probs), 2 * len(targets) + 1
    labels = np.full(states, blank)
    labels[1::2] = targets
    alpha = np.full((frames + 1, states), -math.inf)
    alpha[0, 0] = 0.0
    weights = np.empty(states)
    for t in range(frames):
        if not _weigh(log_probs, labels, t, risk, weights):
            return ILLEGAL, math.nan
        enter = delay_penalty * (frames // 2 - t)
        for s in range(states):
            total = alpha[t, s]
            if s % 2 == 0:
                if s > 0:
                    total = log_add(total, alpha[t, s - 1])
            else:
                entering = alpha[t, s - 1]
                if s > 1 and labels[s] != labels[s - 2]:
                    entering = log_add(entering, alpha[t, s - 2])
                total = log_add(total, entering + enter)
            alpha[t + 1, s] = total + weights[s]
    score = alpha[frames, states - 1]
    if states > 1:
        score = log_add(score, alpha[frames, states - 2])
    if score == -math.inf:
        return DONE, score
    beta, through = np.full(states, -math.inf), np.empty(states)
    beta[max(0, states - 2) :] = 0.0
    for t in range(frames - 1, -1, -1):
        for s in range(states):
            column = (s + 1) // 2 if s % 2 else 0
            posteriors[t, column] += math.exp(alpha[t + 1, s] + beta[s] - score)
        _weigh(log_probs, labels, t, risk, weights)
        enter = delay_penalty * (frames // 2 - t)
        for s in range(states):
            through[s] = beta[s] + weights[s]
        for s in range(states):
            total = through[s]
            if s + 1 < states:
                total = log_add(total, through[s + 1] + (enter if s % 2 == 0 else 0.0))
            if s % 2 and s + 2 < states and labels[s] != labels[s + 2]:
                total = log_add(total, through[s + 2] + enter)
            beta[s] = total
    return DONE, score - risk


@njit(cache=True, nogil=True)
def _weigh(
    log_probs: np.ndarray, labels: np.ndarray, t: int, risk: float, weights: np.ndarray
) -> bool:
    """Write the score of each state at frame t; return whether none is NaN or +inf."""
    legal = True
    for s in range(len(labels)):
        weights[s] = log_probs[t, labels[s]]
        legal &= weights[s] < math.inf
    weights[len(labels) - 1] += risk / len(log_probs)
    return legal
