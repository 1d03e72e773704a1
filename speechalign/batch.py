"""Align a corpus: utterances in, one file a recording out, and an account of all of them."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path
from threading import Event

from speechalign.aligner import Aligner
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.formats import FORMATS
from speechalign.recording import STOPPED, Recording, blank_result
from speechalign.results import CorpusResult, Status, UtteranceResult, read_manifest

# The manifest is brought up to date so often, in seconds, for runs that end without a chance to.
_SAVE_EVERY = 60.0

Progress = Callable[[Sequence[UtteranceResult]], None]


def align_corpus(
    utterances: Sequence[Utterance],
    output: str | Path,
    *,
    aligner: Aligner,
    formats: Sequence[str] = ("textgrid",),
    jobs: int = 1,
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
    output : str or Path
        Folder to write to; made where it is missing.
    aligner : Aligner
        The loaded model.
    formats : Sequence[str]
        Names in ``FORMATS``, each written for every recording.
    jobs : int
        Recordings aligned at once, by threads; the result does not depend on it.
    overwrite : bool
        Align again what has a file; otherwise such files are kept.
    progress : callable or None
        Called with the results of each finished recording, from this thread.

    Returns
    -------
    CorpusResult
        One result for each utterance. Nothing that befalls one utterance stops the others.

    Notes
    -----
    A file that exists beside the recording, and that no manifest says we wrote, is never touched:
    it may be a transcript.

    Raises
    ------
    InputError
        No such format, ``jobs`` below 1, or the folder cannot be written to.
    KeyboardInterrupt
        The run was stopped; finished files and the manifest are in place.
    """
    output = Path(output)
    if jobs < 1:
        raise InputError(f"jobs: expected 1 or more, got {jobs}")
    suffixes = [FORMATS[name].SUFFIXES[0] for name in formats]  # type: ignore[attr-defined]
    if len(set(suffixes)) < len(suffixes):
        raise InputError(f"formats: two of {', '.join(formats)} write the same files; choose one")
    try:
        output.mkdir(parents=True, exist_ok=True)
        if not os.access(output, os.W_OK):
            raise PermissionError("no permission to write")
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written to: {error.strerror or error}; choose another folder"
        ) from None
    earlier = read_manifest(output)
    grouped: dict[str, list[Utterance]] = {}
    for utterance in utterances:
        grouped.setdefault(utterance.recording, []).append(utterance)
    work = [
        Recording(
            tuple(members),
            tuple(earlier.get(member.id) for member in members),
            output,
            tuple((name, f"{recording}{suffix}") for name, suffix in zip(formats, suffixes)),
        )
        for recording, members in grouped.items()
    ]
    stopped = Event()

    def run(recording: Recording) -> list[UtteranceResult]:
        try:
            return recording.align(aligner, overwrite=overwrite, stopped=stopped)
        except Exception:
            reason = traceback.format_exc()
            return [blank_result(u, aligner, Status.CRASHED, reason) for u in recording.utterances]

    def save(results: Iterable[UtteranceResult]) -> CorpusResult:
        done = {r.utterance: r for r in results if r.status is not Status.INTERRUPTED}
        # An earlier result stands as long as there is no other.
        standing = {name: replace(r, kept=True) for name, r in earlier.items() if r.words}
        whole = CorpusResult(
            tuple(
                done.get(u.id)
                or standing.get(u.id)
                or blank_result(u, aligner, Status.INTERRUPTED, STOPPED)
                for u in utterances
            )
        )
        whole.write(output)
        return whole

    save(())
    executor = ThreadPoolExecutor(jobs)
    futures = [executor.submit(run, job) for job in work]
    finished: list[UtteranceResult] = []
    saved = time.monotonic()
    try:
        for future in as_completed(futures):
            results = future.result()
            finished += results
            if progress is not None:
                progress(results)
            if time.monotonic() - saved > _SAVE_EVERY:
                save(finished)
                saved = time.monotonic()
    finally:
        stopped.set()
        executor.shutdown(cancel_futures=True)
        whole = save(
            result for future in futures if not future.cancelled() for result in future.result()
        )
    return whole
