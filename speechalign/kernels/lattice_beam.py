"""A beam search through any graph, which remembers when it passed from one piece to another.

Only states within the beam of the best are followed, from a list of them, so that arcs may lead
anywhere. A path carries the number of the last record it made; a record is made where it leaves a
piece of the graph, such as a word. Records that no path leads to are deleted, so that memory grows
with the number of words alone.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from speechalign.errors import AlignmentError
from speechalign.graphs import Graph
from speechalign.kernels.arc_list import grouped


def best_pieces(
    log_probs: np.ndarray, graph: Graph, pieces: np.ndarray, *, beam: float, hub: int = -1
) -> list[tuple[int, int, int]]:
    """Return the pieces that a good path passes through; no proof that it is the best.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities, without NaN.
    graph : Graph
        What may be said.
    pieces : ndarray, shape (S,), int64
        What each state is part of.
    beam : float
        Nats below the best state, beyond which a state is dropped.
    hub : int
        A state with so many arcs that they are followed only where one of them can stay within
        the beam; -1 for none.

    Returns
    -------
    list of (int, int, int)
        Piece, and frames ``[begin, end)``, in order.

    Raises
    ------
    AlignmentError
        No path within the beam ends in a final state.
    """
    order, offsets = grouped(graph.sources, graph.num_states)
    while True:
        state, link, records = _follow(
            np.ascontiguousarray(log_probs), offsets, graph.targets[order], graph.labels[order],
            graph.weights[order], graph.start, graph.final, pieces, hub, beam,
        )  # fmt: skip
        if state >= 0:
            break
        if beam > 1e5:
            raise AlignmentError(
                "log_probs: no path ends in a final state; the text is longer than the audio can "
                "hold, or does not belong to it"
            )
        beam *= 4
    found = []
    end, piece = len(log_probs), int(pieces[state])
    while link >= 0:
        begin = int(records[link, 0])
        found.append((piece, begin, end))
        piece, end, link = int(records[link, 1]), begin, int(records[link, 2])
    found.append((piece, 0, end))
    return [part for part in reversed(found) if part[2] > part[1]]


@njit(cache=True, nogil=True)
def _follow(
    log_probs: np.ndarray,
    offsets: np.ndarray,
    targets: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    start: np.ndarray,
    final: np.ndarray,
    pieces: np.ndarray,
    hub: int,
    beam: float,
) -> tuple[int, int, np.ndarray]:
    """Return the best final state, its record, and records: frame, piece left, the one before.

    The state is -1 where there is none.
    """
    states = len(start)
    before, after = np.full(states, -math.inf), np.full(states, -math.inf)
    link, new_link = np.full(states, -1, np.int32), np.full(states, -1, np.int32)
    active, found = np.empty(states, np.int64), np.empty(states, np.int64)
    records = np.empty((1 << 16, 3), np.int32)
    count, used = 0, 0
    for s in range(states):
        if start[s] > -math.inf:
            before[s] = start[s]
            active[count] = s
            count += 1
    threshold = -math.inf
    widest = -math.inf
    if hub >= 0:
        for a in range(offsets[hub], offsets[hub + 1]):
            if targets[a] != hub:
                widest = max(widest, weights[a])
    for t in range(len(log_probs)):
        best = -math.inf
        size = 0
        highest = log_probs[t].max()
        for turn in range(2):  # the hub last, once it is known what it must reach
            for i in range(count):
                s = active[i]
                if (s == hub) != (turn == 1) or before[s] < threshold:
                    continue
                record = -1
                spread = s != hub or before[s] + widest + highest >= best - beam
                for a in range(offsets[s], offsets[s + 1]):
                    target = targets[a]
                    if not spread and target != s:
                        continue
                    score = before[s] + weights[a] + log_probs[t, labels[a]]
                    if score <= after[target]:
                        continue
                    if after[target] == -math.inf:
                        found[size] = target
                        size += 1
                    after[target] = score
                    best = score if score > best else best
                    if target != s and (pieces[s] != pieces[target] or s == hub or target == hub):
                        if record < 0:
                            if used == len(records):
                                used = _keep_reachable(
                                    records, link, active[:count], new_link, found[:size]
                                )
                                if 2 * used > len(records):
                                    grown = np.empty((2 * len(records), 3), np.int32)
                                    grown[:used] = records[:used]
                                    records = grown
                            records[used, 0] = t
                            records[used, 1] = pieces[s]
                            records[used, 2] = link[s]
                            record = used
                            used += 1
                        new_link[target] = record
                    else:
                        new_link[target] = link[s]
        for i in range(count):
            before[active[i]] = -math.inf
        threshold = best - beam
        before, after = after, before
        link, new_link = new_link, link
        active, found = found, active
        count = size
    state = -1
    best = -math.inf
    for i in range(count):
        s = active[i]
        if before[s] + final[s] > best:
            best = before[s] + final[s]
            state = s
    return state, link[state] if state >= 0 else -1, records


@njit(cache=True, nogil=True)
def _keep_reachable(
    records: np.ndarray,
    link: np.ndarray,
    active: np.ndarray,
    new_link: np.ndarray,
    found: np.ndarray,
) -> int:
    """Move records that a path still leads to, to the front, in order; return how many these are.

    Paths have the records ``link[active]`` and ``new_link[found]``, which are renumbered.
    """
    number = np.full(len(records), -1, np.int32)  # 0 for those that are kept, then their new ones
    for links, states in ((link, active), (new_link, found)):
        for s in states:
            at = links[s]
            while at >= 0 and number[at] < 0:
                number[at] = 0
                at = records[at, 2]
    used = 0
    for old in range(len(records)):
        if number[old] < 0:
            continue
        number[old] = used
        records[used] = records[old]
        if records[used, 2] >= 0:
            records[used, 2] = number[records[used, 2]]
        used += 1
    for links, states in ((link, active), (new_link, found)):
        for s in states:
            if links[s] >= 0:
                links[s] = number[links[s]]
    return used
