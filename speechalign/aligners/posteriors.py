"""Names of the posteriors that results may have, and posteriors of the ways through a graph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

import numpy as np

from speechalign.graphs import Graph
from speechalign.kernels import forward_backward
from speechalign.text.word import Pronunciation

Posterior = Literal["intervals", "phone-confidence", "n-best"]
POSTERIORS: tuple[Posterior, ...] = get_args(Posterior)


def way_posteriors(log_probs: np.ndarray, graph: Graph) -> list[np.ndarray]:
    """Find how probable each way through each item of a graph is.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities.
    graph : Graph
        Whose items are ways side by side, each with a first state of its own, such as those of
        `hmm_graph` and `ctc_variant_graph`.

    Returns
    -------
    list of ndarray, shape (W,), float64
        For each item, the posterior of each of its W ways, in the order of their first states.

    Notes
    -----
    P(way) = sum over t of the posteriors of the arcs that enter its first state at t, which a path
    does once at most: the sum over all alignments, and all ways through the other items.
    """
    posteriors = forward_backward(log_probs, graph, by="arc").posteriors.sum(axis=0)
    place = np.full(graph.num_states, -1)
    place[graph.targets] = graph.positions
    enters = (graph.positions % 2 == 1) & (place[graph.sources] != graph.positions)
    entered = np.bincount(graph.targets[enters], posteriors[enters], minlength=graph.num_states)
    firsts = np.unique(graph.targets[enters])
    items = place[firsts] // 2
    return [
        np.clip(entered[firsts[items == item]], 0.0, 1.0) for item in range(int(items.max()) + 1)
    ]


def ranked(ways: Sequence[tuple[str, ...]], posteriors: np.ndarray) -> tuple[Pronunciation, ...]:
    """Return pronunciations with their posteriors, the most probable first."""
    found: dict[tuple[str, ...], float] = {}
    for way, posterior in zip(ways, posteriors.tolist(), strict=True):
        found[way] = min(1.0, found.get(way, 0.0) + posterior)
    return tuple(sorted(found.items(), key=lambda pair: -pair[1]))


def windows(
    spans: np.ndarray, frames: int, *, size: int = 16, context: int = 4, with_gaps: bool = False
) -> Iterator[tuple[range, range, slice]]:
    """Yield items to weigh, the same with context, and the frames of these.

    Parameters
    ----------
    spans : ndarray, shape (I, 2), int64
        Frames ``[begin, end)`` of each item on the best path.
    frames : int
        Of the recording.
    size, context : int
        Items to weigh at once, and further ones on either side, so that memory stays bounded.
    with_gaps : bool
        Whether the frames between these items and their neighbours are included: for graphs that
        begin and end with sound that no item explains. Other graphs would stretch the outer items
        over it.
    """
    count = len(spans)
    for begin in range(0, count, size):
        end = min(begin + size, count)
        low, high = max(0, begin - context), min(count, end + context)
        if with_gaps:
            first = int(spans[low - 1, 1]) if low else 0
            last = int(spans[high, 0]) if high < count else frames
        else:
            first = int(spans[low, 0]) if low else 0
            last = int(spans[high - 1, 1]) if high < count else frames
        yield range(begin, end), range(low, high), slice(first, last)
