"""Answers found by enumerating every path: slow, obvious, and independent of speechalign."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class ArcPath(NamedTuple):
    """A path through a graph: its arcs, the state it ends in, its natural-log probability."""

    arcs: tuple[int, ...]
    end: int
    score: float


def paths(log_probs, graph) -> Iterator[ArcPath]:
    """Yield every path of probability above zero that takes one arc for each frame."""

    def extend(arcs, state, score):
        if score == -math.inf:
            return
        if len(arcs) == len(log_probs):
            score += float(graph.final[state])
            if score > -math.inf:
                yield ArcPath(arcs, state, score)
            return
        for arc, source in enumerate(graph.sources):
            if source == state:
                gain = float(graph.weights[arc]) + float(log_probs[len(arcs), graph.labels[arc]])
                yield from extend((*arcs, arc), int(graph.targets[arc]), score + gain)

    for state, weight in enumerate(graph.start):
        yield from extend((), state, float(weight))


def best_path(log_probs, graph) -> ArcPath | None:
    """Return the best path, None if there is none.

    Among equals the one that ends in the state of lowest number, then the one whose last arc is
    listed first, then the one whose last but one is ...: at every state, the incoming arc listed
    first. Only exact where sums of scores are, so take scores that are multiples of 1/4, say.
    """
    found = list(paths(log_probs, graph))
    highest = max((path.score for path in found), default=-math.inf)
    equals = [path for path in found if path.score == highest]
    return min(equals, key=lambda path: (path.end, path.arcs[::-1]), default=None)


def total_score(log_probs, graph) -> float:
    """Return the natural-log sum of the probabilities of all paths."""
    total = math.fsum(math.exp(path.score) for path in paths(log_probs, graph))
    return math.log(total) if total else -math.inf


def posteriors(log_probs, graph, columns, width) -> np.ndarray:
    """Return the probability, shape (T, width), that frame t is explained by column k.

    ``columns[arc]`` is the column that an arc counts for.
    """
    counts = np.zeros((len(log_probs), width))
    for path in paths(log_probs, graph):
        for t, arc in enumerate(path.arcs):
            counts[t, columns[arc]] += math.exp(path.score)
    return counts / counts.sum(axis=1, keepdims=True)


def chain_sequences(chain, frames):
    """Yield every way to spend exactly ``frames`` frames on a row of states, each at least once.

    Parameters
    ----------
    chain : sequence of (label, position, stay, leave)
        The states in order, with the natural-log weights of repeating and of leaving each.
    frames : int
        Frames to spend.

    Yields
    ------
    labels, positions, weight : tuple[int, ...], tuple[int, ...], float
        What each frame reads, where it belongs, and the sum of the weights, last leave included.
    """
    if not chain:
        if frames == 0:
            yield (), (), 0.0
        return
    label, position, stay, leave = chain[0]
    for spent in range(1, frames - len(chain) + 2):
        for labels, positions, weight in chain_sequences(chain[1:], frames - spent):
            yield (
                (label,) * spent + labels,
                (position,) * spent + positions,
                (spent - 1) * stay + leave + weight,
            )
