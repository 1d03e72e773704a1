"""Acoustic models by name: waveforms in, Emissions out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np

from speechalign.emissions import Emissions
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph
from speechalign.registry import Registry
from speechalign.vocabulary import Vocabulary

MODELS = Registry(
    "speechalign.models", {"english-sphinx": "speechalign.models.english_sphinx:EnglishSphinx"}
)


@dataclass(frozen=True)
class PhoneSpan:
    """Where the best path puts one phone or pause.

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


class Model(Protocol):
    """What an acoustic model of phones offers.

    ``language`` names the text normaliser; ``silence`` and ``noise`` are the units spoken where
    nothing, and where something without words, is to be heard. ``acoustic_scale`` is the factor on
    log-likelihoods that makes posteriors of boundaries honest: neighbouring frames are not
    independent. ``calibration``, (slope, intercept), turns the mean log-likelihood deficit of a
    word into a confidence.
    """

    name: str
    language: str
    licence: str
    phones: Sequence[str]
    sample_rate: int
    grid: FrameGrid
    vocabulary: Vocabulary
    normalised: bool
    silence: str
    noise: str
    acoustic_scale: float
    calibration: tuple[float, float]

    @property
    def dictionary(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Pronunciations of each lower-case word."""

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score (B, N) float32 samples of the given (B,) int64 lengths."""

    def graph(self, words: Sequence[Sequence[Sequence[str]]]) -> Graph:
        """Build the graph of words, given each word's pronunciations, with pauses between."""

    def chain(self, phones: Sequence[str]) -> Graph:
        """Build the graph of one fixed sequence of phones and pauses, each an item of its own."""

    def spans(self, graph: Graph, arcs: np.ndarray) -> list[PhoneSpan]:
        """Cut a (T,) path through ``graph`` into phones and pauses."""


def load_model(name: str) -> Model:
    """Load an acoustic model by its registered name.

    Raises
    ------
    InputError
        No model has this name.
    BackendError
        A package that the model needs is missing.
    """
    return cast(Model, MODELS[name]())  # type: ignore[operator]


__all__ = ["MODELS", "Model", "PhoneSpan", "load_model"]
