"""Progress of the shards of an output folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from speechalign.errors import InputError
from speechalign.pipeline.journal import Journal
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.result import WRITTEN, Status, UtteranceResult
from speechalign.pipeline.shards import PARTS, Shard, ended, shards_of, speed_of

_SHORT = 100


@dataclass(frozen=True)
class Progress:
    """Progress of the shards of an output folder.

    Parameters
    ----------
    missing : tuple[Shard, ...]
        Shards without a manifest.
    shards : int
        How many there are to be; 0 for a run without shards.
    statuses : Mapping[str, int]
        Utterances by status; recordings, where they are transcribed or segmented.
    reasons : Mapping[str, int]
        Those without a result by the reason, in which names and numbers are left out.
    hours : float
        Hours of audio that have a result.
    speed : float or None
        Hours of audio that one shard does in an hour; None where no run of one has ended.
    confident : int
        Utterances with a confidence of at least the threshold.
    unfinished : tuple[Shard, ...]
        Shards of which no run has come to its end.
    """

    missing: tuple[Shard, ...]
    shards: int
    statuses: Mapping[str, int]
    reasons: Mapping[str, int]
    hours: float
    speed: float | None
    confident: int = 0
    unfinished: tuple[Shard, ...] = ()


def progress_of(folder: Path, *, threshold: float) -> Progress:
    """Read how far a run is, with or without shards, while it runs or later.

    Parameters
    ----------
    folder : Path
        The output folder.
    threshold : float
        Confidence of utterances that are counted as confident.

    Raises
    ------
    InputError
        There are no results, or a manifest is damaged.
    """
    shards: list[Shard] = []
    missing: list[Shard] = []
    manifests = [Manifest(folder)]
    if (folder / PARTS).is_dir():
        shards, missing = shards_of(folder)
        manifests = [Manifest(folder, shard.part) for shard in shards]
    elif not (folder / MANIFEST).exists():
        raise InputError(
            f"{folder}: there are no results ({MANIFEST}, or a folder {PARTS} of shards); name an "
            "output folder of `speechalign align`"
        )
    counts, confident = _Counts(), 0
    for manifest in manifests:
        last = {result.utterance: _Short.of(result) for _, result in manifest.lines()}
        for short in last.values():
            if short.status is not Status.REMOVED:
                done = short.status in WRITTEN
                counts.add(short.status.value, short.reason, short.seconds, done=done)
                confident += done and short.confidence >= threshold
    return counts.progress(folder, PARTS, shards, missing, confident)


def progress_of_recordings(folder: Path, parts: str) -> Progress:
    """Read how far shards are that transcribe or segment.

    Parameters
    ----------
    folder : Path
        The output folder.
    parts : str
        ``TRANSCRIPTS`` or ``SEGMENTS`` of `speechalign.pipeline.journal`.

    Raises
    ------
    InputError
        There are no shards, or a journal is damaged.
    """
    shards, missing = shards_of(folder, parts)
    counts = _Counts()
    for shard in shards:
        for entry in Journal(folder / parts / shard.file).entries().values():
            reason = kind_of(entry.reason, entry.audio, entry.recording)
            counts.add(entry.status, reason, entry.seconds, done=entry.done)
    return counts.progress(folder, parts, shards, missing)


@dataclass
class _Counts:
    """Counts of a run, while they are added up."""

    statuses: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def add(self, status: str, reason: str, seconds: float, *, done: bool) -> None:
        self.statuses[status] += 1
        if done:
            self.seconds += seconds
        elif reason:
            self.reasons[reason] += 1

    def progress(
        self,
        folder: Path,
        parts: str,
        shards: Sequence[Shard],
        missing: Sequence[Shard],
        confident: int = 0,
    ) -> Progress:
        whole = ended(folder, parts)
        return Progress(
            tuple(missing),
            len(shards) + len(missing),
            self.statuses,
            self.reasons,
            self.seconds / 3600,
            speed_of(folder, parts),
            confident,
            tuple(shard for shard in shards if shard.index not in whole),
        )


@dataclass(frozen=True)
class _Short:
    """The parts of a result that are counted."""

    status: Status
    reason: str
    seconds: float
    confidence: float

    @classmethod
    def of(cls, result: UtteranceResult) -> _Short:
        seconds = 0.0 if result.end is None else result.end - result.start
        confidence = 0.0 if result.confidence is None else result.confidence
        reason = kind_of(result.reason, result.audio, result.utterance, result.recording)
        return cls(result.status, reason, seconds, confidence)


def kind_of(reason: str | None, *names: str) -> str:
    """Return a reason without the names and numbers that tell it from others of its kind."""
    if reason is None:
        return ""
    text = reason.strip().split("\n")[-1].split("; ")[0]
    for name in names:  # As a whole: an id may be a letter or a digit.
        whole = rf"(?<![\w.]){re.escape(name)}"
        text = re.sub(rf"{whole}: ", "", text)
        text = re.sub(rf"{whole}(?!\.?\w)", "...", text)
    return re.sub(r"\d+(\.\d+)?", "N", text)[:_SHORT]
