"""Words of a corpus that a dictionary lacks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechalign.corpus import Utterance
from speechalign.corpus.validation import Finding, Severity
from speechalign.errors import InputError
from speechalign.pronunciation.lexicon import Lexicon, Pronunciations
from speechalign.text.dictionary import read_dictionary


@dataclass(frozen=True)
class Oov:
    """A word that the dictionary lacks.

    Parameters
    ----------
    word : str
        As it is spoken.
    count : int
        How often the corpus has it.
    utterance : str
        Id of the first utterance with it.
    guess : tuple[str, ...]
        Phones that would be used for it.
    """

    word: str
    count: int
    utterance: str
    guess: tuple[str, ...]


@dataclass(frozen=True)
class Oovs:
    """What a dictionary lacks for a corpus.

    Parameters
    ----------
    words : tuple[Oov, ...]
        The most frequent first, equally frequent ones in alphabetical order.
    unusable : tuple[tuple[str, str], ...]
        Id of each utterance of which nothing can be said, and why.
    """

    words: tuple[Oov, ...]
    unusable: tuple[tuple[str, str], ...]


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
        for word in words:
            for spoken, variants in zip(word.spoken, word.variants):
                if lexicon.is_guessed(spoken):
                    first = found.get(spoken) or Oov(spoken, 0, utterance.id, variants[0])
                    found[spoken] = Oov(spoken, first.count + 1, first.utterance, first.guess)
    words_found = sorted(found.values(), key=lambda oov: (-oov.count, oov.word))
    return Oovs(tuple(words_found), tuple(unusable))


def check_dictionary(
    utterances: Sequence[Utterance], path: Path | str, *, language: str
) -> tuple[Finding, ...]:
    """Check a dictionary for itself, and whether it has the words of a corpus.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns; those with a ``problem`` are passed over.
    path : Path or str
        What `speechalign.text.dictionary.read_dictionary` takes.
    language : str
        Of the transcripts.

    Returns
    -------
    tuple[Finding, ...]
        Errors: lines that cannot be read, transcripts of which nothing can be said. Warnings: lines
        that are passed over, and words that are missing, each at the first utterance with it.

    Raises
    ------
    InputError
        There is no such file.
    FormatError
        Not a line of it can be read.
    """
    found: list[Finding] = []

    def note(severity: Severity) -> Callable[[str], None]:
        def add(line: str) -> None:
            number, _, message = line[len(str(path)) :].partition(": ")
            found.append(Finding(f"{path}{number}", severity, "dictionary", message))

        return add

    dictionary = read_dictionary(path, warn=note("warning"), fault=note("error"))
    # What would be guessed does not matter, and letters need nothing.
    lexicon = Lexicon(Pronunciations(language, dictionary, "graphemes"))
    oovs = find_oovs([u for u in utterances if u.problem is None], lexicon)
    found += [Finding(utterance, "error", "transcript", why) for utterance, why in oovs.unusable]
    for oov in oovs.words:
        times = "once" if oov.count == 1 else f"{oov.count} times"
        message = f"{oov.word!r}, {times} in the corpus, is not in {path}"
        found.append(Finding(oov.utterance, "warning", "missing word", message))
    return tuple(found)
