"""CTC over words that may be said in several ways."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from speechalign.errors import InputError
from speechalign.graphs.ctc import check_targets
from speechalign.graphs.graph import Graph


def ctc_variant_graph(words: Sequence[Sequence[Sequence[int]]], *, blank: int) -> Graph:
    """Build the CTC graph of words in order, each in one of its readings.

    Parameters
    ----------
    words : Sequence[Sequence[Sequence[int]]]
        For each word its readings, each a row of labels.
    blank : int
        Emission column of the blank.

    Returns
    -------
    Graph
        Positions ``2i + 1`` inside word i, from its first label to its last, and ``2i`` in the
        blanks before it. With one reading a word it is `ctc_graph` of all labels in a row.

    Raises
    ------
    InputError
        A word has no reading, a reading no label, or one that is the blank.

    Notes
    -----
    The rule of CTC holds throughout: equal labels do not follow each other without a blank between
    them, whichever readings they belong to. The arcs into a state are listed as: stay, from the
    blanks before, from the label before; into blanks, from the readings in order.

    Examples
    --------
    >>> graph = ctc_variant_graph([[[1, 2], [3]], [[2]]], blank=0)
    >>> graph.num_states, int(graph.positions.max())
    (8, 4)
    """
    labels: list[int] = []
    positions: list[int] = []
    arcs: list[tuple[int, int]] = []

    def state(label: int, position: int, sources: Sequence[int]) -> int:
        """Add a state, a loop, and arcs from those of other labels; return its number."""
        labels.append(label)
        positions.append(position)
        number = len(labels) - 1
        arcs.extend((s, number) for s in (number, *sources) if s == number or labels[s] != label)
        return number

    ends: list[int] = []
    for i, readings in enumerate(words):
        if not readings:
            raise InputError(f"words[{i}]: expected at least one reading")
        gap = state(blank, 2 * i, ends)
        left = ends
        ends = []
        for k, reading in enumerate(readings):
            row = check_targets(reading, blank=blank, name=f"words[{i}][{k}]").tolist()
            if not row:
                raise InputError(f"words[{i}][{k}]: expected at least one label")
            last = state(row[0], 2 * i + 1, (gap, *left))
            for label in row[1:]:
                between = state(blank, 2 * i + 1, (last,))
                last = state(label, 2 * i + 1, (between, last))
            ends.append(last)
    tail = state(blank, 2 * len(words), ends)
    start = np.full(len(labels), -math.inf)
    start[0] = 0.0
    final = np.full(len(labels), -math.inf)
    final[[tail, *ends]] = 0.0
    sources, targets = (np.array(ends_of, np.int64) for ends_of in zip(*arcs))
    return Graph(
        sources,
        targets,
        np.array(labels, np.int64)[targets],
        np.zeros(len(arcs)),
        np.array(positions, np.int64)[targets],
        start,
        final,
    )


def variant_labels(graph: Graph, arcs: np.ndarray, *, blank: int) -> list[list[int]]:
    """Return the labels of each word that a path reads.

    Parameters
    ----------
    graph : Graph
        What `ctc_variant_graph` returned.
    arcs : ndarray, shape (T,), int64
        Arc taken at each frame.
    blank : int
        The same as in `ctc_variant_graph`.

    Examples
    --------
    >>> from speechalign.kernels.lattice import viterbi
    >>> graph = ctc_variant_graph([[[1, 2], [3]], [[2]]], blank=0)
    >>> log_probs = np.log(np.full((3, 4), 0.01) + 0.96 * np.eye(4)[[3, 0, 2]])
    >>> variant_labels(graph, viterbi(log_probs, graph).arcs, blank=0)
    [[3], [2]]
    """
    entered = np.diff(graph.targets[arcs], prepend=-1) != 0
    found: list[list[int]] = [[] for _ in range(int(graph.positions.max()) // 2)]
    for arc in arcs[entered & (graph.labels[arcs] != blank)]:
        found[graph.positions[arc] // 2].append(int(graph.labels[arc]))
    return found
