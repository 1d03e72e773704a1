"""Align a corpus: utterances in, one file a recording out, and an account of all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import overload

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.checks import check_jobs
from speechalign.corpus import Utterance, read_corpus
from speechalign.corpus.turns import SpeakerTurns, read_turns
from speechalign.errors import InputError, wrong_type
from speechalign.formats import FORMATS, check_options, find_format
from speechalign.models import Model
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.processes import Death, map_in_processes, may_share_memory, tell
from speechalign.pipeline.recording import Recording, process
from speechalign.pipeline.result import CorpusResult, Status, UtteranceResult
from speechalign.pipeline.run import OnStep, Run
from speechalign.pipeline.shards import (
    PARTS,
    Shard,
    ShardedRun,
    corpus_hash,
    note_end,
    settings_hash,
)
from speechalign.pipeline.speakers import aligners_by_speaker, heard_together
from speechalign.segmentation import Segmenter

# For a model that scores in batches: how many utterances one thread takes at least.
_TOGETHER = 64

Progress = Callable[[Sequence[UtteranceResult]], None]


@overload
def align_corpus(
    corpus: str | Path | Sequence[Utterance],
    model: str | Path | Model | Aligner = ...,
    out: None = ...,
    *,
    formats: Sequence[str] = ...,
    format_options: Mapping[str, object] | None = ...,
    jobs: int | None = ...,
    overwrite: bool = ...,
    speakers: str | Path | SpeakerTurns | None = ...,
    segmenter: Segmenter | None = ...,
    progress: Progress | None = ...,
    on_step: OnStep | None = ...,
) -> Iterator[UtteranceResult]: ...
@overload
def align_corpus(
    corpus: str | Path | Sequence[Utterance],
    model: str | Path | Model | Aligner,
    out: str | Path,
    *,
    formats: Sequence[str] = ...,
    format_options: Mapping[str, object] | None = ...,
    shard: Shard | None = ...,
    jobs: int | None = ...,
    overwrite: bool = ...,
    speakers: str | Path | SpeakerTurns | None = ...,
    segmenter: Segmenter | None = ...,
    progress: Progress | None = ...,
    on_step: OnStep | None = ...,
) -> CorpusResult: ...
def align_corpus(
    corpus: str | Path | Sequence[Utterance],
    model: str | Path | Model | Aligner = DEFAULT_MODEL,
    out: str | Path | None = None,
    *,
    formats: Sequence[str] = ("textgrid",),
    format_options: Mapping[str, object] | None = None,
    shard: Shard | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
    speakers: str | Path | SpeakerTurns | None = None,
    segmenter: Segmenter | None = None,
    progress: Progress | None = None,
    on_step: OnStep | None = None,
) -> Iterator[UtteranceResult] | CorpusResult:
    """Align every utterance of a corpus: yield the results, or write one file a recording.

    Without a folder to write to, results are yielded as the recordings are finished, whichever is
    first, and nothing is written. With one, the corpus is aligned before this returns.

    The output tree mirrors the recordings. Utterances of one recording end up in one file, with
    tiers ``words`` and ``phones``, or ``characters`` or ``tokens`` of a model that knows no phones,
    a tier ``utterances`` where the corpus gave segments, and ``SPEAKER - words`` ... where several
    speakers share it. ``alignment_manifest.jsonl``, ``alignment_analysis.csv`` and
    ``oovs_found.txt`` say what became of every utterance. Each file appears whole or not at all.

    Parameters
    ----------
    corpus : str, Path or Sequence[Utterance]
        What `speechalign.read_corpus` returns, or takes. Utterances with a ``problem`` are
        reported.
    model : str, Path, Model or Aligner
        An `Aligner`, or the model of one.
    out : str, Path or None
        Folder to write to; made where it is missing. None to write nothing.
    formats : Sequence[str]
        Names in ``FORMATS``, each written for every recording.
    format_options : Mapping[str, object] or None
        Options of the formats, such as ``cue_lines`` of subtitles, for those that have them.
    shard : Shard or None
        The part of the corpus to align, where others align the others into the same folder: its
        results go to a manifest of its own, without tables, until `merge` puts them together.
    jobs : int or None
        Recordings aligned at once; the result does not depend on it. None for as many as this
        process may use cores. On Linux, models that score without torch and onnxruntime do it in
        processes, others in threads.
    overwrite : bool
        Align again what has a file; otherwise such files are kept as long as nothing has changed.
    speakers : str, Path, SpeakerTurns or None
        Who speaks when, as `speechalign.corpus.turns.read_turns` takes or returns it: words get
        speakers, and the files tiers by speaker. An utterance whose recording has no turns, or
        ends before them, fails. None for the speakers that the corpus gives.
    segmenter : Segmenter or None
        Finds speech in recordings that have one transcript for all of them; the words are
        distributed over these segments, which become the tier ``utterances``. None for no such
        tier.
    progress : callable or None
        Called with the results of each finished recording, from this thread.
    on_step : callable or None
        Called for utterances of five minutes or more, from any thread: with the id, what is done
        now, such as ``searching``, and the share of its work that is done, from 0 to 1.

    Returns
    -------
    Iterator[UtteranceResult] or CorpusResult
        One result for each utterance; with ``out``, all of them in the order of the corpus. Nothing
        that befalls one utterance stops the others. An iteration that is left off stops the work.

    Raises
    ------
    InputError
        No such corpus, model or format, an option that none of the formats has, ``jobs`` below 1,
        turns of speakers in other recordings only, or the folder cannot be written to.
    BackendError
        A package that the model needs is missing.
    KeyboardInterrupt
        The run was stopped; finished files and the manifest are in place.

    Notes
    -----
    A file that exists beside the recording, and that no manifest says we wrote, is never touched:
    it may be a transcript. Several processes may align into one folder at once.

    Examples
    --------
    >>> import speechalign
    >>> for result in speechalign.align_corpus("my_corpus"):  # doctest: +SKIP
    ...     print(result.utterance, result.status.value, [word.start for word in result])
    >>> speechalign.align_corpus("my_corpus", "english-gmm", "my_output")  # doctest: +SKIP
    """
    jobs = check_jobs(jobs)
    utterances = read_corpus(corpus) if isinstance(corpus, str | os.PathLike) else corpus
    if not (isinstance(utterances, Sequence) and all(isinstance(u, Utterance) for u in utterances)):
        raise wrong_type("corpus", "a path, or a list of Utterance", corpus, "see read_corpus")
    aligner = model if isinstance(model, Aligner) else Aligner(model)
    check_options(format_options or {}, {name: find_format("", format=name) for name in formats})
    turns = read_turns(speakers) if isinstance(speakers, str | os.PathLike) else speakers
    corpus_recordings = {utterance.recording for utterance in utterances}
    if turns is not None:
        turns.check(sorted(corpus_recordings))
    manifest = None if out is None else _open_output(Path(out), formats, shard)
    options = {"options of formats": repr(sorted((format_options or {}).items()))}
    heard = {} if manifest is None else heard_together(aligner, utterances)
    if shard is not None:
        if manifest is None:
            raise InputError("shard: expected None without an output folder; give out")
        common = settings_hash(aligner.settings() | options, sorted(formats))
        ShardedRun(shard.count, corpus_hash(utterances), common).agree(manifest.folder)
        utterances = shard.utterances(utterances, by_speaker=bool(heard))
    run = Run(
        aligner,
        {} if manifest is None else aligner.settings() | options,
        manifest,
        format_options=format_options or {},
        overwrite=overwrite,
        stopped=Event(),
        batch_seconds=aligner.batch_seconds,
        heard=heard,
        turns=turns,
        segmenter=segmenter,
        on_step=on_step,
    )
    earlier = {} if manifest is None else manifest.read()
    recordings = _recordings(utterances, formats, manifest, earlier)
    finished = _results(recordings, utterances, run, jobs, progress)
    if out is None:
        return finished
    began = time.monotonic()
    with closing(finished):
        results = {result.utterance: result for result in finished}
    if shard is not None:
        note_end(Path(out), shard, _seconds(results.values()), time.monotonic() - began)
    others = _others(earlier.values(), corpus_recordings, Path(out))
    return CorpusResult(tuple(results[utterance.id] for utterance in utterances), others)


def _results(
    recordings: Sequence[Recording],
    utterances: Sequence[Utterance],
    run: Run,
    jobs: int,
    progress: Progress | None,
) -> Generator[UtteranceResult, None, None]:
    """Yield results as recordings are finished and written; stop the work when left off."""
    with closing(_finished(recordings, utterances, run, jobs)) as finished:
        for results in finished:
            if progress is not None:
                progress(results)
            yield from results


def _finished(
    recordings: Sequence[Recording], utterances: Sequence[Utterance], run: Run, jobs: int
) -> Generator[list[UtteranceResult], None, None]:
    """Yield the results of each recording as soon as it is finished and written."""
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
        run = replace(run, by_speaker=_by_speaker(waiting, utterances, run.aligner, jobs))
        if min(jobs, len(waiting)) > 1 and not run.batch_seconds and may_share_memory():
            yield from _in_processes(waiting, run, jobs)
            return
        for together in _groups(waiting, _TOGETHER if run.batch_seconds else 1):
            executor.submit(work, together)
        for _ in waiting:
            results = finished.get()
            if isinstance(results, Exception):
                raise results
            yield results
    finally:
        run.stopped.set()
        executor.shutdown(cancel_futures=True)
        if run.manifest is not None:
            run.manifest.finish()


def _in_processes(
    waiting: Sequence[Recording], run: Run, jobs: int
) -> Generator[list[UtteranceResult], None, None]:
    """Yield the results of each recording, aligned in processes that share the model's memory."""
    there = replace(run, on_step=lambda *step: tell(step))

    def work(recordings: Sequence[Recording]) -> list[list[UtteranceResult]]:
        return list(process(recordings, there))

    def hear(step: tuple[str, str, float]) -> None:
        if run.on_step is not None:
            run.on_step(*step)

    batches = ([recording] for recording in waiting)
    # What a process writes, files and lines of the manifest, it writes to the end.
    stop = run.stopped.set
    processes = map_in_processes(work, batches, jobs=jobs, shared=True, stop=stop, hear=hear)
    with closing(processes) as finished:
        for (recording,), results in finished:
            if isinstance(results, Death):
                failed = recording.fail(run, Status.FAILED, str(results))
                yield recording.write(failed, run)
            else:
                yield from results


