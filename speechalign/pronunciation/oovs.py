"""Words of a corpus that a dictionary lacks, and tokens that nothing can read."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from speechalign.corpus import Utterance
from speechalign.corpus.validation import Finding, Severity
from speechalign.errors import InputError
from speechalign.models import DictionaryModel, Model
from speechalign.pronunciation.lexicon import Lexicon, PronouncingModel, Pronunciations
from speechalign.text.dictionary import Dictionary, Phones, read_dictionary
from speechalign.text.word import NOISE, UNKNOWN, bare

# Share of different words that an English corpus with many names may lack.
_FOREIGN = 0.25


@dataclass(frozen=True)
class Oov:
    """A word that the dictionary lacks.

    Parameters
    ----------
    word : str
        As it is spoken; as it is written, without punctuation around it, where nothing can read it.
    count : int
        How often the corpus has it.
    utterance : str
        Id of the first utterance with it.
    guesses : Mapping[tuple[str, ...], float]
        Pronunciations that would be used for it, best first, each with its probability; empty where
        it would be aligned with any sound.
    """

    word: str
    count: int
    utterance: str
    guesses: Mapping[Phones, float]

    @property
    def guess(self) -> Phones:
        """The best pronunciation; empty where there is none."""
        return next(iter(self.guesses), ())


@dataclass(frozen=True)
class Oovs:
    """Out-of-vocabulary words of a corpus.

    Parameters
    ----------
    words : tuple[Oov, ...]
        The most frequent first, equally frequent ones in alphabetical order.
    unusable : tuple[tuple[str, str], ...]
        Id of each utterance of which nothing can be said, and why.
    """

    words: tuple[Oov, ...]
    unusable: tuple[tuple[str, str], ...]

    @property
    def dictionary(self) -> Dictionary:
        """The words that have guesses with all of them, to be corrected and used."""
        return Dictionary(
            {
                oov.word: {phones: math.log(p) for phones, p in oov.guesses.items()}
                for oov in self.words
                if oov.guesses
            }
        )


def find_oovs(utterances: Sequence[Utterance], lexicon: Lexicon) -> Oovs:
    """Find the words of a corpus that a dictionary lacks.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns.
    lexicon : Lexicon
        Of the dictionary, and of what pronounces other words.

    Returns
    -------
    Oovs
        The words, and the transcripts that cannot be used.
    """
    found: dict[str, Oov] = {}
    unusable = []
    for utterance in utterances:
        try:
            if utterance.problem is not None:
                raise InputError(utterance.problem)
            words = lexicon.words(utterance.text)
        except InputError as error:
            unusable.append((utterance.id, str(error)))
            continue
        guessed = (w for w in words if w.source != "dictionary")
        missing = [s for w in guessed for s in w.spoken if lexicon.is_guessed(s)]
        unread = [bare(w.label) for w in words if UNKNOWN in w.spoken]
        for name in missing + unread:
            guesses = lexicon.guesses(name) if name in missing else {}
            first = found.get(name) or Oov(name, 0, utterance.id, guesses)
            found[name] = replace(first, count=first.count + 1)
    words_found = sorted(found.values(), key=lambda oov: (-oov.count, oov.word))
    return Oovs(tuple(words_found), tuple(unusable))


def foreign_words(utterances: Sequence[Utterance], source: PronouncingModel) -> str | None:
    """Describe the words that the English dictionary lacks, where they are many.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns.
    source : PronouncingModel
        What the words are looked up in.

    Returns
    -------
    str or None
        How many of the words are missing, and the most frequent of them. None where it is at most a
        quarter, as names in an English text are, and where the source is not the English one.
    """
    if source.pronunciation != "english":
        return None
    # What would be guessed does not matter, and letters need nothing.
    lexicon = Lexicon(Pronunciations(source.language, source.dictionary, "graphemes"))
    counts: Counter[str] = Counter()
    for utterance in utterances:
        with suppress(InputError):  # named where it is trained on or aligned
            if utterance.problem is None:
                counts.update(s for word in lexicon.words(utterance.text) for s in word.spoken)
    words = [word for word, _ in counts.most_common() if word not in (NOISE, UNKNOWN)]
    missing = [word for word in words if lexicon.is_guessed(word)]
    if len(missing) <= _FOREIGN * len(words):
        return None
    return (
        f"{len(missing)} of the {len(words)} different words are not in the English dictionary, "
        f"such as {', '.join(missing[:5])}"
    )


def check_dictionaries(
    utterances: Sequence[Utterance],
    paths: Sequence[Path | str],
    *,
    language: str,
    model: Model | None = None,
) -> tuple[Finding, ...]:
    """Check dictionaries for themselves, and whether they have the words of a corpus.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns; those with a ``problem`` are passed over.
    paths : Sequence of Path or str
        What `speechalign.text.dictionary.read_dictionary` takes.
    language : str
        Of the transcripts, where there is no model.
    model : Model or None
        A model of phones, which the dictionaries are laid over; None for the dictionaries alone.

    Returns
    -------
    tuple[Finding, ...]
        Errors: lines that cannot be read, phones that the model lacks, transcripts of which nothing
        can be said. Warnings: lines that are passed over, and words that are missing, each at the
        first utterance with it.

    Raises
    ------
    InputError
        There is no such file, or the model has no phones.
    FormatError
        Not a line of a file can be read.
    """
    found: list[Finding] = []

    def note(path: Path | str, severity: Severity) -> Callable[[str], None]:
        def add(line: str) -> None:
            number, _, message = line[len(str(path)) :].partition(": ")
            found.append(Finding(f"{path}{number}", severity, "dictionary", message))

        return add

    if model is not None and not isinstance(model, DictionaryModel):
        raise InputError(f"{model.name}: has no phones; check the dictionary with another model")
    own = Dictionary({})
    for path in paths:
        own = own.overlaid(
            read_dictionary(
                path,
                phones=None if model is None else model.phones,
                warn=note(path, "warning"),
                fault=note(path, "error"),
            )
        )
    # What would be guessed does not matter, and letters need nothing.
    source: object = Pronunciations(language, own, "graphemes")
    if model is not None:
        source = model.with_dictionary(own)
    assert isinstance(source, PronouncingModel)
    lexicon = Lexicon(source)
    oovs = find_oovs([u for u in utterances if u.problem is None], lexicon)
    found += [Finding(utterance, "error", "transcript", why) for utterance, why in oovs.unusable]
    where = " or ".join([*map(str, paths), *([] if model is None else [model.name])])
    for oov in oovs.words:
        times = "once" if oov.count == 1 else f"{oov.count} times"
        message = f"{oov.word!r}, {times} in the corpus, is not in {where}"
        found.append(Finding(oov.utterance, "warning", "missing word", message))
    return tuple(found)
