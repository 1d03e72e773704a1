"""Spelling: the labels that a CTC model has for the words of a transcript."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol, cast

from speechalign.errors import InputError
from speechalign.models import CtcModel, CtcPhoneModel, CtcTokenModel
from speechalign.pronunciation.lexicon import Lexicon, normaliser
from speechalign.text.places import places
from speechalign.text.romanise import romanise
from speechalign.text.word import NOISE, UNKNOWN, Choice, Reading, Source, Word
from speechalign.vocabulary import Piece, Vocabulary

_SEPARATORS = ("|", " ", "<space>")
# <pad>, [UNK], <s> ... stand for no sound.
_SPECIAL = re.compile(r"<.+>|\[.+\]")
_BEGIN = "▁"  # in front of a piece that begins a word
_DROPPED = "'-"  # where a model does not know them


class Speller(Protocol):
    """Transcripts to the labels of one model; ``separator`` is the one between words, if any."""

    separator: int | None

    def words(self, text: str) -> tuple[Word, ...]:
        """Return the words of a transcript with their ``readings``; InputError where none is."""


def load_speller(model: CtcModel, *, language: str, speaker_labels: str | None = None) -> Speller:
    """Return the speller of a model: by its characters, its pieces of words, or its phones.

    Parameters
    ----------
    model : CtcModel
        Whose ``unit`` says which.
    language : str
        Of the text.
    speaker_labels : str or None
        As `Aligner` has it.

    Raises
    ------
    InputError
        The unit is unknown, or a model of phones has no dictionary of the language.
    """
    if model.unit == "phones":
        return _PhoneSpeller(cast(CtcPhoneModel, model), language, speaker_labels)
    if model.unit == "characters":
        return _LetterSpeller(model, language, speaker_labels)
    if model.unit == "tokens" and hasattr(model, "tokenise"):
        return _TokenSpeller(cast(CtcTokenModel, model), language, speaker_labels)
    if model.unit == "tokens":
        return _LetterSpeller(model, language, speaker_labels)
    raise InputError(f"{model.name}: expected characters, tokens or phones, got {model.unit!r}")


def separator(vocabulary: Vocabulary) -> int | None:
    """Return the column of the symbol between words, if there is one."""
    found = [symbol for symbol in _SEPARATORS if symbol in vocabulary]
    return vocabulary.ids(found[:1])[0] if found else None


class Alphabet:
    """The characters, or short strings of them, in the vocabulary of a model.

    Parameters
    ----------
    vocabulary : Vocabulary
        Symbols in brackets, the blank and the separator stand for no character.

    Examples
    --------
    >>> alphabet = Alphabet(Vocabulary(["<pad>", "A", "E", "CH", "|"], blank="<pad>"))
    >>> [(piece.label, piece.start, piece.end) for piece in alphabet.spell("aché!")]
    [(1, 0, 1), (3, 1, 3), (2, 3, 4), (None, 4, 5)]
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._columns = {
            symbol: column
            for column, symbol in enumerate(vocabulary.symbols)
            if column != vocabulary.blank
            and symbol not in _SEPARATORS
            and not _SPECIAL.fullmatch(symbol)
        }
        self._longest = max(map(len, self._columns), default=1)

    def spell(self, word: str) -> Reading:
        """Read a word, the longest symbols first, in the casing of the vocabulary.

        Parameters
        ----------
        word : str
            As it is spoken.

        Returns
        -------
        Reading
            A label of None for a row of characters that the model does not know even without
            their accents; such marks, apostrophes and hyphens are left out.
        """
        pieces: list[Piece] = []
        at = 0
        while at < len(word):
            labels, end = self._read(word, at)
            pieces += [Piece(label, at, end) for label in labels]
            at = end
        return _merged(pieces)

    def _read(self, word: str, at: int) -> tuple[Sequence[int | None], int]:
        """Return the labels of what comes next, None for any sound, and where that ends."""
        if at == 0:
            begun = self._longest_symbol(word, 0, _BEGIN)
            if begun is not None:
                return begun
            if _BEGIN in self._columns and word != _BEGIN:
                labels, end = self._read(f"{_BEGIN}{word}", 1)
                return [self._columns[_BEGIN], *labels], end - 1
        found = self._longest_symbol(word, at, "")
        if found is not None:
            return found
        character = word[at]
        # Parts of the character: letter and mark, or letters of a ligature, if need be in ASCII.
        for parts in (unicodedata.normalize("NFKD", character), _ASCII.get(character, "")):
            known = [
                next(self._columns[form] for form in _forms(part) if form in self._columns)
                for part in parts
                if any(form in self._columns for form in _forms(part))
            ]
            if known:
                return known, at + 1
        silent = unicodedata.category(character)[0] == "M" or character in _DROPPED
        return ([] if silent else [None]), at + 1

    def _longest_symbol(
        self, word: str, at: int, prefix: str
    ) -> tuple[list[int | None], int] | None:
        """Return the longest symbol that comes next, after a prefix, and where it ends."""
        for end in range(min(len(word), at + self._longest), at, -1):
            for form in _forms(word[at:end]):
                if prefix + form in self._columns:
                    return [self._columns[prefix + form]], end
        return None


