"""Pronouncers: pronunciations of out-of-vocabulary words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import numpy as np

from speechalign.errors import InputError
from speechalign.text import PRONUNCIATIONS
from speechalign.text.dictionary import Variants
from speechalign.text.g2p import G2P, Pronunciation
from speechalign.text.ipa import LetterTable

# How many readings of a spelling the audio may choose from.
READINGS = 3


class Pronouncer(Protocol):
    """Interface of pronouncers."""

    def pronounce(self, word: str) -> Variants:
        """Return the likely pronunciations of a lower-case word, best first; () for no idea."""


@runtime_checkable
class WeighingPronouncer(Pronouncer, Protocol):
    """A pronouncer that knows how likely its pronunciations are."""

    def probabilities(self, word: str) -> tuple[float, ...]:
        """Return the probability of each pronunciation that `pronounce` returns; they sum to 1."""


class TrainedG2P:
    """The model that ``speechalign g2p train`` wrote.

    Parameters
    ----------
    path : Path
        Its file.

    Raises
    ------
    InputError
        There is no such file.
    FormatError
        The file is something else.
    """

    def __init__(self, path: Path) -> None:
        self._g2p = G2P.load(path)

    def pronounce(self, word: str) -> Variants:
        """Return the three most probable pronunciations; () if it knows no letter of the word."""
        return tuple(guess.phones for guess in self._guesses(word))

    def probabilities(self, word: str) -> tuple[float, ...]:
        """Return the probability of each of them, of all that are returned."""
        scores = np.array([guess.score for guess in self._guesses(word)])
        weights = np.exp(scores - scores.max(initial=-np.inf))
        return tuple((weights / weights.sum()).tolist())

    def _guesses(self, word: str) -> tuple[Pronunciation, ...]:
        try:
            return self._g2p.pronounce(word, n_best=READINGS)
        except InputError:
            return ()


def pronouncer(source: str, *, language: str, dictionary: Mapping[str, Variants]) -> Pronouncer:
    """Return the pronouncer of out-of-vocabulary words.

    Parameters
    ----------
    source : str
        A name in ``PRONUNCIATIONS``, the path of a model of ``speechalign g2p train``, or of a
        table of letters and their phones (``.tsv``, ``.txt``).
    language : str
        ISO 639-1 code, or what the source calls the language.
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations of each word that is known.

    Returns
    -------
    Pronouncer

    Raises
    ------
    InputError
        There is neither such a name nor such a file, or the source has not this language.
    FormatError
        The file is no such model.
    BackendError
        A package that the source needs is missing.
    """
    if source in PRONUNCIATIONS:
        make = cast(Callable[[str, Mapping[str, Variants]], Pronouncer], PRONUNCIATIONS[source])
        return make(language, dictionary)
    if not Path(source).is_file():
        near = get_close_matches(source, list(PRONUNCIATIONS), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise InputError(
            f"pronunciation {source!r}: no such name and no such file; {hint}expected one of "
            f"{', '.join(PRONUNCIATIONS)}, a file that `speechalign g2p train` wrote, or a "
            "table of letters (.tsv)"
        )
    if Path(source).suffix.lower() in (".tsv", ".txt"):
        return LetterTable(Path(source))
    return TrainedG2P(Path(source))
