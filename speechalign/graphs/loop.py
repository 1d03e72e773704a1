"""A graph of anything that may be said: units of speech in any order."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from speechalign.graphs.graph import Graph


def loop_graph(units: Sequence[Graph]) -> Graph:
    """Let units follow each other in any order, all of them equally probable.

    Parameters
    ----------
    units : Sequence[Graph]
        One at least, each of them from its start to its final states.

    Returns
    -------
    Graph
        State 0 is the start; arcs of unit i have position i.
    """
    weight = -math.log(len(units))
    offsets = 1 + np.append(0, np.cumsum([unit.num_states for unit in units]))
    final = np.concatenate([[-math.inf], *(unit.final for unit in units)])
    start = np.full(len(final), -math.inf)
    start[0] = 0.0
    exits = np.flatnonzero(final > -math.inf)
    before, leaving = np.append(0, exits), np.append(0.0, final[exits])
    columns: list[tuple[np.ndarray, ...]] = []
    for number, (unit, offset) in enumerate(zip(units, offsets.tolist())):
        columns.append(
            (
                unit.sources + offset,
                unit.targets + offset,
                unit.labels,
                unit.weights,
                np.full(len(unit.sources), number),
            )
        )
        for a in np.flatnonzero(unit.start[unit.sources] > -math.inf).tolist():
            entry = weight + float(unit.start[unit.sources[a]] + unit.weights[a])
            columns.append(
                (
                    before,
                    np.full(len(before), unit.targets[a] + offset),
                    np.full(len(before), unit.labels[a]),
                    leaving + entry,
                    np.full(len(before), number),
                )
            )
    sources, targets, labels, weights, positions = (
        np.concatenate(column) for column in zip(*columns)
    )
    return Graph(sources, targets, labels, weights, positions, start, final)
