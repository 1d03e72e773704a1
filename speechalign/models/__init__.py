"""Acoustic models by name: waveforms in, Emissions out."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph
from speechalign.registry import Registry
from speechalign.vocabulary import Vocabulary

MODELS = Registry(
    "speechalign.models", {"english-sphinx": "speechalign.models.english_sphinx:EnglishSphinx"}
)
"""By name: a class whose instances are models, made without arguments."""

FAMILIES = Registry("speechalign.model_families", {})
"""By kind: a function that loads a model from the folder whose ``model.json`` names the kind."""

DESCRIPTION = "model.json"


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
    """What every acoustic model offers.

    ``normalised`` says whether each frame of its emissions is a distribution.
    """

    name: str
    language: str
    licence: str
    sample_rate: int
    grid: FrameGrid
    vocabulary: Vocabulary
    normalised: bool

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score (B, N) float32 samples of the given (B,) int64 lengths."""

    def describe(self) -> Mapping[str, str]:
        """Tell what is particular to this model, for people: what, and its value."""


class PhoneModel(Model, Protocol):
    """What an acoustic model of phones, each a row of states, offers.

    ``language`` names the text normaliser; ``silence`` and ``noise`` are the units spoken where
    nothing, and where something without words, is to be heard. ``acoustic_scale`` is the factor on
    log-likelihoods that makes posteriors of boundaries honest: neighbouring frames are not
    independent. ``calibration``, (slope, intercept), turns the mean log-likelihood deficit of a
    word into a confidence.
    """

    phones: Sequence[str]
    silence: str
    noise: str
    acoustic_scale: float
    calibration: tuple[float, float]

    @property
    def dictionary(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Pronunciations of each lower-case word."""

    def graph(self, words: Sequence[Sequence[Sequence[str]]]) -> Graph:
        """Build the graph of words, given each word's pronunciations, with pauses between."""

    def chain(self, phones: Sequence[str]) -> Graph:
        """Build the graph of one fixed sequence of phones and pauses, each an item of its own."""

    def spans(self, graph: Graph, arcs: np.ndarray) -> list[PhoneSpan]:
        """Cut a (T,) path through ``graph`` into phones and pauses."""


def load_model(source: str | Path) -> Model:
    """Load an acoustic model.

    Parameters
    ----------
    source : str or Path
        A registered name, or a folder with a ``model.json`` that names the kind of model.

    Returns
    -------
    Model
        Ready to emit.

    Raises
    ------
    InputError
        There is no such model; the folder has no ``model.json``, or one of an unknown kind.
    BackendError
        A package that the model needs is missing.
    """
    if isinstance(source, str) and source in MODELS:
        return cast(Callable[[], Model], MODELS[source])()
    folder = Path(source)
    if not folder.is_dir():
        near = get_close_matches(str(source), list(MODELS), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise InputError(
            f"{source}: no such model{hint}; expected a folder or one of: {', '.join(MODELS)}"
        )
    path = folder / DESCRIPTION
    try:
        kind = json.loads(path.read_text(encoding="utf-8"))["kind"]
    except FileNotFoundError:
        raise InputError(
            f"{folder}: expected a model, but it has no {DESCRIPTION}; name the folder that "
            "`speechalign train` wrote"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: damaged; expected a JSON object with a kind") from None
    if kind not in FAMILIES:
        raise InputError(f"{path}: kind {kind!r} is not one of {', '.join(FAMILIES)}")
    return cast(Callable[[Path], Model], FAMILIES[kind])(folder)


__all__ = ["DESCRIPTION", "FAMILIES", "MODELS", "Model", "PhoneModel", "PhoneSpan", "load_model"]
