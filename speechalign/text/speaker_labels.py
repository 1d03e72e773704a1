"""Speaker labels of a transcript: names before a colon, which nobody says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from speechalign.errors import InputError

SPEAKER = (
    r"(?i:speakers?|spk|spkr|interviewer|interviewee|moderator|narrator|participant|respondent)"
)
"""Regular expression for roles that stand for a name."""
_ANYWHERE = re.compile(
    rf"{SPEAKER}(?:[ _#-]?\w{{1,3}})?:|\*[A-Z][A-Z0-9]{{2}}:|(?:SPK|SPEAKER)_?\d+:"
)
_NAME = re.compile(r"\w[\w.'’-]*|#\d{1,3}")
_PARTICLES = frozenset(("de", "von", "van", "of", "al", "la", "du"))
_NAMES_MOST = 4  # words of a speaker's name
_SENTENCE_END = re.compile(r"[.?!…。？！؟।]\W*$|^>+$|[—–]$")


@cache
def _said_before_colons() -> frozenset[str]:
    text = (Path(__file__).parent / "data" / "said_before_colons.txt").read_text("utf-8")
    return frozenset(text.partition("\n")[2].split())


def speaker_label_places(
    labels: Sequence[str], said: Sequence[str], begins_line: Sequence[bool], pattern: str | None
) -> frozenset[int]:
    """Find the tokens of a transcript that name a speaker.

    Parameters
    ----------
    labels, said : Sequence[str], length N
        Each token as it is written, and what is said for it; empty for nothing and for a sound.
    begins_line : Sequence[bool], length N
        Whether a token is the first of its line.
    pattern : str or None
        Regular expression for whole tokens, colon included; ``""`` for none. None finds labels as
        `speechalign.text.tokens.tokens` says.

    Returns
    -------
    frozenset[int]
        Indices of the tokens.

    Raises
    ------
    InputError
        ``pattern`` is no regular expression.
    """
    if pattern == "":
        return frozenset()
    if pattern is not None:
        try:
            return frozenset(_told(labels, re.compile(pattern)))
        except re.error as error:
            raise InputError(
                f"speaker_labels: expected a regular expression, got {pattern!r}: {error}"
            ) from None
    text = _Text(labels, said)
    starts = [n for n, begins in enumerate(begins_line) if begins]
    starts = [n if any(map(str.isalnum, labels[n])) else n + 1 for n in starts]
    several = sum(text.name(n, several=True, sure=True) > 0 for n in starts) > 1
    # Labels of several lines, and a text without punctuation, leave little doubt.
    sure = several or re.search(r"[^\W\d][.?!]", "".join(said)) is None
    found: set[int] = set()
    for n in range(len(labels)):
        before = labels[n - 1] if n else ""
        turn = bool(found) and _SENTENCE_END.search(before)
        length = text.role(n)
        after_dash = n > 0 and begins_line[n - 1] and not any(map(str.isalnum, before))
        if not length and (begins_line[n] or after_dash or turn or before.startswith(">>")):
            length = text.name(n, several=several, sure=sure or bool(found))
        found.update(range(n, n + length))
    return frozenset(found)


def _told(labels: Sequence[str], pattern: re.Pattern[str]) -> Iterator[int]:
    """Yield the tokens that a pattern of the user's matches."""
    n = 0
    while n < len(labels):
        length = 1
        for most in range(1, _NAMES_MOST + 1):
            if pattern.fullmatch(" ".join(labels[n : n + most])):
                yield from range(n, n + most)
                length = most
        n += length


@dataclass(frozen=True)
class _Text:
    """Tokens of a transcript, as they are written and said."""

    labels: Sequence[str]
    said: Sequence[str]

    def _before_colon(self, n: int) -> Sequence[str]:
        """Return the words of what may be a label here: up to a colon; empty for none."""
        for end in range(n + 1, min(n + _NAMES_MOST, len(self.labels)) + 1):
            if self.labels[end - 1].endswith((":", "：")):
                return self.labels[n:end]
        return []

    def role(self, n: int) -> int:
        """Return how many words are a label here that is one anywhere, such as ``Speaker 1:``."""
        words = self._before_colon(n)
        return len(words) if _ANYWHERE.fullmatch(" ".join(words)) else 0

    def name(self, n: int, *, several: bool, sure: bool) -> int:
        """Return how many words before a colon name a speaker here; 0 for none.

        ``several`` says that several lines have labels, ``sure`` that there is little doubt about
        names with a capital.
        """
        end = n + len(self._before_colon(n))
        follows = self.labels[end] if n < end < len(self.labels) else ""
        # Anna (laughs):
        words = [self.labels[k].rstrip(":：") for k in range(n, end) if self.said[k]]
        if not follows or not words or not words[0][0].isupper():
            return 0
        if not all(
            _NAME.fullmatch(word) and (not word[0].islower() or word in _PARTICLES)
            for word in words
        ):
            return 0
        common = words[0].lower().rstrip(".") in _said_before_colons()
        if common and not (sure and words == ["A"]):
            return 0
        if not several and words[0][0] > "\u024f":  # the list is of Latin words
            return 0
        shouted = "".join(words).isupper()
        first = next(filter(str.isalnum, follows), "")
        return end - n if sure or shouted or not first.islower() else 0
