"""Speaker roles in a transcript: marks of the primary speaker and of others.

A model that is trained on the primary speaker's words alone learns to say nothing while others
speak, and may stay silent for long stretches of a long recording. One that is trained on the words
of all, with a mark where the role changes, never has speech to pass over [1]_.

.. [1] "Improved Long-Form Speech Recognition by Jointly Modeling the Primary and
   Non-primary Speakers", arXiv 2312.11123, 2023. There a mark ends a stretch; here it begins one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from speechalign.alignment import Interval
from speechalign.errors import InputError

PRIMARY, OTHER = "<primary>", "<other>"


@dataclass(frozen=True)
class Turn:
    """Words that one speaker says one after the other.

    Parameters
    ----------
    start : float
        Seconds.
    words : tuple[str, ...]
        At least one. Give each word a turn of its own where its time is known: words of speakers
        who talk at once are then told in the order in which they begin.
    primary : bool
        Whether the primary speaker says them.
    """

    start: float
    words: tuple[str, ...]
    primary: bool = True


@dataclass(frozen=True)
class RoleSpan:
    """Words of a marked transcript that stand side by side and are of one role.

    Parameters
    ----------
    primary : bool
        Whose they are.
    start, end : int
        Places of the words, the end not among them, in the transcript without marks.
    """

    primary: bool
    start: int
    end: int


def role_targets(
    turns: Iterable[Turn], *, others: bool = True, every_word: bool = False
) -> list[str]:
    """Join the turns of a mixture into the transcript that a model is trained on.

    Parameters
    ----------
    turns : Iterable[Turn]
        In any order; those that start at the same time keep theirs.
    others : bool
        False for the words of the primary speaker alone, without marks.
    every_word : bool
        Put a mark before every word, so that a wrong one costs one word, not all up to the next
        change of role.

    Returns
    -------
    list of str
        Words in the order in which turns start, with `PRIMARY` or `OTHER` before the first and
        wherever the role changes, or before each.

    Raises
    ------
    InputError
        There are no turns, a turn has no words, a word is empty or a mark, or a time is not finite.

    Examples
    --------
    >>> turns = [Turn(0.0, ("good", "morning")), Turn(2.0, ("tea",), primary=False)]
    >>> role_targets([*turns, Turn(3.0, ("everyone",))])
    ['<primary>', 'good', 'morning', '<other>', 'tea', '<primary>', 'everyone']
    >>> role_targets(turns, every_word=True)
    ['<primary>', 'good', '<primary>', 'morning', '<other>', 'tea']
    >>> role_targets(turns, others=False)
    ['good', 'morning']
    """
    ordered = list(turns)
    if not ordered:
        raise InputError("turns: expected at least one, got an empty mixture; leave it out")
    for turn in ordered:
        if not -float("inf") < turn.start < float("inf"):
            raise InputError(f"turns: expected a finite start, got {turn.start}")
        if not turn.words or not all(turn.words):
            raise InputError(f"turns: the one at {turn.start} s has an empty word or none")
        marks = {PRIMARY, OTHER}.intersection(turn.words)
        if marks:
            raise InputError(
                f"turns: the one at {turn.start} s has {marks.pop()} among its words; give words "
                "only, marks are added"
            )
    found: list[str] = []
    role = None
    for turn in sorted(ordered, key=lambda turn: turn.start):
        if not others:
            found += turn.words if turn.primary else ()
            continue
        for word in turn.words:
            if every_word or turn.primary != role:
                role = turn.primary
                found.append(PRIMARY if role else OTHER)
            found.append(word)
    return found


def role_spans(marked: Sequence[str]) -> tuple[list[str], list[RoleSpan]]:
    """Take the marks out of a transcript.

    Parameters
    ----------
    marked : Sequence[str]
        Words and marks, as `role_targets` or a model has them. What stands before the first mark
        is the primary speaker's; a mark that repeats the role changes nothing.

    Returns
    -------
    words : list of str
        Without marks.
    spans : list of RoleSpan
        In order; together they hold each word once, and neighbours differ in role.

    Examples
    --------
    >>> words, spans = role_spans(["hello", "<other>", "tea", "<primary>", "everyone"])
    >>> [words[span.start:span.end] for span in spans if span.primary]
    [['hello'], ['everyone']]
    """
    words: list[str] = []
    spans: list[RoleSpan] = []
    primary = True
    for word in marked:
        if word in (PRIMARY, OTHER):
            primary = word == PRIMARY
            continue
        if spans and spans[-1].primary == primary:
            spans[-1] = RoleSpan(primary, spans[-1].start, len(words) + 1)
        else:
            spans.append(RoleSpan(primary, len(words), len(words) + 1))
        words.append(word)
    return words, spans


def role_tier(words: Sequence[Interval], spans: Sequence[RoleSpan]) -> list[Interval]:
    """Turn the spans of a timed transcript into a tier of regions, ``primary`` and ``other``.

    Parameters
    ----------
    words : Sequence[Interval]
        Times of the words that `role_spans` returned.
    spans : Sequence[RoleSpan]
        Of the same transcript.

    Returns
    -------
    list of Interval
        From the start of the first word of each span to the end of its last.

    Raises
    ------
    InputError
        The spans are of a transcript with other words.

    Examples
    --------
    >>> said = [Interval(0.1, 0.4, "hello"), Interval(0.6, 0.9, "tea")]
    >>> role_tier(said, [RoleSpan(True, 0, 1), RoleSpan(False, 1, 2)])[1]
    Interval(start=0.6, end=0.9, label='other', confidence=None)
    """
    counted = spans[-1].end if spans else 0
    if counted != len(words):
        raise InputError(f"spans: expected those of {len(words)} words, got {counted}")
    return [
        Interval(
            words[span.start].start, words[span.end - 1].end, "primary" if span.primary else "other"
        )
        for span in spans
    ]