_ASCII = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ı": "i", "ð": "d"}


def _forms(text: str) -> Iterator[str]:
    yield text
    yield text.upper()
    yield text.lower()
    yield text.capitalize()


class _Written:
    """The common part of the spellers of characters and of tokens, which read what is written."""

    def __init__(self, model: CtcModel, language: str, speaker_labels: str | None) -> None:
        self.separator = separator(model.vocabulary)
        self._normalise = normaliser(language, speaker_labels=speaker_labels)

    def words(self, text: str) -> tuple[Word, ...]:
        return tuple(map(self._spell, self._normalise(text, lambda _: False)))

    def _spell(self, word: Word) -> Word:
        if not word.choices:
            return self._spell_one(word)
        choices: dict[Reading, Choice] = {}
        between = () if self.separator is None else (Piece(self.separator, 0, 0),)
        spelled = [self._spell_one(replace(word, spoken=spoken)) for spoken, _ in word.choices]
        for one in spelled:
            first, *others = (reading for (reading,) in one.readings)
            joined = first + tuple(piece for other in others for piece in (*between, *other))
            choices.setdefault(joined, (one.spoken, ()))
        return replace(spelled[0], readings=(tuple(choices),), choices=tuple(choices.values()))

    def _spell_one(self, word: Word) -> Word:
        whole = (0, len(word.label))
        readings: list[tuple[Reading, ...]] = []
        source: Source = "letters"
        for spoken, origins in zip(word.spoken, places(word)):
            if spoken in (NOISE, UNKNOWN):
                source = "noise" if spoken == NOISE else "unknown"
                readings.append(((Piece(None, *whole),),))
                continue
            # What has no sound for the model, such as a lone hyphen, is any sound.
            reading = self._read(spoken) or (Piece(None, 0, len(spoken)),)
            if any(piece.label is None for piece in reading):
                source = "unknown"
            readings.append((_in_label(reading, origins),))
        return replace(word, source=source, variants=(), readings=tuple(readings))

    def _read(self, spoken: str) -> Reading:
        raise NotImplementedError


class _LetterSpeller(_Written):
    def __init__(self, model: CtcModel, language: str, speaker_labels: str | None) -> None:
        super().__init__(model, language if language != "mul" else "und", speaker_labels)
        self._alphabet = Alphabet(model.vocabulary)
        self._romanised = model.language == "mul"
        self._language = language

    def _read(self, spoken: str) -> Reading:
        if not self._romanised:
            return self._alphabet.spell(spoken)
        pieces = []
        for letters, start, end in romanise(spoken, self._language):
            pieces += [replace(p, start=start, end=end) for p in self._alphabet.spell(letters)]
        return _merged(pieces)


class _TokenSpeller(_Written):
    def __init__(self, model: CtcTokenModel, language: str, speaker_labels: str | None) -> None:
        super().__init__(model, language, speaker_labels)
        self._model = model

    def _read(self, spoken: str) -> Reading:
        return _merged(self._model.tokenise(spoken))


class _PhoneSpeller:
    separator: int | None = None

    def __init__(self, model: CtcPhoneModel, language: str, speaker_labels: str | None) -> None:
        # A dictionary is of one language; phones that are pronounced by rule may be of any.
        if language != model.language and (model.dictionary or model.pronunciation is None):
            raise InputError(
                f"language: expected {model.language!r}, as {model.name} knows no other words; got "
                f"{language!r}; choose another model"
            )
        self._vocabulary = model.vocabulary
        self._lexicon = Lexicon(model, language=language, speaker_labels=speaker_labels)

    def words(self, text: str) -> tuple[Word, ...]:
        return tuple(
            replace(
                word,
                readings=tuple(
                    tuple(self._reading(phones, len(word.label)) for phones in variants)
                    for variants in word.variants
                ),
            )
            for word in self._lexicon.words(text)
        )

    def _reading(self, phones: Sequence[str], length: int) -> Reading:
        return _merged(
            [
                Piece(
                    self._vocabulary.ids([phone])[0] if phone in self._vocabulary else None,
                    0,
                    length,
                )
                for phone in phones
            ]
        )


def _in_label(reading: Reading, origins: Sequence[tuple[int, int]]) -> Reading:
    """Refer the pieces of a spoken word to the label."""
    return tuple(
        Piece(piece.label, origins[piece.start][0], origins[piece.end - 1][1]) for piece in reading
    )


def _merged(pieces: Sequence[Piece]) -> Reading:
    """Make one piece of neighbours without a label."""
    merged: list[Piece] = []
    for piece in pieces:
        if piece.label is None and merged and merged[-1].label is None:
            merged[-1] = replace(merged[-1], end=piece.end)
        else:
            merged.append(piece)
    return tuple(merged)
