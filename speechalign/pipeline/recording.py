"""One recording of a corpus: reuse earlier results of it, align it, and write its files."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache, cached_property
from itertools import islice
from pathlib import Path

from speechalign import __version__
from speechalign.aligners.word_speakers import tiers_by_speaker, tiers_of_words
from speechalign.alignment import Alignment, Interval
from speechalign.audio.sound_file import Sound, file_hash
from speechalign.corpus import Utterance
from speechalign.errors import InputError, SpeechAlignError
from speechalign.formats import find_format, options_of, write_alignment
from speechalign.pipeline.edits import is_correctable
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.result import Status, UtteranceResult
from speechalign.pipeline.run import Run, align

_LOG = logging.getLogger(__name__)
_STOPPED = "the run was stopped before its turn"

_Measure = Callable[[Path], tuple[float, str]]


@dataclass(frozen=True)
class Recording:
    """One recording: its utterances, its files, and what an earlier run made of it.

    Parameters
    ----------
    utterances : tuple[Utterance, ...]
        All that the corpus has of it.
    files : tuple[tuple[str, str], ...]
        Formats to write, each with the name of its file in the output folder.
    output : Path
        The output folder.
    earlier : Mapping[str, UtteranceResult]
        The results of an earlier run, by utterance, also of those that have gone from the corpus.
    """

    utterances: tuple[Utterance, ...]
    files: tuple[tuple[str, str], ...]
    output: Path
    earlier: Mapping[str, UtteranceResult]

    def existing(self) -> list[str]:
        """Return the names of its files that are there."""
        # os.path.exists takes a name that is too long for one that is not there.
        return [name for _, name in self.files if os.path.exists(self.output / name)]

    @cached_property
    def corrected(self) -> str | None:
        """The file that has corrections of the user, which no run replaces; None without any."""
        names = (name for r in self.earlier.values() if r.edited for name in r.outputs)
        return next((n for n in names if is_correctable(n) and (self.output / n).exists()), None)

    @cached_property
    def edited(self) -> list[str]:
        """The files that, before this run, are not as an earlier run wrote them."""
        known, unfinished = self._known(), self._unfinished()
        return [
            name
            for name in self.existing()
            if name not in unfinished and (name, file_hash(self.output / name)) not in known
        ]

    def reuse(self, run: Run) -> list[UtteranceResult] | None:
        """Return the results of what is not aligned, one for each utterance; None to align it.

        It is aligned where a file is missing, or where what made the files has changed. Files that
        speechalign did not write, or that were edited since, are not replaced unless the run
        overwrites files; and never beside the recording where no manifest names them. The manifest
        is brought up to date, with results for the time being of what is to be aligned.
        """
        if run.manifest is None:
            return None
        try:
            results = self._reusable(run)
        except Exception:
            results = [
                replace(
                    self.earlier.get(blank.utterance, blank),
                    status=Status.CRASHED,
                    reason=blank.reason,
                )
                for blank in self.fail(run, Status.CRASHED, traceback.format_exc())
            ]
        if results is None:
            new = [u for u in self.utterances if u.id not in self.earlier]
            names = () if self.existing() else tuple(name for _, name in self.files)
            self._note([self._interrupted(u, run, names) for u in new], run)
        else:
            self._note(results, run)
        return results

    def _reusable(self, run: Run) -> list[UtteranceResult] | None:
        existing = self.existing()
        foreign = next(filter(self._is_foreign, existing), None)
        if foreign is not None:
            reason = (
                f"{self.output / foreign} lies beside the recording and no manifest says that "
                "speechalign wrote it; move it, or choose another output folder"
            )
            return self.fail(run, Status.FAILED, reason)
        edited = self.edited
        if not self.corrected and (
            run.overwrite or not existing or self._unfinished() or self._failed()
        ):
            return None
        measure = cache(_measure)
        obstacles = [self._obstacle(utterance, measure) for utterance in self.utterances]
        reasons = [
            obstacle or self._change(utterance, run, measure)
            for utterance, obstacle in zip(self.utterances, obstacles)
        ]
        if self.earlier.keys() - {utterance.id for utterance in self.utterances}:
            gone = "utterances of the recording have gone from the corpus since"
            reasons = [reason or gone for reason in reasons]
        described = any(result.words for result in self.earlier.values())
        changed = described and any(reasons)
        if changed and not edited and not self.corrected and not any(obstacles):
            for utterance, change in zip(self.utterances, reasons):
                if change is not None:
                    _LOG.debug("aligned again: %s: %s", utterance.id, change)
            return None
        if not changed and not self.corrected and len(existing) < len(self.files):
            return None
        left_alone = [self.corrected] if self.corrected else edited if described else existing
        return [
            self._left(utterance, reason, left_alone, run)
            for utterance, reason in zip(self.utterances, reasons)
        ]

    def write(self, results: list[UtteranceResult], run: Run) -> list[UtteranceResult]:
        """Write the files of what was aligned, and the lines of the manifest.

        Parameters
        ----------
        results : list of UtteranceResult
            One for each utterance, in their order.
        run : Run
            Says where to.

        Returns
        -------
        list of UtteranceResult
            With the names of the files; failed where a file could not be written.
        """
        if run.manifest is None:
            return results
        left_alone = [] if run.overwrite else self.edited
        wanted = [(format, name) for format, name in self.files if name not in left_alone]
        names = tuple(name for _, name in wanted)
        there = self.existing()
        aligned = any(result.words for result in results)
        # While files are replaced, they are neither old nor new.
        now = [self._interrupted(u, run, names) for u in self.utterances if aligned and there]
        ids = {utterance.id for utterance in self.utterances}
        gone = [result for name, result in self.earlier.items() if name not in ids]
        with run.manifest.writing(now) as lines:
            if aligned:
                results = self._write_files(results, wanted, run)
            elif there:
                results = self._left_behind(results, there)
            lines += results
            lines += [replace(result, status=Status.REMOVED, words=()) for result in gone]
        return results

    def _write_files(
        self, results: list[UtteranceResult], wanted: Sequence[tuple[str, str]], run: Run
    ) -> list[UtteranceResult]:
        """Write the files; return the results with their names, or why there are none."""
        names = tuple(name for _, name in wanted)
        try:
            alignment = _recording_alignment(self.utterances, results)
            for format, name in wanted:
                file = self.output / name
                file.parent.mkdir(parents=True, exist_ok=True)
                able = options_of(find_format(file, format=format))
                options = {n: v for n, v in run.format_options.items() if n in able}
                write_alignment(alignment, file, format=format, **options)
            hashes = tuple(file_hash(self.output / name) for name in names)
        except SpeechAlignError as error:
            return self._withdraw(results, names, Status.FAILED, str(error))
        except OSError as error:
            reason = f"{error.filename}: cannot be written: {error.strerror}"
            return self._withdraw(results, names, Status.FAILED, reason)
        except Exception:
            return self._withdraw(results, names, Status.CRASHED, traceback.format_exc())
        return [replace(r, outputs=names, outputs_sha256=hashes) if r.words else r for r in results]

    def _withdraw(
        self,
        results: Sequence[UtteranceResult],
        names: Sequence[str],
        status: Status,
        reason: str,
    ) -> list[UtteranceResult]:
        """Take back results whose files could not be written; earlier failures stay as they are."""
        there = tuple(name for name in names if os.path.exists(self.output / name))
        return [
            replace(result, status=status, reason=reason, words=(), outputs=there)
            if result.words
            else result
            for result in results
        ]

    def _left_behind(
        self, results: Sequence[UtteranceResult], there: Sequence[str]
    ) -> list[UtteranceResult]:
        """Say of failures which files of an earlier run are still there, and how it wrote them."""
        ours = sorted((name, sha256) for name, sha256 in self._known() if name in there)
        return [
            replace(
                result,
                reason=f"{result.reason}; {there[0]} is of an earlier run",
                outputs=tuple(name for name, _ in ours),
                outputs_sha256=tuple(sha256 for _, sha256 in ours),
            )
            for result in results
        ]

    def fail(self, run: Run, status: Status, reason: str) -> list[UtteranceResult]:
        """Return the same result for every utterance."""
        return [run.blank(utterance, status, reason) for utterance in self.utterances]

    def _note(self, results: list[UtteranceResult], run: Run) -> None:
        """Append the results that are news to the manifest."""
        news = [r for r in results if replace(r, kept=False) != self.earlier.get(r.utterance)]
        if run.manifest is not None and news:
            with run.manifest.writing(news):
                pass

    def _interrupted(
        self, utterance: Utterance, run: Run, names: tuple[str, ...]
    ) -> UtteranceResult:
        return replace(run.blank(utterance, Status.INTERRUPTED, _STOPPED), outputs=names)

    def _known(self) -> set[tuple[str, str]]:
        """Return the files that an earlier run wrote to the end, each with its hash."""
        earlier = self.earlier.values()
        return {pair for r in earlier for pair in zip(r.outputs, r.outputs_sha256)}

    def _unfinished(self) -> set[str]:
        """Return the files that a run was stopped at while it may have written them, or failed."""
        earlier = self.earlier.values()
        return {name for r in earlier if not r.outputs_sha256 for name in r.outputs}

    def _failed(self) -> bool:
        """Tell whether a run failed, and all files are those that a run before it wrote."""
        return not self.edited and not any(result.words for result in self.earlier.values())

    def _is_foreign(self, name: str) -> bool:
        """Tell whether a file lies beside the recording, and is not known to be ours."""
        folders = self.utterances[0].audio.parent, (self.output / name).parent
        beside = len({os.path.realpath(folder) for folder in folders}) == 1
        return beside and not any(name in result.outputs for result in self.earlier.values())

    def _obstacle(self, utterance: Utterance, measure: _Measure) -> str | None:
        """Return why an utterance that was aligned cannot be now; None where nothing is known."""
        earlier = self.earlier.get(utterance.id)
        if earlier is None or not earlier.words:
            return None
        if utterance.problem is not None:
            return utterance.problem
        try:
            measure(utterance.audio)
        except InputError as error:
            return str(error)
        return None

    def _change(self, utterance: Utterance, run: Run, measure: _Measure) -> str | None:
        """Return in what an utterance differs from the one that was aligned; None in nothing."""
        earlier = self.earlier.get(utterance.id)
        if earlier is None or earlier.status is Status.INTERRUPTED:
            return "the utterance is new"
        if earlier.status is Status.CRASHED and not earlier.words:
            return "an earlier run crashed there"
        if utterance.problem is not None:
            return None if utterance.problem == earlier.reason else utterance.problem
        end, sha256 = utterance.end, earlier.audio_sha256
        if earlier.words:
            duration, sha256 = measure(utterance.audio)
            end = duration if end is None else min(end, duration)
        pairs = {
            "transcript": (earlier.text, utterance.text),
            "recording": (earlier.audio_sha256, sha256),
            "segment": ((earlier.start, earlier.end), (utterance.start, end)),
            "speaker": (earlier.speaker, utterance.speaker),
            "channel": (earlier.channel, utterance.channel),
            "model": (earlier.model, run.aligner.model.name),
            "version of speechalign": (earlier.version, __version__),
        }
        settings = run.settings_of(utterance)
        for what in sorted({*earlier.settings, *settings}):
            pairs[what] = (earlier.settings.get(what), settings.get(what))
        changed = (what for what, (before, now) in pairs.items() if before != now)
        return next((f"the {what} has changed since" for what in changed), None)

    def _left(
        self, utterance: Utterance, reason: str | None, files: Sequence[str], run: Run
    ) -> UtteranceResult:
        """Return the result of an utterance that is not aligned, with files that are left alone."""
        earlier = self.earlier.get(utterance.id)
        remedy = f"{(*files, self.files[0][1])[0]} is left alone; --overwrite aligns again"
        if self.corrected:
            remedy = f"{self.corrected} has corrections and is left alone; remove it to align again"
        if earlier is not None and earlier.words and earlier.confidence is not None:
            status, doubt = judge(earlier)
            if reason is not None:
                status, doubt = Status.STALE, f"{reason}; {remedy}"
            elif files:
                status, doubt = Status.KEPT, f"edited since it was written: {remedy}"
            return replace(earlier, status=status, reason=doubt, kept=True)
        if utterance.problem is not None:
            return run.blank(utterance, Status.FAILED, utterance.problem)
        if earlier is not None and reason is None:
            return replace(earlier, kept=True)
        if any(result.status is not Status.INTERRUPTED for result in self.earlier.values()):
            return run.blank(utterance, Status.STALE, f"{reason}; {remedy}")
        unknown = run.blank(utterance, Status.KEPT, f"not in the manifest: {remedy}")
        return replace(unknown, kept=True)


def process(recordings: Sequence[Recording], run: Run) -> Iterator[list[UtteranceResult]]:
    """Align recordings and write their files; yield the results of each, in order.

    Once the run is stopped, no more utterances are begun; a recording that lacks some is not
    written.
    """
    utterances = [u for recording in recordings for u in recording.utterances]
    with closing(align(utterances, run)) as aligned:
        for recording in recordings:
            results = list(islice(aligned, len(recording.utterances)))
            if len(results) == len(recording.utterances):
                yield recording.write(results, run)
            else:
                yield recording.fail(run, Status.INTERRUPTED, _STOPPED)


def _recording_alignment(
    utterances: Sequence[Utterance], results: Sequence[UtteranceResult]
) -> Alignment:
    """Put the utterances of one recording on its tiers, those that failed without words.

    What the corpus reader found a problem with has no place there: it may overlap another.
    """
    first = next(result for result in results if result.words)
    assert first.audio_duration is not None
    duration = first.audio_duration
    if any(word.speaker is not None for result in results for word in result.said):
        segmented = any(u.segmented for u in utterances) or any(r.segments for r in results)
        passages = [result.said for result in results if result.said]
        return Alignment(tiers_by_speaker(passages, first.unit, utterances=segmented), duration)
    speakers = sorted({utterance.speaker or "unknown" for utterance in utterances})
    tiers: dict[str, list[Interval]] = {}
    for speaker in speakers:
        prefix = f"{speaker} - " if len(speakers) > 1 else ""
        own = [
            (utterance, result)
            for utterance, result in zip(utterances, results)
            if (utterance.speaker or "unknown") == speaker
        ]
        if any(utterance.segmented for utterance, _ in own):
            tiers[f"{prefix}utterances"] = [
                Interval(result.start, result.end, " ".join(utterance.text.split()))
                for utterance, result in own
                if utterance.problem is None and result.end is not None and result.end <= duration
            ]
        segments = [segment for _, result in own for segment in result.segments]
        if segments:
            tiers[f"{prefix}utterances"] = segments
        words = [word for _, result in own for word in result.said]
        for kind, intervals in tiers_of_words(words, first.unit).items():
            tiers[f"{prefix}{kind}"] = intervals
        misfits = [interval for _, result in own for interval in result.misfit_tier]
        if misfits:
            tiers[f"{prefix}misfits"] = misfits
    return Alignment(tiers, duration)


def _measure(audio: Path) -> tuple[float, str]:
    """Return the duration of a sound file, seconds, and its hash."""
    with Sound(audio) as sound:
        return sound.info.duration, sound.sha256
