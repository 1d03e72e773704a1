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
    row = graph.start
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
        raise AlignmentError(_impossible(frames))
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
    alpha[t+1, j] = log sum over arcs (i, j, label, w) of exp(alpha[t, i] + w + log_probs[t, label])
    and beta[t, i] likewise backwards;  P(arc at t) = exp(alpha[t, i] + w + log_probs[t, label] +
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
        raise AlignmentError(_impossible(len(log_probs)))
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
    order, offsets = _grouped(graph.targets, graph.num_states)
    arcs = _IncomingArcs(
        order, offsets, graph.sources[order], graph.labels[order], graph.weights[order]
    )
    first, last = _windows(graph, arcs, len(log_probs))
    return np.ascontiguousarray(log_probs), arcs, first, last


def _impossible(frames: int) -> str:
    return f"log_probs: every path of {frames} frames has probability zero; check the model"


def _grouped(states: np.ndarray, num_states: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the arcs by state, in order, and where each of the S states begins; (A,), (S + 1,)."""
    counts = np.bincount(states, minlength=num_states)
    return np.argsort(states, kind="stable"), np.append(0, np.cumsum(counts))


def _windows(graph: Graph, arcs: _IncomingArcs, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Return, for t = 0 .. T, the range of states that some whole path may be in after t arcs."""
    order, offsets = _grouped(graph.sources, graph.num_states)
    since = _distances(offsets, graph.targets[order], graph.start)
    until = _distances(arcs.offsets, arcs.sources, graph.final)
    shortest = max(1, int((since + until).min(initial=_NEVER)))
    if shortest >= _NEVER:
        raise AlignmentError("graph: no path leads from a start to a final state")
    if frames < shortest:
        raise AlignmentError(
            f"log_probs: expected at least {shortest} frames, got {frames}; the text is longer "
            "than the audio can hold"
        )
    # State s may be occupied after since[s] .. frames - until[s] arcs; the ranges only ever grow.
    states = np.flatnonzero(since + until <= frames)
    first = np.full(frames + 1, graph.num_states)
    last = np.zeros(frames + 1, np.int64)
    np.minimum.at(first, frames - until[states], states)
    np.maximum.at(last, since[states], states + 1)
    return np.minimum.accumulate(first[::-1])[::-1], np.maximum.accumulate(last)


@njit(cache=True, nogil=True)
def _distances(offsets: np.ndarray, neighbours: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Count the arcs from the nearest state with a finite weight to each state, breadth first."""
    distances = np.full(len(weights), _NEVER)
    queue = np.empty(len(weights), np.int64)
    queued = 0
    for s in range(len(weights)):
        if weights[s] > -math.inf:
            distances[s] = 0
            queue[queued] = s
            queued += 1
    done = 0
    while done < queued:
        s = queue[done]
        done += 1
        for a in range(offsets[s], offsets[s + 1]):
            neighbour = neighbours[a]
            if distances[neighbour] == _NEVER:
                distances[neighbour] = distances[s] + 1
                queue[queued] = neighbour
                queued += 1
    return distances


@njit(cache=True, nogil=True)
def _best_rows(
    log_probs: np.ndarray,
    offsets: np.ndarray,
    sources: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    row: np.ndarray,
    begin: int,
    end: int,
    choices: np.ndarray,
) -> np.ndarray:
    """Carry Viterbi scores over frames [begin, end); note each state's choice, its k-th arc in."""
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
        # States before the window keep scores of two frames ago; no path from them ends in time.
        before, after = after, before
    return before


@njit(cache=True, nogil=True)
def _trace_back(
    offsets: np.ndarray,
    sources: np.ndarray,
    choices: np.ndarray,
    state: int,
    begin: int,
    end: int,
    taken: np.ndarray,
) -> int:
    """Follow the choices of frames [begin, end) back from a state; return the state at begin."""
    for t in range(end - 1, begin - 1, -1):
        arc = offsets[state] + choices[t - begin, state]
        taken[t] = arc
        state = sources[arc]
    return state


@njit(cache=True, nogil=True)
def _occupy(
    log_probs: np.ndarray,
    offsets: np.ndarray,
    sources: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    start: np.ndarray,
    final: np.ndarray,
    columns: np.ndarray,
    posteriors: np.ndarray,
) -> float:
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
            for a in range(offsets[s], offsets[s + 1]):
                through = weights[a] + log_probs[t, labels[a]] + after[s]
                before[sources[a]] = log_add(before[sources[a]], through)
                posteriors[t, columns[a]] += math.exp(alpha[t, sources[a]] + through - score)
        before, after = after, before
    return score
