"""Lexicon: how each word of a transcript may be pronounced, and how that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, cast

from speechalign.errors import InputError
from speechalign.models import Model
from speechalign.text import G2P_FILES, NORMALISERS
from speechalign.text.english import NOISE, UNKNOWN, Word
from speechalign.text.g2p import G2P

Source = Literal["dictionary", "g2p", "noise"]


@dataclass(frozen=True)
class LexiconWord:
    """One word of a transcript, ready to be aligned.

    Parameters
    ----------
    label : str
        The user's own word, with casing and punctuation.
    spoken : tuple[str, ...]
        What is said for it: ``("five", "dollars")`` for ``$5``.
    variants : tuple[tuple[tuple[str, ...], ...], ...]
        For each spoken word, its pronunciations as phone names.
    source : {"dictionary", "g2p", "noise"}
        ``g2p`` where a pronunciation had to be guessed from the spelling, ``noise`` for a bracketed
        token such as ``[laughter]``.
    """

    label: str
    spoken: tuple[str, ...]
    variants: tuple[tuple[tuple[str, ...], ...], ...]
    source: Source


class Lexicon:
    """Words of a transcript to pronunciations, for one acoustic model.

    Parameters
    ----------
    model : Model
        Gives the language, the dictionary, and the unit that stands for noise.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._normalise = cast(Callable[..., tuple[Word, ...]], NORMALISERS[model.language])

    @cached_property
    def _g2p(self) -> G2P:
        return G2P.load(cast(Path, G2P_FILES[self._model.language]))

    def words(self, text: str) -> tuple[LexiconWord, ...]:
        """Look up every word of a transcript.

        Raises
        ------
        InputError
            Nothing in the transcript can be said, or a word has no letter of the language.
        """
        words = self._normalise(text, known=self._model.dictionary.__contains__)
        if not words:
            found = f"only {text.strip()!r}" if text.strip() else "nothing"
            raise InputError(
                f"transcript: expected at least one word, got {found}; write what is said"
            )
        return tuple(self._look_up(word) for word in words)

    def is_guessed(self, spoken: str) -> bool:
        """Return whether the pronunciation of a spoken word has to be guessed."""
        return spoken not in (NOISE, UNKNOWN) and spoken not in self._model.dictionary

    def _look_up(self, word: Word) -> LexiconWord:
        source: Source = "dictionary"
        variants: list[tuple[tuple[str, ...], ...]] = []
        for spoken in word.spoken:
            if spoken == NOISE:
                source = "noise"
                variants.append(((self._model.noise,),))
            elif spoken == UNKNOWN:
                raise InputError(
                    f"transcript: {word.label!r} has no letters of language "
                    f"{self._model.language!r}; romanise it, or put [noise] in its place"
                )
            elif self.is_guessed(spoken):
                source = "g2p"
                variants.append(tuple(guess.phones for guess in self._g2p.pronounce(spoken)))
            else:
                variants.append(self._model.dictionary[spoken])
        return LexiconWord(word.label, word.spoken, tuple(variants), source)
