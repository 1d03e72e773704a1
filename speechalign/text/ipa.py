"""Transcripts in phonetic alphabets: IPA and X-SAMPA, letter tables, and eSpeak NG's IPA.

White space separates words. Nothing is changed in them, not even casing, since every symbol counts;
notes in brackets and speaker labels are as in other transcripts. Slashes or square brackets around
a whole transcript are those of phonetics, unless there is a note inside.
`speechalign.text.ipa_phones` reads the phones.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from speechalign.errors import FormatError, InputError
from speechalign.files.reading import read_text
from speechalign.text.articulation import STRESS, decomposed, modifiers, segments
from speechalign.text.dictionary import Phones, Variants
from speechalign.text.ipa_phones import phones_of_word
from speechalign.text.phone_sets import from_xsampa
from speechalign.text.stage_directions import is_direction, is_pause
from speechalign.text.tokens import NOISE, WrittenToken, tokens
from speechalign.text.word import Spoken, Word, speak_tokens

_AROUND = re.compile(r"\s*(?:/([^/]+)/|\[([^][]+)\])\s*")
_SIGNS = "%&*+<>/=@"
_BEFORE, _BEHIND = '/"“”„«(', ',;!?…"“”»)/'


def words(
    text: str,
    *,
    known: Callable[[str], bool] | None = None,
    own: Callable[[str], Spoken] | None = None,
    speaker_labels: str | None = None,
) -> tuple[Word, ...]:
    """Split a transcript in a phonetic alphabet into words.

    Parameters
    ----------
    text : str
        Words between white space; punctuation around a word is not said.
    known : callable or None
        Tells whether the user's dictionary has a word; None for no dictionary.
    own : callable or None
        As `speak_tokens` takes it.
    speaker_labels : str or None
        As `speechalign.text.tokens.tokens` takes it; None for none: a colon may mean length.

    Examples
    --------
    >>> [word.spoken for word in words("ˈt͡ʃaː nʲə, [cough]")]
    [('ˈt͡ʃaː',), ('nʲə',), ('<noise>',)]
    >>> [word.variants for word in words("[ˈt͡ʃaː]")]
    [((('ˈt͡ʃ', 'aː'),),)]
    """

    def say(_before: str, token: str, _after: str) -> tuple[Spoken, ...]:
        said = token.lstrip(_BEFORE).rstrip(_BEHIND)
        return ((said,),) if said.strip(".-–—|‖") else ()

    found = [
        replace(token, said=token.label) if _lost(token) else token
        for token in tokens(_inside(text), speaker_labels=speaker_labels or "")
    ]
    return _pronounced(speak_tokens(found, say, own=own), phones_of_word, known)


def xsampa_words(
    text: str,
    *,
    known: Callable[[str], bool] | None = None,
    own: Callable[[str], Spoken] | None = None,
    speaker_labels: str | None = None,  # noqa: ARG001
) -> tuple[Word, ...]:
    """Split a transcript in X-SAMPA into words, as `words` does.

    Only white space separates: brackets, quotes, colons and question marks are phones there, so
    there are no notes and no speaker labels.

    Examples
    --------
    >>> [word.spoken for word in xsampa_words('"?a: {b_<')]
    [('"?a:',), ('{b_<',)]
    """
    written = [WrittenToken(token, token) for token in text.split()]
    found = speak_tokens(written, lambda _before, token, _after: ((token,),), own=own)
    return _pronounced(found, _xsampa_phones, known)


class IpaPhones:
    """Pronounce a word of IPA as its phones.

    Parameters
    ----------
    language : str
        Not looked at.
    dictionary : Mapping
        Not looked at.

    Examples
    --------
    >>> IpaPhones("ipa", {}).pronounce("ˈt͡ʃaː")
    (('ˈt͡ʃ', 'aː'),)
    """

    def __init__(self, language: str, dictionary: Mapping[str, Variants]) -> None:
        pass

    def pronounce(self, word: str) -> Variants:
        """Return the phones of the word; InputError for a symbol that is not of the IPA."""
        return (phones_of_word(word),)


class XSampaPhones(IpaPhones):
    """Pronounce a word of X-SAMPA as its phones, in IPA."""

    def pronounce(self, word: str) -> Variants:
        """Return the phones of the word; InputError for a symbol that is not of X-SAMPA."""
        return (_xsampa_phones(word),)


class EspeakIpa:
    """Pronounce words by eSpeak NG, without the signs that are its own.

    Parameters
    ----------
    language : str
        A code that `speechalign.espeak.languages` lists.
    dictionary : Mapping
        Not looked at.
    """

    def __init__(self, language: str, dictionary: Mapping[str, Variants]) -> None:
        from speechalign.text.espeak_phones import EspeakPhones

        self._espeak = EspeakPhones(language, dictionary)

    def pronounce(self, word: str) -> Variants:
        """Return the pronunciations of the word in IPA; () if it has none."""
        variants = (
            tuple(phone for phone in map(_without_other_signs, phones) if phone)
            for phones in self._espeak.pronounce(word)
        )
        return tuple(dict.fromkeys(phones for phones in variants if phones))


class LetterTable:
    """Pronounce words by a table of letters, or strings of them, and their phones.

    Parameters
    ----------
    path : Path
        UTF-8: on each line letters, a tab, and phones of IPA between spaces; none for letters that
        are silent. The longest letters that fit are taken.

    Raises
    ------
    InputError
        There is no such file.
    FormatError
        A line has no tab, or a phone that is not IPA.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._phones: dict[str, Phones] = {}
        if not path.is_file():
            raise InputError(f"{path}: there is no such file")
        for number, line in enumerate(read_text(path).splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            letters, tab, phones = line.partition("\t")
            if not tab:
                raise FormatError(f"{path}:{number}: expected letters, a tab and phones of IPA")
            try:
                self._phones[_composed(letters.strip())] = tuple(
                    phone for part in phones.split() for phone in phones_of_word(part)
                )
            except InputError as error:
                raise FormatError(f"{path}:{number}: {error}") from None
        if not self._phones:
            raise FormatError(f"{path}: expected lines of letters, a tab and phones; found none")
        self._longest = max(map(len, self._phones))

    def pronounce(self, word: str) -> Variants:
        """Return the phones of the word; InputError for a letter that the table lacks."""
        found: list[str] = []
        word, at = _composed(word), 0
        while at < len(word):
            for size in range(self._longest, 0, -1):
                letters = word[at : at + size]
                if letters in self._phones:
                    found += self._phones[letters]
                    at += len(letters)
                    break
            else:
                if word[at].isalpha():
                    raise InputError(
                        f"word {word!r}: the letter {word[at]!r} is not in {self._path}; add a "
                        "line with it, a tab and its phones"
                    )
                at += 1
        return (tuple(found),) if found else ()


def _inside(text: str) -> str:
    """Return a transcript without the slashes or brackets of phonetics around the whole."""
    around = _AROUND.fullmatch(text)
    if around is None:
        return text
    phonemic, phonetic = around.groups()
    if phonemic is not None:
        return str(phonemic)
    return text if is_direction(phonetic) or is_pause(phonetic) else str(phonetic)


def _lost(token: WrittenToken) -> bool:
    """Return whether a sign of other transcripts hides a symbol that is not of the IPA."""
    return token.said not in ("", NOISE) and any(
        sign in token.label and sign not in token.said for sign in _SIGNS
    )


def _pronounced(
    found: Sequence[Word],
    phones: Callable[[str], Phones],
    known: Callable[[str], bool] | None,
) -> tuple[Word, ...]:
    """Return the words with the phones that they are written in, but those of a dictionary."""
    return tuple(
        word
        if word.variants or word.spoken == (NOISE,) or (known is not None and known(word.spoken[0]))
        else replace(word, variants=((phones(word.spoken[0]),),))
        for word in found
    )


def _xsampa_phones(word: str) -> Phones:
    return phones_of_word(from_xsampa(word))


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _without_other_signs(phone: str) -> str:
    known = {*segments(), *modifiers(), *STRESS}
    return _composed("".join(c for c in decomposed(phone) if c in known))
