"""Graphemes as phones: pronunciations without a dictionary, in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping

from speechalign.text.dictionary import Phones, Variants

_FIRST_SYLLABLE, _LAST_SYLLABLE = "\uac00", "\ud7a3"  # of Hangul


class Graphemes:
    """Pronounce a word as its letters, one unit each.

    Parameters
    ----------
    language : str
        Not looked at.
    dictionary : Mapping
        Not looked at.

    Examples
    --------
    >>> Graphemes("pl", {}).pronounce("żółw")
    (('ż', 'ó', 'ł', 'w'),)
    """

    def __init__(self, language: str, dictionary: Mapping[str, Variants]) -> None:
        pass

    def pronounce(self, word: str) -> Variants:
        """Return the graphemes of the word as its only pronunciation; () if it has no letter."""
        found = graphemes(word)
        return (found,) if found else ()


def graphemes(word: str) -> Phones:
    """Cut a word into graphemes.

    Parameters
    ----------
    word : str
        Of any script.

    Returns
    -------
    tuple[str, ...]
        The letters and digits in lower case, composed (NFC), each with the combining marks after
        it: vowel signs of Indic scripts stay with their consonant. Syllables of Hangul are cut
        into their letters (jamo). A letter twice is there twice; all other signs are silent.

    Examples
    --------
    >>> graphemes("D'Été"), graphemes("한국"), graphemes("हिन्दी")
    (('d', 'é', 't', 'é'), ('ᄒ', 'ᅡ', 'ᆫ', 'ᄀ', 'ᅮ', 'ᆨ'), ('हि', 'न्', 'दी'))
    """
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFC", word).lower())
    found: list[str] = []
    for character in composed:
        category = unicodedata.category(character)
        if _FIRST_SYLLABLE <= character <= _LAST_SYLLABLE:
            found.extend(unicodedata.normalize("NFD", character))
        elif category[0] in "LN":
            found.append(character)
        elif category[0] == "M" and found:
            found[-1] += character
    return tuple(found)
