"""Transcripts as letters: words, the labels that spell them, and words again."""

from __future__ import annotations

import re
from collections.abc import Sequence

from speechalign.text.speaker_roles import OTHER, PRIMARY
from speechalign.vocabulary import Vocabulary

BLANK, SPACE = "<blank>", " "
_LETTERS = "abcdefghijklmnopqrstuvwxyz'"
_WORD = re.compile(f"{re.escape(PRIMARY)}|{re.escape(OTHER)}|[a-z']+")


def letter_vocabulary() -> Vocabulary:
    """Return the blank, the space between words, the letters, and the marks of speakers' roles."""
    return Vocabulary([BLANK, SPACE, *_LETTERS, PRIMARY, OTHER], blank=BLANK)


def words_of(text: str) -> list[str]:
    """Return the words of a transcript in small letters; a mark of a role is a word of its own."""
    return [word for word in _WORD.findall(text.lower()) if word.strip("'")]


def labels_of(words: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return the labels of words, with a space between two of them; a mark separates words, too."""
    spelled: list[tuple[str, ...]] = []
    marked = True
    for word in words:
        mark = word in (PRIMARY, OTHER)
        if not (mark or marked):
            spelled.append((SPACE,))
        spelled.append((word,) if mark else tuple(word))
        marked = mark
    return tuple(spelled)


def words_from(labels: Sequence[str]) -> list[str]:
    """Return the words that labels spell."""
    parts = (f" {label} " if label in (PRIMARY, OTHER) else label for label in labels)
    return "".join(parts).split()
