"""NetworkCtc: a CTC model around any network that scores recordings."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from speechalign.audio.batching import padded_batches
from speechalign.checks import check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.models.content import content_hash
from speechalign.models.device import Score
from speechalign.text.dictionary import Dictionary
from speechalign.vocabulary import Piece, Vocabulary

if TYPE_CHECKING:
    from torch import nn

# Two recordings that are tried together, seconds, and how far their scores may be off for it: what
# padding leaks into a network moves them by 0.5 and more, rounding on a GPU by 0.01.
_TRIED = (0.7, 1.1)
_INDIFFERENT = 0.05


class NetworkCtc:
    """A CTC model around a network.

    Recordings are scored together, up to ``batch_seconds``: those of one length always, and of
    several lengths where the network is indifferent to padding. Few are; whether this one is, is
    tried out when it first matters. Threads take turns.

    Parameters
    ----------
    score : callable
        What scores recordings, as `speechalign.models.device.Score` says.
    vocabulary : Vocabulary
        V symbols, with a blank.
    grid : FrameGrid
        Where the frames lie in time.
    reach : int
        Samples that the first frame needs; 0 or less for a network that pads the recording.
    name, language, licence : str
        As `Model` has them.
    unit : {"characters", "tokens", "phones"}
        What the symbols are.
    facts : Mapping[str, str]
        What is particular to the model, for people.
    pronunciation : str
        How a model of phones has words pronounced, as `CtcPhoneModel` has it. ``english`` comes
        with the dictionary of the embedded English model, the others need none.
    normalised : bool
        Whether the probabilities of a frame sum to one.
    tokenise : callable or None
        Cuts a word into symbols, for a model of tokens whose vocabulary alone does not tell.
    network : nn.Module or None
        What scores, if it is a torch network from samples to logits, and so can be exported.
    batch_seconds : float
        Seconds of audio, padding included, that the network hears at once; 0 for one recording
        after the other.
    exact : callable or None
        ``score`` in single precision, for a network that takes recordings of several lengths; None
        for one that does not.
    weights : Sequence[nn.Module or Path]
        What `content_hash` hashes: the network, or its files.

    Raises
    ------
    InputError
        The vocabulary has no blank.
    """

    aligner = "ctc"
    noise = "<noise>"

    def __init__(
        self,
        score: Score,
        vocabulary: Vocabulary,
        grid: FrameGrid,
        *,
        reach: int,
        name: str,
        language: str,
        licence: str,
        unit: str,
        facts: Mapping[str, str],
        pronunciation: str = "espeak",
        normalised: bool = True,
        tokenise: Callable[[str], tuple[Piece, ...]] | None = None,
        network: nn.Module | None = None,
        batch_seconds: float = 0.0,
        exact: Score | None = None,
        weights: Sequence[nn.Module | Path],
    ) -> None:
        if vocabulary.blank is None:
            raise InputError(f"{name}: expected a vocabulary with a blank; is it a CTC model?")
        self._score = score
        self._exact = exact
        self.reach = reach
        self.network = network
        self.batch_seconds = batch_seconds
        self._facts = facts
        self._weights = weights
        self._lock = Lock()
        self.vocabulary = vocabulary
        self.grid = grid
        self.sample_rate = grid.sample_rate
        self.name = name
        self.language = language
        self.licence = licence
        self.unit = unit
        self.pronunciation = pronunciation
        self.normalised = normalised
        self.own_words: frozenset[str] = frozenset()
        if tokenise is not None:
            self.tokenise = tokenise

    @property
    def phones(self) -> tuple[str, ...]:
        """The symbols without the blank."""
        blank = self.vocabulary.blank
        return tuple(s for column, s in enumerate(self.vocabulary.symbols) if column != blank)

    @cached_property
    def dictionary(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Pronunciations of each lower-case word."""
        if self.pronunciation != "english":
            return {}
        from speechalign.models.hmm_gmm.english_sphinx import EnglishSphinx

        return EnglishSphinx().dictionary

    def with_dictionary(self, own: Dictionary) -> NetworkCtc:
        """Return the same model of phones with the pronunciations of a user's dictionary.

        Probabilities of pronunciations are not used: a CTC path decides.
        """
        if self.unit != "phones":
            raise InputError(
                f"dictionary: {self.name} reads {self.unit}, not phones; leave the dictionary out, "
                "or use a model of phones"
            )
        model = copy.copy(self)
        model.dictionary = {**self.dictionary, **own}
        model.own_words = self.own_words | own.keys()
        return model

    @property
    def content_hash(self) -> str:
        """Hash of the weights, the symbols and the way to pronounce words."""
        symbols = (self.vocabulary.symbols, self.unit, self.pronunciation)
        return content_hash(
            *self._weights, *symbols, list(self.dictionary.items()), sorted(self.own_words)
        )

    def describe(self) -> Mapping[str, str]:
        """Return what is particular to the model, and its symbols."""
        return {**self._facts, self.unit: " ".join(self.vocabulary.symbols)}

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every symbol on every frame, as `EmittingModel.emit` says."""
        lengths = check_waveforms(waveforms, lengths)
        made = np.array([self.frames(length) for length in lengths.tolist()], np.int64)
        scored: list[tuple[np.ndarray, np.ndarray]] = []
        for rows in self._batches(lengths, made):
            with self._lock:
                found = self._scored(waveforms[rows], lengths[rows])
            made[rows] = np.minimum(made[rows], found.shape[1])
            scored.append((rows, found))
        width = int(made.max(initial=0))
        log_probs = np.full((len(lengths), width, len(self.vocabulary)), -np.inf, np.float32)
        for rows, found in scored:
            for row, scores in zip(rows.tolist(), found):
                log_probs[row, : made[row]] = scores[: made[row]]
        return Emissions(log_probs, made, self.grid, self.vocabulary, normalised=self.normalised)

    def frames(self, samples: int) -> int:
        """Return how many frames there are of so many samples, each with its middle in them."""
        stride = self.grid.stride
        if samples < max(self.reach, stride):  # a network that pads may fail on less than a frame
            return 0
        middles = -(-(2 * (samples - self.grid.offset) - stride) // (2 * stride))
        return max(0, min(middles, (samples - self.reach) // stride + 1))

    def _batches(self, lengths: np.ndarray, frames: np.ndarray) -> Iterator[np.ndarray]:
        """Yield recordings that are scored at once; none that make no frame."""
        most = self.batch_seconds * self.sample_rate
        rows = np.flatnonzero(frames > 0)
        alike = [rows]
        if most and len(np.unique(lengths[rows])) > 1 and not self._indifferent:
            alike = [rows[lengths[rows] == length] for length in np.unique(lengths[rows])]
        for some in alike:
            for batch in padded_batches(lengths[some], most=most):
                yield some[batch]

    def _scored(self, waveforms: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        longest = int(lengths.max())
        within = np.arange(longest) < lengths[:, None]
        samples = np.where(within, waveforms[:, :longest], 0).astype(np.float32, copy=False)
        if (lengths == longest).all():
            return self._score(samples)
        return self._score(samples, lengths)

    @cached_property
    def _indifferent(self) -> bool:
        """Return whether a recording that is padded is scored as it is alone, by trial on noise."""
        if self._exact is None:
            return False
        lengths = np.array([round(seconds * self.sample_rate) for seconds in _TRIED], np.int64)
        noise = np.random.default_rng(0).normal(0, 0.1, int(lengths.max())).astype(np.float32)
        padded = np.stack([np.where(np.arange(len(noise)) < lengths[0], noise, 0), noise])
        try:
            alone = self._exact(padded[:1, : lengths[0]])
            together = self._exact(padded, lengths)
        except (RuntimeError, TypeError, ValueError):  # it takes no lengths
            return False
        frames = self.frames(int(lengths[0]))
        if frames > min(alone.shape[1], together.shape[1]):
            return False
        return bool(np.abs(alone[0, :frames] - together[0, :frames]).max() < _INDIFFERENT)
