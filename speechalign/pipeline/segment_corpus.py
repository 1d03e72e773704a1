"""Segment a corpus: recordings in, a TextGrid of speech intervals for each out."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from speechalign import __version__
from speechalign.alignment import Alignment, Interval
from speechalign.checks import check_jobs
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError, SpeechAlignError
from speechalign.files.names import existing
from speechalign.formats import FORMATS, read_alignment, write_alignment
from speechalign.models.content import content_hash
from speechalign.pipeline.journal import FAILED, INTERRUPTED, SEGMENTS, Entry, Journal
from speechalign.pipeline.shards import Shard, note_end
from speechalign.segmentation import Segmenter

_FORMAT = "textgrid"


@dataclass(frozen=True)
class SegmentedRecording:
    """A recording whose segments were written, or that has none.

    Parameters
    ----------
    recording : str
        As in `Utterance`.
    path : Path
        The TextGrid.
    segments : tuple[Interval, ...]
        As `Segmenter.find` returns them.
    duration : float
        Of the recording, seconds; 0 where it could not be read.
    problem : str or None
        Why nothing was written, with the file's name and what to do.
    kept : bool
        Whether this is of an earlier run of the shard.
    """

    recording: str
    path: Path
    segments: tuple[Interval, ...] = ()
    duration: float = 0.0
    problem: str | None = None
    kept: bool = False


def segment_corpus(
    corpus: str | Path | Sequence[Utterance],
    out: str | Path,
    segmenter: Segmenter | None = None,
    *,
    shard: Shard | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
) -> Iterator[SegmentedRecording]:
    """Find the speech in every recording, and write a TextGrid for each.

    Parameters
    ----------
    corpus : str, Path or Sequence[Utterance]
        What `speechalign.read_corpus` returns, or takes. Recordings need no transcripts.
    out : str or Path
        Folder to write to, which mirrors the corpus; made where it is missing. It may be that of
        the recordings, where `speechalign align` finds the TextGrids.
    segmenter : Segmenter or None
        None for one with the default detector and limits.
    shard : Shard or None
        The part of the corpus to segment, where others segment the others into the same folder; it
        is resumed by the same call. None for all.
    jobs : int or None
        Recordings segmented at once, by threads; the result does not depend on it. None for as many
        as this process may use cores.
    overwrite : bool
        Replace TextGrids that exist.

    Yields
    ------
    SegmentedRecording
        Each recording, in order; nothing stops the others. A TextGrid has the tier ``utterances``,
        whose intervals are labelled ``[speech]``: a token of any sound, to be replaced by what was
        said.

    Raises
    ------
    InputError
        No such corpus, ``jobs`` below 1, or other shards have other recordings or options.
    """
    jobs, out = check_jobs(jobs), Path(out)
    utterances = read_corpus(corpus) if isinstance(corpus, str | os.PathLike) else corpus
    first: dict[str, Utterance] = {}
    clashes: set[str] = set()
    for utterance in utterances:
        other = first.setdefault(utterance.recording, utterance)
        if other.audio != utterance.audio:
            clashes.add(utterance.recording)
    segmenter = segmenter or Segmenter()
    recordings = list(first.values())
    journal = None
    if shard is not None:
        settings = content_hash(segmenter.detector.name, repr(segmenter.limits), __version__)
        journal = Journal.of(out, SEGMENTS, shard, recordings, settings)
        recordings = shard.utterances(recordings)
    work = partial(
        _segment,
        out=out,
        segmenter=segmenter,
        overwrite=overwrite,
        clashes=clashes,
        journal=journal,
        earlier={} if journal is None else journal.entries(),
    )
    began, seconds = time.monotonic(), 0.0
    executor = ThreadPoolExecutor(jobs)
    try:
        for found in executor.map(work, recordings):
            seconds += 0.0 if found.kept else found.duration
            yield found
    finally:
        executor.shutdown(cancel_futures=True)
    if shard is not None:
        note_end(out, shard, seconds, time.monotonic() - began, SEGMENTS)


def _segment(
    utterance: Utterance,
    *,
    out: Path,
    segmenter: Segmenter,
    overwrite: bool,
    clashes: set[str],
    journal: Journal | None,
    earlier: Mapping[str, Entry],
) -> SegmentedRecording:
    """Find the segments of one recording and write them, unless something is wrong with it."""
    recording = utterance.recording
    suffix = FORMATS[_FORMAT].SUFFIXES[0]  # type: ignore[attr-defined]
    path = existing(out / f"{recording}{suffix}")
    before = earlier.get(recording)
    entry = Entry(recording, str(utterance.audio), INTERRUPTED)
    found = SegmentedRecording(recording, path)
    try:
        if recording in clashes:
            raise InputError(utterance.problem or f"{path}: several sound files share this name")
        ours = before is not None and before.status != FAILED
        if path.exists() and not (overwrite or ours):
            raise InputError(f"{path}: exists; use --overwrite to replace it")
        with utterance.sound() as sound:
            known = before is not None and before.done and before.audio_sha256 == sound.sha256
            if known and path.exists() and not overwrite:
                kept = tuple(read_alignment(path).tiers.get("utterances", ()))
                return replace(found, segments=kept, duration=sound.info.duration, kept=True)
            entry = replace(entry, seconds=sound.info.duration, audio_sha256=sound.sha256)
            waveform = sound.waveform(
                sample_rate=segmenter.detector.sample_rate, channel=utterance.channel
            )
        segments = segmenter.find(waveform)
        if journal is not None:
            journal.append(entry)
        path.parent.mkdir(parents=True, exist_ok=True)
        alignment = Alignment({"utterances": segments}, waveform.duration)
        write_alignment(alignment, path, format=_FORMAT)
        found = replace(found, segments=segments, duration=waveform.duration)
    except SpeechAlignError as error:
        found = replace(found, problem=str(error))
    except OSError as error:
        found = replace(found, problem=f"{error.filename}: cannot be written: {error.strerror}")
    if journal is not None:
        status = FAILED if found.problem else "segmented" if found.segments else "no speech"
        journal.append(replace(entry, status=status, reason=found.problem))
    return found
