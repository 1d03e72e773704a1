"""Segment a corpus: recordings in, a TextGrid of speech intervals for each out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.audio.waveform import read_waveform
from speechalign.checks import check_jobs
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError, SpeechAlignError
from speechalign.files.names import existing
from speechalign.formats import FORMATS, write_alignment
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
    """

    recording: str
    path: Path
    segments: tuple[Interval, ...] = ()
    duration: float = 0.0
    problem: str | None = None


def segment_corpus(
    corpus: str | Path | Sequence[Utterance],
    out: str | Path,
    segmenter: Segmenter | None = None,
    *,
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
        No such corpus, or ``jobs`` below 1.
    """
    jobs = check_jobs(jobs)
    utterances = read_corpus(corpus) if isinstance(corpus, str | os.PathLike) else corpus
    first: dict[str, Utterance] = {}
    clashes: set[str] = set()
    for utterance in utterances:
        other = first.setdefault(utterance.recording, utterance)
        if other.audio != utterance.audio:
            clashes.add(utterance.recording)
    work = partial(
        _segment,
        out=Path(out),
        segmenter=segmenter or Segmenter(),
        overwrite=overwrite,
        clashes=clashes,
    )
    executor = ThreadPoolExecutor(jobs)
    try:
        yield from executor.map(work, first.values())
    finally:
        executor.shutdown(cancel_futures=True)


def _segment(
    utterance: Utterance,
    *,
    out: Path,
    segmenter: Segmenter,
    overwrite: bool,
    clashes: set[str],
) -> SegmentedRecording:
    """Find the segments of one recording and write them, unless something is wrong with it."""
    suffix = FORMATS[_FORMAT].SUFFIXES[0]  # type: ignore[attr-defined]
    path = existing(out / f"{utterance.recording}{suffix}")
    try:
        if utterance.recording in clashes:
            raise InputError(utterance.problem or f"{path}: several sound files share this name")
        if path.exists() and not overwrite:
            raise InputError(f"{path}: exists; use --overwrite to replace it")
        waveform = read_waveform(
            utterance.audio,
            sample_rate=segmenter.detector.sample_rate,
            channel=utterance.channel,
        )
        segments = segmenter.find(waveform)
        path.parent.mkdir(parents=True, exist_ok=True)
        alignment = Alignment({"utterances": segments}, waveform.duration)
        write_alignment(alignment, path, format=_FORMAT)
    except SpeechAlignError as error:
        return SegmentedRecording(utterance.recording, path, problem=str(error))
    except OSError as error:
        problem = f"{error.filename}: cannot be written: {error.strerror}"
        return SegmentedRecording(utterance.recording, path, problem=problem)
    return SegmentedRecording(utterance.recording, path, segments, waveform.duration)