def _others(
    results: Iterable[UtteranceResult], corpus: Collection[str], folder: Path
) -> tuple[str, ...]:
    """Return the recordings with files in a folder that a corpus does not have."""
    others = {result.recording: result.outputs for result in results}
    return tuple(
        sorted(
            name
            for name, outputs in others.items()
            if name not in corpus and any(map(os.path.exists, map(folder.joinpath, outputs)))
        )
    )


def _seconds(results: Iterable[UtteranceResult]) -> float:
    """Return how much audio was aligned now."""
    return sum(r.end - r.start for r in results if r.words and not r.kept and r.end is not None)


def _open_output(folder: Path, formats: Sequence[str], shard: Shard | None) -> Manifest:
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
    if shard is not None:
        return Manifest(folder, shard.part)
    if (folder / PARTS).exists() and not (folder / MANIFEST).exists():
        raise InputError(f"{folder}: holds shards; merge them first, or choose another folder")
    return Manifest(folder)


def _recordings(
    utterances: Sequence[Utterance],
    formats: Sequence[str],
    manifest: Manifest | None,
    results: Mapping[str, UtteranceResult],
) -> list[Recording]:
    """Group utterances, and the results of an earlier run, by recording."""
    members: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        members.setdefault(utterance.recording, []).append(utterance)
    earlier: dict[str, dict[str, UtteranceResult]] = {name: {} for name in members}
    for name, result in results.items():
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
