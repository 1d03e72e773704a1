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
from speechalign.kernels.logspace import log_add

_DONE, _UNDERFLOW, _ILLEGAL = range(3)

# Rows are kept near 2**500: a state may fall 1091 nats below the row, and the product of a
# forward and a backward row stays below 2**1024.
_UNIT = 2.0**500
# No row may sum to more than the one, no product of two rows to less than the other: what numbers
# below 2**-1074 would have added, less than 2**-474 a state, then does not matter.
_MOST, _LEAST = 2.0**600, 2.0**-420
# Emissions further below the best of their frame are left to the log domain.
_DEEPEST = -700.0


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
    small for that is done again in the log domain. What that misses is an alignment that is 1000
    nats below the others both in what goes before a frame and in what follows it.

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

    def occupy(b: int) -> int:
        frames = int(input_lengths[b])
        labels = np.ascontiguousarray(targets[b, : target_lengths[b]])
        arguments = (log_probs[b, :frames], labels, blank, delay_penalty, risk)
        status, scores[b] = _occupy_scaled(*arguments, posteriors[b])
        if status == _UNDERFLOW:
            posteriors[b] = 0
            status, scores[b] = _occupy_logs(*arguments, posteriors[b])
        return status

    if jobs == 1 or len(log_probs) < 2:
        statuses = [occupy(b) for b in range(len(log_probs))]
    else:
        with ThreadPoolExecutor(min(jobs, len(log_probs))) as threads:
            statuses = list(threads.map(occupy, range(len(log_probs))))
    if _ILLEGAL in statuses:
        b = statuses.index(_ILLEGAL)
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
def _too_short(frames: int, targets: np.ndarray) -> bool:
    """Tell whether the labels, and a blank between equal ones, need more frames."""
    needed = len(targets)
    for i in range(1, len(targets)):
        needed += targets[i] == targets[i - 1]
    return needed > frames


_LOG2_E = 1.4426950408889634
_LN_2_HIGH = 0.693147180369123816490
_LN_2_LOW = 1.90821492927058770002e-10
_ROUNDER = 1.5 * 2.0**52  # Added to a small number, leaves its integer in the lowest bits.


@njit(cache=True, nogil=True)
def _exponentials(
    values: np.ndarray, powers: np.ndarray, bits: np.ndarray, out: np.ndarray
) -> None:
    """Write exp of values in [_DEEPEST, 0], to 2e-16, as vector instructions can: 2**k * exp(r).

    ``bits`` are those of ``powers``; both are scratch.
    """
    for i in range(len(values)):
        powers[i] = values[i] * _LOG2_E + _ROUNDER
    for i in range(len(values)):
        k = powers[i] - _ROUNDER
        r = (values[i] - k * _LN_2_HIGH) - k * _LN_2_LOW
        p = 1 / 479001600.0
        p = p * r + 1 / 39916800.0
        p = p * r + 1 / 3628800.0
        p = p * r + 1 / 362880.0
        p = p * r + 1 / 40320.0
        p = p * r + 1 / 5040.0
        p = p * r + 1 / 720.0
        p = p * r + 1 / 120.0
        p = p * r + 1 / 24.0
        p = p * r + 1 / 6.0
        p = p * r + 0.5
        p = p * r + 1.0
        out[i] = p * r + 1.0
    for i in range(len(values)):
        bits[i] = (bits[i] + 1023) << 52
    for i in range(len(values)):
        out[i] *= powers[i]


# Sums may be reordered, so that they become vector instructions; nothing else is relaxed.
@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _total(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] + b[i]
    return total


