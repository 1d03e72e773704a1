"""Transcript of a stretch of speech, and loops, which a decoder falls into, cut out of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# Nobody says a phrase so often in a row, or so many words of repeats.
_TIMES, _WORDS = 4, 8
_LONGEST = 16  # words of a phrase
_IMPROBABLE = -1.0  # mean natural-log probability of a token; Whisper's authors decode again below
_INSIDE = re.compile(r"(.{1,20}?)\1{7,}")  # without spaces between words
_MARKS = re.compile(r"[^\w']+")


@dataclass(frozen=True)
class Transcript:
    """Transcript of a stretch of speech.

    Parameters
    ----------
    text : str
        The words; empty where it writes none.
    language : str or None
        ISO 639-1 code of what is spoken, detected or given; None where the model does not say.
    repeated : int
        Words of loops that were cut out.
    log_prob : float or None
        Mean natural-log probability of a token; None where the model does not say.
    """

    text: str
    language: str | None = None
    repeated: int = 0
    log_prob: float | None = None

    @property
    def improbable(self) -> bool:
        """Whether the model itself does not believe in its words, as of music and babble."""
        return self.log_prob is not None and self.log_prob < _IMPROBABLE


def cut_loops(text: str) -> tuple[str, int]:
    """Cut a phrase that is repeated over and over down to one.

    Parameters
    ----------
    text : str
        What a decoder wrote.

    Returns
    -------
    text : str
        The same, but of a phrase of up to 16 words that comes four times or more in a row, with
        eight words or more in all, only the first is left; casing and punctuation do not count.
    cut : int
        Words that are gone; in a word without end, each repeat counts as one.

    Examples
    --------
    >>> cut_loops("So, thank you. " + "Thank you. " * 5 + "Bye.")
    ('So, thank you. Bye.', 10)
    >>> cut_loops("no, no, no, no!")
    ('no, no, no, no!', 0)
    """
    words = text.split()
    plain = [_MARKS.sub("", word.casefold()) for word in words]
    kept: list[str] = []
    cut = at = 0
    while at < len(words):
        length, times = _loop(plain, at)
        kept += words[at : at + length]
        cut += length * (times - 1)
        at += length * times
    found = []
    for word in kept:
        for match in _INSIDE.finditer(word):
            cut += len(match[0]) // len(match[1]) - 1
        found.append(_INSIDE.sub(r"\1", word))
    return " ".join(found), cut


def _loop(words: list[str], at: int) -> tuple[int, int]:
    """Return the length of the phrase that begins at a word, and how often it is repeated there."""
    for length in range(1, min(_LONGEST, (len(words) - at) // _TIMES) + 1):
        phrase = words[at : at + length]
        times = 1
        while words[at + times * length : at + (times + 1) * length] == phrase:
            times += 1
        if times >= _TIMES and times * length >= _WORDS:
            return length, times
    return 1, 1
