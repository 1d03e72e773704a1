"""Phones of a word of IPA: letters with their modifiers, and symbols that cannot be read.

The tables and the attributes are those of `speechalign.text.articulation`.

Examples
--------
>>> phones_of_word("ˈt͡ʃaːt.nʲə")
('ˈt͡ʃ', 'aː', 't', 'nʲ', 'ə')
>>> phones_of_word("aⁿda")
('a', 'ⁿd', 'a')
"""

from __future__ import annotations

import unicodedata

from speechalign.errors import InputError
from speechalign.text.articulation import (
    BREAKS,
    STRESS,
    TIES,
    articulation,
    decomposed,
    mistakable,
    modifiers,
    segments,
    unknown_symbol,
    variants,
)

_APOSTROPHES = "'’"
_ONSETS = "ⁿᵐᵑᶮᶯᶰᶬ"  # between a vowel and an obstruent they belong to the latter
_OBSTRUENTS = frozenset({"stop", "affricate", "fricative"})
_NASALISED = "\u0303"
_SYLLABIC = "\u0329\u030d"
_UNSEEN = "\u034f\ufe0e\ufe0f"  # joiner and variation selectors


def phones_of_word(word: str) -> tuple[str, ...]:
    """Split a word of IPA into phones.

    Parameters
    ----------
    word : str
        Letters with their modifiers. Stress marks stay at the phone that follows; dots and hyphens
        are left out.

    Returns
    -------
    tuple of str
        The phones, as they were written.

    Raises
    ------
    InputError
        A symbol is not of the IPA, or is mistaken for one that is; the message offers others.
    """
    letters, marks = segments(), modifiers()
    _refuse_mistakable(word)
    symbols = decomposed(word)
    phones: list[str] = []
    prefix, tied = "", False
    for place, written in enumerate(symbols):
        symbol = variants().get(written, written)
        if symbol in BREAKS + _UNSEEN or symbol.isspace() or unicodedata.category(symbol) == "Cf":
            continue
        if written in _APOSTROPHES:
            if phones and not prefix and not _has_vowel(phones[-1]):
                phones[-1] += written
            else:
                prefix += "ˈ"
        elif symbol in STRESS or (symbol in TIES and prefix):
            prefix += symbol
        elif symbol in TIES and phones:
            phones[-1] += symbol
            tied = symbols[place + 1 : place + 2] not in marks
        elif symbol in letters:
            if tied:
                phones[-1] += prefix + written
            else:
                phones.append(prefix + written)
            prefix, tied = "", False
        elif symbol in marks and (prefix or not phones or _begins_next(symbols, place, phones)):
            prefix += written
        elif symbol in marks:
            phones[-1] += written
        else:
            raise InputError(unknown_symbol(symbol, word))
    if not phones:
        raise InputError(
            f"word {word!r}: expected a letter of the IPA, found none; join marks "
            "to the word that they belong to"
        )
    if prefix or tied:
        mark = repr(prefix) if prefix else "the tie bar"
        raise InputError(f"word {word!r}: expected a letter of the IPA behind {mark}")
    return tuple(unicodedata.normalize("NFC", phone) for phone in phones)


def _begins_next(symbols: str, place: int, phones: list[str]) -> bool:
    """Return whether a mark of a nasal belongs to the phone that follows it."""
    behind = symbols[place + 1 :].lstrip(TIES + _ONSETS)
    following = segments().get(behind[:1])
    return (
        symbols[place] in _ONSETS
        and following is not None
        and following["manner"] <= _OBSTRUENTS
        and _has_vowel(phones[-1])
        and _NASALISED not in phones[-1]
    )


def _has_vowel(phone: str) -> bool:
    return "vowel" in articulation(phone).manners


def _refuse_mistakable(word: str) -> None:
    """Refuse symbols that are mistaken for IPA, composed ones such as š with them."""
    composed = unicodedata.normalize("NFC", word)
    for place, symbol in enumerate(composed):
        if symbol in mistakable() and composed[place + 1 : place + 2] not in tuple(_SYLLABIC):
            raise InputError(unknown_symbol(symbol, word))
