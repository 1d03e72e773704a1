"""Posteriors of a model of phones beyond its best path: of phones and pronunciations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.aligners.posteriors import ranked, way_posteriors, windows
from speechalign.graphs import Graph
from speechalign.kernels import forward_backward
from speechalign.models import PhoneModel, PhoneSpan
from speechalign.text.dictionary import Variants
from speechalign.text.word import Pronunciation

_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Judgement:
    """How well the sound of a phone fits it; None where that is not known, as of noise.

    Parameters
    ----------
    posterior : float or None
        Probability that this phone was said there, if any phone is as likely before; in [0, 1].
    goodness : float or None
        Goodness of pronunciation, nats per frame; at most 0.
    """

    posterior: float | None = None
    goodness: float | None = None


class PhoneJudge:
    """Compares each phone of a path with all others that a model has.

    Parameters
    ----------
    model : PhoneModel
        Its silence and its noise are not compared with.
    """

    def __init__(self, model: PhoneModel) -> None:
        self._model = model
        self._phones = [p for p in model.phones if p not in (model.silence, model.noise)]
        self._numbers = {phone: number for number, phone in enumerate(self._phones)}
        self._rivals: dict[tuple[str, str], Graph] = {}

    def judge(self, log_probs: np.ndarray, spans: Sequence[PhoneSpan]) -> list[Judgement]:
        """Judge the phones of a path.

        Parameters
        ----------
        log_probs : ndarray, shape (T, V), float32 or float64
            Natural-log likelihoods of every state.
        spans : Sequence[PhoneSpan]
            The path.

        Returns
        -------
        list of Judgement
            One for each span; of silence and noise, nothing is known.

        Notes
        -----
        With O the frames that the path gives to phone p, N of them, and p(O | q) the likelihood of
        the HMM of phone q between the same neighbours, summed over its state sequences:

            GOP(p) = (log p(O | p) - max over q of log p(O | q)) / N,

        the goodness of pronunciation of Witt and Young [1]_ (eq. 2, where all phones are as likely
        before), with the segment of p for all phones, and not its absolute value: 0 where no phone
        fits better, and the lower the worse. Their denominator is a loop of phones, which may cut
        the frames otherwise. The posterior is p(O | p) / sum over q of p(O | q), with acoustic
        scores times the acoustic scale, as neighbouring frames are not independent.

        References
        ----------
        .. [1] S. M. Witt and S. J. Young, "Phone-level pronunciation scoring and assessment for
           interactive language learning", Speech Communication 30(2-3), 2000.
        """
        found: list[Judgement] = []
        around = [None, *spans, None]
        scale = log_probs.dtype.type(self._model.acoustic_scale)
        for left, span, right in zip(around, spans, around[2:]):
            own = self._numbers.get(span.phone)
            if own is None:
                found.append(Judgement())
                continue
            beside = [
                "" if other is None or other.position != span.position else other.phone
                for other in (left, right)
            ]
            graph = self._graph(*beside)
            frames = log_probs[span.begin : span.end]
            scaled = forward_backward(frames * scale, graph).posteriors[0, 1::2]
            plain = forward_backward(frames, graph).posteriors[0, 1::2]
            ratio = np.log(max(float(plain[own]), _TINY) / float(plain.max()))
            found.append(Judgement(min(1.0, float(scaled[own])), float(ratio) / len(frames)))
        return found

    def _graph(self, left: str, right: str) -> Graph:
        """Return the graph of all phones side by side, item n being phone n."""
        key = (left, right) if self._model.depends_on_neighbours else ("", "")
        if key not in self._rivals:
            self._rivals[key] = _side_by_side([self._alone(phone, *key) for phone in self._phones])
        return self._rivals[key]

    def _alone(self, phone: str, left: str, right: str) -> Graph:
        """Return the part of a phone of a chain of it and its neighbours, entered from state 0."""
        chain = [name for name in (left, phone, right) if name]
        graph = self._model.chain(chain, positions=[1] * len(chain))
        place = 2 * bool(left) + 1
        own = graph.positions == place
        states = np.unique(graph.targets[own])
        numbers = np.zeros(graph.num_states, np.int64)
        numbers[states] = np.arange(1, len(states) + 1)
        final = np.full(len(states) + 1, -np.inf)
        final[1:] = graph.final[states]
        for arc in np.flatnonzero((graph.positions != place) & (numbers[graph.sources] > 0)):
            final[numbers[graph.sources[arc]]] = graph.weights[arc]
        start = np.full(len(final), -np.inf)
        start[0] = 0.0
        return Graph(
            numbers[graph.sources[own]],
            numbers[graph.targets[own]],
            graph.labels[own],
            graph.weights[own],
            graph.positions[own],
            start,
            final,
        )


def _side_by_side(graphs: Sequence[Graph]) -> Graph:
    """Return one graph of all, with a common state 0; item n is that of graph n."""
    offsets = np.cumsum([0, *(graph.num_states - 1 for graph in graphs)])

    def moved(states: np.ndarray, offset: int) -> np.ndarray:
        return np.where(states == 0, 0, states + offset)

    pairs = list(zip(graphs, offsets.tolist()))
    final = np.concatenate([[-np.inf], *(graph.final[1:] for graph in graphs)])
    start = np.full(len(final), -np.inf)
    start[0] = 0.0
    return Graph(
        np.concatenate([moved(graph.sources, offset) for graph, offset in pairs]),
        np.concatenate([moved(graph.targets, offset) for graph, offset in pairs]),
        np.concatenate([graph.labels for graph in graphs]),
        np.concatenate([graph.weights for graph in graphs]),
        np.concatenate([np.full(g.num_arcs, 2 * n + 1) for n, g in enumerate(graphs)]),
        start,
        final,
    )


def pronunciation_posteriors(
    model: PhoneModel,
    log_probs: np.ndarray,
    spoken: Sequence[Variants],
    spans: np.ndarray,
) -> list[tuple[Pronunciation, ...]]:
    """Find how probable each pronunciation of each spoken word is.

    Parameters
    ----------
    model : PhoneModel
        Its priors of pronunciations and pauses count, and acoustic scores times its scale.
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log likelihoods of every state.
    spoken : Sequence[Variants]
        Pronunciations of I words.
    spans : ndarray, shape (I, 2), int64
        Frames ``[begin, end)`` of each word on the best path.

    Returns
    -------
    list of tuple of Pronunciation
        For each word, the most probable first.

    Notes
    -----
    Summed over all alignments and the pronunciations of the other words (`way_posteriors`), in
    windows of 16 words with four more on either side, whose outer edges are those of the best path.
    """
    found: list[tuple[Pronunciation, ...]] = []
    scale = log_probs.dtype.type(model.acoustic_scale)
    for inner, outer, frames in windows(spans, len(log_probs)):
        if all(len(spoken[number]) == 1 for number in inner):
            found += [((tuple(spoken[number][0]), 1.0),) for number in inner]
            continue
        graph = model.graph([spoken[number] for number in outer])
        ways = way_posteriors(log_probs[frames] * scale, graph)
        found += [ranked([tuple(v) for v in spoken[n]], ways[n - outer.start]) for n in inner]
    return found
