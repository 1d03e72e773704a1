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
from speechalign.kernels.feature_transform import add_transform_statistics
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.kernels.mixture_statistics import add_mixture_statistics
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.models.hmm_gmm.sphinx_features import feature_streams
from speechalign.models.speakers import apply_transform, log_determinant
from speechalign.pronunciation.lexicon import Variants
from speechalign.training.known_times import known_occupancy
from speechalign.training.material import Material, Spoken, in_order
from speechalign.training.statistics import Statistics
from speechalign.training.transforms import TransformStatistics


@dataclass(frozen=True)
class Pass:
    """Result of one pass.

    Parameters
    ----------
    statistics : Statistics
        Summed over the utterances.
    scores : dict[str, float]
        Log-likelihood per frame of each utterance; those that the model cannot explain are missing.
    transforms : dict[str, TransformStatistics]
        Of each speaker, where they were asked for.
    """

    statistics: Statistics
    scores: dict[str, float]
    transforms: dict[str, TransformStatistics]

    def add(self, other: Pass) -> None:
        """Add what was found in other utterances."""
        self.statistics.add(other.statistics)
        self.scores.update(other.scores)
        for speaker, found in other.transforms.items():
            self.transforms.setdefault(speaker, TransformStatistics.empty()).add(found)


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
    run : str
        Name of the run of passes.
    """

    def __init__(self, material: Material, number: int, run: str = "checkpoint") -> None:
        self._frames = material.frames
        self._path = material.path.with_name(f"{run}{number % 2}.i16")
        self._before = material.path.with_name(f"{run}{(number - 1) % 2}.i16")

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
    transforms: bool = False,
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
    transforms : bool
        Collect the statistics of transforms, rather than those of the Gaussians.
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
    total = Pass(Statistics.empty(model.mixtures, alternatives.count), {}, {})
    chunks = material.chunks(chosen)
    done = 0
    found = in_order(
        lambda c: _collect(model, material, states, alternatives, c, transforms), chunks, jobs
    )
    for chunk, part in zip(chunks, found):
        total.add(part)
        done += len(chunk)
        progress(done, len(chosen))
    return total


def _collect(
    model: HmmGmm,
    material: Material,
    states: States,
    alternatives: Alternatives,
    chunk: Sequence[Spoken],
    transforms: bool,
) -> Pass:
    statistics = Statistics.empty(model.mixtures, alternatives.count)
    scores: dict[str, float] = {}
    of_speakers: dict[str, TransformStatistics] = {}
    mixtures = model.mixtures
    for utterance in chunk:
        transform = model.transform_of(utterance.speaker)
        plain = feature_streams(material.cepstra(utterance))
        features = apply_transform(plain, transform)
        graph = model.graph(utterance.words)
        used = np.unique(graph.labels)
        columns = np.zeros(mixtures.num_states, np.int64)
        columns[used] = np.arange(len(used))
        try:
            likelihoods = mixtures.log_likelihoods(features, used)
            if utterance.known is None:
                found = occupancy(likelihoods, columns, graph)
            else:
                found = known_occupancy(
                    likelihoods, columns, graph, utterance.words, utterance.known
                )
        except AlignmentError:
            continue
        if found.score == -np.inf:
            continue
        score = found.score + utterance.frames * log_determinant(transform)
        scores[utterance.id] = score / utterance.frames
        gaussians = (
            found.posteriors, used, mixtures.means, mixtures.half_precisions, mixtures.log_norms,
            mixtures.log_weights,
        )  # fmt: skip
        if transforms:
            own = of_speakers.setdefault(utterance.speaker, TransformStatistics.empty())
            add_transform_statistics(plain, features, *gaussians, own.squares, own.pulls)
            own.frames += utterance.frames
        else:
            add_mixture_statistics(
                features, *gaussians, statistics.occupancies, statistics.sums, statistics.squares
            )
        _count(statistics, graph, found, utterance.words, alternatives.first)
        statistics.log_likelihood += score
        statistics.frames += utterance.frames
        best = used[found.posteriors.argmax(axis=1)]
        statistics.moved += states.replace(utterance, best)
    return Pass(statistics, scores, of_speakers)


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