@njit(cache=True, nogil=True, fastmath={"reassoc"})
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True)
def _occupy_scaled(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    delay_penalty: float,
    risk: float,
    posteriors: np.ndarray,
) -> tuple[int, float]:
    """Fill the posteriors of one utterance; return how that went, and the score."""
    frames, labels = len(log_probs), len(targets)
    if _too_short(frames, targets):
        return _DONE, -math.inf
    if frames == 0:
        return _DONE, 0.0
    # Label l is in column l + 1 and the blank before it in column l; column 0 of labels is empty.
    differs = np.zeros(labels + 1)
    for i in range(1, labels):
        differs[i] = targets[i] != targets[i - 1]
    tail = math.exp(risk / frames)
    emitted = np.empty((frames, labels + 1))
    values, powers = np.empty(labels + 1), np.empty(labels + 1)
    bits = powers.view(np.int64)
    blanks, spoken = np.empty((frames + 1, labels + 1)), np.empty((frames + 1, labels + 1))
    blanks[0] = spoken[0] = spoken[:, 0] = 0.0
    totals = np.empty(frames + 1)
    blanks[0, 0] = totals[0] = _UNIT
    score = -risk
    for t in range(frames):
        values[labels] = log_probs[t, blank]
        highest = values[labels]
        legal = values[labels] < math.inf
        for i in range(labels):
            value = log_probs[t, targets[i]]
            values[i] = value
            legal &= value < math.inf
            highest = max(highest, value)
        if not legal:
            return _ILLEGAL, math.nan
        if highest == -math.inf:
            return _DONE, -math.inf
        impossible = False
        for i in range(labels + 1):
            values[i] -= highest
            if values[i] < _DEEPEST:
                if values[i] > -math.inf:
                    return _UNDERFLOW, 0.0
                impossible = True
        now = emitted[t]
        if impossible:
            for i in range(labels + 1):
                now[i] = math.exp(values[i])
        else:
            _exponentials(values, powers, bits, now)
        scale = _UNIT / totals[t]
        enter = math.exp(delay_penalty * (frames // 2 - t))
        score += highest + math.log(totals[t] / _UNIT)
        silent = now[labels] * scale
        b_from, b_to, s_from, s_to = blanks[t], blanks[t + 1], spoken[t], spoken[t + 1]
        for i in range(labels + 1):
            b_to[i] = silent * (b_from[i] + s_from[i])
        b_to[labels] *= tail
        for i in range(labels):
            s_to[i + 1] = (
                now[i] * scale * (s_from[i + 1] + enter * (b_from[i] + differs[i] * s_from[i]))
            )
        totals[t + 1] = _total(b_to, s_to)
        if not 0.0 < totals[t + 1] < _MOST:
            return _UNDERFLOW, 0.0
    end = blanks[frames, labels] + spoken[frames, labels]
    if end == 0.0:
        return _UNDERFLOW, 0.0
    score += math.log(end / _UNIT)
    b_after, s_after = np.zeros(labels + 1), np.zeros(labels + 1)
    b_next, s_next = np.zeros(labels + 1), np.zeros(labels + 2)
    b_after[labels] = s_after[labels] = _UNIT
    for t in range(frames - 1, -1, -1):
        b_to, s_to, now = blanks[t + 1], spoken[t + 1], emitted[t]
        silence = _dot(b_to, b_after)
        total = silence + _dot(s_to, s_after)
        size = _total(b_after, s_after)
        if not (total > _LEAST and size < _MOST):
            return _UNDERFLOW, 0.0
        share = 1.0 / total
        posteriors[t, 0] = silence * share
        for i in range(1, labels + 1):
            posteriors[t, i] = s_to[i] * s_after[i] * share
        scale = _UNIT / size
        enter = math.exp(delay_penalty * (frames // 2 - t))
        silent = now[labels] * scale
        for i in range(labels + 1):
            b_next[i] = silent * b_after[i]
        b_next[labels] *= tail
        for i in range(labels):
            s_next[i + 1] = now[i] * scale * s_after[i + 1]
        for i in range(labels + 1):
            b_after[i] = b_next[i] + enter * s_next[i + 1]
        for i in range(1, labels + 1):
            s_after[i] = s_next[i] + b_next[i] + enter * differs[i] * s_next[i + 1]
    return _DONE, score


@njit(cache=True, nogil=True)
def _occupy_logs(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    delay_penalty: float,
    risk: float,
    posteriors: np.ndarray,
) -> tuple[int, float]:
    """Do as `_occupy_scaled` with logarithms: slower, of any range."""
    frames, states = len(log_probs), 2 * len(targets) + 1
    labels = np.full(states, blank)
    labels[1::2] = targets
    alpha = np.full((frames + 1, states), -math.inf)
    alpha[0, 0] = 0.0
    weights = np.empty(states)
    for t in range(frames):
        if not _weigh(log_probs, labels, t, risk, weights):
            return _ILLEGAL, math.nan
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
        return _DONE, score
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
    return _DONE, score - risk


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
