"""Shards: parts of a corpus that are aligned apart, into one output folder."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechalign.corpus import Utterance
from speechalign.errors import FormatError, InputError
from speechalign.files.appending import append, locked
from speechalign.files.json_values import loads
from speechalign.files.writing import naming
from speechalign.models.content import content_hash

PARTS = "alignment_manifest"
"""Folder, in the output folder, of the manifests of shards."""
_RUN = "run.json"
_ENDS = "ends.jsonl"


@dataclass(frozen=True)
class Shard:
    """One of the parts that a corpus is divided into.

    Parameters
    ----------
    index, count : int
        This one, counted from 1, and how many there are.

    Raises
    ------
    InputError
        ``count`` is below 1, or ``index`` is not between 1 and ``count``.

    Examples
    --------
    >>> [sum(Shard(i, 3).holds(f"speaker-{n}") for n in range(9)) for i in (1, 2, 3)]
    [4, 2, 3]
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError(f"shard: expected I/N with N of 1 or more, got {self}")
        if not 1 <= self.index <= self.count:
            raise InputError(f"shard: expected I/N with I from 1 to {self.count}, got {self}")

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @classmethod
    def of(cls, text: str, environment: Mapping[str, str] = os.environ) -> Shard:
        """Return the shard that ``I/N`` names, or ``slurm`` for a task of a Slurm array.

        Raises
        ------
        InputError
            It names none, or this is no task of an array.
        """
        if text == "slurm":
            return cls._of_slurm(environment)
        index, slash, count = text.partition("/")
        if not (slash and index.isascii() and count.isascii() and (index + count).isdigit()):
            raise InputError(f"shard: expected I/N such as 3/16, or slurm; got {text!r}")
        return cls(int(index or 0), int(count or 0))

    @classmethod
    def _of_slurm(cls, environment: Mapping[str, str]) -> Shard:
        names = ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_MAX")
        try:
            task, first, last = (int(environment[name]) for name in names)
            step = int(environment.get("SLURM_ARRAY_TASK_STEP", "1"))
        except (KeyError, ValueError):
            raise InputError(
                f"shard: slurm needs {', '.join(names)}, as Slurm sets them for sbatch --array; "
                "give I/N"
            ) from None
        # Tasks that are run again are fewer than the shards: TASK_COUNT does not count.
        return cls((task - first) // step + 1, (last - first) // step + 1)

    @property
    def file(self) -> str:
        """Name of its manifest in the folder of the parts."""
        return f"shard-{self.index:05d}-of-{self.count:05d}.jsonl"

    @property
    def part(self) -> str:
        """Name of its manifest of alignments in the output folder."""
        return f"{PARTS}/{self.file}"

    def holds(self, name: str) -> bool:
        """Tell whether what has this name belongs to the shard: the same for all times."""
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()
        return int.from_bytes(digest[:8], "big") % self.count == self.index - 1

    def utterances(
        self, utterances: Sequence[Utterance], *, by_speaker: bool = False
    ) -> list[Utterance]:
        """Return the utterances of the shard: whole recordings, or all that a speaker says.

        Parameters
        ----------
        utterances : Sequence[Utterance]
            Those of the corpus.
        by_speaker : bool
            Keep the recordings of each speaker together.

        Raises
        ------
        InputError
            With ``by_speaker``: a recording has several speakers.
        """
        if not by_speaker:
            return [u for u in utterances if self.holds(u.recording)]
        speakers: dict[str, str | None] = {}
        for u in utterances:
            if speakers.setdefault(u.recording, u.speaker) != u.speaker:
                raise InputError(
                    f"{u.recording}: {speakers[u.recording]} and {u.speaker} share the recording, "
                    "and the model must hear all recordings of each; align without shards"
                )
        return [u for u in utterances if self.holds(u.speaker or u.recording)]


@dataclass(frozen=True)
class ShardedRun:
    """Settings that all shards of an output folder share, in ``run.json``.

    Parameters
    ----------
    shards : int
        How many there are.
    corpus : str
        Hash of the corpus: of ids, transcripts and stretches, or of its files.
    settings : str
        Hash of the model and of all that the times depend on.
    """

    shards: int
    corpus: str
    settings: str

    def agree(self, folder: Path, parts: str = PARTS) -> None:
        """Write it into an output folder, if this shard is the first.

        Parameters
        ----------
        folder : Path
            The output folder.
        parts : str
            Folder in it of the manifests of shards.

        Raises
        ------
        InputError
            Another shard found something else, or the folder holds a run without shards.
        """
        path = folder / parts / _RUN
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
            try:
                with naming(path):
                    temporary.write_text(json.dumps(asdict(self)), encoding="utf-8")
                    try:
                        os.link(temporary, path)  # Of those that come at once, one is the first.
                    except FileExistsError:
                        pass
                    except OSError:  # This file system has no hard links.
                        os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        before = read_run(folder, parts)
        for name, what in (
            ("shards", "the number of shards"),
            ("corpus", "the corpus"),
            ("settings", "the model, or an option,"),
        ):
            was, now = getattr(before, name), getattr(self, name)
            if was != now:
                found = f": {was} before, {now} now" * (name == "shards")
                raise InputError(
                    f"{folder}: {what} has changed since the first shard began{found}; "
                    "choose another output folder"
                )


def read_run(folder: Path, parts: str = PARTS) -> ShardedRun | None:
    """Return what the shards of an output folder agreed on; None where there are no shards.

    Raises
    ------
    InputError
        The file is damaged.
    """
    path = folder / parts / _RUN
    try:
        return ShardedRun(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        raise InputError(f"{path}: damaged; choose another output folder") from None


def corpus_hash(utterances: Sequence[Utterance]) -> str:
    """Return a hash of all that makes a corpus, but the sound itself."""
    return content_hash(
        sorted(
            repr((u.id, u.recording, u.text, u.speaker, u.start, u.end, u.channel))
            for u in utterances
        )
    )


def recordings_hash(utterances: Sequence[Utterance]) -> str:
    """Return a hash of the recordings of a corpus, whatever transcripts lie beside them by now."""
    return content_hash(sorted({repr((u.recording, u.channel)) for u in utterances}))


def settings_hash(settings: Mapping[str, str], *others: object) -> str:
    """Return a hash of what the times of a run depend on."""
    return content_hash(sorted(settings.items()), *others)


def shards_of(folder: Path, parts: str = PARTS) -> tuple[list[Shard], list[Shard]]:
    """Return the shards of an output folder that have a manifest, and those that have none.

    Raises
    ------
    InputError
        The folder holds no shards.
    """
    run = read_run(folder, parts)
    if run is None:
        raise InputError(
            f"{folder}: there are no shards (no folder {parts}); name the output folder of a "
            "command with --shard I/N"
        )
    shards = [Shard(index, run.shards) for index in range(1, run.shards + 1)]
    there = [shard for shard in shards if (folder / parts / shard.file).exists()]
    return there, [shard for shard in shards if shard not in there]


def shards_to_merge(
    folder: Path, parts: str = PARTS, *, allow_missing: bool = False
) -> list[Shard]:
    """Return the shards that have a manifest.

    Raises
    ------
    InputError
        Others have none, or no run of one came to its end; unless this is allowed.
    """
    there, missing = shards_of(folder, parts)
    whole = ended(folder, parts)
    unfinished = [shard for shard in there if shard.index not in whole]
    for lacking, what in ((missing, "missing"), (unfinished, "unfinished")):
        if lacking and not allow_missing:
            raise InputError(
                f"{folder}: {len(lacking)} of {len(missing) + len(there)} shards are {what} "
                f"({listed(lacking)}); run them, or merge the others with --allow-partial"
            )
    return there


def note_end(folder: Path, shard: Shard, audio: float, clock: float, parts: str = PARTS) -> None:
    """Add that a run of a shard came to its end, and how long it took.

    Parameters
    ----------
    folder : Path
        The output folder.
    shard : Shard
        Which one.
    audio, clock : float
        Seconds of audio that were done, and seconds that this took.
    parts : str
        Folder in it of the manifests of shards.
    """
    end = {"shard": shard.index, "audio": round(audio, 3), "clock": round(clock, 3)}
    path = folder / parts / _ENDS
    with locked(path):
        append(path, json.dumps(end) + "\n")


def ended(folder: Path, parts: str = PARTS) -> set[int]:
    """Return the numbers of the shards of which a run came to its end."""
    return {end["shard"] for end in _ends(folder, parts)}


def speed_of(folder: Path, parts: str = PARTS) -> float | None:
    """Return hours of audio that one shard does in an hour; None where no run has ended."""
    ends = _ends(folder, parts)
    clock = sum(end["clock"] for end in ends)
    return sum(end["audio"] for end in ends) / clock if clock else None


def _ends(folder: Path, parts: str) -> list[dict[str, Any]]:
    try:
        lines = (folder / parts / _ENDS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    ends = []
    for line in lines:
        with suppress(FormatError):  # A run was killed while it wrote.
            ends.append(loads(line, _ENDS))
    return ends


def listed(shards: Sequence[Shard]) -> str:
    """Return the numbers of shards, as Slurm's ``--array`` takes them.

    Examples
    --------
    >>> listed([Shard(index, 9) for index in (1, 2, 3, 7, 9)])
    '1-3,7,9'
    """
    runs: list[list[int]] = []
    for shard in shards:
        if runs and runs[-1][-1] == shard.index - 1:
            runs[-1][1:] = [shard.index]
        else:
            runs.append([shard.index])
    return ",".join("-".join(map(str, run)) for run in runs)
