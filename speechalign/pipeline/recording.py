"""One recording of a corpus: reuse earlier results of it, align it, and write its files."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import groupby, islice, repeat
from pathlib import Path
from threading import Event

import numpy as np

from speechalign import __version__
from speechalign.aligners.aligner import Aligner
from speechalign.aligners.result import AlignedUtterance
from speechalign.alignment import Alignment, Interval
from speechalign.audio.waveform import Sound, Waveform, file_hash
from speechalign.corpus import Utterance
from speechalign.emissions import Emissions
from speechalign.errors import InputError, SpeechAlignError
from speechalign.formats import find_format, options_of, write_alignment
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.manifest import Manifest
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.text.word import Token, Word

# Of how many batches' worth of audio utterances of similar length are scored together.
_BATCHES = 4

_LOG = logging.getLogger(__name__)
_STOPPED = "the run was stopped before its turn"

_Measure = Callable[[Path], tuple[float, str]]


@dataclass(frozen=True)
class Run:
    """What all recordings of a run share.

    Parameters
    ----------
    aligner : Aligner
        The loaded model.
    settings : Mapping[str, str]
        What the times depend on; as `Aligner.settings` returns it.
    manifest : Manifest or None
        That of the output folder; None to write nothing.
    format_options : Mapping[str, object]
        Options of the formats, for those that have them.
    overwrite : bool
        Align again what has files.
    stopped : Event
        Once it is set, no more utterances are begun.
    batch_seconds : float
        Seconds of audio that the model scores at once; 0 where there is nothing to gain.
    heard : Mapping[str, str]
        Hash of all that a speaker says, where the times depend on it.
    by_speaker : Mapping[str, Aligner]
        The aligner for each speaker who has one of their own.
    """

    aligner: Aligner
    settings: Mapping[str, str]
    manifest: Manifest | None
    format_options: Mapping[str, object]
    overwrite: bool
    stopped: Event
    batch_seconds: float = 0.0
    heard: Mapping[str, str] = field(default_factory=dict)
    by_speaker: Mapping[str, Aligner] = field(default_factory=dict)

    def settings_of(self, utterance: Utterance) -> Mapping[str, str]:
        """Return what the times of an utterance depend on."""
        heard = self.heard.get(utterance.speaker or "")
        return self.settings if heard is None else {**self.settings, "speech of the speaker": heard}

    def blank(self, utterance: Utterance, status: Status, reason: str | None) -> UtteranceResult:
        """Return the result of an utterance without words."""
        return UtteranceResult(
            utterance=utterance.id,
            recording=utterance.recording,
            status=status,
            reason=reason,
            text=utterance.text,
            speaker=utterance.speaker,
            start=utterance.start,
            end=utterance.end,
            channel=utterance.channel,
            audio=str(utterance.audio),
            model=self.aligner.model.name,
            licence=self.aligner.model.licence,
            settings=self.settings_of(utterance),
        )


@dataclass(frozen=True)
class Recording:
    """One recording: its utterances, its files, and what an earlier run made of it.

    Parameters
    ----------
    utterances : tuple[Utterance, ...]
        All that the corpus has of it.
    files : tuple[tuple[str, str], ...]
        Formats to write, each with the name of its file in the output folder.
    output : Path
        The output folder.
    earlier : Mapping[str, UtteranceResult]
        The results of an earlier run, by utterance, also of those that have gone from the corpus.
    """

    utterances: tuple[Utterance, ...]
    files: tuple[tuple[str, str], ...]
    output: Path
    earlier: Mapping[str, UtteranceResult]

    def existing(self) -> list[str]:
        """Return the names of its files that are there."""
        # os.path.exists takes a name that is too long for one that is not there.
        return [name for _, name in self.files if os.path.exists(self.output / name)]

    @cached_property
    def edited(self) -> list[str]:
        """The files that, before this run, are not as an earlier run wrote them."""
        known = {
            pair
            for result in self.earlier.values()
            for pair in zip(result.outputs, result.outputs_sha256)
        }
        if self._was_interrupted():
            return []
        return [n for n in self.existing() if (n, file_hash(self.output / n)) not in known]

    def reuse(self, run: Run) -> list[UtteranceResult] | None:
        """Return the results of what is not aligned, one for each utterance; None to align it.

        It is aligned where a file is missing, or where what made the files has changed. Files that
        speechalign did not write, or that were edited since, are not replaced unless the run
        overwrites files; and never beside the recording where no manifest names them. The manifest
        is brought up to date, with results for the time being of what is to be aligned.
        """
        if run.manifest is None:
            return None
        try:
            results = self._reusable(run)
        except Exception:
            results = self.fail(run, Status.CRASHED, traceback.format_exc())
        if results is None:
            new = [u for u in self.utterances if u.id not in self.earlier]
            names = () if self.existing() else tuple(name for _, name in self.files)
            self._note([self._interrupted(u, run, names) for u in new], run)
        else:
            self._note(results, run)
        return results

    def _reusable(self, run: Run) -> list[UtteranceResult] | None:
        existing = self.existing()
        foreign = next(filter(self._is_foreign, existing), None)
        if foreign is not None:
            reason = (
                f"{self.output / foreign} lies beside the recording and no manifest says that "
                "speechalign wrote it; move it, or choose another output folder"
            )
            return self.fail(run, Status.FAILED, reason)
        edited = self.edited
        if run.overwrite or not existing or self._was_interrupted():
            return None
        measure = cache(_measure)
        obstacles = [self._obstacle(utterance, measure) for utterance in self.utterances]
        reasons = [
            obstacle or self._change(utterance, run, measure)
            for utterance, obstacle in zip(self.utterances, obstacles)
        ]
        if self.earlier.keys() - {utterance.id for utterance in self.utterances}:
            gone = "utterances of the recording have gone from the corpus since"
            reasons = [reason or gone for reason in reasons]
        described = any(result.words for result in self.earlier.values())
        changed = described and any(reasons)
        if changed and not edited and not any(obstacles):
            for utterance, change in zip(self.utterances, reasons):
                if change is not None:
                    _LOG.debug("aligned again: %s: %s", utterance.id, change)
            return None
        if not changed and len(existing) < len(self.files):
            return None
        left_alone = edited if described else existing
        return [
            self._left(utterance, reason, left_alone, run)
            for utterance, reason in zip(self.utterances, reasons)
        ]

    def write(self, results: list[UtteranceResult], run: Run) -> list[UtteranceResult]:
        """Write the files of what was aligned, and the lines of the manifest.

        Parameters
        ----------
        results : list of UtteranceResult
            One for each utterance, in their order.
        run : Run
            Says where to.

        Returns
        -------
        list of UtteranceResult
            With the names of the files; failed where a file could not be written.
        """
        if run.manifest is None:
            return results
        left_alone = [] if run.overwrite else self.edited
        wanted = [(format, name) for format, name in self.files if name not in left_alone]
        names = tuple(name for _, name in wanted)
        there = self.existing()
        aligned = any(result.words for result in results)
        # While files are replaced, they are neither old nor new.
        now = [self._interrupted(u, run, names) for u in self.utterances if aligned and there]
        ids = {utterance.id for utterance in self.utterances}
        gone = [result for name, result in self.earlier.items() if name not in ids]
        with run.manifest.writing(now) as lines:
            if aligned:
                results = self._write_files(results, wanted, run)
            elif there:
                results = [_left_behind(result, there[0]) for result in results]
            lines += results
            lines += [replace(result, status=Status.REMOVED, words=()) for result in gone]
        return results

    def _write_files(
        self, results: list[UtteranceResult], wanted: Sequence[tuple[str, str]], run: Run
    ) -> list[UtteranceResult]:
        """Write the files; return the results with their names, or why there are none."""
        names = tuple(name for _, name in wanted)
        try:
            alignment = _recording_alignment(self.utterances, results)
            for format, name in wanted:
                file = self.output / name
                file.parent.mkdir(parents=True, exist_ok=True)
                able = options_of(find_format(file, format=format))
                options = {n: v for n, v in run.format_options.items() if n in able}
                write_alignment(alignment, file, format=format, **options)
            hashes = tuple(file_hash(self.output / name) for name in names)
        except SpeechAlignError as error:
            return [self._withdraw(result, str(error)) for result in results]
        except OSError as error:
            reason = f"{error.filename}: cannot be written: {error.strerror}"
            return [self._withdraw(result, reason) for result in results]
        except Exception:
            return self.fail(run, Status.CRASHED, traceback.format_exc())
        return [replace(r, outputs=names, outputs_sha256=hashes) if r.words else r for r in results]

    def _withdraw(self, result: UtteranceResult, reason: str) -> UtteranceResult:
        """Take back a result whose file could not be written; an earlier failure stays as it is."""
        if not result.words:
            return result
        there = tuple(self.existing())
        return replace(result, status=Status.FAILED, reason=reason, words=(), outputs=there)

    def fail(self, run: Run, status: Status, reason: str) -> list[UtteranceResult]:
        """Return the same result for every utterance."""
        return [run.blank(utterance, status, reason) for utterance in self.utterances]

    def _note(self, results: list[UtteranceResult], run: Run) -> None:
        """Append the results that are news to the manifest."""
        news = [r for r in results if replace(r, kept=False) != self.earlier.get(r.utterance)]
        if run.manifest is not None and news:
            with run.manifest.writing(news):
                pass

    def _interrupted(
        self, utterance: Utterance, run: Run, names: tuple[str, ...]
    ) -> UtteranceResult:
        return replace(run.blank(utterance, Status.INTERRUPTED, _STOPPED), outputs=names)

    def _was_interrupted(self) -> bool:
        """Tell whether a run was stopped while it may have written the files, or failed to."""
        return any(r.outputs and not r.outputs_sha256 for r in self.earlier.values())

    def _is_foreign(self, name: str) -> bool:
        """Tell whether a file lies beside the recording, and is not known to be ours."""
        folders = self.utterances[0].audio.parent, (self.output / name).parent
        beside = len({os.path.realpath(folder) for folder in folders}) == 1
        return beside and not any(name in result.outputs for result in self.earlier.values())

    def _obstacle(self, utterance: Utterance, measure: _Measure) -> str | None:
        """Return why an utterance that was aligned cannot be now; None where nothing is known."""
        earlier = self.earlier.get(utterance.id)
        if earlier is None or not earlier.words:
            return None
        if utterance.problem is not None:
            return utterance.problem
        try:
            measure(utterance.audio)
        except InputError as error:
            return str(error)
        return None

    def _change(self, utterance: Utterance, run: Run, measure: _Measure) -> str | None:
        """Return in what an utterance differs from the one that was aligned; None in nothing."""
        earlier = self.earlier.get(utterance.id)
        if earlier is None or earlier.status is Status.INTERRUPTED:
            return "the utterance is new"
        if utterance.problem is not None:
            return None if utterance.problem == earlier.reason else utterance.problem
        end, sha256 = utterance.end, earlier.audio_sha256
        if earlier.words:
            duration, sha256 = measure(utterance.audio)
            end = duration if end is None else min(end, duration)
        pairs = {
            "transcript": (earlier.text, utterance.text),
            "recording": (earlier.audio_sha256, sha256),
            "segment": ((earlier.start, earlier.end), (utterance.start, end)),
            "speaker": (earlier.speaker, utterance.speaker),
            "channel": (earlier.channel, utterance.channel),
            "model": (earlier.model, run.aligner.model.name),
            "version of speechalign": (earlier.version, __version__),
        }
        settings = run.settings_of(utterance)
        for what in sorted({*earlier.settings, *settings}):
            pairs[what] = (earlier.settings.get(what), settings.get(what))
        changed = (what for what, (before, now) in pairs.items() if before != now)
        return next((f"the {what} has changed since" for what in changed), None)

    def _left(
        self, utterance: Utterance, reason: str | None, files: Sequence[str], run: Run
    ) -> UtteranceResult:
        """Return the result of an utterance that is not aligned, with files that are left alone."""
        earlier = self.earlier.get(utterance.id)
        remedy = f"{(*files, self.files[0][1])[0]} is left alone; --overwrite aligns again"
        if earlier is not None and earlier.words and earlier.confidence is not None:
            status, doubt = judge(earlier.confidence, earlier.words, earlier.unit)
            if reason is not None:
                status, doubt = Status.STALE, f"{reason}; {remedy}"
            elif files:
                status, doubt = Status.KEPT, f"edited since it was written: {remedy}"
            return replace(earlier, status=status, reason=doubt, kept=True)
        if utterance.problem is not None:
            return run.blank(utterance, Status.FAILED, utterance.problem)
        if earlier is not None and reason is None:
            return replace(earlier, kept=True)
        if any(result.status is not Status.INTERRUPTED for result in self.earlier.values()):
            return run.blank(utterance, Status.STALE, f"{reason}; {remedy}")
        unknown = run.blank(utterance, Status.KEPT, f"not in the manifest: {remedy}")
        return replace(unknown, kept=True)


@dataclass(frozen=True)
class Heard:
    """An utterance with its samples, and the length and hash of its sound file."""

    utterance: Utterance
    waveform: Waveform
    duration: float
    sha256: str


def process(recordings: Sequence[Recording], run: Run) -> Iterator[list[UtteranceResult]]:
    """Align recordings and write their files; yield the results of each, in order.

    Once the run is stopped, no more utterances are begun; a recording that lacks some is not
    written.
    """
    aligned = align([u for recording in recordings for u in recording.utterances], run)
    for recording in recordings:
        results = list(islice(aligned, len(recording.utterances)))
        if len(results) == len(recording.utterances):
            yield recording.write(results, run)
        else:
            yield recording.fail(run, Status.INTERRUPTED, _STOPPED)


def align(utterances: Sequence[Utterance], run: Run) -> Iterator[UtteranceResult]:
    """Yield the result of each utterance, in order; stop short once the run is stopped."""
    for batch in _batches(_read(utterances, run), seconds=_BATCHES * run.batch_seconds):
        emissions = _score([h.waveform for _, h in batch if isinstance(h, Heard)], run.aligner)
        for utterance, heard in batch:
            if run.stopped.is_set():
                return
            try:
                if isinstance(heard, Exception):
                    raise heard
                yield align_utterance(heard, next(emissions), run)
            except SpeechAlignError as error:
                yield run.blank(utterance, Status.FAILED, str(error))
            except Exception:
                yield run.blank(utterance, Status.CRASHED, traceback.format_exc())


def _read(
    utterances: Sequence[Utterance], run: Run
) -> Iterator[tuple[Utterance, Heard | Exception]]:
    """Yield utterances with their samples, or with what is wrong; open each sound file once."""
    for audio, members in groupby(utterances, key=lambda utterance: utterance.audio):
        with ExitStack() as opened:
            sound: Sound | None = None
            for utterance in members:
                if run.stopped.is_set():
                    return
                heard: Heard | Exception
                try:
                    if utterance.problem is not None:
                        raise InputError(utterance.problem)
                    if sound is None:
                        sound = opened.enter_context(Sound(audio))
                    waveform = sound.waveform(
                        sample_rate=run.aligner.model.sample_rate,
                        channel=utterance.channel,
                        start=utterance.start,
                        end=utterance.end,
                    )
                    heard = Heard(utterance, waveform, sound.info.duration, sound.sha256)
                except Exception as error:
                    heard = error
                yield utterance, heard


def _batches(
    read: Iterator[tuple[Utterance, Heard | Exception]], *, seconds: float
) -> Iterator[list[tuple[Utterance, Heard | Exception]]]:
    """Yield as many utterances as are scored together: more than a batch, to find equal lengths."""
    batch: list[tuple[Utterance, Heard | Exception]] = []
    total = 0.0
    for utterance, heard in read:
        batch.append((utterance, heard))
        total += heard.waveform.duration if isinstance(heard, Heard) else 0.0
        if total >= seconds:
            yield batch
            batch, total = [], 0.0
    yield batch


def _score(waveforms: list[Waveform], aligner: Aligner) -> Iterator[Emissions | None]:
    """Score waveforms together; None for those that are left to be scored alone."""
    if len(waveforms) > 1:
        try:
            return iter(aligner.emit(waveforms))
        except Exception:  # Scored alone, each has its own chance, and says what is wrong with it.
            pass
    return repeat(None)


def align_utterance(heard: Heard, emissions: Emissions | None, run: Run) -> UtteranceResult:
    """Align one utterance; SpeechAlignError where it cannot be."""
    utterance = heard.utterance
    aligner = run.by_speaker.get(utterance.speaker or "", run.aligner)
    aligned = aligner.align(heard.waveform, utterance.text, emissions=emissions)
    end = heard.duration if utterance.end is None else min(utterance.end, heard.duration)
    mix = heard.waveform.mix
    return replace(
        run.blank(utterance, *judge(aligned.confidence, aligned.words, aligned.unit)),
        end=end,
        audio_duration=heard.duration,
        audio_sha256=heard.sha256,
        sample_rate=heard.waveform.source_rate,
        channels=heard.waveform.channels,
        channel=heard.waveform.channel,
        channel_mix=mix.description if mix is not None else None,
        log_likelihood=aligned.log_likelihood,
        confidence=aligned.confidence,
        signal_to_noise=_signal_to_noise(aligned),
        unit=aligned.unit,
        words=tuple(_within(word, utterance.start, end) for word in aligned.words),
    )


def _within(word: Word, offset: float, end: float) -> Word:
    """Move a word by the start of its utterance, whose end resampling may pass by a sample."""

    def move(interval: Interval) -> Interval:
        return replace(interval, start=offset + interval.start, end=min(offset + interval.end, end))

    return Word(
        word.label,
        word.spoken,
        word.source,
        span=move(word.interval),
        phones=tuple(map(move, word.phones)),
        tokens=tuple(Token(move(t.interval), t.start, t.end) for t in word.tokens),
    )


def _signal_to_noise(aligned: AlignedUtterance) -> float | None:
    """Mean energy inside the words over that outside, dB; None where either is empty or silent."""
    samples, rate = aligned.waveform.samples, aligned.waveform.sample_rate
    spoken = np.zeros(len(samples), np.bool_)
    for word in aligned.words:
        spoken[round(word.start * rate) : round(word.end * rate)] = True
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
    first = next(result for result in results if result.words)
    assert first.audio_duration is not None
    duration = first.audio_duration
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
        tiers[f"{prefix}words"] = [word.interval for word in words]
        tiers[f"{prefix}{first.unit}"] = [part for word in words for part in word.parts]
    return Alignment(tiers, duration)


def _measure(audio: Path) -> tuple[float, str]:
    """Return the duration of a sound file, seconds, and its hash."""
    with Sound(audio) as sound:
        return sound.info.duration, sound.sha256


def _left_behind(result: UtteranceResult, file: str) -> UtteranceResult:
    """Say of a failure that a file of an earlier run is still there."""
    return replace(result, reason=f"{result.reason}; {file} is of an earlier run")
