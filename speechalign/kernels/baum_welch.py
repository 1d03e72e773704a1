"""Forward-backward over a left-to-right graph in the probability domain, for training.

The twin of `lattice_numba.occupation` for graphs whose arcs never lead back and whose states each
read one column, as `hmm_graph` makes them. Each frame is scaled by its sum, so that float64 holds
it; states that are hopelessly behind are left out. Many times faster than logarithms
(``tools/bench/train.py``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.graphs import Graph
from speechalign.kernels.arc_list import arc_list

# States whose share of a frame's probability is smaller are left out: 460 nats behind the best.
_BEAM = 1e-200


@dataclass(frozen=True, eq=False)
class Occupancy:
    """Occupation probabilities, summed over all paths but hopeless ones.

    Parameters
    ----------
    posteriors : ndarray, shape (T, U), float32
        Posterior of each column at each frame.
    arcs : ndarray, shape (A,), float64
        Expected number of times that each arc of the graph is taken.
    score : float
        Natural-log total probability of all paths; -inf if none is left.
    """

    posteriors: np.ndarray
    arcs: np.ndarray
    score: float


def occupancy(log_probs: np.ndarray, columns: np.ndarray, graph: Graph) -> Occupancy:
    """Sum over the paths of a left-to-right graph.

    Parameters
    ----------
    log_probs : ndarray, shape (T, U), float32
        Natural-log probabilities of those columns that the graph reads.
    columns : ndarray, shape (V,), int64
        Where in ``log_probs`` each label of the graph stands.
    graph : Graph
        Arcs never lead to a lower state, and all arcs into a state have the same label.

    Returns
    -------
    Occupancy
        Posteriors, counts and score.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.

    Notes
    -----
    With e[t, s] = exp(log_probs[t, label of s] - m[t]) / c[t], m[t] the largest score among the
    states within reach and c[t] such that each row sums to one:

        alpha[t+1, j] = e[t, j] sum over arcs (i, j, w) of alpha[t, i] exp(w)
        beta[t, i] = sum over arcs (i, j, w) of exp(w) e[t, j] beta[t+1, j]

    and the score is the sum of all m[t] + log c[t] and of the logarithm of what arrives. What is
    below 1e-200 of its row is set to zero.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989, section V.A, for the scaling.
    """
    arcs = arc_list(graph, len(log_probs))
    states = graph.num_states
    labels = np.zeros(states, np.int64)
    labels[graph.targets] = columns[graph.labels]
    reach = np.arange(states)
    np.maximum.at(reach, graph.sources, graph.targets)
    posteriors = np.zeros(log_probs.shape, np.float32)
    counts = np.zeros(graph.num_arcs)
    score = _occupy(
        np.ascontiguousarray(log_probs), labels, arcs.offsets, arcs.sources, np.exp(arcs.weights),
        arcs.first, arcs.last, np.maximum.accumulate(reach), np.exp(graph.start),
        np.exp(graph.final), posteriors, counts,
    )  # fmt: skip
    by_arc = np.empty_like(counts)
    by_arc[arcs.order] = counts
    return Occupancy(posteriors, by_arc, score)


@njit(cache=True, nogil=True)
def _occupy(
    log_probs: np.ndarray,
    labels: np.ndarray,
    offsets: np.ndarray,
    sources: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    reach: np.ndarray,
    start: np.ndarray,
    final: np.ndarray,
    posteriors: np.ndarray,
    counts: np.ndarray,
) -> float:
    """Fill posteriors and counts; return the score."""
    frames = len(log_probs)
    states = len(start)
    # Row t of alpha holds states low[t] up to high[t], from place[t] on; gain likewise.
    low = np.zeros(frames + 1, np.int64)
    high = np.zeros(frames + 1, np.int64)
    place = np.zeros(frames + 2, np.int64)
    alpha = np.zeros(64 * (frames + 1) + states)
    gain = np.zeros(len(alpha))
    low[0], high[0] = first[0], last[0]
    alpha[: high[0] - low[0]] = start[low[0] : high[0]]
    place[1] = high[0] - low[0]
    score = 0.0
    for t in range(frames):
        before_low, before_high, before_at = low[t], high[t], place[t]
        begin = max(first[t + 1], before_low)
        end = min(last[t + 1], reach[before_high - 1] + 1)
        at = place[t + 1]
        if at + end - begin > len(alpha):
            size = 2 * len(alpha) + end - begin
            alpha = _longer(alpha, size)
            gain = _longer(gain, size)
        most = -math.inf
        for s in range(begin, end):
            total = 0.0
            for a in range(offsets[s], offsets[s + 1]):
                i = sources[a]
                if before_low <= i < before_high:
                    total += alpha[before_at + i - before_low] * weights[a]
            alpha[at + s - begin] = total
            if total > 0.0 and log_probs[t, labels[s]] > most:
                most = float(log_probs[t, labels[s]])
        if most == -math.inf:
            return -math.inf
        total = 0.0
        for s in range(begin, end):
            k = at + s - begin
            if alpha[k] > 0.0:
                gain[k] = math.exp(log_probs[t, labels[s]] - most)
                alpha[k] *= gain[k]
                total += alpha[k]
        keep_low, keep_high = end, begin
        for s in range(begin, end):
            k = at + s - begin
            if alpha[k] > _BEAM * total:
                alpha[k] /= total
                gain[k] /= total
                keep_low = min(keep_low, s)
                keep_high = s + 1
            else:
                alpha[k] = 0.0
        score += most + math.log(total)
        if keep_low > begin:
            for s in range(keep_low, keep_high):
                alpha[at + s - keep_low] = alpha[at + s - begin]
                gain[at + s - keep_low] = gain[at + s - begin]
        low[t + 1], high[t + 1] = keep_low, keep_high
        place[t + 2] = at + keep_high - keep_low
    arrived = 0.0
    for s in range(low[frames], high[frames]):
        arrived += alpha[place[frames] + s - low[frames]] * final[s]
    if arrived <= 0.0:
        return -math.inf
    after = np.zeros(states)
    before = np.zeros(states)
    for s in range(low[frames], high[frames]):
        after[s] = final[s] / arrived
    for t in range(frames - 1, -1, -1):
        before_low, before_high, before_at = low[t], high[t], place[t]
        before[before_low:before_high] = 0.0
        for s in range(low[t + 1], high[t + 1]):
            k = place[t + 1] + s - low[t + 1]
            if alpha[k] == 0.0:
                continue
            posteriors[t, labels[s]] += alpha[k] * after[s]
            behind = gain[k] * after[s]
            for a in range(offsets[s], offsets[s + 1]):
                i = sources[a]
                if before_low <= i < before_high:
                    before[i] += weights[a] * behind
                    counts[a] += alpha[before_at + i - before_low] * weights[a] * behind
        before, after = after, before
    return score + math.log(arrived)


@njit(cache=True, nogil=True)
def _longer(values: np.ndarray, size: int) -> np.ndarray:
    """Return a longer array that begins with the given values."""
    found = np.zeros(size)
    found[: len(values)] = values
    return found
