"""A run: what its recordings share, and how each utterance is read, scored and aligned."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import chain, groupby, repeat
from threading import Event

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.result import AlignedUtterance
from speechalign.aligners.steps import told_to
from speechalign.aligners.word_speakers import assign_speakers
from speechalign.alignment import Interval
from speechalign.audio.sound_file import Sound
from speechalign.audio.waveform import Waveform
from speechalign.corpus import Utterance
from speechalign.corpus.turns import SpeakerTurns
from speechalign.emissions import Emissions
from speechalign.errors import InputError, SpeechAlignError
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.manifest import Manifest
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.segmentation import Segmenter
from speechalign.segmentation.distribution import distribute
from speechalign.text.word import Token, Word

_NO_MEMORY = (
    "out of memory, even alone; cut the recording, or give it a machine or device with more memory"
)

# Of how many batches' worth of audio utterances of similar length are scored together.
_BATCHES = 4
_BLOCK = 1 << 20  # samples whose power is summed at once
_LONG = 300.0  # seconds of an utterance from which on the steps of its work are told

OnStep = Callable[[str, str, float], None]
"""Takes an utterance, what is done with it now, and the share of the work that is done."""


class _Stopped(Exception):
    """The run was stopped between two steps of an utterance."""


@dataclass(frozen=True)
class Run:
    """Settings shared by all recordings of a run.

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
    turns : SpeakerTurns or None
        Who speaks when, to tell who says each word.
    segmenter : Segmenter or None
        Finds the segments that a transcript of a whole recording is distributed over.
    on_step : callable or None
        Called with each step of the work on a long utterance.
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
    turns: SpeakerTurns | None = None
    segmenter: Segmenter | None = None
    on_step: OnStep | None = None

    def settings_of(self, utterance: Utterance) -> Mapping[str, str]:
        """Return what the times of an utterance depend on."""
        settings = dict(self.settings)
        heard = self.heard.get(utterance.speaker or "")
        if heard is not None:
            settings["speech of the speaker"] = heard
        if self.segmenter is not None:
            settings["segments"] = str(self.segmenter.limits)
        if self.turns is not None:
            settings["turns of speakers"] = self.turns.hash(utterance.recording)
        return settings

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
class Heard:
    """An utterance with its samples, and the length and hash of its sound file."""

    utterance: Utterance
    waveform: Waveform
    duration: float
    sha256: str


def align(utterances: Sequence[Utterance], run: Run) -> Generator[UtteranceResult, None, None]:
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
            except _Stopped:
                return
            except SpeechAlignError as error:
                yield run.blank(utterance, Status.FAILED, str(error))
            except Exception as error:
                if is_out_of_memory(error):
                    yield run.blank(utterance, Status.FAILED, _NO_MEMORY)
                    continue
                yield run.blank(utterance, Status.CRASHED, traceback.format_exc())


def _read(
    utterances: Sequence[Utterance], run: Run
) -> Iterator[tuple[Utterance, Heard | Exception]]:
    """Yield utterances with their samples, or with what is wrong; open each sound file once."""
    for _, members in groupby(utterances, key=lambda u: (u.audio, id(u.content))):
        with ExitStack() as opened:
            sound: Sound | None = None
            unreadable: Exception | None = None
            for utterance in members:
                if run.stopped.is_set():
                    return
                heard: Heard | Exception
                try:
                    if utterance.problem is not None:
                        raise InputError(utterance.problem)
                    if unreadable is not None:
                        raise unreadable
                    if sound is None:
                        try:
                            sound = opened.enter_context(utterance.sound())
                        except Exception as error:
                            unreadable = error
                            raise
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


def _score(waveforms: Sequence[Waveform], aligner: Aligner) -> Iterator[Emissions | None]:
    """Score waveforms together; None for those that are left to be scored alone.

    A batch that fails is halved: one that does not fit the memory is scored in pieces that do, and
    of one with a bad recording only that one is scored alone, and says what is wrong with it.
    """
    if len(waveforms) < 2:
        return repeat(None, len(waveforms))
    try:
        return iter(aligner.emit(waveforms))
    except Exception:
        middle = len(waveforms) // 2
        return chain(_score(waveforms[:middle], aligner), _score(waveforms[middle:], aligner))


def is_out_of_memory(error: Exception) -> bool:
    """Tell whether memory ran out, that of a GPU included."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"


def align_utterance(heard: Heard, emissions: Emissions | None, run: Run) -> UtteranceResult:
    """Align one utterance; SpeechAlignError where it cannot be."""
    utterance = heard.utterance
    aligner = run.by_speaker.get(utterance.speaker or "", run.aligner)
    turns = None
    if run.turns is not None:
        turns = run.turns.of(utterance.recording, heard.duration)

    def step(activity: str, done: float) -> None:
        if heard.waveform.duration < _LONG:  # finishes, soon
            return
        if run.stopped.is_set():
            raise _Stopped
        if run.on_step is not None:
            run.on_step(utterance.id, activity, done)

    with told_to(step):
        aligned = aligner.align(heard.waveform, utterance.text, emissions=emissions)
    end = heard.duration if utterance.end is None else min(utterance.end, heard.duration)
    mix = heard.waveform.mix
    words = tuple(_within(word, utterance.start, end) for word in aligned.words)
    segments: tuple[Interval, ...] = ()
    if run.segmenter is not None and not utterance.segmented:
        said = [word.interval for word in aligned.said]
        segments = distribute(said, run.segmenter.find(heard.waveform))
    result = replace(
        run.blank(utterance, Status.ALIGNED, None),
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
        words=words if turns is None else assign_speakers(words, turns),
        untranscribed=tuple(_moved(i, utterance.start, end) for i in aligned.untranscribed),
        spoken_pauses=tuple(_moved(i, utterance.start, end) for i in aligned.spoken_pauses),
        segments=tuple(_moved(i, utterance.start, end) for i in segments),
        search=aligned.search,
    )
    status, reason = judge(result)
    return replace(result, status=status, reason=reason)


def _within(word: Word, offset: float, end: float) -> Word:
    """Move a word by the start of its utterance, whose end resampling may pass by a sample."""
    return Word(
        word.label,
        word.spoken,
        word.source,
        pronunciations=word.pronunciations,
        span=word.span and _moved(word.span, offset, end),
        phones=tuple(_moved(phone, offset, end) for phone in word.phones),
        tokens=tuple(Token(_moved(t.interval, offset, end), t.start, t.end) for t in word.tokens),
        status=word.status,
    )


def _moved(interval: Interval, offset: float, end: float) -> Interval:
    return replace(interval, start=offset + interval.start, end=min(offset + interval.end, end))


def _signal_to_noise(aligned: AlignedUtterance) -> float | None:
    """Mean energy inside the words over that outside, dB; None where either is empty or silent."""
    samples, rate = aligned.waveform.samples, aligned.waveform.sample_rate
    spoken = np.zeros(len(samples), np.bool_)
    for word in aligned.said:
        spoken[round(word.start * rate) : round(word.end * rate)] = True
    energy = {True: 0.0, False: 0.0}
    for begin in range(
        0, len(samples), _BLOCK
    ):  # An hour's samples in float64 are half a gigabyte.
        inside = spoken[begin : begin + _BLOCK]
        power = samples[begin : begin + _BLOCK].astype(np.float64) ** 2
        energy[True] += float(power[inside].sum())
        energy[False] += float(power[~inside].sum())
    if not energy[True] or not energy[False]:
        return None
    count = int(spoken.sum())
    return 10 * math.log10(energy[True] / count / (energy[False] / (len(samples) - count)))
