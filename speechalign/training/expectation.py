"""One pass over the material: how likely it is, and which frames belong to which states."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.errors import AlignmentError
from speechalign.graphs import Graph
from speechalign.kernels.baum_welch import Occupancy, occupancy
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.kernels.mixture_statistics import add_mixture_statistics
from speechalign.lexicon import Variants
from speechalign.models.hmm_gmm import HmmGmm
from speechalign.models.sphinx_features import feature_streams
from speechalign.training.material import Material, Spoken, in_order
from speechalign.training.statistics import Statistics


@dataclass(frozen=True)
class Pass:
    """What one pass found.

    Parameters
    ----------
    statistics : Statistics
        Summed over the utterances.
    scores : dict[str, float]
        Log-likelihood per frame of each utterance; those that the model cannot explain are missing.
    """

    statistics: Statistics
    scores: dict[str, float]


class Alternatives:
    """Numbers for the pronunciations of the words that have several.

    Parameters
    ----------
    spoken : Sequence[Spoken]
        The material.
    """

    def __init__(self, spoken: Sequence[Spoken]) -> None:
        several = {v for utterance in spoken for v in utterance.words if len(v) > 1}
        self.words = tuple(sorted(several))
        ends = np.cumsum([0, *map(len, self.words)])
        self.first = {word: int(begin) for word, begin in zip(self.words, ends)}
        self.count = int(ends[-1])


class States:
    """The most probable state of each frame, as one pass finds them; -1 where none is known.

    Each pass has a file; it reads that of the pass before, so that one that is stopped half-way
    can be done again.

    Parameters
    ----------
    material : Material
        Whose frames they are.
    number : int
        Which pass; -1 for what is known before the first.
    """

    def __init__(self, material: Material, number: int) -> None:
        self._frames = material.frames
        self._path = material.path.with_name(f"states{number % 2}.i16")
        self._before = material.path.with_name(f"states{(number - 1) % 2}.i16")

    def clear(self) -> None:
        """Know nothing."""
        with self._path.open("wb") as sink:
            for begin in range(0, self._frames, 1 << 20):
                count = min(1 << 20, self._frames - begin)
                sink.write(np.full(count, -1, np.int16).tobytes())

    def begin(self) -> None:
        """Take over what the pass before knew."""
        shutil.copyfile(self._before, self._path)

    def read(self, utterance: Spoken) -> np.ndarray:
        """Return the states of an utterance, (T,) int16."""
        return np.fromfile(self._path, np.int16, utterance.frames, offset=2 * utterance.begin)

    def replace(self, utterance: Spoken, states: np.ndarray) -> int:
        """Write the (T,) states of an utterance; return how many have changed."""
        moved = int((self.read(utterance) != states).sum())
        if moved:
            file = os.open(self._path, os.O_WRONLY)
            try:
                os.pwrite(file, states.astype(np.int16).tobytes(), 2 * utterance.begin)
            finally:
                os.close(file)
        return moved


def expect(
    model: HmmGmm,
    material: Material,
    chosen: Sequence[Spoken],
    alternatives: Alternatives,
    states: States,
    *,
    jobs: int,
    progress: Callable[[int, int], object],
) -> Pass:
    """Collect the statistics of utterances under a model: the E step of Baum and Welch.

    Parameters
    ----------
    model : HmmGmm
        Present parameters.
    material : Material
        Where the features are.
    chosen : Sequence[Spoken]
        The utterances to go over.
    alternatives : Alternatives
        Of the material.
    states : States
        Filled with those of this pass.
    jobs : int
        Threads; no bit of the result depends on it: runs of utterances are summed by themselves,
        and then in their order.
    progress : callable
        Told after each run how many of how many utterances are done.

    Returns
    -------
    Pass
        Statistics, and the score of each utterance.
    """
    states.begin()
    total = Statistics.empty(model.mixtures, alternatives.count)
    scores: dict[str, float] = {}
    chunks = material.chunks(chosen)
    done = 0
    found = in_order(lambda c: _collect(model, material, states, alternatives, c), chunks, jobs)
    for chunk, part in zip(chunks, found):
        total.add(part.statistics)
        scores.update(part.scores)
        done += len(chunk)
        progress(done, len(chosen))
    return Pass(total, scores)


def _collect(
    model: HmmGmm,
    material: Material,
    states: States,
    alternatives: Alternatives,
    chunk: Sequence[Spoken],
) -> Pass:
    statistics = Statistics.empty(model.mixtures, alternatives.count)
    scores: dict[str, float] = {}
    mixtures = model.mixtures
    for utterance in chunk:
        features = feature_streams(material.cepstra(utterance))
        graph = model.graph(utterance.words)
        used = np.unique(graph.labels)
        columns = np.zeros(mixtures.num_states, np.int64)
        columns[used] = np.arange(len(used))
        try:
            found = occupancy(mixtures.log_likelihoods(features, used), columns, graph)
        except AlignmentError:
            continue
        if found.score == -np.inf:
            continue
        scores[utterance.id] = found.score / utterance.frames
        add_mixture_statistics(
            features, found.posteriors, used, mixtures.means, mixtures.half_precisions,
            mixtures.log_norms, mixtures.log_weights, statistics.occupancies, statistics.sums,
            statistics.squares,
        )  # fmt: skip
        _count(statistics, graph, found, utterance.words, alternatives.first)
        statistics.log_likelihood += found.score
        statistics.frames += utterance.frames
        best = used[found.posteriors.argmax(axis=1)]
        statistics.moved += states.replace(utterance, best)
    return Pass(statistics, scores)


def _count(
    statistics: Statistics,
    graph: Graph,
    found: Occupancy,
    words: Sequence[Variants],
    first: Mapping[Variants, int],
) -> None:
    """Add what does not concern the Gaussians."""
    size = len(statistics.visits)
    loops = graph.sources == graph.targets
    statistics.visits += np.bincount(graph.labels, found.arcs, size)
    statistics.repeats += np.bincount(graph.labels[loops], found.arcs[loops], size)
    entered = np.bincount(graph.targets[~loops], found.arcs[~loops], graph.num_states)
    # States as `hmm_graph` numbers them: before each word its silence, then its pronunciations.
    state = 1
    for variants in words:
        statistics.pauses += entered[state]
        state += STATES
        number = first.get(variants)
        for i, phones in enumerate(variants):
            if number is not None:
                statistics.alternatives[number + i] += entered[state]
            state += STATES * len(phones)
    statistics.pauses += entered[state]
    statistics.places += len(words) + 1
