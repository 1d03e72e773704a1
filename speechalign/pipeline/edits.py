"""Corrections of alignments: where the TextGrids of an output folder differ from the aligner's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import InputError
from speechalign.files.tier_names import join, speaker_in_name
from speechalign.formats import read_alignment
from speechalign.formats.textgrid import SUFFIXES
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.result import UtteranceResult

# Times that differ by less are the same, seconds: other programs round them.
_ROUNDED = 1e-4


@dataclass(frozen=True)
class CorrectedUtterance:
    """Alignment of an utterance, and its corrected version.

    Parameters
    ----------
    result : UtteranceResult
        As the manifest has it.
    aligned, corrected : Alignment
        Words, and what they consist of: tiers ``words`` and ``result.unit``.
    """

    result: UtteranceResult
    aligned: Alignment
    corrected: Alignment

    @property
    def changed(self) -> bool:
        """Return whether a label or a time differs."""
        tiers = ("words", self.result.unit)
        return any(_differ(self.aligned.tiers[t], self.corrected.tiers[t]) for t in tiers)


def is_correctable(name: str) -> bool:
    """Return whether a file of an output folder is one that corrections are made in: a TextGrid."""
    return name.endswith(SUFFIXES)


def corrected_utterances(
    results: Sequence[UtteranceResult], corrected: Alignment
) -> Iterator[CorrectedUtterance]:
    """Compare the utterances of a recording with what its file has now.

    Parameters
    ----------
    results : Sequence[UtteranceResult]
        All that the manifest has of one recording.
    corrected : Alignment
        The content of its TextGrid.

    Yields
    ------
    CorrectedUtterance
        One for each utterance that was aligned, whether it differs or not.
    """
    speakers = {result.speaker or "unknown" for result in results}
    for result in results:
        if not result.words:
            continue
        speaker = speaker_in_name(result.speaker or "unknown", speakers)
        end = corrected.duration if result.end is None else result.end
        tiers = {
            kind: [
                interval
                for interval in corrected.tiers.get(join(speaker, kind), ())
                if result.start <= (interval.start + interval.end) / 2 < end
            ]
            for kind in ("words", result.unit)
        }
        yield CorrectedUtterance(result, result.alignment, Alignment(tiers, corrected.duration))


def read_corrections(folder: Path) -> list[CorrectedUtterance]:
    """Find the utterances of an output folder that somebody corrected, or marked as right.

    Parameters
    ----------
    folder : Path
        What `speechalign.align_corpus` wrote, TextGrids among it, with corrections made in
        ``speechalign view``, in Praat or elsewhere.

    Returns
    -------
    list of CorrectedUtterance
        In the order of the manifest.

    Raises
    ------
    InputError
        The folder has no manifest.
    FormatError
        A TextGrid is damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise InputError(
            f"{folder}: expected a folder that `speechalign align` wrote, found no {MANIFEST}"
        )
    members: dict[str, list[UtteranceResult]] = {}
    for result in Manifest(folder).read().values():
        members.setdefault(result.recording, []).append(result)
    found = []
    for results in members.values():
        file = next((n for r in results for n in r.outputs if is_correctable(n)), None)
        if file is None or not (folder / file).is_file():
            continue
        for utterance in corrected_utterances(results, read_alignment(folder / file)):
            if utterance.result.checked or utterance.changed:
                found.append(utterance)
    return found


def _differ(before: Sequence[Interval], after: Sequence[Interval]) -> bool:
    return len(before) != len(after) or any(
        a.label != b.label or abs(a.start - b.start) > _ROUNDED or abs(a.end - b.end) > _ROUNDED
        for a, b in zip(before, after)
    )
