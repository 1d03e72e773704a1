"""An output folder as the page shows it: its utterances, their tiers, and corrections of them."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from shutil import copyfile
from threading import Lock

from speechalign.aligners.aligner import Aligner
from speechalign.alignment import Alignment, Interval
from speechalign.audio.sound_file import file_hash
from speechalign.corpus import Utterance
from speechalign.errors import InputError, SpeechAlignError
from speechalign.files.textgrid import read_textgrid
from speechalign.files.writing import in_place_of
from speechalign.formats import read_alignment, write_alignment
from speechalign.pipeline.analysis import COLUMNS, Cell, analysis_rows
from speechalign.pipeline.edits import corrected_utterances, is_correctable
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.server.sound_view import SoundView
from speechalign.viz.tier_page import interval_row

ORIGINAL = ".orig"
"""Suffix of the copy of a file as the aligner wrote it, beside the corrected one."""

Rows = list[tuple[float, float, str]]
"""Start, end and label of the intervals of a tier."""


class Conflict(Exception):
    """Somebody else has changed a file since it was read."""


@dataclass(frozen=True)
class Place:
    """A file of a recording, or why it cannot be used.

    Parameters
    ----------
    path : Path
        Where it should be.
    problem : str or None
        In words for the user.
    """

    path: Path
    problem: str | None = None


class Workspace:
    """The results in an output folder, which several threads and processes may change.

    Parameters
    ----------
    out : Path
        What `speechalign.align_corpus` wrote.
    corpus : Path or None
        Folder of the sound files, where they are not where the manifest has them; no sound file
        outside of it is read. None for those that the manifest names, and no others.
    load_aligner : callable or None
        Loads the model of a name, to align an utterance again; None where that is not wanted.

    Raises
    ------
    InputError
        There is no manifest, or it is damaged.
    """

    def __init__(
        self,
        out: Path,
        corpus: Path | None = None,
        load_aligner: Callable[[str], Aligner] | None = None,
    ) -> None:
        if not (out / MANIFEST).is_file():
            raise InputError(
                f"{out}: expected a folder that `speechalign align` wrote, found no {MANIFEST}"
            )
        if corpus is not None and not corpus.is_dir():
            raise InputError(f"{corpus}: expected the folder of the sound files, found none")
        self.out, self.corpus = out, corpus
        self._manifest = Manifest(out)
        self._load_aligner = load_aligner
        self._aligner: Aligner | None = None
        self._lock = Lock()
        self._state: tuple[int, int] | None = None
        self._results: dict[str, UtteranceResult] = {}
        self._members: dict[str, list[str]] = {}
        self._refresh()
        self.sound = lru_cache(maxsize=32)(self._open_sound)

    def _refresh(self) -> None:
        """Read the manifest again where it has changed."""
        with self._lock:
            status = (self.out / MANIFEST).stat()
            state = status.st_mtime_ns, status.st_size
            if state != self._state:
                with _no_garbage():
                    self._results = self._manifest.read()
                self._members = {}
                for name, result in self._results.items():
                    self._members.setdefault(result.recording, []).append(name)
                self._state = state

    def results(self, recording: str) -> list[UtteranceResult]:
        """Return the results of a recording, in order of time; InputError where it has none."""
        self._refresh()
        names = self._members.get(recording)
        if names is None:
            raise InputError(f"{recording}: no such recording in {self.out / MANIFEST}")
        return sorted((self._results[name] for name in names), key=lambda r: r.start)

    def all_results(self) -> list[UtteranceResult]:
        """Return the results of all utterances, by recording and time."""
        self._refresh()
        return sorted(self._results.values(), key=lambda r: (r.recording, r.start, r.utterance))

    def table(self) -> dict[str, object]:
        """Return the list of utterances: names of columns, and the values of each."""
        results = self.all_results()
        rows: list[list[Cell]] = [
            [*map(_rounded, row), result.edited, result.checked, result.reason, result.text]
            for result, row in zip(results, analysis_rows(results))
        ]
        return {
            "folder": str(self.out),
            "columns": [*COLUMNS, "edited", "checked", "reason", "text"],
            "rows": rows,
            "can_align": self._load_aligner is not None,
        }

    def show(self, recording: str) -> dict[str, object]:
        """Return a recording: its utterances, tiers with what is known, revision and sound."""
        results = self.results(recording)
        file = self.file(results)
        problem, revision = file.problem, None
        alignment = None
        if problem is None:
            try:
                revision = file_hash(file.path)
                alignment = read_alignment(file.path)
                points = read_textgrid(file.path).points
                if points:
                    problem = (
                        f"{file.path} has point tiers ({', '.join(points)}), which would be lost; "
                        "correct it in Praat"
                    )
            except (SpeechAlignError, OSError) as error:
                problem = str(error)
        if alignment is None:
            revision = None
            alignment = _machine_alignment(results)
        known = {
            _key(own): own
            for result in results
            for word in result.said
            for own in (*word.parts, word.interval)  # a word of one phone has its own confidence
        }
        place = self.audio(results)
        duration = alignment.duration
        sound: dict[str, object] = {"problem": place.problem}
        if place.problem is None:
            try:
                view = self.sound(place.path, results[0].channel)
                duration = max(duration, view.info.duration)
                sound |= {"rate": view.info.sample_rate, "top": view.top}
            except SpeechAlignError as error:
                sound["problem"] = str(error)
        return {
            "recording": recording,
            "revision": None if problem else revision,
            "problem": problem,
            "duration": duration,
            "sound": sound,
            "tiers": [
                {
                    "name": name,
                    "intervals": [interval_row(i, known.get(_key(i), i)) for i in intervals],
                }
                for name, intervals in alignment.tiers.items()
            ],
            "utterances": [
                {
                    "utterance": r.utterance,
                    "start": r.start,
                    "end": duration if r.end is None else r.end,
                    "text": r.text,
                    "speaker": r.speaker,
                    "status": r.status.value,
                    "reason": r.reason,
                    "edited": r.edited,
                    "checked": r.checked,
                    "unit": r.unit,
                }
                for r in results
            ],
        }

    def file(self, results: Sequence[UtteranceResult]) -> Place:
        """Return the TextGrid of a recording."""
        names = [name for result in results for name in result.outputs if is_correctable(name)]
        if not names:
            reason = next((r.reason for r in results if r.reason), None)
            return Place(self.out, reason or "no TextGrid was written; align with -f textgrid")
        path = self.out / names[0]
        if not _is_within(path, self.out):
            return Place(path, f"{path} lies outside of {self.out}")
        if not path.is_file():
            return Place(path, f"there is no {path}; align again")
        return Place(path)

    def audio(self, results: Sequence[UtteranceResult]) -> Place:
        """Return the sound file of a recording: in the corpus folder, or as the manifest has it."""
        recorded = Path(results[0].audio)
        if self.corpus is None:
            return Place(recorded, None if recorded.is_file() else _missing(recorded))
        moved = self.corpus / f"{results[0].recording}{recorded.suffix}"
        there = [path for path in (recorded, moved) if path.is_file()]
        for path in there:
            if _is_within(path, self.corpus):
                return Place(path)
        for path in there:
            return Place(path, f"{path} lies outside of {self.corpus}, and is not read")
        return Place(moved, _missing(recorded, moved))

    def sound_of(self, recording: str) -> SoundView:
        """Return the sound of a recording; InputError where it cannot be read."""
        results = self.results(recording)
        place = self.audio(results)
        if place.problem is not None:
            raise InputError(place.problem)
        return self.sound(place.path, results[0].channel)

    @staticmethod
    def _open_sound(path: Path, channel: int | None) -> SoundView:
        return SoundView(path, channel)

    def save(self, recording: str, revision: str, tiers: Mapping[str, Rows]) -> dict[str, object]:
        """Write corrected tiers, and note in the manifest which utterances are corrected.

        Parameters
        ----------
        recording : str
            Its name.
        revision : str
            What `show` returned with the tiers that were corrected.
        tiers : Mapping[str, Rows]
            All tiers of the recording.

        Returns
        -------
        dict
            The new ``revision``, and ``utterances`` with what became of each.

        Raises
        ------
        Conflict
            The file is not of that revision any more; nothing was written.
        InputError, FormatError
            The tiers are no alignment, or the recording has no file.
        OSError
            The file cannot be written; the old one is still there.
        """
        results = self.results(recording)
        file = self.file(results)
        if file.problem is not None:
            raise InputError(file.problem)
        with self._manifest.writing() as lines:
            if file_hash(file.path) != revision:
                raise Conflict(f"{file.path} has been changed by somebody else since")
            before = read_alignment(file.path)
            after = Alignment(
                {name: [Interval(*row) for row in rows] for name, rows in tiers.items()},
                before.duration,
            )
            if not any(result.edited for result in results):
                copy = file.path.with_name(file.path.name + ORIGINAL)
                with in_place_of(copy) as temporary:
                    copyfile(file.path, temporary)
            write_alignment(after, file.path)
            # What was written, not what was asked for: a blank label is a pause.
            written = read_alignment(file.path)
            changed = {
                u.result.utterance for u in corrected_utterances(results, written) if u.changed
            }
            lines += [
                _with_edits(result, edited=result.utterance in changed)
                for result in results
                if result.words and result.edited != (result.utterance in changed)
            ]
            revision = file_hash(file.path)
        return {"revision": revision, "utterances": self._marks(recording)}

    def check(self, utterance: str, checked: bool) -> dict[str, object]:
        """Mark an utterance as right, or not; return what became of its recording."""
        self._refresh()
        result = self._results.get(utterance)
        if result is None:
            raise InputError(f"{utterance}: no such utterance in {self.out / MANIFEST}")
        with self._manifest.writing() as lines:
            lines.append(replace(result, checked=checked))
        return {"utterances": self._marks(result.recording)}

    def _marks(self, recording: str) -> list[dict[str, object]]:
        return [
            {
                "utterance": r.utterance,
                "status": r.status.value,
                "reason": r.reason,
                "edited": r.edited,
                "checked": r.checked,
            }
            for r in self.results(recording)
        ]

    def align(self, utterance: str, text: str) -> dict[str, Rows]:
        """Align an utterance again with another text, by the model of the run; write nothing.

        Parameters
        ----------
        utterance : str
            Its name.
        text : str
            What is said; ``word/P R AH N/`` says how.

        Returns
        -------
        dict
            Rows of the tiers ``words`` and what they consist of, in time of the recording.

        Raises
        ------
        InputError, AlignmentError
            The model is not at hand, or the text does not fit.
        """
        self._refresh()
        result = self._results.get(utterance)
        if result is None or self._load_aligner is None:
            raise InputError(f"{utterance}: cannot be aligned again here")
        place = self.audio([result])
        if place.problem is not None:
            raise InputError(place.problem)
        with self._lock:
            if self._aligner is None:
                self._aligner = self._load_aligner(result.model)
        aligner = self._aligner
        if aligner.model.name != result.model:
            raise InputError(
                f"the run used {result.model!r}, not {aligner.model.name!r}; name its model with "
                "--model"
            )
        source = Utterance(
            utterance, result.recording, place.path, text, result.speaker, result.start,
            result.end, result.channel,
        )  # fmt: skip
        aligned = aligner.align(source.waveform(aligner.model.sample_rate), text)
        limit = float("inf") if result.end is None else result.end
        return {
            name: [
                (result.start + i.start, min(result.start + i.end, limit), i.label)
                for i in intervals
            ]
            for name, intervals in aligned.alignment.tiers.items()
        }

    def close(self) -> None:
        """Leave one line of the manifest for each utterance."""
        self._manifest.finish()


@contextmanager
def _no_garbage() -> Iterator[None]:
    """Look for no garbage where a million objects are made: that takes half of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _with_edits(result: UtteranceResult, *, edited: bool) -> UtteranceResult:
    """Return the result of an utterance that was corrected, or is as the aligner left it again."""
    if edited:
        return replace(result, edited=True, status=Status.KEPT, reason="corrected by hand")
    assert result.confidence is not None
    status, reason = judge(result)
    return replace(result, edited=False, status=status, reason=reason)


def _machine_alignment(results: Sequence[UtteranceResult]) -> Alignment:
    """Return the tiers of a recording as the manifest has them, where its file cannot be read."""
    duration = max(r.audio_duration or r.end or 0.0 for r in results)
    tiers: dict[str, list[Interval]] = {}
    speakers = {result.speaker for result in results}
    for result in results:
        for name, intervals in result.alignment.tiers.items():
            prefix = f"{result.speaker or 'unknown'} - " if len(speakers) > 1 else ""
            tiers.setdefault(prefix + name, []).extend(intervals)
    return Alignment(tiers, duration)


def _key(interval: Interval) -> tuple[str, float, float]:
    """Return what tells whether an interval is as the aligner left it."""
    return interval.label, round(interval.start, 4), round(interval.end, 4)


def _is_within(path: Path, folder: Path) -> bool:
    """Return whether a file is in a folder, wherever links lead."""
    return os.path.realpath(path).startswith(os.path.join(os.path.realpath(folder), ""))


def _missing(*looked: Path) -> str:
    return f"no sound file: looked for {' and '.join(map(str, looked))}; give the folder of CORPUS"


def _rounded(cell: Cell) -> Cell:
    return round(cell, 4) if isinstance(cell, float) else cell
