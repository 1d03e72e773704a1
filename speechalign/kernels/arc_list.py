"""The arcs of a Graph as kernels walk them: by the state they enter, within reach of both ends.

Arcs keep the order in which the Graph lists them, so that the arc listed first wins a tie. At frame
t only the states that can lie on a path from a start to a final state are touched: those from
``first[t]`` up to ``last[t]``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.errors import AlignmentError
from speechalign.graphs import Graph

_NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class ArcList:
    """Arcs grouped by the state they enter, and the states that a path may be in.

    Parameters
    ----------
    order : ndarray, shape (A,), int64
        The Graph's own number of each arc.
    offsets : ndarray, shape (S + 1,), int64
        Arcs ``offsets[s]`` up to ``offsets[s + 1]`` enter state s.
    sources, labels : ndarray, shape (A,), int64
        State that each arc leaves, and column that it reads.
    weights : ndarray, shape (A,), float64
        Natural-log weight of each arc.
    first, last : ndarray, shape (T + 1,), int64
        Range of the states that some whole path may be in after t arcs.
    """

    order: np.ndarray
    offsets: np.ndarray
    sources: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    first: np.ndarray
    last: np.ndarray


def impossible(frames: int) -> AlignmentError:
    """Return the error of a search that found paths, but none with a probability above zero."""
    return AlignmentError(
        f"log_probs: every path of {frames} frames has probability zero; check the model"
    )


def arc_list(graph: Graph, frames: int) -> ArcList:
    """Group the arcs of a graph for paths of so many frames.

    Raises
    ------
    AlignmentError
        No path of that many arcs leads from a start to a final state.
    """
    order, offsets = grouped(graph.targets, graph.num_states)
    sources = graph.sources[order]
    first, last = _windows(graph, offsets, sources, frames)
    return ArcList(order, offsets, sources, graph.labels[order], graph.weights[order], first, last)


def grouped(states: np.ndarray, num_states: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the arcs by state, in order, and where each of the S states begins; (A,), (S + 1,)."""
    counts = np.bincount(states, minlength=num_states)
    return np.argsort(states, kind="stable"), np.append(0, np.cumsum(counts))


def _windows(
    graph: Graph, offsets_in: np.ndarray, sources: np.ndarray, frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return, for t = 0 .. T, the range of states that some whole path may be in after t arcs."""
    order, offsets = grouped(graph.sources, graph.num_states)
    since = _distances(offsets, graph.targets[order], graph.start)
    until = _distances(offsets_in, sources, graph.final)
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
