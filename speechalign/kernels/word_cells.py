"""The words of a nearly linear graph in cells, and what paths through cells score at most.

A cell is a short word, or a part of a long one. In a frame it reads whatever its labels read best,
so that no path through the states scores more than the best one through their cells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit

from speechalign.graphs import Graph

TILE = 16
"""Frames that are taken together."""
_CELL = 18
"""States of the longest way through a cell."""


@dataclass(frozen=True)
class WordCells:
    """The W words of a graph, and the cells of which they consist; arcs lead to the next at most.

    Parameters
    ----------
    starts, cells : ndarray, shape (W + 1,), int64
        Word w has states ``starts[w]`` up to ``starts[w + 1]``, and cells likewise.
    cell : ndarray, shape (S,), int64
        Cell of each state.
    groups : ndarray, shape (V,), int64
        Labels that occur in the same cells share a number; -1 for those that occur in none.
    best : ndarray, shape (V,), float64
        Highest weight of an arc with each label.
    kinds : ndarray, shape (C,), uint32
        Cells with the same labels are of one kind.
    offsets, members : ndarray, int64
        Cells of kind k have the groups ``members[offsets[k]:offsets[k + 1]]``.
    """

    starts: np.ndarray
    cells: np.ndarray
    cell: np.ndarray
    groups: np.ndarray
    best: np.ndarray
    kinds: np.ndarray
    offsets: np.ndarray
    members: np.ndarray


def word_starts(graph: Graph) -> np.ndarray | None:
    """Return where the states of each word begin, and their number; None if it is not linear."""
    word = np.zeros(graph.num_states, np.int64)
    word[graph.targets] = graph.positions // 2
    step = word[graph.targets] - word[graph.sources]
    if (
        (np.diff(word) < 0).any()
        or (graph.sources > graph.targets).any()
        or ((step < 0) | (step > 1)).any()
    ):
        return None
    found: np.ndarray = np.append(np.searchsorted(word, np.arange(word[-1] + 1)), len(word))
    return found


def word_cells(graph: Graph, starts: np.ndarray, num_labels: int) -> WordCells:
    """Return the cells of each word, and the labels of each cell, in groups."""
    cell, cells = _cells(graph, starts)
    count = cells[-1]
    best = np.full(num_labels, -math.inf)
    np.maximum.at(best, graph.labels, graph.weights)
    label, owner = np.divmod(np.unique(graph.labels * count + cell[graph.targets]), count)
    groups, shared = _alike(label, owner, num_labels)
    has = groups[label] >= 0
    pairs = np.unique(owner[has] * (len(shared) + 1) + groups[label[has]])
    owner, group = np.divmod(pairs, len(shared) + 1)
    kinds, members = _alike(owner, group, count)
    offsets = np.append(0, np.cumsum([len(own) for own in members]))
    return WordCells(
        starts, cells, cell, groups, best, kinds.astype(np.uint32), offsets, np.concatenate(members)
    )


def _alike(keys: np.ndarray, values: np.ndarray, count: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Number the sets of values that keys have, -1 for none; return them too. Keys are in order."""
    edges = np.searchsorted(keys, np.arange(count + 1))
    known: dict[bytes, int] = {}
    sets: list[np.ndarray] = []
    numbers = np.full(count, -1)
    for key in range(count):
        own = values[edges[key] : edges[key + 1]]
        if len(own):
            numbers[key] = known.setdefault(own.tobytes(), len(known))
            if numbers[key] == len(sets):
                sets.append(own)
    return numbers, sets


