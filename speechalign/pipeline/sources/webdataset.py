"""Tar archives as WebDataset and NeMo have them, read from begin to end.

WebDataset: members of one key follow each other, such as ``a/b.flac`` with ``a/b.json`` (NeMo's
keys: ``text``, ``id``, ``offset``, ``duration``, ``speaker``) or with ``a/b.txt``, the transcript.
NeMo: archives of sound files, ``audio_3.tar``, beside ``tarred_audio_manifest.json`` or a manifest
for each, ``manifest_3.json``, whose ``audio_filepath`` is the name of a member.

See https://github.com/webdataset/webdataset
"""

from __future__ import annotations

import re
import tarfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

from speechalign.corpus import Utterance
from speechalign.errors import InputError, SpeechAlignError
from speechalign.files.json_values import loads
from speechalign.files.reading import read_lines
from speechalign.pipeline.rows import utterance_of
from speechalign.pipeline.sources import files_below

_SOUNDS = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".aiff", ".aif", ".m4a"}
_TEXTS = {".txt", ".lab", ".text", ".transcript"}
_KEYS = ("id", "offset", "duration", "speaker")
_MANIFESTS = ("manifest_{}.json", "manifest_{}.jsonl", "tarred_audio_manifest.json")

DAMAGED = "damaged"
"""Name that `members` gives to what is wrong with an archive, which comes last."""

_Member = tuple[str, bytes]


def recognises(path: Path) -> bool:
    """Return whether there is a file whose name ends in ``.tar``."""
    return any(file.suffix == ".tar" for file in files_below(path, ".tar"))


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
    """Yield the utterances of all archives, in the order of their names."""
    if columns:
        raise InputError(f"columns: {path} has members, not columns; leave them out")
    told: set[str] = set()
    for file in files_below(path, ".tar"):
        manifest = _manifest_of(file)
        if manifest is not None:
            yield from _nemo(file, manifest, told)
            continue
        for key, together in groupby(members(file), key=lambda member: _key(member[0])):
            yield from _sample(f"{file.name}:{key}", dict(together), file)


def members(file: Path) -> Iterator[_Member]:
    """Yield the names of files in an archive, and their bytes; a damaged one ends with its name."""
    name = "the first member"
    try:
        with tarfile.open(file, "r|") as archive:
            for member in archive:
                if member.isfile() and (opened := archive.extractfile(member)) is not None:
                    name = member.name
                    yield name, opened.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        yield DAMAGED, f"{file}: damaged after {name}: {error}; copy the archive again".encode()


def _key(name: str) -> str:
    """Return the path of a member up to the first dot of its name."""
    path = PurePosixPath(name)
    return str(path.with_name(path.name.partition(".")[0] or path.name))


def _sample(name: str, members: dict[str, bytes], file: Path) -> Iterator[Utterance]:
    """Yield the utterance of the members of one key; none without sound and text."""
    if DAMAGED in members:
        yield Utterance(name, name, file, "", problem=members[DAMAGED].decode())
        return
    by_suffix = {PurePosixPath(member).suffix.lower(): member for member in members}
    sound = next((by_suffix[suffix] for suffix in by_suffix if suffix in _SOUNDS), None)
    text = next((by_suffix[suffix] for suffix in by_suffix if suffix in _TEXTS), None)
    if sound is None and text is None and ".json" not in by_suffix:
        return
    row: dict[str, Any] = {}
    try:
        if ".json" in by_suffix:
            row = _values(loads(members[by_suffix[".json"]].decode("utf-8"), name))
        if text is not None:
            row["text"] = members[text].decode("utf-8").strip()
    except ValueError as error:  # FormatError and UnicodeDecodeError are
        yield Utterance(name, name, file, "", problem=str(error))
        return
    key = name.partition(":")[2]
    audio = None if sound is None else members[sound]
    yield utterance_of({"id": key, "text": None, **row, "audio": audio})


def _nemo(file: Path, manifest: Path, told: set[str]) -> Iterator[Utterance]:
    """Yield the utterances that a manifest has of an archive; what it lacks has a problem.

    Lines that cannot be read are told once of a manifest, which many archives may share.
    """
    entries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in _entries(file, manifest):
        if isinstance(entry, Utterance):
            if entry.id not in told:
                told.add(entry.id)
                yield entry
        else:
            entries[entry["audio_filepath"]].append(entry)
    damage: str | None = None
    for name, content in members(file):
        if name == DAMAGED:
            damage = content.decode()
        for identity, entry in _named(name, entries.pop(name, [])):
            yield utterance_of({**_values(entry), "id": identity, "audio": content})
    for name, those in entries.items():
        for identity, entry in _named(name, those):
            text = str(entry.get("text") or "")
            missing = f"{file}: has no member {name}, which its manifest names; make it again"
            yield Utterance(identity, identity, file, text, problem=damage or missing)


def _named(member: str, entries: Sequence[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the entries of a member with their names: its own, with a number from the second on."""
    for number, entry in enumerate(entries, 1):
        yield str(entry.get("id", _key(member) + f"#{number}" * (number > 1))), entry


def _entries(file: Path, manifest: Path) -> Iterator[dict[str, Any] | Utterance]:
    """Yield what NeMo's manifest has of an archive, and lines that are not of that form."""
    number = _number(file)
    for line in read_lines(manifest):
        try:
            if line.problem is not None:
                raise InputError(line.problem)
            entry = loads(line.text, f"{manifest}:{line.number}")
            if not isinstance(entry.get("audio_filepath"), str):
                raise InputError(
                    f"{manifest}:{line.number}: audio_filepath: expected the name of a member, "
                    f"got {entry.get('audio_filepath')!r}"
                )
        except SpeechAlignError as error:
            name = f"{manifest.name}:{line.number}"
            yield Utterance(name, name, manifest, "", problem=str(error))
            continue
        shard = entry.get("shard_id")
        if shard is None or (number and int(number) == shard):
            yield entry


def _values(entry: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: entry[key] for key in _KEYS if entry.get(key) is not None}
    return {"text": entry.get("text"), **found}


def _manifest_of(file: Path) -> Path | None:
    """Return NeMo's manifest of an archive; None where there is none."""
    candidates = (file.with_name(name.format(_number(file))) for name in _MANIFESTS)
    return next(filter(Path.is_file, candidates), None)


def _number(file: Path) -> str:
    """Return the last number in the name of an archive, or nothing."""
    return "".join(re.findall(r"\d+", file.stem)[-1:])
