"""Stress of English words: that of CMU's dictionary, else what similar words have.

The data in ``data/english_stress.txt.gz`` are the stress digits of the CMU Pronouncing Dictionary
(BSD-2-Clause, (c) 1993-2015 Carnegie Mellon University; see ``data/english_stress.md``).
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

from speechalign.text.dictionary import Phones, Stress, Variants
from speechalign.text.phone_sets import VOWELS

DATA = Path(__file__).parent / "data" / "english_stress.txt.gz"
_LONGEST_ENDING = 6  # phones

Ending = tuple[int, Phones]
"""The number of vowels of a pronunciation, and its last phones."""


class EnglishStress:
    """Stress of the vowels of English pronunciations.

    Parameters
    ----------
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        The dictionary of ``english-sphinx``, whose pronunciations the data belong to.
    patterns : Mapping[str, tuple[str, ...]] or None
        Stress digits of each pronunciation of a word, ``-`` where they are not known; None for
        the data that ship.
    """

    def __init__(
        self,
        dictionary: Mapping[str, Variants],
        patterns: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        self.dictionary = dictionary
        self.patterns = read_patterns() if patterns is None else patterns

    def of(self, word: str, phones: Phones) -> Stress:
        """Return the stress of each phone of a pronunciation: 0, 1 or 2 for a vowel, else None.

        Parameters
        ----------
        word : str
            A spoken word, in lower case.
        phones : tuple[str, ...]
            Its pronunciation, in ARPABET without stress.

        Returns
        -------
        tuple of (int or None)
            That of the dictionary for this word and pronunciation; else that of another
            pronunciation of the word with as many vowels; else that which most words with as many
            vowels and the longest common ending of phones have.
        """
        vowels = sum(phone in VOWELS for phone in phones)
        patterns = self.patterns.get(word, ())
        digits = dict(zip(self.dictionary.get(word, ()), patterns)).get(phones, "-")
        if digits == "-":
            fitting = (other for other in patterns if other != "-" and len(other) == vowels)
            digits = next(fitting, None) or self.guess(phones)
        rest = iter(digits)
        return tuple(int(next(rest)) if phone in VOWELS else None for phone in phones)

    def guess(self, phones: Phones) -> str:
        """Return the likely stress digits of a word that the dictionary lacks."""
        vowels = sum(phone in VOWELS for phone in phones)
        likely = (self._by_ending.get(ending) for ending in _endings(vowels, phones))
        return next(filter(None, likely), "1" + "0" * (vowels - 1) if vowels else "")

    @cached_property
    def _by_ending(self) -> Mapping[Ending, str]:
        counts: dict[Ending, Counter[str]] = {}
        for word, patterns in self.patterns.items():
            for phones, digits in zip(self.dictionary.get(word, ()), patterns):
                if digits != "-":
                    for ending in _endings(len(digits), phones):
                        counts.setdefault(ending, Counter())[digits] += 1
        # The first of equally frequent ones in the order of digits, whatever the order of words.
        return {e: min(found, key=lambda d: (-found[d], d)) for e, found in counts.items()}


def read_patterns() -> dict[str, tuple[str, ...]]:
    """Return the stress digits that ship: for each word, those of each pronunciation."""
    lines = gzip.decompress(DATA.read_bytes()).decode().splitlines()
    return {word: tuple(patterns) for word, *patterns in (line.split() for line in lines)}


def _endings(vowels: int, phones: Phones) -> Iterator[Ending]:
    """Yield the endings of a pronunciation, the longest first."""
    for length in range(min(_LONGEST_ENDING, len(phones)), 0, -1):
        yield vowels, phones[-length:]
