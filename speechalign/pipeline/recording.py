"""One recording of a corpus: what becomes of its utterances, and its files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from speechalign import __version__
from speechalign.aligners.aligner import Aligner
from speechalign.aligners.result import AlignedUtterance
from speechalign.alignment import Alignment, Interval
from speechalign.audio.waveform import Waveform, audio_hash, sound_info
from speechalign.corpus import Utterance
from speechalign.emissions import Emissions
from speechalign.errors import InputError, SpeechAlignError
from speechalign.formats import write_alignment
from speechalign.pipeline.manifest import Status, UtteranceResult, WordResult, judge

STOPPED = "the run was stopped before its turn"

Sounds = dict[Path, tuple[float, str]]
"""Duration, seconds, and hash of each sound file that was measured."""


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

    def known(self, aligner: Aligner, *, overwrite: bool) -> list[UtteranceResult] | None:
        """Return the results of what is not aligned: its files are kept, or are not ours.

        Parameters
        ----------
        aligner : Aligner
            The loaded model.
        overwrite : bool
            Write all files; otherwise those that exist are kept, and where all do, the earlier
            results.

        Returns
        -------
        list of UtteranceResult or None
            One for each utterance, in their order; None where they are to be aligned.
        """
        foreign = next(filter(self._is_foreign, self._existing()), None)
        if foreign is not None:
            reason = (
                f"{self.output / foreign} lies beside the recording and no manifest says that "
                "speechalign wrote it; move it, or choose another output folder"
            )
            return self.all(Status.FAILED, reason, aligner)
        return None if self.wanted(overwrite) else self._kept(aligner)

    def all(self, status: Status, reason: str, aligner: Aligner) -> list[UtteranceResult]:
        """Return the same result for every utterance."""
        return [blank_result(u, aligner, status, reason) for u in self.utterances]

    def written(
        self, results: list[UtteranceResult], sounds: Sounds, *, overwrite: bool
    ) -> list[UtteranceResult]:
        """Write what was aligned, and say so; a result whose file cannot be written is none.

        Parameters
        ----------
        results : list of UtteranceResult
            One for each utterance, in their order.
        sounds : Sounds
            The sound files of those that were aligned.
        overwrite : bool
            As in `known`.

        Returns
        -------
        list of UtteranceResult
            With the names of the files.
        """
        if not any(result.words for result in results):
            return results
        wanted = self.wanted(overwrite)
        try:
            alignment = _recording_alignment(self.utterances, results, sounds)
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

    def _existing(self) -> list[str]:
        # os.path.exists takes a name that is too long for one that is not there.
        return [name for _, name in self.files if os.path.exists(self.output / name)]

    def wanted(self, overwrite: bool) -> list[tuple[str, str]]:
        """Return the formats and names of the files that are to be written."""
        there = [] if overwrite else self._existing()
        return [(format, name) for format, name in self.files if name not in there]

    def _is_foreign(self, name: str) -> bool:
        """Tell whether a file lies beside the recording, and is not known to be ours."""
        folders = self.utterances[0].audio.parent, (self.output / name).parent
        beside = len({os.path.realpath(folder) for folder in folders}) == 1
        return beside and not any(earlier and name in earlier.outputs for earlier in self.earlier)

    def _kept(self, aligner: Aligner) -> list[UtteranceResult]:
        """Carry earlier results over; say where they no longer fit, or nothing is known."""
        sounds: Sounds = {}
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


def align_utterance(
    utterance: Utterance,
    waveform: Waveform,
    emissions: Emissions | None,
    *,
    aligner: Aligner,
    sounds: Sounds,
) -> UtteranceResult:
    """Align one utterance.

    Parameters
    ----------
    utterance : Utterance
        Without a problem.
    waveform : Waveform
        What is heard of it.
    emissions : Emissions or None
        As `Aligner.align` takes them.
    aligner : Aligner
        The loaded model.
    sounds : Sounds
        Its sound file is added.

    Raises
    ------
    SpeechAlignError
        It cannot be aligned.
    """
    end, sha256 = _measure(utterance, sounds)
    aligned = aligner.align(waveform, utterance.text, emissions=emissions)
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
        channel_mix=waveform.mix and waveform.mix.description,
    )


def _measure(utterance: Utterance, sounds: Sounds) -> tuple[float, str]:
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
            word.source,
            word.spoken,
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
    utterances: Sequence[Utterance], results: Sequence[UtteranceResult], sounds: Sounds
) -> Alignment:
    """Put the utterances of one recording on its tiers, those that failed without words.

    What the corpus reader found a problem with has no place there: it may overlap another.
    """
    duration = next(
        sounds[utterance.audio][0] for utterance, result in zip(utterances, results) if result.words
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
    sounds: Sounds,
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
