"""Utterances that cannot stand side by side in one corpus."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from speechalign.corpus.utterance import Utterance


def mark_conflicts(utterances: Sequence[Utterance]) -> list[Utterance]:
    """Give a problem to the utterances that contradict others, or themselves.

    Parameters
    ----------
    utterances : sequence of Utterance
        In any order.

    Returns
    -------
    list of Utterance
        In the same order. New problems: an id that is not unique; recordings of one name with
        different sound files, whose results would overwrite each other; a recording whose name
        leads out of the output folder; an end that is not after the start; a transcript that is
        empty or cannot be written as UTF-8; utterances of one speaker that overlap, which no
        tier can hold. A problem that was there stays.
    """
    problems: dict[int, str] = {}
    for number, utterance in enumerate(utterances):
        problem = _own_problem(utterance)
        if problem:
            problems[number] = problem
    by_id: dict[str, list[int]] = defaultdict(list)
    by_recording: dict[str, list[int]] = defaultdict(list)
    for number, utterance in enumerate(utterances):
        by_id[utterance.id].append(number)
        if utterance.problem is None:
            by_recording[utterance.recording].append(number)
    for name, numbers in by_recording.items():
        sounds = sorted({str(utterances[number].audio) for number in numbers})
        if len(sounds) > 1:
            for number in numbers:
                problems.setdefault(
                    number,
                    f"the recording {name} has more than one sound file ({', '.join(sounds[:3])}"
                    f"{', ...' * (len(sounds) > 3)}), but its result is one file; rename them",
                )
    for name, numbers in by_id.items():
        if len(numbers) > 1:
            for number in numbers:
                problems.setdefault(
                    number, f"the id {name} is given to {len(numbers)} utterances; rename them"
                )
    for numbers in by_recording.values():
        _mark_overlaps(utterances, [n for n in numbers if n not in problems], problems)
    return [
        replace(utterance, problem=problems[number])
        if utterance.problem is None and number in problems
        else utterance
        for number, utterance in enumerate(utterances)
    ]


def text_problem(text: str) -> str | None:
    """Return why a transcript cannot be aligned or written; None where it can."""
    if not text.strip():
        return "the transcript is empty; write what was said, or leave the utterance out"
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        return "the transcript has half a character (a lone surrogate); write it again"
    return None


def _own_problem(utterance: Utterance) -> str | None:
    problem = text_problem(utterance.text)
    if problem is not None:
        return problem
    name = PurePosixPath(utterance.recording)
    if name.is_absolute() or ".." in name.parts or not name.parts:
        return (
            f"the recording is called {utterance.recording!r}, which leads out of the output "
            "folder; rename it"
        )
    if utterance.end is not None and not 0 <= utterance.start < utterance.end:
        return f"expected 0 <= start < end, got {utterance.start} to {utterance.end} s"
    return None


def _mark_overlaps(
    utterances: Sequence[Utterance], numbers: list[int], problems: dict[int, str]
) -> None:
    """Mark both sides of every overlap within a speaker of one recording."""
    latest: dict[str | None, int] = {}  # by speaker, the utterance that ends last so far
    for number in sorted(numbers, key=lambda n: utterances[n].start):
        utterance = utterances[number]
        before = latest.get(utterance.speaker)
        if before is not None and utterance.start < _end(utterances[before]):
            for one, other in ((number, utterances[before]), (before, utterance)):
                problems.setdefault(
                    one,
                    f"overlaps {other.id}, of the same speaker and recording ({_span(other)}); "
                    "move the boundary, or name another speaker",
                )
        if before is None or _end(utterance) > _end(utterances[before]):
            latest[utterance.speaker] = number


def _end(utterance: Utterance) -> float:
    return float("inf") if utterance.end is None else utterance.end


def _span(utterance: Utterance) -> str:
    end = "its end" if utterance.end is None else f"{utterance.end:.3f} s"
    return f"{utterance.start:.3f} s to {end}"
