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
    sources, targets, labels, weights, positions = [], [], [], [], []
    final = np.full(int(offsets[-1]), -math.inf)
    entries = []
    for number, (unit, offset) in enumerate(zip(units, offsets.tolist())):
        first = unit.start[unit.sources] > -math.inf
        for a in np.flatnonzero(first).tolist():
            entries.append((number, offset, unit, a))
        sources.append(unit.sources + offset)
        targets.append(unit.targets + offset)
        labels.append(unit.labels)
        weights.append(unit.weights)
        positions.append(np.full(len(unit.sources), number, np.int64))
        final[offset : offset + unit.num_states] = unit.final
    exits = np.flatnonzero(final > -math.inf)
    from_states = np.append(0, exits)
    leaving = np.append(0.0, final[exits])
    for number, offset, unit, a in entries:
        count = len(from_states)
        sources.append(from_states)
        targets.append(np.full(count, unit.targets[a] + offset))
        labels.append(np.full(count, unit.labels[a]))
        weights.append(leaving + weight + unit.start[unit.sources[a]] + unit.weights[a])
        positions.append(np.full(count, number, np.int64))
    start = np.full(len(final), -math.inf)
    start[0] = 0.0
    return Graph(
        *(np.concatenate(column) for column in (sources, targets, labels, weights, positions)),
        start,
        final,
    )
