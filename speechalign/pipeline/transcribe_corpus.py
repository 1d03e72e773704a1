"""Transcribe a corpus: recordings in, transcripts that `align_corpus` reads out."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from speechalign import __version__
from speechalign.alignment import Alignment, Interval
from speechalign.audio.waveform import Sound
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError, SpeechAlignError
from speechalign.files.writing import write_text
from speechalign.formats import write_alignment
from speechalign.models.content import content_hash
from speechalign.pipeline.journal import FAILED, INTERRUPTED, TRANSCRIPTS, Entry, Journal
from speechalign.pipeline.shards import Shard
from speechalign.pipeline.status import note_speed
from speechalign.pipeline.transcript_manifest import (
    MANIFEST,
    Segment,
    TranscribedRecording,
    known_of,
    lines_of,
    place_of,
    read_manifest,
    segment_of,
    text_of,
)
from speechalign.segmentation import Segmenter
from speechalign.segmentation.intervals import Limits
from speechalign.transcription import Transcriber

_WINDOW = 600.0  # seconds of a long recording that are in memory at once
_APART = 2.0  # seconds of silence that are never heard with the speech around
_MARGIN = 2.0  # seconds that stretches are shorter than what the model hears at once


def transcribe_corpus(
    corpus: str | Path | Sequence[Utterance],
    transcriber: Transcriber,
    out: str | Path,
    *,
    segmenter: Segmenter | None = None,
    texts: bool = True,
    shard: Shard | None = None,
    overwrite: bool = False,
) -> Iterator[TranscribedRecording]:
    """Write down what is said in every recording.

    A recording without speech is not transcribed; of a long one, only stretches with speech are, of
    up to 28 s, cut at pauses. Where the transcript of such a stretch is improbable or ran into a
    loop, its segments of speech are heard one by one; what is improbable still is left out.
    Stretches that the corpus gives, as `segment_corpus` writes them, are taken as they are.

    Parameters
    ----------
    corpus : str, Path or Sequence[Utterance]
        What `speechalign.read_corpus` returns, or takes. Recordings need no transcripts.
    transcriber : Transcriber
        From `load_transcriber`.
    out : str or Path
        Folder to write to, which mirrors the corpus; made where it is missing. It may be that of
        the recordings, where `speechalign align` finds the transcripts.
    segmenter : Segmenter or None
        What finds speech; None for the default.
    texts : bool
        Write a ``.lab`` for each recording that is heard at once, and a TextGrid with a tier
        ``utterances`` for each long one; otherwise only the manifest.
    shard : Shard or None
        The part of the corpus to transcribe, where others transcribe the others into the same
        folder: its lines go to a journal of its own until `merge_transcripts` puts them together.
    overwrite : bool
        Transcribe again what was transcribed before, and replace files that exist.

    Yields
    ------
    TranscribedRecording
        Each recording, in order; nothing stops the others. ``transcripts.jsonl`` has a line for
        each stretch: a JSONL manifest, with language, model and settings. What it has of the same
        recording, model and options is kept.

    Raises
    ------
    InputError
        No such corpus, an option does not suit the model, or other shards have other recordings or
        options.
    """
    utterances = read_corpus(corpus) if isinstance(corpus, str | os.PathLike) else corpus
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    settings = content_hash(dict(transcriber.settings()), __version__)
    journal, ours = None, set[str]()
    if shard is not None:
        journal = Journal.of(out, TRANSCRIPTS, shard, utterances, settings)
        utterances = shard.utterances(utterances)
        entries = journal.entries()
        earlier = {name: known_of(entry, settings) for name, entry in entries.items()}
        ours = {name for name, entry in entries.items() if entry.status == INTERRUPTED}
    elif (out / TRANSCRIPTS).exists() and not (out / MANIFEST).exists():
        raise InputError(f"{out}: holds shards; merge them first, or choose another folder")
    else:
        earlier = read_manifest(out / MANIFEST)
    members: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        members.setdefault(utterance.recording, []).append(utterance)
    longest = transcriber.longest - _MARGIN
    segmenter = segmenter or Segmenter(limits=Limits(longest=longest))
    work = _Work(transcriber, segmenter, longest, settings)
    earlier, texts_to = {} if overwrite else earlier, out if texts else None
    found = work.run(members.values(), earlier, texts_to, overwrite, ours)
    if journal is not None:
        yield from _with_journal(found, journal, work, out, texts)
        return
    lines: list[dict[str, Any]] = []
    with open(out / MANIFEST, "a", encoding="utf-8") as sink:
        for one in found:
            one = _write(one, out) if texts else one
            own = lines_of(one, transcriber, settings, out)
            lines += own
            sink.writelines(map(text_of, own))
            sink.flush()
            yield one
    write_text(out / MANIFEST, "".join(map(text_of, sorted(lines, key=place_of))))


def _with_journal(
    found: Iterable[TranscribedRecording], journal: Journal, work: _Work, out: Path, texts: bool
) -> Iterator[TranscribedRecording]:
    """Yield recordings, once they are written and in the journal of the shard."""
    began, seconds = time.monotonic(), 0.0
    for one in found:
        if not one.kept:
            entry = Entry(one.source.recording, str(one.source.audio), INTERRUPTED)
            if texts and one.segments:
                journal.append(entry)
                one = _write(one, out)
            status = "transcribed" if one.segments else "unclear" if one.unclear else "no speech"
            entry = replace(
                entry,
                status=status if one.problem is None else FAILED,
                reason=one.problem,
                seconds=one.duration,
                audio_sha256=one.sha256,
                lines=lines_of(one, work.transcriber, work.settings, out),
            )
            journal.append(entry)
            seconds += one.duration
        yield one
    note_speed(out, seconds, time.monotonic() - began, TRANSCRIPTS)


@dataclass
class _Pending:
    """A recording of which some stretches wait to be heard."""

    found: TranscribedRecording
    segments: list[Segment] = field(default_factory=list)
    unclear: list[Segment] = field(default_factory=list)
    waiting: int = 0
    read: bool = False

    def finished(self) -> TranscribedRecording:
        """Return the recording with its segments."""
        if self.found.kept:
            return self.found
        segments, unclear = (
            tuple(sorted(own, key=attrgetter("start"))) for own in (self.segments, self.unclear)
        )
        return replace(self.found, segments=segments, unclear=unclear)


@dataclass(frozen=True)
class _Stretch:
    """A stretch of a recording, seconds, with its samples and the segments of speech in it."""

    start: float
    end: float
    samples: np.ndarray
    speech: Sequence[tuple[float, float]] = ()

    def parts(self) -> list[_Stretch]:
        """Return each segment of speech as a stretch; none where it is a single one."""
        if len(self.speech) < 2:
            return []
        rate = len(self.samples) / (self.end - self.start)
        edges = [[round((t - self.start) * rate) for t in span] for span in self.speech]
        return [
            _Stretch(*span, self.samples[low:high]) for span, (low, high) in zip(self.speech, edges)
        ]


@dataclass
class _Work:
    """Batches of stretches of many recordings; yields recordings in order."""

    transcriber: Transcriber
    segmenter: Segmenter
    longest: float
    settings: str
    queue: list[tuple[_Pending, _Stretch]] = field(default_factory=list)
    pending: deque[_Pending] = field(default_factory=deque)

    def run(
        self,
        recordings: Iterator[list[Utterance]] | Any,
        earlier: Mapping[str, list[dict[str, Any]]],
        texts: Path | None,
        overwrite: bool,
        ours: Collection[str],
    ) -> Iterator[TranscribedRecording]:
        """Yield recordings in order, as soon as they are finished."""
        for members in recordings:
            pending = _Pending(TranscribedRecording(members[0]))
            self.pending.append(pending)
            try:
                mine = overwrite or members[0].recording in ours
                self._read(pending, members, earlier, texts, mine)
            except SpeechAlignError as error:
                pending.found = replace(pending.found, problem=str(error))
            pending.read = True
            yield from self._finished()
        while self.queue:
            self._hear()
        yield from self._finished()

    def _read(
        self,
        pending: _Pending,
        members: list[Utterance],
        earlier: Mapping[str, list[dict[str, Any]]],
        texts: Path | None,
        overwrite: bool,
    ) -> None:
        """Cut a recording into stretches, or take it from an earlier run."""
        source = members[0]
        with Sound(source.audio) as sound:
            pending.found = replace(
                pending.found, duration=sound.info.duration, sha256=sound.sha256
            )
            known = earlier.get(source.recording, [])
            if known and all(
                line["settings"] == self.settings and line["audio_sha256"] == sound.sha256
                for line in known
            ):
                segments = tuple(segment_of(line) for line in known if "text" in line)
                pending.found = replace(pending.found, segments=segments, kept=True)
                return
            if texts is not None and not overwrite:
                for suffix in (".lab", ".txt", ".TextGrid"):
                    path = texts / f"{source.recording}{suffix}"
                    if path.exists() and not any(member.segmented for member in members):
                        raise InputError(f"{path}: exists; use --overwrite to replace it")
            given = [member for member in members if member.segmented]
            for stretch in (
                self._given(sound, given) if given else self._found(sound, source.channel)
            ):
                self._add(pending, stretch)
                while len(self.queue) >= self.transcriber.batch:
                    self._hear()

    def _add(self, pending: _Pending, stretch: _Stretch) -> None:
        self.queue.append((pending, stretch))
        pending.waiting += 1

    def _given(self, sound: Sound, members: list[Utterance]) -> Iterator[_Stretch]:
        """Yield the stretches that the corpus gives."""
        rate = self.transcriber.model.sample_rate
        for member in members:
            end = sound.info.duration if member.end is None else member.end
            if end - member.start > self.transcriber.longest:
                raise InputError(
                    f"{sound.path}: the stretch from {member.start:.2f} to {end:.2f} s is longer "
                    f"than the {self.transcriber.longest:g} s that {self.transcriber.model.name} "
                    "hears at once; cut it: speechalign segment --longest 28"
                )
            heard = sound.waveform(
                sample_rate=rate, channel=member.channel, start=member.start, end=end
            )
            yield _Stretch(member.start, end, heard.samples)

    def _found(self, sound: Sound, channel: int | None) -> Iterator[_Stretch]:
        """Yield stretches with speech, reading a window of the recording at a time."""
        rate, duration = self.transcriber.model.sample_rate, sound.info.duration
        first = 0.0
        while first < duration:
            last = min(duration, first + _WINDOW)
            heard = sound.waveform(sample_rate=rate, channel=channel, start=first, end=last)
            speech = self.segmenter.find(heard.samples, sample_rate=rate)
            if duration <= self.transcriber.longest:
                if speech:
                    spans = [(s.start, s.end) for s in speech]
                    yield _Stretch(0.0, duration, heard.samples, spans)
                return
            joined = _joined([(s.start, s.end) for s in speech], self.longest)
            # What touches the end of the window goes on in the next one.
            cut = last < duration and bool(joined) and joined[-1][-1][1] > last - first - _APART
            whole = joined[:-1] if cut and joined[-1][0][0] > 0 else joined
            for spans in whole:
                start, end = spans[0][0], spans[-1][1]
                samples = heard.samples[round(start * rate) : round(end * rate)]
                spans = [(first + a, first + b) for a, b in spans]
                yield _Stretch(first + start, first + end, samples, spans)
            first = first + joined[-1][0][0] if len(whole) < len(joined) else last

    def _hear(self) -> None:
        """Transcribe what waits; of what is not believed, the parts are heard in the next turn."""
        waited, self.queue = self.queue, []
        if not waited:
            return
        found = self.transcriber.transcribe(
            [stretch.samples for _, stretch in waited],
            [pending.found.source.recording for pending, _ in waited],
        )
        for (pending, stretch), transcript in zip(waited, found):
            pending.waiting -= 1
            parts = stretch.parts() if transcript.improbable or transcript.repeated else []
            for part in parts:
                self._add(pending, part)
            if transcript.text and not parts:
                known = pending.unclear if transcript.improbable else pending.segments
                known.append(Segment(round(stretch.start, 3), round(stretch.end, 3), transcript))

    def _finished(self) -> Iterator[TranscribedRecording]:
        while self.pending and self.pending[0].read and not self.pending[0].waiting:
            yield self.pending.popleft().finished()


def _joined(
    speech: Sequence[tuple[float, float]], longest: float
) -> list[list[tuple[float, float]]]:
    """Join segments to stretches as long as a model hears at once, with no long pause inside."""
    found: list[list[tuple[float, float]]] = []
    for start, end in speech:
        if found and end - found[-1][0][0] <= longest and start - found[-1][-1][1] < _APART:
            found[-1].append((start, end))
        else:
            found.append([(start, end)])
    return found


def _write(found: TranscribedRecording, out: Path) -> TranscribedRecording:
    """Write the transcript of a recording beside where its alignment goes, unless it is there."""
    if found.problem is not None or found.kept or not found.segments:
        return found
    path = out / f"{found.source.recording}{'.lab' if found.whole else '.TextGrid'}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if found.whole:
            write_text(path, found.segments[0].transcript.text + "\n")
        else:
            tier = [Interval(s.start, s.end, s.transcript.text) for s in found.segments]
            write_alignment(Alignment({"utterances": tier}, found.duration), path)
    except OSError as error:
        return replace(found, problem=f"{error.filename}: cannot be written: {error.strerror}")
    except SpeechAlignError as error:
        return replace(found, problem=str(error))
    return found
