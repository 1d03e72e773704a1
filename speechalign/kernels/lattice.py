"""Viterbi and forward-backward over the arcs of a Graph, on one CPU core.

Every kernel below walks the arcs grouped by the state they enter, in the order in which the Graph
lists them, so that the arc listed first wins a tie. At frame t only the states that can lie on a
path from a start to a final state are touched: those from ``first[t]`` up to ``last[t]``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numba import njit

from speechalign.checks import check_log_probs
from speechalign.errors import AlignmentError, InputError
from speechalign.graphs import Graph
from speechalign.kernels.logspace import log_add

_BLOCK_BYTES = 64 * 2**20
_NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class Path:
    """One way through a graph.

    Parameters
    ----------
    arcs : ndarray, shape (T,), int64
        Arc taken at each frame.
    score : float
        Natural-log probability, arc, start and final weights included.
    """

    arcs: np.ndarray
    score: float


@dataclass(frozen=True)
class Occupation:
    """How much of the probability passes where, summed over all paths.

    Parameters
    ----------
    posteriors : ndarray, shape (T, K), float64
        Row t sums to one over the K arcs, labels or positions.
    score : float
        Natural-log total probability of all paths.
    """

    posteriors: np.ndarray
    score: float


def viterbi(log_probs: np.ndarray, graph: Graph) -> Path:
    """Find the most probable path through a graph.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities; -inf marks an impossible label.
    graph : Graph
        Arcs that each consume one frame.

    Returns
    -------
    Path
        The best path; among equals, the one whose arcs are listed first.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    InputError
        ``log_probs`` has the wrong shape or dtype, holds NaN, or lacks a column.

    Notes
    -----
    For each arc (i, j, label, w):  v[t+1, j] = max(v[t, i] + w + log_probs[t, label]).
    O(TA) time. Memory is O(S sqrt(T)) at most: scores are kept every few frames only, and the
    choices between two such frames are found again on the way back.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989, section III.B.
    .. [2] J. A. Grice, R. Hughey and D. Speck, "Reduced space sequence alignment", CABIOS 13(1),
       1997, for the checkpoints.

    Examples
    --------
    >>> from speechalign.graphs import HmmUnit, hmm_graph
    >>> units = [HmmUnit((v,), (0.0,), (0.0,)) for v in (0, 1)]
    >>> graph = hmm_graph([[[units[0]]], [[units[1]]]])
    >>> path = viterbi(np.log([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]]), graph)
    >>> graph.labels[path.arcs].tolist(), round(float(np.exp(path.score)), 3)
    ([0, 0, 1], 0.504)
    """
    log_probs, arcs, first, last = _prepare(log_probs, graph)
    frames, states = len(log_probs), graph.num_states
    degree = int(np.diff(arcs.offsets).max(initial=0))
    choice_dtype = np.uint8 if degree < 256 else np.int32
    wanted = max(1, _BLOCK_BYTES // (states * np.dtype(choice_dtype).itemsize))
    block = min(frames, max(wanted, math.isqrt(frames)))
    checkpoints = np.full((-(-frames // block), states), -np.inf)
    choices = np.empty((block, states), choice_dtype)
    row = np.where((first[0] <= np.arange(states)) & (np.arange(states) < last[0]), graph.start, -np.inf)
    for number, begin in enumerate(range(0, frames, block)):
        checkpoints[number] = row
        row = _best_rows(
            log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights, first, last,
            row, begin, min(begin + block, frames), choices,
        )  # fmt: skip
    total = row + graph.final
    state = int(np.argmax(total))
    score = float(total[state])
    if score == -math.inf:
        raise AlignmentError(_no_path(frames))
    taken = np.empty(frames, np.int64)
    for number in range(len(checkpoints) - 1, -1, -1):
        begin, end = number * block, min((number + 1) * block, frames)
        if end < frames:
            _best_rows(
                log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights, first, last,
                checkpoints[number], begin, end, choices,
            )  # fmt: skip
        state = _trace_back(arcs.offsets, arcs.sources, choices, state, begin, end, taken)
    return Path(arcs.order[taken], score)


def forward_backward(
    log_probs: np.ndarray,
    graph: Graph,
    *,
    by: Literal["arc", "label", "position"] = "position",
) -> Occupation:
    """Sum over all paths through a graph, and say how much of the sum passes where.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities; -inf marks an impossible label.
    graph : Graph
        Arcs that each consume one frame.
    by : {"arc", "label", "position"}
        What the K columns of the result are.

    Returns
    -------
    Occupation
        Posteriors and the total score.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    InputError
        ``log_probs`` has the wrong shape or dtype, holds NaN, or lacks a column.

    Notes
    -----
    alpha[t+1, j] = log sum over arcs (i, j, label, w) of exp(alpha[t, i] + w + log_probs[t, label]);
    beta[t, i] likewise backwards;  P(arc at t) = exp(alpha[t, i] + w + log_probs[t, label] +
    beta[t+1, j] - score). O(TA) time, O(TS) memory, float64 throughout.

    References
    ----------
    .. [1] L. R. Rabiner, "A tutorial on hidden Markov models and selected applications in speech
       recognition", Proc. IEEE 77(2), 1989, eq. 19-27.
    """
    log_probs, arcs, first, last = _prepare(log_probs, graph)
    if by == "position":
        columns = graph.positions
    elif by == "label":
        columns = graph.labels
    elif by == "arc":
        columns = np.arange(graph.num_arcs)
    else:
        raise InputError(f"by: expected 'arc', 'label' or 'position', got {by!r}")
    width = log_probs.shape[1] if by == "label" else int(columns.max(initial=-1)) + 1
    posteriors = np.zeros((len(log_probs), width))
    score = _occupy(
        log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights, first, last,
        graph.start, graph.final, columns[arcs.order], posteriors,
    )  # fmt: skip
    if score == -math.inf:
        raise AlignmentError(_no_path(len(log_probs)))
    return Occupation(posteriors, score)


@dataclass(frozen=True)
class _IncomingArcs:
    """Arcs grouped by the state they enter; ``order`` leads back to the Graph's own numbering."""

    order: np.ndarray
    offsets: np.ndarray
    sources: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def _prepare(
    log_probs: np.ndarray, graph: Graph
) -> tuple[np.ndarray, _IncomingArcs, np.ndarray, np.ndarray]:
    check_log_probs(log_probs)
    if graph.num_arcs and graph.labels.max() >= log_probs.shape[1]:
        raise InputError(
            f"log_probs: expected at least {graph.labels.max() + 1} columns for the labels of the "
            f"graph, got {log_probs.shape[1]}"
        )
    order = np.argsort(graph.targets, kind="stable")
    counts = np.bincount(graph.targets, minlength=graph.num_states)
    arcs = _IncomingArcs(
        order,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        graph.sources[order],
        graph.labels[order],
        graph.weights[order],
    )
    frames = len(log_probs)
    first, last = _windows(graph.sources, graph.targets, graph.start, graph.final, frames)
    if frames == 0 or (first >= last).any():
        raise AlignmentError(_no_path(frames))
    return np.ascontiguousarray(log_probs), arcs, first, last


