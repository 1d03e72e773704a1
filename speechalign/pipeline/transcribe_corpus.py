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

from speechalign import __version__
from speechalign.aligners.aligner import Aligner
from speechalign.alignment import Alignment, Interval
from speechalign.audio.sound_file import Sound
from speechalign.audio.waveform import Waveform
from speechalign.corpus import Utterance, read_corpus
from speechalign.corpus.mfa import SOUND_SUFFIXES
from speechalign.errors import InputError, SpeechAlignError
from speechalign.files.writing import write_text
from speechalign.formats import write_alignment
from speechalign.models.content import content_hash
from speechalign.pipeline.journal import FAILED, INTERRUPTED, TRANSCRIPTS, Entry, Journal
from speechalign.pipeline.shards import Shard, note_end
from speechalign.pipeline.stretches import (
    Stretch,
    given_stretches,
    longest_stretch,
    speech_stretches,
)
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
from speechalign.pipeline.wordless import PHONE_MODELS, speech_segments
from speechalign.segmentation import Segmenter
from speechalign.segmentation.intervals import Limits
from speechalign.transcription import Transcriber, Transcript


def transcribe_corpus(
    corpus: str | Path | Sequence[Utterance],
    transcriber: Transcriber,
    out: str | Path,
    *,
    segmenter: Segmenter | None = None,
    aligners: Mapping[str, str] = PHONE_MODELS,
    texts: bool = True,
    shard: Shard | None = None,
    overwrite: bool = False,
) -> Iterator[TranscribedRecording]:
    """Write down what is said in every recording.

    A recording without speech is not transcribed; of a long one, only stretches with speech are, of
    up to 28 s, cut at pauses. Where the transcript of such a stretch is improbable or ran into a
    loop, its segments of speech are heard one by one; what is improbable still is left out. Sound
    without words, such as music, is cut out between segments (`speech_segments`). Stretches that
    the corpus gives, as `segment_corpus` writes them, are taken as they are.

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
    aligners : Mapping[str, str]
        By language: the model of phones that finds sound without words. In other languages it is
        kept; none suits where a text is a translation.
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
    settings = content_hash(dict(transcriber.settings()), dict(aligners), __version__)
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
    segmenter = segmenter or Segmenter(limits=Limits(longest=longest_stretch(transcriber)))
    work = _Work(transcriber, segmenter, aligners, settings)
    earlier, texts_to = {} if overwrite else earlier, out if texts else None
    found = work.run(members.values(), earlier, texts_to, overwrite, ours)
    if shard is not None and journal is not None:
        began, seconds = time.monotonic(), 0.0
        for one in _with_journal(found, journal, work, out, texts):
            seconds += 0.0 if one.kept else one.duration
            yield one
        note_end(out, shard, seconds, time.monotonic() - began, TRANSCRIPTS)
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
        yield one


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


@dataclass
class _Work:
    """Batches of stretches of many recordings; yields recordings in order."""

    transcriber: Transcriber
    segmenter: Segmenter
    aligners: Mapping[str, str]
    settings: str
    loaded: dict[str, Aligner] = field(default_factory=dict)
    queue: list[tuple[_Pending, Stretch]] = field(default_factory=list)
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
        with _opened(members) as sound:
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
                given_stretches(sound, given, self.transcriber)
                if given
                else speech_stretches(sound, source.channel, self.transcriber, self.segmenter)
            ):
                self._add(pending, stretch)
                while len(self.queue) >= self.transcriber.batch:
                    self._hear()

    def _add(self, pending: _Pending, stretch: Stretch) -> None:
        self.queue.append((pending, stretch))
        pending.waiting += 1

    def _hear(self) -> None:
        """Transcribe a batch of what waits; of what is not believed, the parts wait then."""
        size = self.transcriber.batch
        waited, self.queue = self.queue[:size], self.queue[size:]
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
                if transcript.improbable:
                    pending.unclear.append(Segment(*stretch.span, transcript))
                else:
                    pending.segments += self._cut(stretch, transcript)

    def _cut(self, stretch: Stretch, transcript: Transcript) -> Iterator[Segment]:
        """Yield the segments of a stretch without the sound that has no words."""
        name = self.aligners.get(transcript.language or "")
        if name is None or not stretch.speech:
            yield Segment(*stretch.span, transcript)
            return
        if name not in self.loaded:
            self.loaded[name] = Aligner(name)
        begin = stretch.start
        found = speech_segments(
            Waveform(stretch.samples, self.transcriber.model.sample_rate),
            transcript.text,
            [(a - begin, b - begin) for a, b in stretch.speech],
            self.loaded[name],
        )
        for number, part in enumerate(found):
            own = replace(transcript, text=part.label, repeated=transcript.repeated * (not number))
            start, end = begin + part.start, begin + part.end
            yield Segment(round(start, 3), round(end, 3), own)

    def _finished(self) -> Iterator[TranscribedRecording]:
        while self.pending and self.pending[0].read and not self.pending[0].waiting:
            yield self.pending.popleft().finished()


def _opened(members: Sequence[Utterance]) -> Sound:
    """Open the sound file of a recording; where there is none, say what the corpus lacks."""
    source = members[0]
    others = {str(member.audio) for member in members} - {str(source.audio)}
    if others:
        raise InputError(
            f"{source.audio}: named as {min(others)}, and the transcript of both would be one "
            "file; rename or remove one"
        )
    try:
        return source.sound()
    except InputError:
        # Of a line that cannot be used, the file that holds it stands for the sound.
        known = source.audio.suffix.lower() in SOUND_SUFFIXES and source.audio.exists()
        if source.problem is None or known:
            raise
        raise InputError(source.problem) from None


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
