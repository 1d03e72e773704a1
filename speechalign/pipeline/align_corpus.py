"""Align a corpus: utterances in, one file a recording out, and an account of all of them."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path
from queue import SimpleQueue
from threading import Event

from speechalign.aligners.aligner import Aligner
from speechalign.audio.waveform import Waveform
from speechalign.corpus import Utterance
from speechalign.emissions import Emissions
from speechalign.errors import InputError, SpeechAlignError
from speechalign.formats import FORMATS
from speechalign.pipeline.manifest import CorpusResult, Status, UtteranceResult, read_manifest
from speechalign.pipeline.recording import (
    STOPPED,
    Recording,
    Sounds,
    align_utterance,
    blank_result,
)
from speechalign.pipeline.speakers import Voices

# The manifest is brought up to date so often, in seconds, for runs that end without a chance to.
_SAVE_EVERY = 60.0

# For a model that scores in batches: how many utterances one thread takes at least, and of how many
# batches' worth of audio those of similar length are scored together.
_TOGETHER = 64
_BATCHES = 4

Progress = Callable[[Sequence[UtteranceResult]], None]


def align_corpus(
    utterances: Sequence[Utterance],
    output: str | Path,
    *,
    aligner: Aligner,
    formats: Sequence[str] = ("textgrid",),
    jobs: int = 1,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> CorpusResult:
    """Align every utterance of a corpus, and write one file a recording.

    The output tree mirrors the recordings. Utterances of one recording end up in one file, with
    tiers ``words`` and ``phones``, or ``characters`` or ``tokens`` of a model that knows no phones,
    a tier ``utterances`` where the corpus gave segments, and ``SPEAKER - words`` ... where several
    speakers share it. ``alignment_manifest.jsonl``, ``alignment_analysis.csv`` and
    ``oovs_found.txt`` say what became of every utterance. Each file appears whole or not at all.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What `speechalign.corpus.read_corpus` returns. Those with a ``problem`` are reported.
    output : str or Path
        Folder to write to; made where it is missing.
    aligner : Aligner
        The loaded model.
    formats : Sequence[str]
        Names in ``FORMATS``, each written for every recording.
    jobs : int
        Recordings aligned at once, by threads; the result does not depend on it.
    overwrite : bool
        Align again what has a file; otherwise such files are kept.
    progress : callable or None
        Called with the results of each finished recording, from this thread.

    Returns
    -------
    CorpusResult
        One result for each utterance. Nothing that befalls one utterance stops the others.

    Notes
    -----
    A file that exists beside the recording, and that no manifest says we wrote, is never touched:
    it may be a transcript.

    Raises
    ------
    InputError
        No such format, ``jobs`` below 1, or the folder cannot be written to.
    KeyboardInterrupt
        The run was stopped; finished files and the manifest are in place.
    """
    output = Path(output)
    if jobs < 1:
        raise InputError(f"jobs: expected 1 or more, got {jobs}")
    suffixes = [FORMATS[name].SUFFIXES[0] for name in formats]  # type: ignore[attr-defined]
    if len(set(suffixes)) < len(suffixes):
        raise InputError(f"formats: two of {', '.join(formats)} write the same files; choose one")
    try:
        output.mkdir(parents=True, exist_ok=True)
        if not os.access(output, os.W_OK):
            raise PermissionError("no permission to write")
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written to: {error.strerror or error}; choose another folder"
        ) from None
    earlier = read_manifest(output)
    grouped: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        grouped.setdefault(utterance.recording, []).append(utterance)
    work = [
        Recording(
            tuple(members),
            tuple(earlier.get(member.id) for member in members),
            output,
            tuple((name, f"{recording}{suffix}") for name, suffix in zip(formats, suffixes)),
        )
        for recording, members in grouped.items()
    ]
    stopped = Event()
    results: list[UtteranceResult] = []
    finished: SimpleQueue[list[UtteranceResult] | Exception] = SimpleQueue()

    def run(recordings: Sequence[Recording]) -> None:
        try:
            for of_one in _align_recordings(
                recordings, aligner, voices, overwrite=overwrite, stopped=stopped
            ):
                # Kept here: an interrupt may come between taking it from the queue and keeping it.
                results.extend(of_one)
                finished.put(of_one)
        except Exception as error:
            finished.put(error)

    def save() -> CorpusResult:
        done = {r.utterance: r for r in list(results) if r.status is not Status.INTERRUPTED}
        # An earlier result stands as long as there is no other.
        standing = {name: replace(r, kept=True) for name, r in earlier.items() if r.words}
        whole = CorpusResult(
            tuple(
                done.get(u.id)
                or standing.get(u.id)
                or blank_result(u, aligner, Status.INTERRUPTED, STOPPED)
                for u in utterances
            )
        )
        whole.write(output)
        return whole

    save()
    speakers = {u.speaker for job in work if job.wanted(overwrite) for u in job.utterances}
    voices = Voices(aligner, [u for u in utterances if u.speaker in speakers], jobs=jobs)
    executor = ThreadPoolExecutor(jobs)
    for together in _grouped(work, aligner):
        executor.submit(run, together)
    saved = time.monotonic()
    try:
        for _ in work:
            of_one = finished.get()
            if isinstance(of_one, Exception):
                raise of_one
            if progress is not None:
                progress(of_one)
            if time.monotonic() - saved > _SAVE_EVERY:
                save()
                saved = time.monotonic()
    finally:
        stopped.set()
        executor.shutdown(cancel_futures=True)
        whole = save()
    return whole


def _grouped(work: Sequence[Recording], aligner: Aligner) -> list[list[Recording]]:
    """Put recordings together whose utterances may end up in the same batch."""
    groups: list[list[Recording]] = []
    room = 0
    for recording in work:
        if room <= 0:
            groups.append([])
            room = _TOGETHER if aligner.batch_seconds else 1
        groups[-1].append(recording)
        room -= len(recording.utterances)
    return groups


def _align_recordings(
    recordings: Sequence[Recording],
    aligner: Aligner,
    voices: Voices,
    *,
    overwrite: bool,
    stopped: Event,
) -> Iterator[list[UtteranceResult]]:
    """Align recordings and write them; yield the results of each in order, once it is written.

    Once ``stopped`` is set, no more utterances are begun; a recording that lacks some is not
    written.
    """
    known = []
    for recording in recordings:
        try:
            known.append(recording.known(aligner, overwrite=overwrite))
        except Exception:
            known.append(recording.all(Status.CRASHED, traceback.format_exc(), aligner))
    waiting = [
        utterance
        for recording, results in zip(recordings, known)
        if results is None
        for utterance in recording.utterances
    ]
    sounds: Sounds = {}
    aligned = _aligned(waiting, aligner, voices, sounds, stopped)
    for recording, results in zip(recordings, known):
        if results is None:
            results = list(islice(aligned, len(recording.utterances)))
            if len(results) < len(recording.utterances):
                yield recording.all(Status.INTERRUPTED, STOPPED, aligner)
                continue
            try:
                results = recording.written(results, sounds, overwrite=overwrite)
            except Exception:
                results = recording.all(Status.CRASHED, traceback.format_exc(), aligner)
        yield results


def _aligned(
    utterances: Sequence[Utterance],
    aligner: Aligner,
    voices: Voices,
    sounds: Sounds,
    stopped: Event,
) -> Iterator[UtteranceResult]:
    """Yield the result of each utterance, in order; stop short once ``stopped`` is set."""
    for some in _read(utterances, aligner, stopped):
        emissions = _scored([heard for _, heard in some if isinstance(heard, Waveform)], aligner)
        for utterance, heard in some:
            if stopped.is_set():
                return
            try:
                if isinstance(heard, Exception):
                    raise heard
                own = voices.aligner(utterance)
                result = align_utterance(
                    utterance, heard, next(emissions), aligner=own, sounds=sounds
                )
            except SpeechAlignError as error:
                result = blank_result(utterance, aligner, Status.FAILED, str(error))
            except Exception:
                reason = traceback.format_exc()
                result = blank_result(utterance, aligner, Status.CRASHED, reason)
            yield result


def _read(
    utterances: Sequence[Utterance], aligner: Aligner, stopped: Event
) -> Iterator[list[tuple[Utterance, Waveform | Exception]]]:
    """Yield utterances with their samples, or with what is wrong; as many as are scored together.

    More than a batch of them, so that there are some of similar length.
    """
    some: list[tuple[Utterance, Waveform | Exception]] = []
    seconds = 0.0
    for utterance in utterances:
        if stopped.is_set():
            return
        try:
            if utterance.problem is not None:
                raise InputError(utterance.problem)
            waveform = utterance.waveform(aligner.model.sample_rate)
            some.append((utterance, waveform))
            seconds += waveform.duration
        except Exception as error:
            some.append((utterance, error))
        if seconds >= _BATCHES * aligner.batch_seconds:
            yield some
            some, seconds = [], 0.0
    yield some


def _scored(waveforms: list[Waveform], aligner: Aligner) -> Iterator[Emissions | None]:
    """Return what the model says of each waveform; None for what is left to be scored alone."""
    if len(waveforms) > 1:
        try:
            return iter(aligner.emit(waveforms))
        except Exception:  # Scored alone, each has its own chance, and says what is wrong with it.
            pass
    return repeat(None)
