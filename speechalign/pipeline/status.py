"""Progress of the shards of an output folder."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from speechalign.errors import FormatError
from speechalign.files.json_values import loads
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.result import WRITTEN, Status, UtteranceResult
from speechalign.pipeline.shards import PARTS, Shard, manifests_of_shards

_SPEED = "speed.jsonl"
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
        Utterances by status.
    reasons : Mapping[str, int]
        Utterances without a result by the reason, in which names and numbers are left out.
    hours : float
        Hours of audio that have a result.
    speed : float or None
        Hours of audio that one shard aligns in an hour; None where no run of one has ended.
    confident : int
        Utterances with a confidence of at least the threshold.
    """

    missing: tuple[Shard, ...]
    shards: int
    statuses: Mapping[str, int]
    reasons: Mapping[str, int]
    hours: float
    speed: float | None
    confident: int


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
    parts = [Manifest(folder)]
    missing: list[Shard] = []
    if (folder / PARTS).is_dir() or not (folder / MANIFEST).exists():
        parts, missing = manifests_of_shards(folder)
    statuses: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    seconds, confident = 0.0, 0
    for part in parts:
        last = {result.utterance: _Short.of(result) for _, result in part.lines()}
        for short in last.values():
            if short.status is Status.REMOVED:
                continue
            statuses[short.status.value] += 1
            if short.status in WRITTEN:
                seconds += short.seconds
                confident += short.confidence >= threshold
            elif short.reason:
                reasons[short.reason] += 1
    sharded = len(parts) + len(missing) if (folder / PARTS).is_dir() else 0
    return Progress(
        tuple(missing), sharded, statuses, reasons, seconds / 3600, _speed(folder), confident
    )


def note_speed(folder: Path, audio: float, clock: float) -> None:
    """Add how long the run of a shard took.

    Parameters
    ----------
    folder : Path
        The output folder.
    audio, clock : float
        Seconds of audio that were aligned, and seconds that this took.
    """
    with (folder / PARTS / _SPEED).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"audio": round(audio, 3), "clock": round(clock, 3)}) + "\n")


def _speed(folder: Path) -> float | None:
    audio = clock = 0.0
    try:
        lines = (folder / PARTS / _SPEED).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return None
    for line in lines:
        try:
            run = loads(line, _SPEED)
        except FormatError:  # A run was killed while it wrote.
            continue
        audio, clock = audio + run["audio"], clock + run["clock"]
    return audio / clock if clock else None


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
        return cls(result.status, _kind(result), seconds, confidence)


def _kind(result: UtteranceResult) -> str:
    """Return a reason without the names and numbers that tell it from others of its kind."""
    text = (result.reason or "").strip().split("\n")[-1].split("; ")[0]
    for name in (result.audio, result.utterance, result.recording):
        text = text.replace(f"{name}: ", "").replace(name, "...")
    return re.sub(r"\d+(\.\d+)?", "N", text)[:_SHORT]
