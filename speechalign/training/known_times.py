"""Known times in training: the states that corrected boundaries leave to each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph
from speechalign.kernels.baum_welch import Occupancy, occupancy
from speechalign.kernels.gaussian_mixture import STATES
from speechalign.text.dictionary import Phones, Variants
from speechalign.text.word import Word, bare

# Frames on each side of a boundary that belong to either side: a hand is no more exact.
_SLACK = 1


@dataclass(frozen=True)
class KnownWord:
    """Corrected times of a word.

    Parameters
    ----------
    begin, end : int
        Its frames, ``[begin, end)``.
    phones : tuple[tuple[str, int, int], ...]
        Its phones, each with its frames.
    """

    begin: int
    end: int
    phones: tuple[tuple[str, int, int], ...]

    @property
    def pronunciation(self) -> Phones:
        """The names of its phones."""
        return tuple(label for label, _, _ in self.phones)


def known_words(
    words: Sequence[Word], corrected: Alignment, start: float, grid: FrameGrid
) -> tuple[KnownWord, ...]:
    """Tell where the spoken words of an utterance are, by its corrected tiers.

    Parameters
    ----------
    words : Sequence[Word]
        What the transcript says; several spoken words may stand for one label.
    corrected : Alignment
        Tiers ``words`` and ``phones`` of the utterance, in time of the recording.
    start : float
        Where the utterance begins there, seconds.
    grid : FrameGrid
        Of the features.

    Returns
    -------
    tuple of KnownWord
        One for each spoken word; those of one label share its time.

    Raises
    ------
    InputError
        The labels are not those of the transcript.
    """
    spans = corrected.tiers["words"]
    wanted = [_name(word.label) for word in words]
    found = [_name(span.label) for span in spans]
    if wanted != found:
        at = next((i for i, (a, b) in enumerate(zip(wanted, found)) if a != b), None)
        what = f"{len(found)} words" if at is None else repr(spans[at].label)
        instead = f"{len(wanted)}" if at is None else repr(words[at].label)
        raise InputError(
            f"the corrected tier has {what} where the transcript has {instead}; correct the "
            "transcript, too"
        )
    return tuple(
        KnownWord(
            _frame(span.start - start, grid),
            _frame(span.end - start, grid),
            tuple(
                (p.label, _frame(p.start - start, grid), _frame(p.end - start, grid))
                for p in corrected.tiers.get("phones", ())
                if _is_inside(p, span)
            ),
        )
        for word, span in zip(words, spans)
        for _ in word.variants
    )


def known_occupancy(
    log_likelihoods: np.ndarray,
    columns: np.ndarray,
    graph: Graph,
    words: Sequence[Variants],
    known: Sequence[KnownWord],
) -> Occupancy:
    """Sum over the paths that keep to known times; parameters and result as of `occupancy`.

    Parameters
    ----------
    log_likelihoods, columns, graph
        As `occupancy` takes them.
    words : Sequence[Variants]
        The pronunciations that the graph is of.
    known : Sequence[KnownWord]
        One for each of the words.

    Notes
    -----
    A word keeps to its frames, with one more on each side; so do its phones, where the corrected
    ones are a pronunciation of the word. What lasts less than a frame for each state is left free.
    """
    frames = len(log_likelihoods)
    states = graph.num_states
    column_of = np.zeros(states, np.int64)
    column_of[graph.targets] = columns[graph.labels]
    scores = log_likelihoods[:, column_of]
    for state, (begin, end) in enumerate(state_frames(words, known, frames), start=1):
        scores[:begin, state] = -np.inf
        scores[end:, state] = -np.inf
    apart = Graph(
        graph.sources, graph.targets, graph.targets, graph.weights, graph.positions, graph.start,
        graph.final,
    )  # fmt: skip
    found = occupancy(scores, np.arange(states), apart)
    posteriors = np.zeros_like(log_likelihoods)
    np.add.at(posteriors.T, column_of[1:], found.posteriors.T[1:])
    return Occupancy(posteriors, found.arcs, found.score)


def state_frames(
    words: Sequence[Variants], known: Sequence[KnownWord], frames: int
) -> list[tuple[int, int]]:
    """Return the frames ``[begin, end)`` that each state of the graph may have, from state 1 on.

    States are numbered as `hmm_graph` numbers them: before each word its silence, then its
    pronunciations.
    """
    found: list[tuple[int, int]] = []
    before = 0
    for variants, word in zip(words, known):
        around = max(0, word.begin - _SLACK), min(frames, word.end + _SLACK)
        if word.end - word.begin < STATES * min(map(len, variants)):
            around = 0, frames
        # Inside of a label that is read as several words, any of them may follow a pause.
        pause = max(0, before - _SLACK), around[1] if word.begin < before else word.begin + _SLACK
        found += [pause] * STATES
        before = word.end
        exact = word.pronunciation in variants and all(e - b >= STATES for _, b, e in word.phones)
        for variant in variants:
            if exact and variant == word.pronunciation:
                for _, begin, end in word.phones:
                    found += [(max(0, begin - _SLACK), min(frames, end + _SLACK))] * STATES
            else:
                found += [around] * (STATES * len(variant))
    found += [(max(0, before - _SLACK), frames)] * STATES
    return found


def _frame(seconds: float, grid: FrameGrid) -> int:
    return grid.frame_at(max(0.0, seconds) + grid.stride / grid.sample_rate / 2)


def _name(label: str) -> str:
    return bare(label).casefold()


def _is_inside(phone: Interval, word: Interval) -> bool:
    return word.start <= (phone.start + phone.end) / 2 < word.end
