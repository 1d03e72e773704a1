"""When the words of a sentence are said."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError, InputError
from speechalign.files.reading import lines
from speechalign.links.reading import split_words, undecodable, unexpected

_SAID = "%‰&@#§"  # punctuation for Unicode, words for readers


@dataclass(frozen=True)
class TimedWord:
    """A word of a sentence, and when it was said.

    Parameters
    ----------
    label : str
        The word.
    start, end : float or None
        Seconds; None where it was not said, as punctuation. Words that cannot be told apart in
        the sound have the same times.
    """

    label: str
    start: float | None = None
    end: float | None = None

    @property
    def seconds(self) -> float:
        """Duration, seconds; 0 for words that were not spoken."""
        return 0.0 if self.start is None or self.end is None else self.end - self.start


def is_punctuation(word: str) -> bool:
    """Tell whether a word has nothing to be said: no letter, digit or symbol that has a name.

    Examples
    --------
    >>> [word for word in ["don't", "...", "«", "%", "5", "-"] if is_punctuation(word)]
    ['...', '«', '-']
    """
    return all(unicodedata.category(letter)[0] in "PZC" and letter not in _SAID for letter in word)


def timed_words(
    alignment: Alignment, words: Sequence[str] | None = None, *, tier: str = "words"
) -> list[TimedWord]:
    """Find when each word of a sentence was said.

    Parameters
    ----------
    alignment : Alignment
        Its intervals are the words in order. One with spaces in its label is several words that
        share its time, of which punctuation has none.
    words : Sequence[str], optional
        The words of the sentence, which may include punctuation, that has no interval. Without
        them, the labels are the words.
    tier : str
        Tier of the alignment.

    Returns
    -------
    list[TimedWord]
        One for each word.

    Raises
    ------
    InputError
        There is no such tier, or it has more or fewer words than the sentence.

    Examples
    --------
    >>> from speechalign.alignment import Interval
    >>> words = [Interval(0.0, 1.0, "oh"), Interval(1.0, 2.0, "of the")]
    >>> said = Alignment({"words": words}, 2.0)
    >>> [word.seconds for word in timed_words(said, ["Oh", ",", "of", "the", "!"])]
    [1.0, 0.0, 1.0, 1.0, 0.0]
    """
    if tier not in alignment.tiers:
        raise InputError(f"expected a tier {tier!r}, got {list(alignment.tiers)}")
    said = [word for interval in alignment.tiers[tier] for word in _words_of(interval)]
    return said if words is None else fit_words(said, words)


def fit_words(said: Sequence[TimedWord], words: Sequence[str]) -> list[TimedWord]:
    """Give the words of a sentence the times of what was said.

    Parameters
    ----------
    said : Sequence[TimedWord]
        What was said, with or without punctuation.
    words : Sequence[str]
        The words of the sentence, which may be spelled otherwise.

    Returns
    -------
    list[TimedWord]
        One for each word; punctuation has no time, unless what was said is the same throughout.

    Raises
    ------
    InputError
        More or fewer words were said than the sentence has.
    """
    if [word.label for word in said] == list(words):
        return list(said)
    spoken = [word for word in words if not is_punctuation(word)]
    heard = [word for word in said if not is_punctuation(word.label)]
    if len(heard) != len(spoken):
        raise InputError(
            f"expected times of {len(spoken)} words ({_shown(spoken)}), got {len(heard)} "
            f"({_shown([word.label for word in heard])}); are they of the same sentence?"
        )
    times = iter(heard)
    return [
        TimedWord(word) if is_punctuation(word) else _renamed(word, next(times)) for word in words
    ]


def read_word_lists(path: Path) -> dict[str, dict[str, list[TimedWord]]]:
    """Read word times in the layout of the SpeechAlign data set.

    Parameters
    ----------
    path : Path
        JSON: ``{"000": {"VOICE": [["word", 0.1, 0.4], [",", null, null]]}}``, times in seconds.

    Returns
    -------
    dict
        Words by sentence and by voice.

    Raises
    ------
    FormatError
        The file has another layout: the message names the sentence, the voice and the word.
    """
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise FormatError(f"{path}: not JSON: {error}") from None
    sentences: dict[str, dict[str, list[TimedWord]]] = {}
    for sentence, voices in _items(content, path, "sentences"):
        voiced = sentences[sentence] = {}
        for voice, entries in _items(voices, path, f"sentence {sentence}: voices"):
            if not isinstance(entries, list):
                raise FormatError(f"{path}: sentence {sentence}: {voice}: expected a list of words")
            voiced[voice] = [
                _word(entry, f"{path}: sentence {sentence}: {voice}: word {number}")
                for number, entry in enumerate(entries)
            ]
    return sentences


def _words_of(interval: Interval) -> list[TimedWord]:
    """Return the words of a label; punctuation beside a word is not said."""
    words = [TimedWord(label, interval.start, interval.end) for label in interval.label.split()]
    if all(is_punctuation(word.label) for word in words):
        return words
    return [TimedWord(word.label) if is_punctuation(word.label) else word for word in words]


def _items(content: object, path: Path, what: str) -> list[tuple[str, object]]:
    if not isinstance(content, dict):
        raise FormatError(f"{path}: {what}: expected a JSON object")
    return list(content.items())


def _word(entry: object, place: str) -> TimedWord:
    match entry:
        case [str(label), None, None]:
            return TimedWord(label)
        case [str(label), int() | float() as start, int() | float() as end] if 0 <= start < end:
            return TimedWord(label, float(start), float(end))
    raise FormatError(f"{place}: expected [word, start, end] or [word, null, null], got {entry!r}")


def match_sentences(names: Sequence[str], recordings: Collection[str]) -> dict[str, str | None]:
    """Find the recording of each sentence.

    Parameters
    ----------
    names : Sequence[str]
        Of sentences: names, or numbers counted from 1.
    recordings : Collection[str]
        Names of recordings, perhaps behind a path of folders.

    Returns
    -------
    dict of str to str or None
        The recording whose name ends in the sentence's; where all names are numbers, the one of
        the same number. Recordings that have a number 0 among them are counted from 0. None where
        there is none.

    Examples
    --------
    >>> match_sentences(["1", "2", "3"], ["000", "001"])
    {'1': '000', '2': '001', '3': None}
    """
    by_name = {recording.rpartition("/")[2]: recording for recording in recordings}
    if all(name.isdecimal() for name in (*names, *by_name)):
        by_number = {int(name): recording for name, recording in by_name.items()}
        shift = int(0 in by_number)
        return {name: by_number.get(int(name) - shift) for name in names}
    return {name: by_name.get(name) for name in names}


def read_words(path: Path) -> list[list[str]]:
    """Read sentences, one a line, of words or tokens separated by spaces.

    Raises
    ------
    FormatError
        A line is not UTF-8.
    """
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    for number, line in enumerate(lines(text), start=1):
        if undecodable(line):
            raise FormatError(f"{path}, line {number}: {unexpected(line, 'text')}")
    return [split_words(line) for line in lines(text)]


def _renamed(label: str, word: TimedWord) -> TimedWord:
    return TimedWord(label, word.start, word.end)


def _shown(words: Sequence[str]) -> str:
    return " ".join([*words[:6], "..."] if len(words) > 6 else words)
