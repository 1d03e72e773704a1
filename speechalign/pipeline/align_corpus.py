"""Align a corpus: utterances in, one file a recording out, and an account of all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event

from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.formats import FORMATS, check_options, find_format
from speechalign.pipeline.manifest import Manifest
from speechalign.pipeline.recording import Recording, Run, process
from speechalign.pipeline.result import CorpusResult, UtteranceResult
from speechalign.pipeline.speakers import aligners_by_speaker

# For a model that scores in batches: how many utterances one thread takes at least.
_TOGETHER = 64

Progress = Callable[[Sequence[UtteranceResult]], None]


def align_corpus(
    utterances: Sequence[Utterance],
    output: str | Path | None = None,
    *,
    aligner: Aligner,
    formats: Sequence[str] = ("textgrid",),
    format_options: Mapping[str, object] | None = None,
    jobs: int | None = None,
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
    output : str, Path or None
        Folder to write to; made where it is missing. None to write nothing.
    aligner : Aligner
        The loaded model.
    formats : Sequence[str]
        Names in ``FORMATS``, each written for every recording.
    format_options : Mapping[str, object] or None
        Options of the formats, such as ``cue_lines`` of subtitles, for those that have them.
    jobs : int or None
        Recordings aligned at once, by threads; the result does not depend on it. None for as many
        as this process may use cores.
    overwrite : bool
        Align again what has a file; otherwise such files are kept as long as nothing has changed.
    progress : callable or None
        Called with the results of each finished recording, from this thread.

    Returns
    -------
    CorpusResult
        One result for each utterance. Nothing that befalls one utterance stops the others.

    Raises
    ------
    InputError
        No such format, an option that none of the formats has, ``jobs`` below 1, or the folder
        cannot be written to.
    KeyboardInterrupt
        The run was stopped; finished files and the manifest are in place.

    Notes
    -----
    A file that exists beside the recording, and that no manifest says we wrote, is never touched:
    it may be a transcript. Several processes may align into one folder at once.
    """
    results = {}
    finished = align_recordings(
        utterances,
        output,
        aligner=aligner,
        formats=formats,
        format_options=format_options,
        jobs=jobs,
        overwrite=overwrite,
    )
    with closing(finished):
        for of_one in finished:
            results.update({result.utterance: result for result in of_one})
            if progress is not None:
                progress(of_one)
    return CorpusResult(tuple(results[utterance.id] for utterance in utterances))


def align_recordings(
    utterances: Sequence[Utterance],
    output: str | Path | None = None,
    *,
    aligner: Aligner,
    formats: Sequence[str] = ("textgrid",),
    format_options: Mapping[str, object] | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
) -> Generator[list[UtteranceResult], None, None]:
    """Align a corpus while somebody asks for results; see `align_corpus`.

    Yields
    ------
    list of UtteranceResult
        Of each recording, as soon as it is finished and its files are written. An iteration that is
        left off stops the run.
    """
    jobs = _cores() if jobs is None else jobs
    if jobs < 1:
        raise InputError(f"jobs: expected 1 or more, got {jobs}")
    check_options(format_options or {}, {name: find_format("", format=name) for name in formats})
    manifest = None if output is None else _open_output(Path(output), formats)
    recordings = _recordings(utterances, formats, manifest)
    settings = {} if manifest is None else aligner.settings()
    run = Run(
        aligner,
        settings,
        manifest,
        format_options=format_options or {},
        overwrite=overwrite,
        stopped=Event(),
    )
    finished: SimpleQueue[list[UtteranceResult] | Exception] = SimpleQueue()

    def work(together: Sequence[Recording]) -> None:
        try:
            for results in process(together, run):
                finished.put(results)
        except Exception as error:
            finished.put(error)

    executor = ThreadPoolExecutor(jobs)
    try:
        reused = list(executor.map(lambda recording: recording.reuse(run), recordings))
        yield from (results for results in reused if results is not None)
        waiting = [recording for recording, results in zip(recordings, reused) if results is None]
        run = replace(run, by_speaker=_by_speaker(waiting, utterances, aligner, jobs))
        for together in _groups(waiting, _TOGETHER if aligner.batch_seconds else 1):
            executor.submit(work, together)
        for _ in waiting:
            results = finished.get()
            if isinstance(results, Exception):
                raise results
            yield results
    finally:
        run.stopped.set()
        executor.shutdown(cancel_futures=True)
        if manifest is not None:
            manifest.finish()


def _cores() -> int:
    """Return how many cores this process may use, as Slurm or a container grants them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _open_output(folder: Path, formats: Sequence[str]) -> Manifest:
    """Make the output folder; InputError where it cannot be written to as asked for."""
    suffixes = [FORMATS[name].SUFFIXES[0] for name in formats]  # type: ignore[attr-defined]
    if len(set(suffixes)) < len(suffixes):
        raise InputError(f"formats: two of {', '.join(formats)} write the same files; choose one")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("no permission to write")
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written to: {error.strerror or error}; choose another folder"
        ) from None
    return Manifest(folder)


def _recordings(
    utterances: Sequence[Utterance], formats: Sequence[str], manifest: Manifest | None
) -> list[Recording]:
    """Group utterances, and the results of an earlier run, by recording."""
    members: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        members.setdefault(utterance.recording, []).append(utterance)
    earlier: dict[str, dict[str, UtteranceResult]] = {name: {} for name in members}
    for name, result in manifest.read().items() if manifest is not None else ():
        if result.recording in earlier:
            earlier[result.recording][name] = result
    suffixes = [(name, FORMATS[name].SUFFIXES[0]) for name in formats]  # type: ignore[attr-defined]
    return [
        Recording(
            tuple(members[recording]),
            tuple((name, f"{recording}{suffix}") for name, suffix in suffixes),
            Path() if manifest is None else manifest.folder,
            earlier[recording],
        )
        for recording in members
    ]


def _by_speaker(
    waiting: Sequence[Recording], utterances: Sequence[Utterance], aligner: Aligner, jobs: int
) -> dict[str, Aligner]:
    """Return the aligner of every speaker of whom something is aligned."""
    speakers = {utterance.speaker for recording in waiting for utterance in recording.utterances}
    return aligners_by_speaker(aligner, [u for u in utterances if u.speaker in speakers], jobs=jobs)


def _groups(recordings: Sequence[Recording], least: int) -> Iterator[list[Recording]]:
    """Yield recordings that have so many utterances together, which may share a batch."""
    group: list[Recording] = []
    for recording in recordings:
        group.append(recording)
        if sum(len(member.utterances) for member in group) >= least:
            yield group
            group = []
    if group:
        yield group
