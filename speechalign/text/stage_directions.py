"""Stage directions: notes about sounds and actions that nobody says, such as ``laughs loudly``.

Square, curly and angle brackets always hold a note. Round brackets and asterisks also hold words
that are said, "(well, almost)", so that `is_direction` has to decide: by a closed vocabulary. Every
word must belong to it, and one of them must name a sound or an action; capitals stand for a name.
The languages are mixed, since English notes are common in transcripts of other languages.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PERSONS = frozenset(("he", "she", "it", "they", "everyone", "everybody", "people", "all", "both"))
_ARTICLES = frozenset(("the", "a", "an", "his", "her", "their"))
_NOUNS = frozenset(
    ("applause", "laughter", "music", "noise", "noises", "sound", "sounds", "static", "tone")
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LONGEST = 8  # words


@dataclass(frozen=True)
class _Vocabulary:
    """Words of notes, in lower case.

    Parameters
    ----------
    bare : frozenset[str]
        Verbs in their bare form: notes alone, but not after a person ("they laugh").
    heads : frozenset[str]
        Words that make a note.
    known : frozenset[str]
        Those, and words that may stand beside them.
    pauses, lengths : frozenset[str]
        Words for silence, and words that may stand beside them.
    """

    bare: frozenset[str]
    heads: frozenset[str]
    known: frozenset[str]
    pauses: frozenset[str]
    lengths: frozenset[str]


@cache
def _vocabulary() -> _Vocabulary:
    words: dict[str, set[str]] = defaultdict(set)
    text = (Path(__file__).parent / "data" / "stage_directions.txt").read_text("utf-8")
    for line in text.splitlines():
        kind, _, listed = line.partition(":")
        words[kind].update(listed.split())
    forms = {form for verb in words["verbs"] for form in _forms(verb)}
    heads = forms | words["actions"] | words["sounds"]
    known = heads | words["companions"] | words["pauses"]
    kinds = (words["verbs"], heads, known, words["pauses"], words["lengths"])
    return _Vocabulary(*map(frozenset, kinds))


def _forms(verb: str) -> tuple[str, ...]:
    """Return a regular verb in the forms that notes have."""
    stem = verb.removesuffix("e") if verb.endswith("e") else verb
    if re.search(r"[^aeiou][aeiou][bdgmnp]$", verb):
        stem += verb[-1]  # humming, nodding
    third = re.sub("y$", "ie", verb) if re.search("[^aeiou]y$", verb) else verb
    third += "es" if re.search(r"(?:sh|ch|s|x|z)$", verb) else "s"
    return verb, third, f"{stem}ing"


def is_direction(content: str) -> bool:
    """Tell whether the content of round brackets, or of asterisks, is a note and not said.

    Examples
    --------
    >>> [is_direction(text) for text in ("laughs", "phone rings twice", "she looks away", "笑")]
    [True, True, True, True]
    >>> [is_direction(text) for text in ("well, almost", "s", "the music", "not the door", "0")]
    [False, False, False, False, False]
    """
    written = _WORD.findall(content)
    words = [word.lower() for word in written]
    if not words or len(words) > _LONGEST or any(c.isdigit() for c in content):
        return bool(words) and words[0] in ("inaudible", "unintelligible")  # inaudible 00:03
    vocabulary = _vocabulary()
    heads = [word for word in words if word in vocabulary.heads]
    if words[0] in _PERSONS:
        heads = [word for word in heads if word not in vocabulary.bare and word not in _NOUNS]
    if words[0] in _ARTICLES:
        heads = [word for word in heads if word not in _NOUNS]
    mixed = not content.isupper()
    named = mixed and written[0][0].isupper() and len(words) > 1  # "Anna laughs"
    rest = words[named:]
    return bool(heads) and all(word in vocabulary.known or word.endswith("ly") for word in rest)


def is_pause(content: str) -> bool:
    """Tell whether a note is about silence, as ``pause``, ``long pause`` and ``0.5`` are.

    Examples
    --------
    >>> [is_pause(text) for text in ("pause", "long pause", "0.5", ".", "pause 2s", "long", "12")]
    [True, True, True, True, True, False, False]
    """
    bare = re.sub(r"\d+(?:\.\d+)?\s*s(?:ec)?\b", "", content)
    words = [word.lower() for word in _WORD.findall(bare)]
    if not words:
        return bool(re.fullmatch(r"\s*(?:\d?\.\d{1,2}\s*s?|\.{1,3}|-{1,3})\s*", content))
    pauses, lengths = _vocabulary().pauses, _vocabulary().lengths
    return any(w in pauses for w in words) and all(w in pauses | lengths for w in words)
