"""One recording of a corpus: its utterances aligned, or their earlier results kept."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

import numpy as np

from speechalign import __version__
from speechalign.aligner import AlignedUtterance, Aligner
from speechalign.alignment import Alignment, Interval
from speechalign.corpus import Utterance
from speechalign.errors import InputError, SpeechAlignError
from speechalign.formats import write_alignment
from speechalign.results import Status, UtteranceResult, WordResult, judge
from speechalign.waveform import audio_hash, read_waveform, sound_info

STOPPED = "the run was stopped before its turn"


@dataclass(frozen=True)
class Recording:
    """What is to be done for one recording of a corpus.

    Parameters
    ----------
    utterances : tuple[Utterance, ...]
        All that the corpus has of it.
    earlier : tuple[UtteranceResult or None, ...]
        What an earlier run said of each.
    output : Path
        Folder of the results.
    files : tuple[tuple[str, str], ...]
        Formats to write, each with the name of its file in ``output``.
    """

    utterances: tuple[Utterance, ...]
    earlier: tuple[UtteranceResult | None, ...]
    output: Path
    files: tuple[tuple[str, str], ...]

    def align(self, aligner: Aligner, *, overwrite: bool, stopped: Event) -> list[UtteranceResult]:
        """Align the utterances and write their files.

        Parameters
        ----------
        aligner : Aligner
            The loaded model.
        overwrite : bool
            Write all files; otherwise those that exist are kept, and where all do, the earlier
            results.
        stopped : Event
            Once set, no more utterances are begun.

        Returns
        -------
        list of UtteranceResult
            One for each utterance, in their order.
        """
        # os.path.exists takes a name that is too long for one that is not there.
        there = [name for _, name in self.files if os.path.exists(self.output / name)]
        for name in there:
            if self._is_foreign(name):
                reason = (
                    f"{self.output / name} lies beside the recording and no manifest says that "
                    "speechalign wrote it; move it, or choose another output folder"
                )
                return [blank_result(u, aligner, Status.FAILED, reason) for u in self.utterances]
        wanted = [(format, name) for format, name in self.files if overwrite or name not in there]
        if not wanted:
            return self._kept(aligner)
        results: list[UtteranceResult] = []
        sounds: dict[Path, tuple[float, str]] = {}
        for utterance in self.utterances:
            if stopped.is_set():
                return [
                    blank_result(u, aligner, Status.INTERRUPTED, STOPPED) for u in self.utterances
                ]
            try:
                results.append(_align_utterance(utterance, aligner, sounds))
            except SpeechAlignError as error:
                results.append(blank_result(utterance, aligner, Status.FAILED, str(error)))
            except Exception:
                reason = traceback.format_exc()
                results.append(blank_result(utterance, aligner, Status.CRASHED, reason))
        return self._written(results, wanted)

    def _is_foreign(self, name: str) -> bool:
        """Tell whether a file lies beside the recording, and is not known to be ours."""
        folders = self.utterances[0].audio.parent, (self.output / name).parent
        beside = len({os.path.realpath(folder) for folder in folders}) == 1
        return beside and not any(earlier and name in earlier.outputs for earlier in self.earlier)

    def _written(
        self, results: list[UtteranceResult], wanted: Sequence[tuple[str, str]]
    ) -> list[UtteranceResult]:
        """Write what was aligned, and say so; a result whose file cannot be written is none."""
        if not any(result.words for result in results):
            return results
        try:
            alignment = _recording_alignment(self.utterances, results)
            for format, name in wanted:
                file = self.output / name
                file.parent.mkdir(parents=True, exist_ok=True)
                write_alignment(alignment, file, format=format)
        except SpeechAlignError as error:
            return [_withdrawn(result, str(error)) for result in results]
        except OSError as error:
            reason = f"{error.filename}: cannot be written: {error.strerror}"
            return [_withdrawn(result, reason) for result in results]
        outputs = tuple(name for _, name in wanted)
        return [replace(r, outputs=outputs) if r.words else r for r in results]

    def _kept(self, aligner: Aligner) -> list[UtteranceResult]:
        """Carry earlier results over; say where they no longer fit, or nothing is known."""
        sounds: dict[Path, tuple[float, str]] = {}
        names = tuple(name for _, name in self.files)
        remedy = f"{names[0]} exists; use --overwrite to align again"
        described = any(earlier is not None and earlier.words for earlier in self.earlier)
        results = []
        for utterance, earlier in zip(self.utterances, self.earlier):
            if earlier is not None and earlier.words and earlier.confidence is not None:
                change = _change(utterance, earlier, aligner, sounds)
                status, reason = judge(earlier.confidence)
                if change is not None:
                    status, reason = Status.KEPT, f"{change}; {remedy}"
                result = replace(earlier, status=status, reason=reason, kept=True)
            elif utterance.problem is not None:
                result = blank_result(utterance, aligner, Status.FAILED, utterance.problem)
            elif (
                earlier is not None
                and earlier.status in (Status.FAILED, Status.CRASHED)
                and earlier.text == utterance.text
            ):
                result = replace(earlier, kept=True)
            elif described:
                reason = f"new or changed since, and not in the file; {remedy}"
                result = blank_result(utterance, aligner, Status.FAILED, reason)
            else:
                unknown = blank_result(utterance, aligner, Status.KEPT, remedy)
                result = replace(unknown, outputs=names, kept=True)
            results.append(result)
        return results


def _align_utterance(
    utterance: Utterance, aligner: Aligner, sounds: dict[Path, tuple[float, str]]
) -> UtteranceResult:
    """Align one utterance; ``sounds`` keeps the duration and hash of each sound file."""
    if utterance.problem is not None:
        return blank_result(utterance, aligner, Status.FAILED, utterance.problem)
    waveform = read_waveform(
        utterance.audio,
        sample_rate=aligner.model.sample_rate,
        channel=utterance.channel,
        start=utterance.start,
        end=utterance.end,
    )
    end, sha256 = _measure(utterance, sounds)
    aligned = aligner.align(waveform, utterance.text)
    return replace(
        blank_result(utterance, aligner, *judge(aligned.confidence)),
        end=end,
        log_likelihood=aligned.log_likelihood,
        confidence=aligned.confidence,
        signal_to_noise=_signal_to_noise(aligned),
        words=_words(aligned, utterance.start, end),
        unit=aligned.unit,
        audio_sha256=sha256,
        sample_rate=waveform.source_rate,
        channels=waveform.channels,
        channel=waveform.channel,
    )


def _measure(
    utterance: Utterance, sounds: dict[Path, tuple[float, str]]
) -> tuple[float, str]:
    """Return where an utterance ends in its sound file, and the hash of that file."""
    if utterance.audio not in sounds:
        duration = sound_info(utterance.audio).duration
        sounds[utterance.audio] = duration, audio_hash(utterance.audio)
    duration, sha256 = sounds[utterance.audio]
    return duration if utterance.end is None else min(utterance.end, duration), sha256


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
            tuple(
                (token.interval.label, *times(token.interval), token.start, token.end)
                for token in word.tokens
            ),
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
    """Put the utterances of one recording on its tiers, those that failed without words.

    What the corpus reader found a problem with has no place there: it may overlap another.
    """
    duration = next(
        sound_info(utterance.audio).duration
        for utterance, result in zip(utterances, results)
        if result.words
    )
    unit = next(result.unit for result in results if result.words)
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
                if utterance.problem is None and result.end is not None and result.end <= duration
            ]
        words = [word for _, result in own for word in result.words]
        tiers[f"{prefix}words"] = [
            Interval(word.start, word.end, word.label, word.confidence) for word in words
        ]
        tiers[f"{prefix}{unit}"] = [
            Interval(start, end, label) for word in words for label, start, end in word.parts
        ]
    return Alignment(tiers, duration)


def blank_result(
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
        licence=aligner.model.licence,
    )


def _change(
    utterance: Utterance,
    earlier: UtteranceResult,
    aligner: Aligner,
    sounds: dict[Path, tuple[float, str]],
) -> str | None:
    """Say in what an utterance differs from the one that was aligned."""
    if utterance.problem is not None:
        return utterance.problem
    try:
        end, sha256 = _measure(utterance, sounds)
    except InputError as error:
        return str(error)
    for what, before, now in (
        ("transcript", earlier.text, utterance.text),
        ("recording", earlier.audio_sha256, sha256),
        ("segment", (earlier.start, earlier.end), (utterance.start, end)),
        ("channel", earlier.channel, utterance.channel),
        ("model", earlier.model, aligner.model.name),
    ):
        if before != now:
            return f"the {what} has changed since"
    return None


def _withdrawn(result: UtteranceResult, reason: str) -> UtteranceResult:
    """Take back a result whose file could not be written; an earlier failure stays as it is."""
    if not result.words:
        return result
    return replace(result, status=Status.FAILED, reason=reason, words=(), outputs=())
