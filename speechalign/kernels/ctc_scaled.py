"""The CTC sum of one utterance by probabilities in scaled rows; see `ctc_loss`."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

DONE, UNDERFLOW, ILLEGAL = range(3)

# Rows are kept near 2**500: a state may fall 1091 nats below the row, and the product of a
# forward and a backward row stays below 2**1024.
_UNIT = 2.0**500
# No row may sum to more than the one, no product of two rows to less than the other: what numbers
# below 2**-1074 would have added, less than 2**-474 a state, then does not matter.
_MOST, _LEAST = 2.0**600, 2.0**-420
# Emissions further below the best of their frame, and larger weights, are left to the log domain.
_DEEPEST = -700.0


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


@njit(cache=True, nogil=True, fastmath={"contract"})
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


# Sums may be reordered, so that they become vector instructions, and products fused with sums here
# and below; nothing else is relaxed.
@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _total(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] + b[i]
    return total


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _dot(a: np.ndarray, b: np.ndarray) -> float:
    total = 0.0
    for i in range(len(a)):
        total += a[i] * b[i]
    return total


@njit(cache=True, nogil=True, fastmath={"contract"})
def occupy_scaled(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    delay_penalty: float,
    risk: float,
    tilt: float,
    scratch: np.ndarray,
    posteriors: np.ndarray,
) -> tuple[int, float]:
    """Fill the posteriors of one utterance; return how that went, and the score.

    Entering a label weighs ``tilt`` nats more. All alignments enter as many, so that this changes
    nothing but which states are large in a row. ``scratch`` has `scratch_size` numbers; fresh
    memory for each utterance takes as long as the sums.
    """
    frames, labels = len(log_probs), len(targets)
    if _too_short(frames, targets):
        return DONE, -math.inf
    if frames == 0:
        return DONE, 0.0
    if abs(tilt) + abs(delay_penalty) * frames + abs(risk) / frames > -_DEEPEST:
        return UNDERFLOW, 0.0
    # Label l is in column l + 1 and the blank before it in column l; column 0 of labels is empty.
    differs = np.zeros(labels + 1)
    for i in range(1, labels):
        differs[i] = targets[i] != targets[i - 1]
    tail = math.exp(risk / frames)
    values, powers = np.empty(labels + 1), np.empty(labels + 1)
    bits = powers.view(np.int64)
    row, size = labels + 1, (frames + 1) * (labels + 1)
    blanks = scratch[:size].reshape(frames + 1, row)
    spoken = scratch[size : 2 * size].reshape(frames + 1, row)
    emitted = scratch[2 * size : 3 * size].reshape(frames + 1, row)
    blanks[0] = spoken[0] = spoken[:, 0] = 0.0
    totals = np.empty(frames + 1)
    blanks[0, 0] = totals[0] = _UNIT
    score = -risk - tilt * labels
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
            return ILLEGAL, math.nan
        if highest == -math.inf:
            return DONE, -math.inf
        impossible = False
        for i in range(labels + 1):
            values[i] -= highest
            if values[i] < _DEEPEST:
                if values[i] > -math.inf:
                    return UNDERFLOW, 0.0
                impossible = True
        now = emitted[t]
        if impossible:
            for i in range(labels + 1):
                now[i] = math.exp(values[i])
        else:
            _exponentials(values, powers, bits, now)
        scale = _UNIT / totals[t]
        enter = math.exp(tilt + delay_penalty * (frames // 2 - t))
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
            return UNDERFLOW, 0.0
    end = blanks[frames, labels] + spoken[frames, labels]
    if end == 0.0:
        return UNDERFLOW, 0.0
    score += math.log(end / _UNIT)
    b_after, s_after = np.zeros(labels + 1), np.zeros(labels + 1)
    b_next, s_next = np.zeros(labels + 1), np.zeros(labels + 2)
    b_after[labels] = s_after[labels] = _UNIT
    for t in range(frames - 1, -1, -1):
        b_to, s_to, now = blanks[t + 1], spoken[t + 1], emitted[t]
        silence = _dot(b_to, b_after)
        total = silence + _dot(s_to, s_after)
        mass = _total(b_after, s_after)
        if not (_LEAST < total < math.inf and mass < _MOST):
            return UNDERFLOW, 0.0
        share = 1.0 / total
        posteriors[t, 0] = silence * share
        for i in range(1, labels + 1):
            posteriors[t, i] = s_to[i] * s_after[i] * share
        scale = _UNIT / mass
        enter = math.exp(tilt + delay_penalty * (frames // 2 - t))
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
    return DONE, score


def scratch_size(frames: int, labels: int) -> int:
    """Return how many float64 `occupy_scaled` needs for so many frames and labels."""
    return 3 * (frames + 1) * (labels + 1)


@njit(cache=True, nogil=True)
def likely_tilt(
    log_probs: np.ndarray, targets: np.ndarray, blank: int, samples: int
) -> tuple[float, float]:
    """Return the tilt by which average emissions would enter L labels in T frames; and its worth.

    Of rows without an end, the mass would otherwise be far ahead of any alignment, or behind all:
    by as many nats as the worth says. Where b and p are the mean emissions of blank and labels, in
    some ``samples`` of the frames, and each entry weighs z, a row grows by r, the larger eigenvalue
    of [[b, z p], [b, p + z p]], and enters d log r / d log z labels. Alignments grow by r ** T over
    z ** L, all rows of z = 1 by r ** T.
    """
    frames, labels = len(log_probs), len(targets)
    silence = speech = 0.0
    read = 0
    for t in range(0, frames, max(1, frames // samples)):
        for i in range(labels):
            if abs(log_probs[t, targets[i]]) < math.inf and abs(log_probs[t, blank]) < math.inf:
                silence += log_probs[t, blank]
                speech += log_probs[t, targets[i]]
                read += 1
    if read == 0:
        return 0.0, 0.0
    highest = max(silence, speech)
    b, p = math.exp((silence - highest) / read), math.exp((speech - highest) / read)
    rate = min(0.99, labels / frames)
    square = rate * rate
    root = math.sqrt((b + p) ** 2 * square + (1 - square) * (b - p) ** 2)
    entering = ((b + p) * square + rate * root) / (1 - square)  # z p
    tilt = math.log(entering) - (speech - highest) / read
    growth = _log_growth(b, p, p) - _log_growth(b, p, entering)
    return tilt, frames * growth + labels * tilt


@njit(cache=True, nogil=True)
def _log_growth(b: float, p: float, entering: float) -> float:
    """Return the log of the larger eigenvalue of [[b, entering], [b, p + entering]]."""
    trace = b + p + entering
    return math.log(0.5 * (trace + math.sqrt(trace * trace - 4 * b * p)))
