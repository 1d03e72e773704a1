"""Lexicon: how each word of a transcript may be pronounced, and how that is known."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import chain, islice, product
from typing import Protocol, cast, runtime_checkable

from speechalign.errors import InputError
from speechalign.language_codes import short_code
from speechalign.pronunciation.own_words import OwnWords
from speechalign.text import NORMALISERS
from speechalign.text.any_language import words as words_of_any_language
from speechalign.text.dictionary import Phones, Variants, no_phone
from speechalign.text.phone_sets import read_phones
from speechalign.text.pronunciation import Pronouncer, WeighingPronouncer, pronouncer
from speechalign.text.word import NOISE, UNKNOWN, Choice, Source, Spoken, Word


@runtime_checkable
class PronouncingModel(Protocol):
    """Interface of the models of a lexicon.

    ``language`` names the text normaliser; ``noise`` is pronounced where there are no words.
    ``pronunciation`` says how words that the dictionary lacks are pronounced: a name in
    ``speechalign.text.PRONUNCIATIONS``, or the path of a model of ``speechalign g2p train``; None
    for not at all. ``phones`` are what may be pronounced; None for whatever comes.
    """

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def language(self) -> str:
        """Name of the text normaliser."""

    @property
    def noise(self) -> str:
        """Unit of what is no word."""

    @property
    def pronunciation(self) -> str | None:
        """Source of the pronunciations of out-of-vocabulary words."""

    @property
    def phones(self) -> Collection[str] | None:
        """Characters with a pronunciation."""

    @property
    def dictionary(self) -> Mapping[str, Variants]:
        """Pronunciations of each lower-case word."""

    @property
    def own_words(self) -> Collection[str]:
        """Words of the dictionary that are the user's: looked up before a normaliser cuts them."""


@dataclass(frozen=True)
class Pronunciations:
    """A dictionary and what pronounces the words it lacks, for a model that is to be trained.

    Parameters
    ----------
    language : str
        As `PronouncingModel` has it.
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations of each lower-case word; may be empty.
    pronunciation : str or None
        As `PronouncingModel` has it.
    noise : str
        Name of the phone for what is no word; no phone of a word.
    """

    language: str
    dictionary: Mapping[str, Variants] = field(default_factory=dict)
    pronunciation: str | None = None
    noise: str = "spn"
    name = "pronunciations"
    phones = None

    @property
    def own_words(self) -> Collection[str]:
        """All words of the dictionary."""
        return self.dictionary


_MOST_OF_CHOICE = 16  # pronunciations of one way to read a token

Known = Callable[[str], bool]
Own = Callable[[str], Spoken]


class Normaliser(Protocol):
    """A text normaliser of one language."""

    def __call__(self, text: str, known: Known, own: Own | None = None) -> tuple[Word, ...]:
        """Split a text into words; `speak_tokens` says what ``own`` is."""


def normaliser(language: str, *, speaker_labels: str | None = None) -> Normaliser:
    """Return the text normaliser of a language.

    Parameters
    ----------
    language : str
        ISO 639-1 or 639-3 code; what follows a hyphen, as in ``en-gb``, does not matter.
    speaker_labels : str or None
        As `speechalign.text.tokens.tokens` takes it.

    Returns
    -------
    callable
        Given a text, a function that tells whether a word is known, and one that finds entries of
        the user's dictionary, returns the words, at least one; InputError where there is none. It
        is the language's own normaliser where ``speechalign.text.NORMALISERS`` has one, else that
        of any language.
    """
    code = short_code(language).partition("-")[0]

    def words(text: str, known: Known, own: Own | None = None) -> tuple[Word, ...]:
        if code in NORMALISERS:
            normalise = cast(Callable[..., tuple[Word, ...]], NORMALISERS[code])
            found = normalise(text, known=known, own=own, speaker_labels=speaker_labels)
        else:
            found = words_of_any_language(
                text, language=code, own=own, speaker_labels=speaker_labels
            )
        if not found:
            got = f"only {text.strip()!r}" if text.strip() else "nothing"
            raise InputError(
                f"transcript: expected at least one word, got {got}; write what is said"
            )
        return found

    return words


