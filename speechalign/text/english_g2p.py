"""Pronunciations of English OOVs: possessives of known words, else from the spelling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from speechalign.text.dictionary import Phones, Variants
from speechalign.text.pronunciation import TrainedG2P

_HISSES = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH"})


class EnglishG2P:
    """Pronounce what a dictionary lacks.

    Parameters
    ----------
    language : str
        Not looked at.
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations of each lower-case word, with the phones of CMU's dictionary.

    Examples
    --------
    >>> g2p = EnglishG2P("en", {"cat": (("K", "AE", "T"),)})
    >>> g2p.pronounce("cat's")
    (('K', 'AE', 'T', 'S'),)
    """

    def __init__(self, language: str, dictionary: Mapping[str, Variants]) -> None:  # noqa: ARG002
        self._dictionary = dictionary
        self._spelling = TrainedG2P(Path(__file__).parent / "data" / "english_g2p.npz")

    def pronounce(self, word: str) -> Variants:
        """Return the likely pronunciations of a lower-case word, best first."""
        return self._genitives(word) or self._spelling.pronounce(word)

    def probabilities(self, word: str) -> tuple[float, ...]:
        """Return the probability of each of them; those of a genitive are equal."""
        known = len(self._genitives(word))
        return (1 / known,) * known if known else self._spelling.probabilities(word)

    def _genitives(self, word: str) -> Variants:
        if word.endswith("'s") and word[:-2] in self._dictionary:
            return tuple(phones + _genitive(phones) for phones in self._dictionary[word[:-2]])
        if word.endswith("s'") and word[:-1] in self._dictionary:
            return self._dictionary[word[:-1]]
        return ()


def _genitive(phones: Phones) -> Phones:
    """Return the sound of a genitive s: a syllable of its own after a hiss, else S or Z."""
    if phones[-1] in _HISSES:
        return ("IH", "Z")
    return ("S",) if phones[-1] in _VOICELESS else ("Z",)
