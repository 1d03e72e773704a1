"""Viterbi and forward-backward over the arcs of a Graph, on one CPU core."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from speechalign.graphs import Graph
from speechalign.kernels.arc_list import arc_list, impossible
from speechalign.kernels.logspace import log_add

_BLOCK_BYTES = 64 * 2**20


def best_path(log_probs: np.ndarray, graph: Graph) -> tuple[np.ndarray, float]:
    """Return the arcs (T,) int64 and the score of the best path; see `lattice.viterbi`."""
    log_probs = np.ascontiguousarray(log_probs)
    arcs = arc_list(graph, len(log_probs))
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
            log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights,
            arcs.first, arcs.last, row, begin, min(begin + block, frames), choices,
        )  # fmt: skip
    total = row + graph.final
    state = int(np.argmax(total))
    score = float(total[state])
    if score == -math.inf:
        raise impossible(frames)
    taken = np.empty(frames, np.int64)
    for number in range(len(checkpoints) - 1, -1, -1):
        begin, end = number * block, min((number + 1) * block, frames)
        if end < frames:
            _best_rows(
                log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights,
                arcs.first, arcs.last, checkpoints[number], begin, end, choices,
            )  # fmt: skip
        state = _trace_back(arcs.offsets, arcs.sources, choices, state, begin, end, taken)
    return arcs.order[taken], score


def occupation(
    log_probs: np.ndarray, graph: Graph, columns: np.ndarray, width: int
) -> tuple[np.ndarray, float]:
    """Return the posteriors (T, width), arcs summed by column, and the total score."""
    log_probs = np.ascontiguousarray(log_probs)
    arcs = arc_list(graph, len(log_probs))
    posteriors = np.zeros((len(log_probs), width))
    score = _occupy(
        log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights, arcs.first, arcs.last,
        graph.start, graph.final, columns[arcs.order], posteriors,
    )  # fmt: skip
    if score == -math.inf:
        raise impossible(len(log_probs))
    return posteriors, score


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
