"""Protocols that acoustic models implement, and the records they return."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from speechalign.emissions import Emissions
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph
from speechalign.models.spread import Spread
from speechalign.vocabulary import Piece, Vocabulary

if TYPE_CHECKING:
    from speechalign.models.speakers import CepstralMoments
    from speechalign.text.dictionary import Dictionary


@dataclass(frozen=True)
class PhoneSpan:
    """Span of one phone or pause on the best path.

    Parameters
    ----------
    phone : str
        Name of the unit.
    position : int
        ``2i + 1`` inside item i of the transcript, ``2i`` in the gap before it.
    begin, end : int
        Frames, half-open.
    """

    phone: str
    position: int
    begin: int
    end: int


@dataclass(frozen=True)
class Attention:
    """Cross-attention of a decoder under teacher forcing.

    Parameters
    ----------
    weights : ndarray, shape (L + 1, T), float64
        For each token of the text, and last for its end, and each frame of the model's grid, how
        much the decoder attends there, on a scale that adds up along a path: shares of attention,
        or log-probabilities.
    log_probs : ndarray, shape (L,), float64
        Natural-log probability of each token, given those before it.
    tokens : tuple[tuple[Piece, ...], ...]
        For each word, its tokens; L in all.
    confidence : tuple[float, float, float] or None
        Where it is given, the columns of ``weights`` are log-posteriors that sum to one, the last
        row is that of a pause, which may come before, between and after tokens, and this is the
        logistic of the confidence of a word, as `AttentionReader` has it.
    """

    weights: np.ndarray
    log_probs: np.ndarray
    tokens: tuple[tuple[Piece, ...], ...]
    confidence: tuple[float, float, float] | None = None


class Model(Protocol):
    """Interface of every acoustic model.

    ``aligner`` is the name of the aligner in ``speechalign.aligners.aligner.ALIGNERS``.
    ``name`` tells the revision too, where there is one. ``language`` names the text normaliser:
    an ISO 639-1 code, ``und`` where it is not known, or ``mul`` for a model that reads any
    language in Latin letters.
    """

    name: str
    language: str
    licence: str
    sample_rate: int
    grid: FrameGrid
    aligner: str

    @property
    def content_hash(self) -> str:
        """Hash of all that times depend on: weights, dictionary, symbols; see `content`."""

    def describe(self) -> Mapping[str, str]:
        """Tell what is particular to this model, for people: what, and its value."""


class EmittingModel(Model, Protocol):
    """Interface of models that score every frame.

    ``normalised`` says whether each frame of its emissions is a distribution.
    """

    vocabulary: Vocabulary
    normalised: bool

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score every symbol, or state, on every frame.

        Parameters
        ----------
        waveforms : ndarray, shape (B, N), float32
            Samples in [-1, 1] at ``sample_rate``; those at and beyond a length are not read.
        lengths : ndarray, shape (B,), int64
            Samples of each recording.

        Returns
        -------
        Emissions
            Shape (B, T, V), float32: log-probabilities, or log-likelihoods of a model that is not
            ``normalised``. A recording in a batch is scored as it is alone, to rounding; one that
            is too short for a frame has none.

        Raises
        ------
        InputError
            A recording is empty or holds values that are not finite, or there is not one length for
            each.
        """


