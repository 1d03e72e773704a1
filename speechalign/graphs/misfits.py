"""A graph of what may be said, where the reader may leave out, add to and go back in the text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from speechalign.graphs.graph import Graph

Misfit = Literal["skips", "repeats", "insertions", "fillers"]


@dataclass(frozen=True)
class Penalties:
    """What departs from the text costs: natural-log weights, at most 0, and thresholds.

    Parameters
    ----------
    skip, skip_more : float
        Of leaving out a word, and each further word in a row.
    insertion : float
        Of beginning to say what is not in the text.
    jump : float
        Of going on anywhere else in the text.
    filler : float
        Of a filler.
    sound : float
        Nats that other speech loses a frame against the best sounds in any order, at least 0.
    chance : float
        Nats that words in a row must score more than other sound, not to be heard by chance.
    edge : float
        Nats that it costs to leave the text, or to go back to it, elsewhere than in a pause.
    beam : float
        Nats below the best path, beyond which no path is followed.
    """

    skip: float
    skip_more: float
    insertion: float
    jump: float
    filler: float
    sound: float
    chance: float
    edge: float
    beam: float


@dataclass(frozen=True)
class MisfitGraph:
    """A graph with ways off the text; what each state is part of tells them apart.

    Parameters
    ----------
    graph : Graph
        With the states of the text first.
    pieces : ndarray, shape (S,), int64
        Word i is piece ``i >= 0``; pauses are `PAUSE`, what is not in the text `OTHER`, and words
        that are passed over `PASSED`.
    hub : int
        The state that leads to all words; -1 for none.
    """

    graph: Graph
    pieces: np.ndarray
    hub: int


PAUSE, OTHER, PASSED = -1, -2, -3


def misfit_graph(
    graph: Graph,
    parts: Sequence[int],
    *,
    any_sound: int,
    edge: int,
    allow: Sequence[Misfit],
    penalties: Penalties,
    fillers: Sequence[Sequence[int]] = (),
) -> MisfitGraph:
    """Let the reader of a nearly linear graph depart from the text.

    Parameters
    ----------
    graph : Graph
        Arcs lead to the same part or to the next one; positions ``2i`` and ``2i + 1`` are part i.
    parts : Sequence[int]
        Number of the word that each part belongs to, from 0 on, in order. A word is not left
        between its parts.
    any_sound, edge : int
        Emission columns of any sound, and of the same where it begins and ends.
    allow : Sequence of {"skips", "repeats", "insertions", "fillers"}
        What may happen.
    penalties : Penalties
        How probable it is.
    fillers : Sequence[Sequence[int]]
        Labels of each sound that may be made between words, without being in the text.

    Returns
    -------
    MisfitGraph
        The states and arcs of ``graph`` first, in their order.

    Notes
    -----
    Between two words there are two states of any sound (insertions), the second for the frame with
    which it ends, and rows of states for fillers. A word that is left out is a state of any sound
    as well, which lasts for one frame. One such pair is entered from the end of every word, and
    leads to the beginning of every word (repeats).
    """
    count = parts[-1] + 1
    word_of = np.append(parts, count)  # The pause at the end has a number of its own.
    inner = np.append(False, np.diff(word_of) == 0)
    word = np.zeros(graph.num_states, np.int64)
    word[graph.targets] = word_of[graph.positions // 2]
    spoken = np.zeros(graph.num_states, np.bool_)
    spoken[graph.targets] = (graph.positions % 2 == 1) | inner[graph.positions // 2]
    pieces = np.where(spoken, word, PAUSE).tolist()
    first = word[graph.targets] > word[graph.sources]
    first |= (graph.start[graph.sources] > -math.inf) & (graph.sources != graph.targets)
    exits: list[dict[int, None]] = [{} for _ in range(count + 1)]
    entries: list[dict[int, int]] = [{} for _ in range(count + 1)]
    for a in np.flatnonzero(first).tolist():
        number = int(word[graph.targets[a]])
        exits[number].setdefault(int(graph.sources[a]))
        entries[number].setdefault(int(graph.targets[a]), int(graph.labels[a]))
    pausing = (graph.start[graph.sources] > -math.inf) & (graph.sources == graph.targets)
    for a in np.flatnonzero(pausing).tolist():  # A pause that is the start itself.
        entries[0].setdefault(int(graph.targets[a]), int(graph.labels[a]))
    for last in np.flatnonzero((graph.final > -math.inf) & spoken).tolist():
        exits[count].setdefault(last)
    arcs: list[tuple[int, int, int, float]] = []
    final: dict[int, float] = {}

    def state(piece: int) -> int:
        pieces.append(piece)
        return len(pieces) - 1

    def leave(source: int, number: int, weight: float) -> None:
        """Let a state lead to the beginning of a word, or to the end."""
        for target, label in entries[number].items():
            arcs.append((source, target, label, weight))
        if number == count:
            final[source] = max(weight, final.get(source, -math.inf))

    def other(numbers: Sequence[int]) -> tuple[int, int]:
        """Add any sound that is entered before some words; return where it goes on and ends."""
        inside, last = state(OTHER), state(OTHER)
        for number in numbers:
            begin = edge if number > 0 else any_sound  # A recording may begin amid speech.
            arcs.extend((source, inside, begin, penalties.insertion) for source in exits[number])
        arcs.extend([(inside, inside, any_sound, 0.0), (inside, last, edge, 0.0)])
        return inside, last

    passed: list[int] = []
    for number in range(count + 1):
        sources = list(exits[number])
        if "insertions" in allow:
            inside, last = other([number])
            leave(last, number, 0.0)
            sources.append(last)
            if number == count:
                final[inside] = 0.0
        if "fillers" in allow:
            for labels in fillers:
                before = list(exits[number])
                weight = penalties.filler
                for label in labels:
                    own = state(OTHER)
                    arcs += [(source, own, label, weight) for source in before]
                    arcs.append((own, own, label, 0.0))
                    before, weight = [own], 0.0
                leave(before[0], number, 0.0)
        if "skips" in allow and number < count:
            own = state(PASSED)
            arcs += [(source, own, any_sound, penalties.skip) for source in sources]
            if passed:
                arcs.append((passed[-1], own, any_sound, penalties.skip_more))
            passed.append(own)
            leave(own, number + 1, 0.0)
    hub = -1
    if "repeats" in allow:
        _, hub = other(range(count + 1))
        for number in range(count + 1):
            leave(hub, number, penalties.jump)
    ends = np.full(len(pieces), -math.inf)
    ends[: graph.num_states] = graph.final
    for source, weight in final.items():
        ends[source] = weight
    starts = np.full(len(pieces), -math.inf)
    starts[: graph.num_states] = graph.start
    return MisfitGraph(
        Graph(
            np.append(graph.sources, np.array([arc[0] for arc in arcs], np.int64)),
            np.append(graph.targets, np.array([arc[1] for arc in arcs], np.int64)),
            np.append(graph.labels, np.array([arc[2] for arc in arcs], np.int64)),
            np.append(graph.weights, np.array([arc[3] for arc in arcs], np.float64)),
            np.append(graph.positions, np.zeros(len(arcs), np.int64)),
            starts,
            ends,
        ),
        np.array(pieces, np.int64),
        hub,
    )
