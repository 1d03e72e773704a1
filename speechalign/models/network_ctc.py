"""NetworkCtc: a CTC model around any function that scores recordings of one length."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from speechalign.checks import check_waveforms
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.models import Piece
from speechalign.vocabulary import Vocabulary

if TYPE_CHECKING:
    from speechalign.models.sample_network import SampleNetwork

# Seconds of audio that the network sees at once, at least one recording.
_BATCH_SECONDS = 60.0


class NetworkCtc:
    """A CTC model whose network is a function of recordings of one length.

    Recordings of different lengths are never padded to one, because few networks are indifferent to
    padding: those of one length are scored together, up to a minute of audio at once. Threads take
    turns.

    Parameters
    ----------
    score : callable
        Takes (B, N) float32 samples, returns (B, T, V) natural-log probabilities, float32.
    vocabulary : Vocabulary
        V symbols, with a blank.
    grid : FrameGrid
        Where the frames lie in time.
    least : int
        Samples that the network needs to make a frame.
    name, language, licence : str
        As `Model` has them.
    unit : {"characters", "tokens", "phones"}
        What the symbols are.
    facts : Mapping[str, str]
        What is particular to the model, for people.
    normalised : bool
        Whether the probabilities of a frame sum to one.
    tokenise : callable or None
        Cuts a word into symbols, for a model of tokens whose vocabulary alone does not tell.
    network : SampleNetwork or None
        What scores, if it is a torch network that hears samples, and so can be exported.

    Raises
    ------
    InputError
        The vocabulary has no blank.
    """

    aligner = "ctc"
    noise = "<noise>"
    # A model of phones has eSpeak NG pronounce all words.
    pronunciation = "espeak"
    dictionary: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType({})

    def __init__(
        self,
        score: Callable[[np.ndarray], np.ndarray],
        vocabulary: Vocabulary,
        grid: FrameGrid,
        *,
        least: int,
        name: str,
        language: str,
        licence: str,
        unit: str,
        facts: Mapping[str, str],
        normalised: bool = True,
        tokenise: Callable[[str], tuple[Piece, ...]] | None = None,
        network: SampleNetwork | None = None,
    ) -> None:
        if vocabulary.blank is None:
            raise InputError(f"{name}: expected a vocabulary with a blank; is it a CTC model?")
        self._score = score
        self.least = least
        self.network = network
        self._facts = facts
        self._lock = Lock()
        self.vocabulary = vocabulary
        self.grid = grid
        self.sample_rate = grid.sample_rate
        self.name = name
        self.language = language
        self.licence = licence
        self.unit = unit
        self.normalised = normalised
        if tokenise is not None:
            self.tokenise = tokenise

    @property
    def phones(self) -> tuple[str, ...]:
        """The symbols without the blank."""
        blank = self.vocabulary.blank
        return tuple(s for column, s in enumerate(self.vocabulary.symbols) if column != blank)

    def describe(self) -> Mapping[str, str]:
        """Return what is particular to the model, and its symbols."""
        return {**self._facts, self.unit: " ".join(self.vocabulary.symbols)}

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every symbol on every frame.

        Parameters
        ----------
        waveforms : ndarray, shape (B, N), float32
            Samples in [-1, 1] at ``sample_rate``; those beyond a length are not read.
        lengths : ndarray, shape (B,), int64
            Samples of each recording.

        Returns
        -------
        Emissions
            Log-probabilities, shape (B, T, V), float32. A frame is there if its middle lies in the
            recording and the network makes it.

        Raises
        ------
        InputError
            A recording is empty or holds NaN, or there is not one length for each.
        """
        check_waveforms(waveforms, lengths)
        scored: list[tuple[np.ndarray, np.ndarray]] = []
        frames = np.zeros(len(lengths), np.int64)
        for rows in self._batches(lengths):
            samples = np.ascontiguousarray(waveforms[rows, : lengths[rows[0]]], np.float32)
            with self._lock:
                found = self._score(samples)
            frames[rows] = min(found.shape[1], self._middles(samples.shape[1]))
            scored.append((rows, found))
        width = int(frames.max(initial=0))
        if len(scored) == 1 and scored[0][1].shape == (len(lengths), width, len(self.vocabulary)):
            return Emissions(
                scored[0][1], frames, self.grid, self.vocabulary, normalised=self.normalised
            )
        log_probs = np.full((len(lengths), width, len(self.vocabulary)), -np.inf, np.float32)
        for rows, found in scored:
            last = frames[rows[0]]
            log_probs[rows, :last] = found[:, :last]
        return Emissions(log_probs, frames, self.grid, self.vocabulary, normalised=self.normalised)

    def _batches(self, lengths: np.ndarray) -> Iterator[np.ndarray]:
        """Yield recordings of one length that are scored at once; none that make no frame."""
        for length in np.unique(lengths[lengths >= self.least]).tolist():
            rows = np.flatnonzero(lengths == length)
            at_once = max(1, int(_BATCH_SECONDS * self.sample_rate / length))
            for first in range(0, len(rows), at_once):
                yield rows[first : first + at_once]

    def _middles(self, samples: int) -> int:
        """Return how many frames have their middle in so many samples."""
        return max(
            0, -(-(2 * (samples - self.grid.offset) - self.grid.stride) // (2 * self.grid.stride))
        )
