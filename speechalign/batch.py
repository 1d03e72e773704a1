"""Align a corpus: utterances in, one file a recording out, and an account of all of them."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import numpy as np

from speechalign import __version__
from speechalign.aligner import AlignedUtterance, Aligner
from speechalign.alignment import Alignment, Interval
from speechalign.corpus import Utterance
from speechalign.errors import InputError, SpeechAlignError
from speechalign.formats import FORMATS, write_alignment
from speechalign.results import CorpusResult, Status, UtteranceResult, WordResult, read_manifest
from speechalign.waveform import audio_hash, read_waveform, sound_info

# Below this mean confidence the audio sounds as much like other words as like the transcript.
DOUBTFUL = 0.5

_STOPPED = "the run was stopped before its turn"

Progress = Callable[[Sequence[UtteranceResult]], None]


@dataclass(frozen=True)
class _Job:
    """One recording: its utterances, what an earlier run said of them, and the files to write."""

    utterances: tuple[Utterance, ...]
    earlier: tuple[UtteranceResult | None, ...]
    files: tuple[Path, ...]
    names: tuple[str, ...]


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
    tiers ``words`` and ``phones``, a tier ``utterances`` where the corpus gave segments, and
    ``SPEAKER - words`` ... where several speakers share it. ``alignment_manifest.jsonl``,
    ``alignment_analysis.csv`` and ``oovs_found.txt`` say what became of every utterance. Each file
    appears whole or not at all.

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
            f"{output}: cannot be written to: {error}; choose another folder"
        ) from None
    earlier = read_manifest(output)
    grouped: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        grouped.setdefault(utterance.recording, []).append(utterance)
    work = [
        _Job(
            tuple(members),
            tuple(earlier.get(member.id) for member in members),
            tuple(output / f"{recording}{suffix}" for suffix in suffixes),
            tuple(f"{recording}{suffix}" for suffix in suffixes),
        )
        for recording, members in grouped.items()
    ]
    done: dict[str, UtteranceResult] = {}
    stopped = Event()

    def run(job: _Job) -> list[UtteranceResult]:
        if overwrite or not all(file.exists() for file in job.files):
            return _align_recording(job, aligner, formats, stopped)
        return [_kept(job, number, aligner) for number in range(len(job.utterances))]

    executor = ThreadPoolExecutor(jobs)
    futures = [executor.submit(run, job) for job in work]
    try:
        for future in as_completed(futures):
            results = future.result()
            if progress is not None:
                progress(results)
    finally:
        stopped.set()
        executor.shutdown(cancel_futures=True)
        for future in futures:
            if not future.cancelled():
                done.update((result.utterance, result) for result in future.result())
        whole = CorpusResult(
            tuple(
                done.get(u.id) or _result(u, aligner, Status.INTERRUPTED, _STOPPED)
                for u in utterances
            )
        )
        whole.write(output)
    return whole


def _align_recording(
    job: _Job, aligner: Aligner, formats: Sequence[str], stopped: Event
) -> list[UtteranceResult]:
    """Align the utterances of one recording and write its files; never raises an Exception."""
    results: list[UtteranceResult] = []
    sounds: dict[Path, tuple[float, str]] = {}
    for utterance in job.utterances:
        if stopped.is_set():
            return [_result(u, aligner, Status.INTERRUPTED, _STOPPED) for u in job.utterances]
        try:
            results.append(_align_utterance(utterance, aligner, sounds))
        except SpeechAlignError as error:
            results.append(_result(utterance, aligner, Status.FAILED, str(error)))
        except Exception:
            reason = traceback.format_exc()
            results.append(_result(utterance, aligner, Status.CRASHED, reason))
    if not any(result.words for result in results):
        return results
    try:
        alignment = _recording_alignment(job.utterances, results)
        for file, name in zip(job.files, formats):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_alignment(alignment, file, format=name)
    except (SpeechAlignError, OSError) as error:
        return [_withdrawn(result, Status.FAILED, f"not written: {error}") for result in results]
    except Exception:
        return [_withdrawn(result, Status.CRASHED, traceback.format_exc()) for result in results]
    return [replace(result, outputs=job.names) if result.words else result for result in results]


def _align_utterance(
    utterance: Utterance, aligner: Aligner, sounds: dict[Path, tuple[float, str]]
) -> UtteranceResult:
    """Align one utterance; ``sounds`` keeps the duration and hash of each sound file."""
    if utterance.problem is not None:
        return _result(utterance, aligner, Status.FAILED, utterance.problem)
    waveform = read_waveform(
        utterance.audio,
        sample_rate=aligner.model.sample_rate,
        channel=utterance.channel,
        start=utterance.start,
        end=utterance.end,
    )
    if utterance.audio not in sounds:
        duration = sound_info(utterance.audio).duration
        sounds[utterance.audio] = duration, audio_hash(utterance.audio)
    duration, sha256 = sounds[utterance.audio]
    aligned = aligner.align(waveform, utterance.text)
    status, reason = Status.ALIGNED, None
    if aligned.confidence < DOUBTFUL:
        status = Status.DOUBTFUL
        reason = (
            f"confidence {aligned.confidence:.2f} is below {DOUBTFUL}: the audio does not sound "
            "like the transcript; listen to it"
        )
    end = duration if utterance.end is None else min(utterance.end, duration)
    return replace(
        _result(utterance, aligner, status, reason),
        end=end,
        log_likelihood=aligned.log_likelihood,
        confidence=aligned.confidence,
        signal_to_noise=_signal_to_noise(aligned),
        words=_words(aligned, utterance.start, end),
        audio_sha256=sha256,
        sample_rate=waveform.source_rate,
        channels=waveform.channels,
        channel=waveform.channel,
    )


def _words(aligned: AlignedUtterance, offset: float, end: float) -> tuple[WordResult, ...]:
    """Shift the words by the utterance's start; resampling may pass its end by a sample."""

    def times(interval: Interval) -> tuple[float, float]:
        return offset + interval.start, min(offset + interval.end, end)

    return tuple(
        WordResult(
            word.interval.label,
            *times(word.interval),
            word.interval.confidence,
            word.word.source,
            word.word.spoken,
            tuple((phone.label, *times(phone)) for phone in word.phones),
        )
        for word in aligned.words
    )