class Lexicon:
    """Words of a transcript to pronunciations, for one acoustic model.

    Parameters
    ----------
    model : PronouncingModel
        Gives the dictionary, what pronounces other words, and the unit that stands for noise.
    language : str or None
        Of the text; None for the model's.
    speaker_labels : str or None
        As `speechalign.text.tokens.tokens` takes it.
    """

    def __init__(
        self,
        model: PronouncingModel,
        *,
        language: str | None = None,
        speaker_labels: str | None = None,
    ) -> None:
        self._model = model
        self._language = model.language if language is None else language
        self._normalise = normaliser(self._language, speaker_labels=speaker_labels)
        known = model.dictionary.__contains__
        self._own = OwnWords(model.own_words, known) if model.own_words else None
        self._guess = cache(self._pronounce)

    @cached_property
    def _pronouncer(self) -> Pronouncer | None:
        model = self._model
        if model.pronunciation is None:
            return None
        return pronouncer(model.pronunciation, language=self._language, dictionary=model.dictionary)

    def words(self, text: str) -> tuple[Word, ...]:
        """Look up every word of a transcript; their ``variants`` and ``source`` are filled in.

        Raises
        ------
        InputError
            Nothing in the transcript can be said, no word has a letter of the language, or a
        pronunciation in it has a phone that the model lacks.
        """
        words = self._normalise(text, self._model.dictionary.__contains__, self._own)
        found_words = tuple(self._look_up(word) for word in words)
        if all(
            self._say(spoken)[0] == "unknown" and not word.variants
            for word in words for spoken in word.spoken
        ):  # fmt: skip
            if all(word.spoken == (UNKNOWN,) for word in words):
                raise InputError(
                    f"transcript: {words[0].label!r} and all other words have no letter of "
                    f"language {self._language!r}; romanise them"
                )
            raise InputError(
                f"transcript: nothing pronounces {words[0].label!r} and all other words; give a "
                "dictionary that has them, or a grapheme-to-phoneme model"
            )
        return found_words

    def guesses(self, spoken: str) -> Mapping[Phones, float]:
        """Return the pronunciations that are guessed for a word, each with its probability.

        They are equally probable where nothing is known; empty where nothing can be guessed.
        """
        variants = self._guess(spoken)
        source = self._pronouncer
        if isinstance(source, WeighingPronouncer) and variants == source.pronounce(spoken):
            return dict(zip(variants, source.probabilities(spoken)))
        return dict.fromkeys(variants, 1 / max(1, len(variants)))

    def is_guessed(self, spoken: str) -> bool:
        """Return whether the pronunciation of a spoken word has to be guessed."""
        return spoken not in (NOISE, UNKNOWN) and spoken not in self._model.dictionary

    def _look_up(self, word: Word) -> Word:
        if word.variants:
            return replace(word, source="dictionary", variants=((self._written(word),),))
        found = [self._say(spoken) for spoken in word.spoken]
        sources = {source for source, _ in found}
        # A word that is known in part only is as uncertain as its worst part.
        source: Source = next(s for s in ("unknown", "g2p", "dictionary", "noise") if s in sources)
        variants = tuple(said for _, said in found)
        if not word.choices:
            return replace(word, source=source, variants=variants)
        choices: dict[Phones, Choice] = {}
        for spoken, _ in word.choices:
            own = tuple(self._say(part)[1] for part in spoken)
            for said in islice(product(*own), _MOST_OF_CHOICE):
                choices.setdefault(tuple(chain.from_iterable(said)), (spoken, own))
        if len({spoken for spoken, _ in choices.values()}) == 1:
            return replace(word, source=source, variants=variants, choices=())
        return replace(
            word, source=source, variants=(tuple(choices),), choices=tuple(choices.values())
        )

    def _written(self, word: Word) -> Phones:
        """Return the phones of the model for the pronunciation that a transcript gives a word."""
        ((phones,),) = word.variants
        known = self._model.phones
        try:
            return phones if known is None else read_phones(phones, known)[0]
        except KeyError as error:
            fault = no_phone(error.args[0], known or ())
            raise InputError(f"transcript: pronunciation of {word.label!r}: {fault}") from None

    def _say(self, spoken: str) -> tuple[Source, Variants]:
        if spoken in self._model.dictionary:
            return "dictionary", self._model.dictionary[spoken]
        guesses = () if spoken in (NOISE, UNKNOWN) else self._guess(spoken)
        if guesses:
            return "g2p", guesses
        return "noise" if spoken == NOISE else "unknown", ((self._model.noise,),)

    def _pronounce(self, spoken: str) -> Variants:
        """Guess a pronunciation; phones that the model lacks become noise, () if all of them."""
        guesses = self._pronouncer.pronounce(spoken) if self._pronouncer else ()
        phones, noise = self._model.phones, self._model.noise
        if phones is None:
            return guesses
        known = (tuple(p if p in phones else noise for p in guess) for guess in guesses)
        return tuple(dict.fromkeys(guess for guess in known if set(guess) != {noise}))


__all__ = [
    "Lexicon",
    "Normaliser",
    "PronouncingModel",
    "Pronunciations",
    "Variants",
    "normaliser",
]