class PhoneModel(EmittingModel, Protocol):
    """Interface of models of phones with HMM states.

    ``language`` names the text normaliser; ``silence`` and ``noise`` are the units spoken where
    nothing, and where something without words, is to be heard. ``acoustic_scale`` is the factor on
    log-likelihoods that makes posteriors of boundaries honest: neighbouring frames are not
    independent. ``calibration``, (slope, intercept), turns the mean log-likelihood deficit of a
    word into a confidence. ``pronunciation`` is how words that the dictionary lacks are pronounced:
    a name in ``speechalign.text.PRONUNCIATIONS``, or the path of a model of ``speechalign g2p
    train``; None for not at all. ``spread`` makes credible intervals of the distributions of
    boundaries.
    """

    phones: Sequence[str]
    silence: str
    noise: str
    pronunciation: str | None
    acoustic_scale: float
    calibration: tuple[float, float]
    spread: Spread

    @property
    def depends_on_neighbours(self) -> bool:
        """Whether the states of a phone depend on its neighbours."""

    @property
    def dictionary(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Pronunciations of each lower-case word."""

    @property
    def own_words(self) -> Collection[str]:
        """Words that the dictionary has as a user wrote them."""

    def graph(self, words: Sequence[Sequence[Sequence[str]]]) -> Graph:
        """Build the graph of words, given each word's pronunciations, with pauses between."""

    def chain(self, phones: Sequence[str], *, positions: Sequence[int] | None = None) -> Graph:
        """Build the graph of one fixed sequence of phones and pauses, each an item of its own.

        ``positions`` says of each the word it is part of, as `PhoneSpan` does, to tell neighbours;
        without, no phone has any.
        """

    def spans(self, graph: Graph, arcs: np.ndarray) -> list[PhoneSpan]:
        """Cut a (T,) path through ``graph`` into phones and pauses."""


@runtime_checkable
class DictionaryModel(Protocol):
    """Interface of models of phones, whose dictionary a user may extend.

    ``own_words`` are the words of the dictionary that are a user's.
    """

    name: str

    @property
    def phones(self) -> Sequence[str]:
        """Characters with a pronunciation."""

    @property
    def own_words(self) -> Collection[str]:
        """Words that the dictionary has as a user wrote them."""

    def with_dictionary(self, own: Dictionary) -> Model:
        """Return the same model with the pronunciations of a dictionary, in its phones."""


@runtime_checkable
class PausingModel(Protocol):
    """Interface of models that have a prior for pauses between words."""

    silence_probability: float

    def with_pauses(self, probability: float) -> Model:
        """Return the same model with another prior of a pause, in (0, 1)."""


@runtime_checkable
class OpenPhoneModel(Protocol):
    """Interface of models without an inventory: they have any phone of IPA."""

    def with_phones(self, phones: Collection[str]) -> PhoneModel:
        """Return the model with these phones; InputError for one that is not IPA."""

    def with_pronunciation(self, source: str, *, language: str) -> Model:
        """Return the model for transcripts in a language, whose words ``source`` pronounces."""


@runtime_checkable
class AttributeModel(Protocol):
    """Interface of models that predict articulatory attributes."""

    def attributes(self, samples: np.ndarray) -> Mapping[str, np.ndarray]:
        """Return the probability of each value of each attribute, (T, values), of (N,) samples."""


@runtime_checkable
class SpeakerModel(Protocol):
    """Interface of speaker-adaptive models.

    ``by_speaker`` says whether it wants to `hear` all that a speaker says before it scores any of
    it. Without `for_speaker`, each recording has a speaker of its own.
    """

    sample_rate: int
    by_speaker: bool

    def hear(self, samples: np.ndarray) -> CepstralMoments:
        """Return what a recording, (N,) float32, tells of its speaker."""

    def for_speaker(self, name: str, heard: CepstralMoments | None) -> Model:
        """Return the model for a speaker, given the sum of what their recordings tell."""


class CtcModel(EmittingModel, Protocol):
    """Interface of CTC models: a vocabulary with a blank, and the kind of its symbols.

    ``unit`` is the name of their tier. ``characters`` are spelled by the vocabulary alone, in
    whichever casing it has; a symbol ``|`` or a space stands between words. A model of ``phones``
    is a `CtcPhoneModel`, one of ``tokens``, longer than a character, a `CtcTokenModel`.

    A model that is faster on many recordings at once says so by an attribute ``batch_seconds``: how
    much audio, padding included, it wants to be given; ``emit`` gets one recording otherwise.
    """

    unit: str


class CtcPhoneModel(CtcModel, Protocol):
    """A CTC model of phones; its symbols are those of its dictionary.

    ``noise`` is a name, and no symbol, for what is said where there are no words.
    ``pronunciation`` is as `PhoneModel` has it.
    """

    noise: str
    pronunciation: str | None

    @property
    def phones(self) -> Sequence[str]:
        """Characters with a pronunciation."""

    @property
    def dictionary(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Pronunciations of each lower-case word."""

    @property
    def own_words(self) -> Collection[str]:
        """Words that the dictionary has as a user wrote them."""


class CtcTokenModel(CtcModel, Protocol):
    """A CTC model whose symbols are pieces of words."""

    def tokenise(self, word: str) -> tuple[Piece, ...]:
        """Cut a word, as it is spoken, into symbols; every character belongs to one piece."""


class AttentionModel(Model, Protocol):
    """Interface of encoder-decoder models, aligned by cross-attention under teacher forcing.

    ``longest`` is how many seconds it can listen to at once.
    """

    longest: float

    def attend(self, samples: np.ndarray, words: Sequence[str], *, language: str) -> Attention:
        """Tell the decoder the words, as they are written, of (N,) float32 samples."""
