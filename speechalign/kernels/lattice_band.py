"""The best path through a long, nearly linear graph: a band around a beam, and a proof.

A beam says roughly where in the text each frame is. The path is then searched in a band around it,
and everything outside is searched as well, but coarsely: a short word, or a part of a long one, is
one cell, which reads in each frame whatever its labels read best. No path scores more than the
coarse one through the same cells. So where the best of all these paths never leaves the band, no
path outside is better. Cells from which even the best sound in every frame to come would not reach
the score of the beam's path are dropped.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.checks import check_log_probs
from speechalign.graphs import Graph
from speechalign.kernels.arc_list import ArcList, arc_list, impossible
from speechalign.kernels.lattice import Path
from speechalign.kernels.word_cells import (
    TILE,
    WordCells,
    best_of_groups,
    best_of_kinds,
    most_to_come,
    step_cells,
    word_cells,
    word_starts,
)

_BLOCK = 128 * TILE
"""Frames between two rows of scores that are kept."""
_BEAM = 400.0
_MARGIN = 16
_WIDER = 4
_MOST = 2.0**35
"""States times frames beyond which a band is not searched."""
_SLACK = 1e-2
"""What a path outside must lose against the best one, beyond all errors of rounding."""
_OUTSIDE = -1


@dataclass(frozen=True)
class BandPath(Path):
    """A path, and how sure it is.

    Parameters
    ----------
    arcs, score
        As `Path` has them.
    margin : int
        Words between what the beam kept and the edges of the band.
    certified : bool
        Whether it is proven that no other path scores better.
    """

    margin: int
    certified: bool


def is_nearly_linear(graph: Graph) -> bool:
    """Tell whether every arc leads on in the text, to the same word or to the next one."""
    return word_starts(graph) is not None


def best_path_in_band(log_probs: np.ndarray, graph: Graph) -> BandPath:
    """Find the best path through a nearly linear graph.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    graph : Graph
        As `is_nearly_linear` says; positions ``2i`` and ``2i + 1`` are word i.

    Returns
    -------
    BandPath
        The path that `lattice.viterbi` finds, if it is certified. The band is made wider until it
        is, or until there is no more to be gained.

    Raises
    ------
    AlignmentError
        No path of T arcs leads from a start to a final state.
    InputError
        ``log_probs`` has the wrong shape or dtype, or holds NaN.
    """
    check_log_probs(log_probs)
    log_probs = np.ascontiguousarray(log_probs)
    arcs = arc_list(graph, len(log_probs))
    starts = word_starts(graph)
    assert starts is not None, "the graph is not nearly linear"
    words = word_cells(graph, starts, log_probs.shape[1])
    low, high, least = _beam_window(log_probs, graph, arcs)
    limits = least - most_to_come(log_probs, words.best) - 1.0
    first = np.searchsorted(starts, low, side="right") - 1
    last = np.searchsorted(starts, high - 1, side="right")
    margin = _MARGIN
    while True:
        begins = np.maximum(first - margin, 0)
        ends = np.minimum(last + margin, len(starts) - 1)
        cells = TILE * float((starts[ends] - starts[begins]).sum())
        for outside in (True, False) if cells <= _MOST else (False,):
            found = _search(log_probs, graph, arcs, words, begins, ends, limits, outside=outside)
            if found is not None:
                return BandPath(*found, margin, outside)
            if margin < len(starts):
                break
        margin *= _WIDER


def _beam_window(
    log_probs: np.ndarray, graph: Graph, arcs: ArcList
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the states ``[low, high)`` that a beam keeps in each tile, and the final score."""
    furthest = np.arange(graph.num_states)
    np.maximum.at(furthest, graph.sources, graph.targets)
    furthest = np.maximum.accumulate(furthest) + 1
    tiles = -(-len(log_probs) // TILE)
    low, high = np.empty(tiles, np.int64), np.empty(tiles, np.int64)
    beam = _BEAM
    while True:
        score = _keep(
            log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights, arcs.first, arcs.last,
            furthest, graph.start, graph.final, beam, low, high,
        )  # fmt: skip
        if score > -math.inf:
            break
        if beam == math.inf:
            raise impossible(len(log_probs))
        beam = beam * _WIDER if beam < 1e6 else math.inf
    return np.minimum.accumulate(low[::-1])[::-1], np.maximum.accumulate(high), score


def _search(
    log_probs: np.ndarray,
    graph: Graph,
    arcs: ArcList,
    words: WordCells,
    begins: np.ndarray,
    ends: np.ndarray,
    limits: np.ndarray,
    *,
    outside: bool,
) -> tuple[np.ndarray, float] | None:
    """Return the best path in a band; None if there is none, or if a coarse one may be better."""
    frames, states = log_probs.shape[0], graph.num_states
    tiles = _BLOCK // TILE
    blocks = -(-frames // _BLOCK)
    lows, highs = words.starts[begins], words.starts[ends]
    sizes = (highs - lows)[::tiles]
    widest = int((highs - lows).max())
    places = np.append(0, np.cumsum(sizes))
    kept = np.empty(places[-1])
    entering = np.full(frames, -math.inf)  # what comes into the band from its left, at each frame
    coarse = np.full(words.cells[-1], -math.inf)
    entered = coarse.copy()  # what cells had when the band took them in
    row, other = np.full(states, -math.inf), np.full(states, -math.inf)
    np.maximum.at(coarse, words.cell, graph.start)
    coarse[words.cells[begins[0]] : words.cells[ends[0]]] = -math.inf
    row[lows[0] : highs[0]] = graph.start[lows[0] : highs[0]]
    row, other = _carry(
        log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights, arcs.first, arcs.last,
        words.starts, words.cells, words.cell, words.groups, words.best, words.kinds,
        words.offsets, words.members, begins, ends, limits, outside, row, other, coarse, entering,
        entered, kept, places,
    )  # fmt: skip
    total = row[lows[-1] :] + graph.final[lows[-1] :]
    total[highs[-1] - lows[-1] :] = -math.inf
    state = lows[-1] + int(np.argmax(total))
    score = float(total.max())
    if score == -math.inf:
        return None
    elsewhere = np.full(states, -math.inf)
    elsewhere[: lows[-1]], elsewhere[highs[-1] :] = (
        graph.final[: lows[-1]],
        graph.final[highs[-1] :],
    )
    if outside and (coarse[words.cell] + elsewhere).max() + _SLACK >= score:
        return None
    taken = np.empty(frames, np.int64)
    choices = np.empty((_BLOCK, widest), np.int16)
    for block in range(blocks - 1, -1, -1):
        state = _retrace(
            log_probs, arcs.offsets, arcs.sources, arcs.labels, arcs.weights, arcs.first, arcs.last,
            words.starts, words.cell, begins, ends, block, row, other, entering, entered,
            kept[places[block] : places[block + 1]], choices, state, taken,
        )  # fmt: skip
        if state == _OUTSIDE:
            return None
    return arcs.order[taken], score


@njit(cache=True, nogil=True)
def _keep(
    log_probs: np.ndarray,
    offsets: np.ndarray,
    sources: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    furthest: np.ndarray,
    start: np.ndarray,
    final: np.ndarray,
    beam: float,
    low: np.ndarray,
    high: np.ndarray,
) -> float:
    """Note the window of states within a beam of the best in each tile; return the final score."""
    before = start.copy()
    after = np.full(len(start), -math.inf)
    lo, hi = first[0], last[0]
    for t in range(len(log_probs)):
        tile = t // TILE
        if t % TILE == 0:
            low[tile], high[tile] = lo, hi
        begin, end = max(lo, first[t + 1]), min(furthest[hi - 1], last[t + 1])
        best = -math.inf
        for s in range(begin, end):
            highest = -math.inf
            for a in range(offsets[s], offsets[s + 1]):
                source = sources[a]
                if lo <= source < hi:
                    score = before[source] + weights[a] + log_probs[t, labels[a]]
                    highest = score if score > highest else highest
            after[s] = highest
            best = after[s] if after[s] > best else best
        if best == -math.inf:
            return -math.inf
        while begin < end - 1 and after[begin] < best - beam:
            begin += 1
        while end > begin + 1 and after[end - 1] < best - beam:
            end -= 1
        lo, hi = begin, end
        low[tile], high[tile] = min(low[tile], lo), max(high[tile], hi)
        before, after = after, before
    ended: float = (before[lo:hi] + final[lo:hi]).max()
    return ended


@njit(cache=True, nogil=True)
def _carry(
    log_probs: np.ndarray,
    offsets: np.ndarray,
    sources: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    starts: np.ndarray,
    cells: np.ndarray,
    cell: np.ndarray,
    groups: np.ndarray,
    best: np.ndarray,
    kinds: np.ndarray,
    group_offsets: np.ndarray,
    members: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    limits: np.ndarray,
    outside: bool,
    row: np.ndarray,
    other: np.ndarray,
    coarse: np.ndarray,
    entering: np.ndarray,
    entered: np.ndarray,
    kept: np.ndarray,
    places: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Carry the scores over all frames; return the last row, and leave that of the cells outside.

    Within a tile, cells to the left of the band do not depend on it, and it does not depend on
    cells to its right.
    """
    frames = len(log_probs)
    readings = np.empty((TILE, len(group_offsets) - 1), np.float32)
    of_group = np.empty((groups.max() + 1, TILE), np.float32)
    shifted = np.empty(len(coarse))
    leaving = np.full(TILE, -math.inf)
    no_choices = np.empty((0, 0), np.int16)
    left, right = 0, len(coarse)  # Cells before and beyond these are dropped.
    for tile in range(len(begins)):
        t, until = tile * TILE, min((tile + 1) * TILE, frames)
        begin, end = begins[tile], ends[tile]
        lo, hi = starts[begin], starts[end]
        if tile > 0:
            for s in range(starts[begins[tile - 1]], lo):
                if row[s] > coarse[cell[s]]:
                    coarse[cell[s]] = row[s]
            for c in range(cells[ends[tile - 1]], cells[end]):
                entered[c] = coarse[c] + _SLACK
                coarse[c] = -math.inf
            _enter(cell, starts[ends[tile - 1]], hi, entered, row, other)
        if tile % (_BLOCK // TILE) == 0:
            block = tile // (_BLOCK // TILE)
            kept[places[block] : places[block + 1]] = row[lo:hi]
        before, beyond = cells[begin], cells[end]
        if outside:
            left = max(left, cell[min(first[t], len(cell) - 1)])
            right = max(beyond, min(right + TILE, cell[last[until] - 1] + 1))
            best_of_groups(log_probs, t, until, groups, best, of_group)
            best_of_kinds(of_group, group_offsets, members, readings)
            for f in range(until - t):
                if before > 0:
                    entering[t + f] = coarse[before - 1] + _SLACK
                step_cells(coarse, shifted, readings[f], kinds, left, before, -math.inf)
        row, other = _band_rows(
            log_probs, offsets, sources, labels, weights, first, last, lo, hi, t, until, entering,
            row, other, no_choices, starts[end - 1], leaving,
        )  # fmt: skip
        if outside:
            for f in range(until - t):
                step_cells(coarse, shifted, readings[f], kinds, beyond, right, leaving[f])
            while left < before and coarse[left] < limits[tile]:
                coarse[left] = -math.inf
                left += 1
            while right > beyond and coarse[right - 1] < limits[tile]:
                coarse[right - 1] = -math.inf
                right -= 1
    return row, other


@njit(cache=True, nogil=True)
def _enter(
    cell: np.ndarray,
    begin: int,
    end: int,
    entered: np.ndarray,
    row: np.ndarray,
    other: np.ndarray,
) -> None:
    """Give the states that the band takes in what their cells had."""
    for s in range(begin, end):
        row[s] = entered[cell[s]]
        other[s] = entered[cell[s]]


@njit(cache=True, nogil=True)
def _band_rows(
    log_probs: np.ndarray,
    offsets: np.ndarray,
    sources: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    lo: int,
    hi: int,
    begin: int,
    end: int,
    entering: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    choices: np.ndarray,
    edge: int,
    leaving: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Carry the scores of states ``[lo, hi)`` over the frames of a tile.

    Notes the best of the states from ``edge`` on before each frame, and, where there is room for
    them, the choice of each state: its k-th arc, or -1 for what comes in from the left.
    """
    for t in range(begin, end):
        highest = -math.inf
        for s in range(edge, hi):
            highest = before[s] if before[s] > highest else highest
        leaving[t - begin] = highest
        for s in range(max(lo, first[t + 1]), min(hi, last[t + 1])):
            best = -math.inf
            choice = 0
            for a in range(offsets[s], offsets[s + 1]):
                source = sources[a]
                from_left = source < lo
                score = entering[t] if from_left else before[source]
                score = score + weights[a] + log_probs[t, labels[a]]
                if score > best:
                    best = score
                    choice = -1 if from_left else a - offsets[s]
            after[s] = best
            if len(choices) > 0:
                choices[t - begin, s - lo] = choice
        before, after = after, before
    return before, after


@njit(cache=True, nogil=True)
def _retrace(
    log_probs: np.ndarray,
    offsets: np.ndarray,
    sources: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    starts: np.ndarray,
    cell: np.ndarray,
    begins: np.ndarray,
    ends: np.ndarray,
    block: int,
    row: np.ndarray,
    other: np.ndarray,
    entering: np.ndarray,
    entered: np.ndarray,
    kept: np.ndarray,
    choices: np.ndarray,
    state: int,
    taken: np.ndarray,
) -> int:
    """Redo a block of frames, and walk back from a state; return the state before, or -1."""
    begin = block * _BLOCK
    end = min(begin + _BLOCK, len(taken))
    leaving = np.empty(TILE)
    lo = starts[begins[begin // TILE]]
    row[lo : lo + len(kept)] = kept
    other[lo : lo + len(kept)] = -math.inf
    for t in range(begin, end, TILE):
        tile = t // TILE
        if t > begin:
            _enter(cell, starts[ends[tile - 1]], starts[ends[tile]], entered, row, other)
        row, other = _band_rows(
            log_probs, offsets, sources, labels, weights, first, last, starts[begins[tile]],
            starts[ends[tile]], t, min(t + TILE, end), entering, row, other,
            choices[t - begin : t - begin + TILE], starts[ends[tile]], leaving,
        )  # fmt: skip
    for t in range(end - 1, begin - 1, -1):
        tile = t // TILE
        choice = choices[t - begin, state - starts[begins[tile]]]
        if choice < 0:
            return _OUTSIDE
        taken[t] = offsets[state] + choice
        state = sources[taken[t]]
        if t % TILE == 0 and tile > 0 and state >= starts[ends[tile - 1]]:
            return _OUTSIDE
    return state
