"""Lexicon: how each word of a transcript may be pronounced, and how that is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, cast, runtime_checkable

from speechalign.errors import InputError
from speechalign.text import G2PS, NORMALISERS
from speechalign.text.word import NOISE, UNKNOWN, Word

Source = Literal["dictionary", "g2p", "noise", "unknown"]
Variants = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class LexiconWord:
    """One word of a transcript, ready to be aligned.

    Parameters
    ----------
    label : str
        The user's own word, with casing and punctuation.
    spoken : tuple[str, ...]
        What is said for it: ``("five", "dollars")`` for ``$5``.
    variants : tuple[Variants, ...]
        For each spoken word, its pronunciations as phone names.
    source : {"dictionary", "g2p", "noise", "unknown"}
        ``g2p`` where a pronunciation had to be guessed from the spelling, ``noise`` for a bracketed
        token such as ``[laughter]``, ``unknown`` for a word without a letter of the language. The
        last two are aligned with any sound.
    """

    label: str
    spoken: tuple[str, ...]
    variants: tuple[Variants, ...]
    source: Source


@runtime_checkable
class PronouncingModel(Protocol):
    """What a lexicon needs of a model.

    ``language`` names the text normaliser; ``noise`` is pronounced where there are no words.
    """

    name: str
    language: str
    noise: str

    @property
    def dictionary(self) -> Mapping[str, Variants]:
        """Pronunciations of each lower-case word."""


class _G2P(Protocol):
    def pronounce(self, word: str) -> Variants: ...


class Lexicon:
    """Words of a transcript to pronunciations, for one acoustic model.

    Parameters
    ----------
    model : PronouncingModel
        Gives the language, the dictionary, and the unit that stands for noise.
    """

    def __init__(self, model: PronouncingModel) -> None:
        self._model = model
        self._normalise = cast(Callable[..., tuple[Word, ...]], NORMALISERS[model.language])

    @cached_property
    def _g2p(self) -> _G2P:
        load = cast(Callable[[Mapping[str, Variants]], _G2P], G2PS[self._model.language])
        return load(self._model.dictionary)

    def words(self, text: str) -> tuple[LexiconWord, ...]:
        """Look up every word of a transcript.

        Raises
        ------
        InputError
            Nothing in the transcript can be said, or no word has a letter of the language.
        """
        words = self._normalise(text, known=self._model.dictionary.__contains__)
        if not words:
            found = f"only {text.strip()!r}" if text.strip() else "nothing"
            raise InputError(
                f"transcript: expected at least one word, got {found}; write what is said"
            )
        found_words = tuple(self._look_up(word) for word in words)
        if all(word.source == "unknown" for word in found_words):
            raise InputError(
                f"transcript: {words[0].label!r} and all other words have no letter of language "
                f"{self._model.language!r}; romanise them"
            )
        return found_words

    def is_guessed(self, spoken: str) -> bool:
        """Return whether the pronunciation of a spoken word has to be guessed."""
        return spoken not in (NOISE, UNKNOWN) and spoken not in self._model.dictionary

    def _look_up(self, word: Word) -> LexiconWord:
        source: Source = "dictionary"
        variants: list[Variants] = []
        for spoken in word.spoken:
            if spoken in (NOISE, UNKNOWN):
                source = "noise" if spoken == NOISE else "unknown"
                variants.append(((self._model.noise,),))
            elif self.is_guessed(spoken):
                source = "g2p"
                variants.append(self._g2p.pronounce(spoken))
            else:
                variants.append(self._model.dictionary[spoken])
        return LexiconWord(word.label, word.spoken, tuple(variants), source)
