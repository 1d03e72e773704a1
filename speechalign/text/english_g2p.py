"""English words that the dictionary lacks: possessives of those it has, else from the spelling."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from speechalign.text.g2p import G2P

Phones = tuple[str, ...]

# How many spellings-to-sound readings the audio may choose from.
_READINGS = 3
_HISSES = frozenset({"S", "Z", "SH", "ZH", "CH", "JH"})
_VOICELESS = frozenset({"P", "T", "K", "F", "TH"})


class EnglishG2P:
    """Pronounce what a dictionary lacks.

    Parameters
    ----------
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations of each lower-case word.

    Examples
    --------
    >>> g2p = EnglishG2P({"cat": (("K", "AE", "T"),)})
    >>> g2p.pronounce("cat's")
    (('K', 'AE', 'T', 'S'),)
    """

    def __init__(self, dictionary: Mapping[str, tuple[Phones, ...]]) -> None:
        self._dictionary = dictionary
        self._spelling = G2P.load(Path(__file__).parent / "data" / "english_g2p.npz")

    def pronounce(self, word: str) -> tuple[Phones, ...]:
        """Return the likely pronunciations of a lower-case word, best first."""
        if word.endswith("'s") and word[:-2] in self._dictionary:
            return tuple(phones + _genitive(phones) for phones in self._dictionary[word[:-2]])
        if word.endswith("s'") and word[:-1] in self._dictionary:
            return self._dictionary[word[:-1]]
        guesses = self._spelling.pronounce(word, n_best=_READINGS)
        return tuple(guess.phones for guess in guesses)


def _genitive(phones: Phones) -> Phones:
    """Return the sound of a genitive s: a syllable of its own after a hiss, else S or Z."""
    if phones[-1] in _HISSES:
        return ("IH", "Z")
    return ("S",) if phones[-1] in _VOICELESS else ("Z",)