def _signal_to_noise(aligned: AlignedUtterance) -> float | None:
    """Mean energy inside the words over that outside, dB; None where either is empty or silent."""
    samples, rate = aligned.waveform.samples, aligned.waveform.sample_rate
    spoken = np.zeros(len(samples), np.bool_)
    for word in aligned.words:
        spoken[round(word.interval.start * rate) : round(word.interval.end * rate)] = True
    energy = samples.astype(np.float64) ** 2
    if spoken.all() or not energy[~spoken].any() or not energy[spoken].any():
        return None
    return float(10 * np.log10(energy[spoken].mean() / energy[~spoken].mean()))


def _recording_alignment(
    utterances: Sequence[Utterance], results: Sequence[UtteranceResult]
) -> Alignment:
    """Put the utterances of one recording on its tiers."""
    speakers = sorted({utterance.speaker or "unknown" for utterance in utterances})
    tiers: dict[str, list[Interval]] = {}
    for speaker in speakers:
        prefix = f"{speaker} - " if len(speakers) > 1 else ""
        own = [
            (utterance, result)
            for utterance, result in zip(utterances, results)
            if (utterance.speaker or "unknown") == speaker
        ]
        if any(utterance.segmented for utterance, _ in own):
            tiers[f"{prefix}utterances"] = [
                Interval(result.start, result.end, " ".join(utterance.text.split()))
                for utterance, result in own
                if result.end is not None
            ]
        words = [word for _, result in own for word in result.words]
        tiers[f"{prefix}words"] = [
            Interval(word.start, word.end, word.label, word.confidence) for word in words
        ]
        tiers[f"{prefix}phones"] = [
            Interval(start, end, label) for word in words for label, start, end in word.phones
        ]
    return Alignment(tiers, sound_info(utterances[0].audio).duration)


def _result(
    utterance: Utterance, aligner: Aligner, status: Status, reason: str | None
) -> UtteranceResult:
    """Return what is known of an utterance before it is aligned."""
    return UtteranceResult(
        utterance=utterance.id,
        recording=utterance.recording,
        status=status,
        reason=reason,
        kept=False,
        text=utterance.text,
        speaker=utterance.speaker,
        start=utterance.start,
        end=utterance.end,
        outputs=(),
        log_likelihood=None,
        confidence=None,
        signal_to_noise=None,
        words=(),
        audio=str(utterance.audio),
        audio_sha256=None,
        sample_rate=None,
        channels=None,
        channel=utterance.channel,
        model=aligner.model.name,
        version=__version__,
    )


def _kept(job: _Job, number: int, aligner: Aligner) -> UtteranceResult:
    """Carry an earlier result over, or say that nothing is known of the file that is there."""
    utterance, earlier = job.utterances[number], job.earlier[number]
    reason = f"{job.names[0]} exists; use --overwrite to align again"
    if earlier is not None and earlier.status not in (Status.KEPT, Status.INTERRUPTED):
        if earlier.text == utterance.text:
            return replace(earlier, kept=True)
        reason = f"the transcript has changed since, but {reason}"
    kept = _result(utterance, aligner, Status.KEPT, reason)
    return replace(kept, outputs=job.names, kept=True)


def _withdrawn(result: UtteranceResult, status: Status, reason: str) -> UtteranceResult:
    """Take back a result whose file could not be written; an earlier failure stays as it is."""
    if not result.words:
        return result
    return replace(result, status=status, reason=reason, words=(), outputs=())
