"""Lhotse: cut sets, and Shar: ``cuts.000000.jsonl.gz`` with ``recording.000000.tar``.

Both are read line by line, without lhotse. Each supervision of a cut is an utterance. The sound of
a cut in Shar is the member of the archive that is called as the cut is; other fields are not read.

See https://lhotse.readthedocs.io/en/latest/shar.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from speechalign.corpus import Utterance
from speechalign.corpus import lhotse as cut_sets
from speechalign.errors import FormatError, InputError
from speechalign.files.reading import read_lines
from speechalign.pipeline.rows import utterance_of
from speechalign.pipeline.sources.webdataset import DAMAGED, members


def recognises(path: Path) -> bool:
    """Return whether a folder has cuts and their recordings in shards, or a file has cuts."""
    return _is_shar(path) or (path.is_file() and cut_sets.recognises(path))


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
    """Yield the utterances of all cuts."""
    if columns:
        raise InputError(f"columns: {path} holds cuts, which have none; leave them out")
    if not _is_shar(path):
        yield from cut_sets.utterances_of(path)
        return
    archives = {_number(file): file for file in path.glob("recording.*.tar")}
    for cuts in _cuts(path):
        try:
            yield from _shard(cuts, archives.get(_number(cuts)))
        except FormatError as error:
            yield Utterance(cuts.name, cuts.name, cuts, "", problem=str(error))


def _is_shar(path: Path) -> bool:
    return path.is_dir() and any(path.glob("recording.*.tar")) and bool(_cuts(path))


def _cuts(folder: Path) -> list[Path]:
    """Return the files of cuts of a folder, without their indices (``.idx``)."""
    return sorted(
        file for file in folder.glob("cuts.*") if file.name.endswith((".jsonl", ".jsonl.gz"))
    )


def _number(file: Path) -> str:
    """Return the number of a shard, the second part of the names of its files."""
    return file.name.split(".")[1]


def _shard(cuts: Path, archive: Path | None) -> Iterator[Utterance]:
    """Yield the utterances of a shard, whose cuts and sounds are in the same order."""
    sounds = iter(()) if archive is None else _sounds(archive)
    missing = f"{cuts}: there is no archive of its recordings; copy it"
    if archive is not None:
        missing = f"{archive}: has fewer sounds than {cuts.name} has cuts; copy both again"
    for line in read_lines(cuts):
        key, sound, problem = next(sounds, ("", None, missing))
        if problem is not None:
            missing = problem  # That of all cuts behind the damage.
        try:
            cut: dict[str, Any] = json.loads(line.text)
            if problem is None and key != cut["id"]:
                problem = f"{archive}: expected the sound of cut {cut['id']}, got that of {key}"
            elif problem is None and sound is None:
                problem = f"{archive}: cut {cut['id']} has no sound"
            rows = [
                {
                    "id": supervision["id"],
                    "text": supervision.get("text") or "",
                    "audio": sound,
                    "offset": max(0.0, supervision["start"]),
                    "duration": supervision["duration"],
                    "speaker": supervision.get("speaker"),
                }
                for supervision in cut["supervisions"]
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            not_one = f"{cuts}:{line.number}: not a cut as lhotse writes it: {error!r}"
            problem = line.problem or not_one
            rows = [{"id": f"{cuts.name}:{line.number}", "text": ""}]
        for row in rows:
            if problem is None:
                yield utterance_of(row)
            else:
                name = str(row["id"])
                yield Utterance(name, name, cuts, row["text"], problem=problem)


def _sounds(archive: Path) -> Iterator[tuple[str, bytes | None, str | None]]:
    """Yield the name of each cut with its sound, or with why nothing comes any more."""
    for name, content in members(archive):
        key, _, suffix = name.rpartition(".")
        if name == DAMAGED:
            yield "", None, content.decode()
        elif suffix not in ("json", "nometa"):
            yield key, None if suffix == "nodata" else content, None
