"""Hidden Markov models of words: pronunciation variants, with silence where the speaker paused."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.errors import InputError
from speechalign.graphs.graph import Graph


@dataclass(frozen=True)
class HmmUnit:
    """A left-to-right HMM of one phone: states in a row, each with a loop, none skipped.

    Parameters
    ----------
    labels : tuple[int, ...]
        Emission column of each state.
    stay, leave : tuple[float, ...]
        Natural-log probability of repeating a state and of going on from it.

    Raises
    ------
    InputError
        There is no state, or not one ``stay`` and one ``leave`` for each.
    """

    labels: tuple[int, ...]
    stay: tuple[float, ...]
    leave: tuple[float, ...]

    def __post_init__(self) -> None:
        sizes = len(self.labels), len(self.stay), len(self.leave)
        if sizes[0] == 0 or len(set(sizes)) != 1:
            raise InputError(
                "HmmUnit: expected one stay and one leave weight for each of at least one label, "
                f"got {sizes[0]} labels, {sizes[1]} stay, {sizes[2]} leave"
            )


Pronunciation = Sequence[HmmUnit]


def hmm_graph(
    words: Sequence[Sequence[Pronunciation]],
    *,
    variant_weights: Sequence[Sequence[float]] | None = None,
    silence: HmmUnit | None = None,
    silence_probability: float = 0.5,
) -> Graph:
    """Build the graph of a word sequence from the HMMs of its phones.

    Parameters
    ----------
    words : Sequence[Sequence[Pronunciation]]
        For each word, in order, its pronunciation variants, each a sequence of phone HMMs.
    variant_weights : Sequence[Sequence[float]] or None
        For each word, the natural-log prior of each variant; None prefers no variant: each has
        weight 0.
    silence : HmmUnit or None
        May be spoken before, between and after the words; None forbids it.
    silence_probability : float
        Prior of a silence at each of these places, in (0, 1).

    Returns
    -------
    Graph
        Positions ``2i + 1`` on the arcs into word i, ``2i`` on those into the silence before it;
        states are numbered from left to right, state 0 being the start.

    Raises
    ------
    InputError
        A word has no pronunciation, or one without phones, or not one weight for each.

    Examples
    --------
    >>> unit = HmmUnit(labels=(0,), stay=(-0.7,), leave=(-0.7,))
    >>> graph = hmm_graph([[[unit]]], silence=HmmUnit((1,), (-0.7,), (-0.7,)))
    >>> graph.num_states, sorted(set(graph.positions.tolist()))
    (4, [0, 1, 2])
    """
    if silence is not None and not 0 < silence_probability < 1:
        raise InputError(
            f"silence_probability: expected a value in (0, 1), got {silence_probability}"
        )
    pause = math.log(silence_probability) if silence else -math.inf
    no_pause = math.log1p(-silence_probability) if silence else 0.0
    sources, targets, labels, positions = (array("q") for _ in range(4))
    scores = array("d")
    states = 1

    def arc(source: int, label: int, weight: float, position: int) -> None:
        """Append an arc into the newest state."""
        sources.append(source)
        targets.append(states)
        labels.append(label)
        scores.append(weight)
        positions.append(position)

    def add(
        unit: HmmUnit, entries: Sequence[tuple[int, float]], position: int
    ) -> tuple[int, float]:
        """Append one unit, entered from the given (state, weight) pairs; return its exit."""
        nonlocal states
        for i, label in enumerate(unit.labels):
            for source, weight in entries:
                arc(source, label, weight, position)
            arc(states, label, unit.stay[i], position)
            entries = [(states, unit.leave[i])]
            states += 1
        return entries[0]

    exits: list[tuple[int, float]] = [(0, 0.0)]
    for number, variants in enumerate(words):
        entries = [(state, weight + no_pause) for state, weight in exits]
        if silence is not None:
            paused = [(state, weight + pause) for state, weight in exits]
            entries.append(add(silence, paused, 2 * number))
        exits = []
        if not variants or any(len(variant) == 0 for variant in variants):
            raise InputError(f"words[{number}]: expected at least one phone, got {variants!r}")
        weights = [0.0] * len(variants) if variant_weights is None else variant_weights[number]
        if len(weights) != len(variants):
            raise InputError(
                f"variant_weights[{number}]: expected {len(variants)}, one for each pronunciation, "
                f"got {len(weights)}"
            )
        for variant, prior in zip(variants, weights):
            state_entries: Sequence[tuple[int, float]] = [
                (state, weight + prior) for state, weight in entries
            ]
            for unit in variant:
                state_entries = [add(unit, state_entries, 2 * number + 1)]
            exits.extend(state_entries)
    ends = [(state, weight + no_pause) for state, weight in exits]
    if silence is not None:
        paused = [(state, weight + pause) for state, weight in exits]
        ends.append(add(silence, paused, 2 * len(words)))

    start = np.full(states, -np.inf)
    start[0] = 0.0
    final = np.full(states, -np.inf)
    for state, weight in ends:
        final[state] = weight
    return Graph(
        np.array(sources, np.int64),
        np.array(targets, np.int64),
        np.array(labels, np.int64),
        np.array(scores, np.float64),
        np.array(positions, np.int64),
        start,
        final,
    )
