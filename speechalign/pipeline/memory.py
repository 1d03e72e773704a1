"""Estimate of the memory that a run needs, before it begins."""

from __future__ import annotations

import heapq
import os
from collections.abc import Sequence
from pathlib import Path

from speechalign.aligners.aligner import Aligner
from speechalign.checks import check_jobs
from speechalign.corpus import Utterance
from speechalign.errors import InputError, SpeechAlignError

# Bytes of an alignment beside samples and scores: per utterance, and per second of it. Measured as
# the peaks of `speechalign align` with english-sphinx on half an hour, one and three hours.
_FIXED, _PER_SECOND = 126e6, 26e3
_FLOAT = 4


def check_memory(
    utterances: Sequence[Utterance], aligner: Aligner, limit: float, *, jobs: int | None = None
) -> float:
    """Refuse a run that needs more memory than it may take; nothing is decoded for it.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What is to be aligned.
    aligner : Aligner
        With a loaded model, which counts.
    limit : float
        Bytes, of all processes together.
    jobs : int or None
        As in `align_corpus`.

    Returns
    -------
    float
        Estimate, in bytes: this process as it is, and the longest recordings at once.

    Raises
    ------
    InputError
        The estimate is above the limit, or the model does not say how large its scores are.
    """
    jobs = check_jobs(jobs)
    here = _resident()
    per_second = _per_second(aligner)
    largest = heapq.nlargest(
        jobs, ((_FIXED + per_second * _seconds(u), u.id) for u in utterances if u.problem is None)
    )
    needed = here + sum(size for size, _ in largest)
    if needed > limit:
        size, name = largest[0]
        remedy = "cut it (speechalign segment), or allow more"
        fitting = sum(here + sum(s for s, _ in largest[:n]) <= limit for n in range(1, jobs + 1))
        if fitting:
            remedy = f"use --jobs {fitting}, or allow more"
        together = f" with {len(largest)} at once" * (len(largest) > 1)
        raise InputError(
            f"memory: expected at most {_gigabytes(limit)}, but {aligner.model.name} needs about "
            f"{_gigabytes(needed)}{together}, {_gigabytes(size)} of them for {name}; {remedy}"
        )
    return needed


def _per_second(aligner: Aligner) -> float:
    """Return how many bytes a second of audio takes while it is aligned."""
    model = aligner.model
    grid, vocabulary = getattr(model, "grid", None), getattr(model, "vocabulary", None)
    if grid is None or vocabulary is None:
        raise InputError(
            f"memory: {model.name} does not say how large its scores are; leave --memory out"
        )
    samples = _FLOAT * model.sample_rate
    scores = _FLOAT * len(vocabulary) * model.sample_rate / grid.stride
    return float(samples + scores + _PER_SECOND)


def _seconds(utterance: Utterance) -> float:
    """Return how long an utterance is; 0 where its recording cannot be read: told later."""
    if utterance.end is not None:
        return utterance.end - utterance.start
    try:
        with utterance.sound() as sound:
            return sound.info.duration - utterance.start
    except SpeechAlignError:
        return 0.0


def _resident() -> float:
    """Return the memory that this process holds, bytes; 0 where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    except OSError:
        return 0.0
    return float(pages) * os.sysconf("SC_PAGE_SIZE")


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB"
