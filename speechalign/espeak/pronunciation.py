"""Pronunciations by eSpeak NG."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

from speechalign.espeak.library import UTF8, encode, loaded_voice

_IPA, _SEPARATOR = 0x02, ord("_") << 8
_STRESS = str.maketrans("", "", "ˈˌ")


def phonemes(words: Sequence[str], language: str) -> list[tuple[tuple[str, ...], ...]]:
    """Pronounce words, each by itself.

    Parameters
    ----------
    words : sequence of str
        Written words; figures, abbreviations and what must be spelled are read out.
    language : str
        A code that `languages` lists.

    Returns
    -------
    list of tuple of tuple of str
        For each word its pronunciations as IPA symbols: first that of the word alone, then, where
        it differs, that of the word among others (English *a*: ``eɪ``, ``ɐ``). Affricates,
        diphthongs and syllabic consonants are one symbol, without tie (``tʃ``, ``aɪ``, ``əl``);
        the length mark stays with its vowel (``ɑː``); stress is left out. ``()`` where nothing is
        said, as of an ellipsis.

    Raises
    ------
    InputError
        No such language, or a word that cannot be passed on.
    BackendError
        eSpeak NG is not there.

    Notes
    -----
    The word among others is the middle one of three times itself, of which the last must be as it
    is alone: where words are not parted by spaces, other words may come of it.
    """
    with loaded_voice(language) as library:
        return [_pronounce(library, word) for word in words]


def _pronounce(library: ctypes.CDLL, word: str) -> tuple[tuple[str, ...], ...]:
    alone = spoken_words(library, word)
    variants = [sum(alone, ())]
    thrice = spoken_words(library, f"{word} {word} {word}")
    if len(thrice) == 3 * len(alone) and thrice[2 * len(alone) :] == alone:
        variants.append(sum(thrice[len(alone) : 2 * len(alone)], ()))
    return tuple(phones for phones in dict.fromkeys(variants) if phones)


def spoken_words(library: ctypes.CDLL, text: str) -> list[tuple[str, ...]]:
    """Return the phones of each word of a text, by eSpeak."""
    buffer = ctypes.create_string_buffer(encode(text))
    position = ctypes.c_void_p(ctypes.addressof(buffer))
    spoken = []
    while position.value:  # one clause at a time
        clause: bytes = library.espeak_TextToPhonemes(
            ctypes.byref(position), UTF8, _IPA | _SEPARATOR
        )
        for word in clause.decode().split():
            symbols = (symbol_of(name) for name in word.split("_"))
            spoken.append(tuple(symbol for symbol in symbols if symbol))
    return [phones for phones in spoken if phones]


def symbol_of(name: str) -> str:
    """Return the phone of a name; none for a change of language, ``(en)``, or a mere stress."""
    return "" if name.startswith("(") else name.translate(_STRESS)