def _cells(graph: Graph, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cut the words of a graph into cells: that of each state, and the first of each word.

    A state belongs to a cell by how far it is on the shortest way through its word.
    """
    word = np.searchsorted(starts, np.arange(graph.num_states), side="right") - 1
    within = word[graph.sources] == word[graph.targets]
    onwards = within & (graph.sources < graph.targets)
    sources, targets = graph.sources[onwards], graph.targets[onwards]
    since, until = np.full((2, graph.num_states), np.iinfo(np.int64).max // 4)
    since[0] = 0
    since[graph.targets[~within]] = 0
    until[graph.final > -math.inf] = 0
    until[graph.sources[~within]] = 0
    _lengths(sources, targets, since, until)
    longest = np.maximum.reduceat(since + until + 1, starts[:-1])
    for size in (_CELL, graph.num_states):  # The whole word, where that does not lead on.
        parts = -(-longest // size)
        cells = np.append(0, np.cumsum(parts))
        cell = cells[word] + parts[word] * since // (since + until + 1)
        step = cell[graph.targets] - cell[graph.sources]
        if ((step == 0) | (step == 1)).all():
            break
    return cell, cells


@njit(cache=True, nogil=True)
def _lengths(
    sources: np.ndarray, targets: np.ndarray, since: np.ndarray, until: np.ndarray
) -> None:
    """Count the arcs on the shortest way to each state, and from it; states are in order."""
    for a in np.argsort(targets):
        since[targets[a]] = min(since[targets[a]], since[sources[a]] + 1)
    for a in np.argsort(sources)[::-1]:
        until[sources[a]] = min(until[sources[a]], until[targets[a]] + 1)


@njit(cache=True, nogil=True)
def most_to_come(log_probs: np.ndarray, best: np.ndarray) -> np.ndarray:
    """Return the most that the frames after each tile can add."""
    found = np.zeros(-(-len(log_probs) // TILE))
    total = 0.0
    for t in range(len(log_probs) - 1, -1, -1):
        if t % TILE == TILE - 1 or t == len(log_probs) - 1:
            found[t // TILE] = total
        highest = -math.inf
        for v in range(len(best)):
            score = log_probs[t, v] + best[v]
            highest = score if score > highest else highest
        total += highest
    return found


@njit(cache=True, nogil=True)
def best_of_groups(
    log_probs: np.ndarray,
    begin: int,
    end: int,
    groups: np.ndarray,
    best: np.ndarray,
    of_group: np.ndarray,
) -> None:
    """Find the most that an arc with a label of each group adds in each frame of a tile."""
    of_group[:] = -np.inf
    for v in range(len(groups)):
        if groups[v] >= 0:
            for t in range(begin, end):
                # Rounded up, as the sum is kept in fewer bits than scores.
                score = np.float32(log_probs[t, v] + best[v])
                score += abs(score) * np.float32(2e-7)
                if score > of_group[groups[v], t - begin]:
                    of_group[groups[v], t - begin] = score


@njit(cache=True, nogil=True)
def best_of_kinds(
    of_group: np.ndarray, offsets: np.ndarray, members: np.ndarray, readings: np.ndarray
) -> None:
    """Find the most that an arc into a cell of each kind adds in each frame of a tile."""
    highest = np.empty(TILE, np.float32)
    for k in range(len(offsets) - 1):
        for f in range(TILE):
            highest[f] = of_group[members[offsets[k]], f]
        for m in range(offsets[k] + 1, offsets[k + 1]):
            for f in range(TILE):
                score = of_group[members[m], f]
                highest[f] = score if score > highest[f] else highest[f]
        for f in range(TILE):
            readings[f, k] = highest[f]


@njit(cache=True, nogil=True)
def step_cells(
    coarse: np.ndarray,
    shifted: np.ndarray,
    readings: np.ndarray,
    kinds: np.ndarray,
    begin: int,
    end: int,
    incoming: float,
) -> None:
    """Carry cells ``[begin, end)`` by one frame, each from itself or the one before it."""
    if begin >= end:
        return
    for c in range(begin + 1, end):
        shifted[c] = coarse[c - 1]
    shifted[begin] = incoming
    for c in range(begin, end):
        before = shifted[c] if shifted[c] > coarse[c] else coarse[c]
        coarse[c] = before + readings[kinds[c]]