def _no_path(frames: int) -> str:
    return f"no path through the graph has {frames} frames; the text is longer than the audio holds"


@njit(cache=True, nogil=True)
def _windows(sources, targets, start, final, frames):
    """Return, for t = 0 .. frames, the range of states that some whole path may be in after t arcs."""
    states = len(start)
    since = np.full(states, _NEVER)
    until = np.full(states, _NEVER)
    for s in range(states):
        if start[s] > -math.inf:
            since[s] = 0
        if final[s] > -math.inf:
            until[s] = 0
    changed = True
    while changed:
        changed = False
        for a in range(len(sources)):
            if since[sources[a]] + 1 < since[targets[a]]:
                since[targets[a]] = since[sources[a]] + 1
                changed = True
        for a in range(len(sources) - 1, -1, -1):
            if until[targets[a]] + 1 < until[sources[a]]:
                until[sources[a]] = until[targets[a]] + 1
                changed = True
    first = np.full(frames + 1, states)
    last = np.zeros(frames + 1, np.int64)
    for s in range(states):
        # State s may be occupied after since[s] .. frames - until[s] arcs.
        if since[s] + until[s] <= frames:
            t = since[s]
            last[t] = max(last[t], s + 1)
            t = frames - until[s]
            first[t] = min(first[t], s)
    # A state stays possible from its first to its last moment, so the ranges are running bounds.
    for t in range(1, frames + 1):
        last[t] = max(last[t], last[t - 1])
    for t in range(frames - 1, -1, -1):
        first[t] = min(first[t], first[t + 1])
    return first, last


@njit(cache=True, nogil=True)
def _best_rows(
    log_probs, offsets, sources, labels, weights, first, last, row, begin, end, choices
):
    """Carry Viterbi scores over frames [begin, end); note the choice (k-th arc in) of each state."""
    before = row.copy()
    after = np.full(len(row), -math.inf)
    for t in range(begin, end):
        for s in range(first[t + 1], last[t + 1]):
            best = -math.inf
            choice = 0
            for a in range(offsets[s], offsets[s + 1]):
                score = before[sources[a]] + weights[a] + log_probs[t, labels[a]]
                if score > best:
                    best = score
                    choice = a - offsets[s]
            after[s] = best
            choices[t - begin, s] = choice
        # The row to be filled next must hold nothing outside its window.
        before[first[t] : last[t]] = -math.inf
        before, after = after, before
    return before


@njit(cache=True, nogil=True)
def _trace_back(offsets, sources, choices, state, begin, end, taken):
    """Follow the choices of frames [begin, end) back from a state; return the state at begin."""
    for t in range(end - 1, begin - 1, -1):
        arc = offsets[state] + choices[t - begin, state]
        taken[t] = arc
        state = sources[arc]
    return state


@njit(cache=True, nogil=True)
def _occupy(
    log_probs, offsets, sources, labels, weights, first, last, start, final, columns, posteriors
):
    """Add the posterior of every arc to its column; return the total score."""
    frames = len(log_probs)
    states = len(start)
    alpha = np.full((frames + 1, states), -math.inf)
    for s in range(first[0], last[0]):
        alpha[0, s] = start[s]
    for t in range(frames):
        for s in range(first[t + 1], last[t + 1]):
            total = -math.inf
            for a in range(offsets[s], offsets[s + 1]):
                score = alpha[t, sources[a]] + weights[a] + log_probs[t, labels[a]]
                total = log_add(total, score)
            alpha[t + 1, s] = total
    score = -math.inf
    for s in range(first[frames], last[frames]):
        score = log_add(score, alpha[frames, s] + final[s])
    if score == -math.inf:
        return score
    after = np.full(states, -math.inf)
    before = np.full(states, -math.inf)
    for s in range(first[frames], last[frames]):
        after[s] = final[s]
    for t in range(frames - 1, -1, -1):
        before[:] = -math.inf
        for s in range(first[t + 1], last[t + 1]):
            if after[s] == -math.inf:
                continue
            for a in range(offsets[s], offsets[s + 1]):
                through = weights[a] + log_probs[t, labels[a]] + after[s]
                if alpha[t, sources[a]] == -math.inf or through == -math.inf:
                    continue
                before[sources[a]] = log_add(before[sources[a]], through)
                posteriors[t, columns[a]] += math.exp(alpha[t, sources[a]] + through - score)
        before, after = after, before
    return score
