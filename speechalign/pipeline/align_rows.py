"""Align the rows of a table or an archive as a stream: memory does not grow with their number."""

from __future__ import annotations

import hashlib
import pickle
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from speechalign.checks import check_jobs
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.pipeline.align_batch import AlignBatch
from speechalign.pipeline.manifest import Manifest
from speechalign.pipeline.merge import merge
from speechalign.pipeline.processes import Death, map_in_processes, may_share_memory
from speechalign.pipeline.result import WRITTEN, Status, UtteranceResult
from speechalign.pipeline.shards import Shard, ShardedRun, note_end, settings_hash
from speechalign.pipeline.sources import files_hash, read_rows

Batches = Iterable[Sequence[Utterance]]
Engine = Callable[
    [AlignBatch, Batches],
    Generator[tuple[Sequence[Utterance], Sequence[UtteranceResult] | Death], None, None],
]
"""Aligns batches somewhere; yields each with its results, in any order, as they are ready."""

_BATCH = 16


def align_rows(
    rows: str | Path,
    align_batch: AlignBatch,
    out: str | Path,
    *,
    columns: Mapping[str, str] | None = None,
    shard: Shard | None = None,
    jobs: int | None = None,
    engine: Engine | None = None,
    table: bool = False,
    progress: Callable[[Sequence[UtteranceResult]], None] | None = None,
) -> Counter[str]:
    """Align every row of a table or an archive into a manifest, and a table if asked.

    Parameters
    ----------
    rows : str or Path
        What `speechalign.pipeline.sources.read_rows` reads.
    align_batch : AlignBatch
        The model.
    out : str or Path
        Folder to write to; made where it is missing.
    columns : Mapping[str, str] or None
        Names of columns that are called otherwise.
    shard : Shard or None
        The part to align; its manifest is left for `merge`. None aligns all, and merges.
    jobs : int or None
        Processes; None for as many as this one may use cores. Not for an ``engine``.
    engine : callable or None
        Where the work is done; None for processes on this machine.
    table : bool
        Write a parquet file for each shard to ``alignments``, as `write_table` does.
    progress : callable or None
        Called with the results of each batch that is finished.

    Returns
    -------
    Counter
        Utterances by status, those of an earlier run included.

    Raises
    ------
    InputError
        There is no such table or model, a column is missing, or ``out`` holds other shards, or was
        made of other rows or settings.
    BackendError
        A package is missing.

    Notes
    -----
    Results are appended to the manifest batch by batch, so that a run may be killed at any moment;
    it is resumed by the same call. What has a result is not aligned again, what failed is. Of rows
    with the same id, the first one counts, and the others are ``failed``.
    """
    jobs, rows, out = check_jobs(jobs), Path(rows), Path(out)
    utterances = read_rows(rows, columns)
    first = list(islice(utterances, 1))
    if not first:
        raise InputError(f"{rows}: there are no rows; name another file")
    part = Shard(1, 1) if shard is None else shard
    settings = settings_hash(align_batch.run.settings, sorted((columns or {}).items()))
    try:
        out.mkdir(parents=True, exist_ok=True)
        ShardedRun(part.count, files_hash(rows), settings).agree(out)
    except OSError as error:
        raise InputError(f"{out}: cannot be written to: {error.strerror}") from None
    manifest = Manifest(out, part.part)
    statuses: Counter[str] = Counter()
    done = _done(manifest, statuses)
    waiting = (
        utterance
        for utterance in _unique(chain(first, utterances), part)
        if _digest(utterance) not in done
    )
    began, seconds = time.monotonic(), 0.0
    aligned = (engine or _here(jobs))(align_batch, _batches(waiting))
    with closing(aligned):
        for batch, results in aligned:
            if isinstance(results, Death):
                run, reason = align_batch.run, str(results)
                results = [run.blank(utterance, Status.FAILED, reason) for utterance in batch]
            with manifest.writing(results):
                pass
            statuses.update(result.status.value for result in results)
            seconds += sum(r.end - r.start for r in results if r.words and r.end is not None)
            if progress is not None:
                progress(results)
    if not manifest.path.exists():  # The shard is empty.
        with manifest.writing():
            pass
    note_end(out, part, seconds, time.monotonic() - began)
    if shard is None:
        merge(out, tables=False)
    if table:
        from speechalign.pipeline.table import write_table

        write_table(manifest, out / "alignments" / f"{manifest.path.stem}.parquet")
    return statuses


def _here(jobs: int) -> Engine:
    """Return the engine of this machine."""

    def align(
        align_batch: AlignBatch, batches: Batches
    ) -> Generator[tuple[Sequence[Utterance], Sequence[UtteranceResult] | Death], None, None]:
        shared = may_share_memory()
        if jobs == 1 and not shared:
            yield from ((batch, align_batch.align(batch)) for batch in batches)
            return
        if not shared:
            _check_sendable(align_batch)
        yield from map_in_processes(align_batch.align, batches, jobs=jobs, shared=shared)

    return align


def _check_sendable(align_batch: AlignBatch) -> None:
    try:
        pickle.dumps(align_batch)
    except Exception as error:
        raise InputError(
            f"align_batch: a loaded model cannot be sent to other processes ({error}); make it "
            "with the name of the model, or with a function that loads it, or use one job"
        ) from None


def _done(manifest: Manifest, statuses: Counter[str]) -> set[bytes]:
    """Return digests of the utterances that have a result, and count these."""
    done = set()
    for _, result in manifest.lines():
        if result.status in WRITTEN:
            digest = _digest(result)
            if digest not in done:
                statuses[result.status.value] += 1
            done.add(digest)
    return done


def _digest(row: Utterance | UtteranceResult) -> bytes:
    """Return what tells a row from others, and from itself with another transcript."""
    name = row.id if isinstance(row, Utterance) else row.utterance
    text = f"{name}\0{row.text}\0{row.start}"
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _unique(utterances: Iterable[Utterance], part: Shard) -> Iterator[Utterance]:
    """Yield those of a shard; one with the id of another gets a problem, and an id of its own."""
    seen: set[bytes] = set()
    again: Counter[str] = Counter()
    for utterance in utterances:
        name, held = utterance.id, part.holds(utterance.recording)
        if not held and name == utterance.recording:
            continue  # Others with this id are in that shard, too: it need not be remembered.
        digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        if digest in seen:
            again[name] += 1
            problem = f"the id {name} is given to another row before; rename one of them"
            utterance = replace(utterance, id=f"{name} (again, {again[name]})", problem=problem)
        seen.add(digest)
        if held:
            yield utterance


def _batches(utterances: Iterator[Utterance]) -> Iterator[list[Utterance]]:
    while batch := list(islice(utterances, _BATCH)):
        yield batch
