"""Word: a token of a transcript and what is said for it; shared by all normalisers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

NOISE = "<noise>"
UNKNOWN = "<unknown>"

Spoken = tuple[str, ...]


@dataclass(frozen=True)
class Word:
    """A word of the transcript, and how it is said.

    Parameters
    ----------
    label : str
        The user's own token, casing and punctuation kept; with it, after a space, neighbouring
        tokens that are not spoken.
    spoken : tuple[str, ...]
        One or more dictionary words, in lower case; or `NOISE` alone, or `UNKNOWN` alone.
    """

    label: str
    spoken: Spoken


def split_words(text: str, speak: Callable[[str, str, str], Spoken]) -> tuple[Word, ...]:
    """Make words of a transcript whose tokens are separated by white space.

    Parameters
    ----------
    text : str
        What was said, as the user wrote it.
    speak : callable
        Told the token before (empty for the first), the token, and the one after (empty for the
        last), returns what is said for the token; empty for nothing. Noise tokens are not shown
        to it.

    Returns
    -------
    tuple[Word, ...]
        Empty if nothing in the text can be spoken. Otherwise the labels joined by single spaces
        are the text, its white space reduced to single spaces.

    Examples
    --------
    >>> split_words("Oh - [laughter] no !", lambda _, token, __: (token,) * token.isalpha())
    (Word(label='Oh -', spoken=('Oh',)), Word(label='[laughter]', spoken=('<noise>',)), \
Word(label='no !', spoken=('no',)))
    """
    tokens = text.split()
    found: list[Word] = []
    silent: list[str] = []  # tokens before the first word
    for before, token, after in zip(["", *tokens], tokens, [*tokens[1:], ""]):
        spoken = (NOISE,) if is_noise(token) else speak(before, token, after)
        if spoken:
            found.append(Word(" ".join([*silent, token]), spoken))
            silent = []
        elif found:
            found[-1] = Word(f"{found[-1].label} {token}", found[-1].spoken)
        else:
            silent.append(token)
    return tuple(found)


_NOISE_TOKEN = re.compile(r"(?:\[[^][]*\]|<[^<>]*>|\{[^{}]*\})[.,;:!?]*")


def is_noise(token: str) -> bool:
    """Tell whether a token stands for a sound that is no word: brackets with a letter in them."""
    return bool(_NOISE_TOKEN.fullmatch(token)) and any(c.isalpha() for c in token)
