"""Lhotse cut sets: ``cuts.jsonl``, or ``cuts.jsonl.gz``.

The file is read as it is, without lhotse. Each supervision of a MonoCut or MultiCut is an
utterance. Recordings must be files; lhotse takes a relative path from the current folder, and
so does this reader where the manifest's folder has no such file. Mixed and padded cuts, and
recordings changed by transforms other than resampling, have no file that could be aligned.

See https://lhotse.readthedocs.io/en/latest/cuts.html
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from speechalign.corpus.utterance import Utterance
from speechalign.errors import InputError
from speechalign.files.names import existing
from speechalign.files.reading import read_lines

_CUTS = {"MonoCut", "MultiCut", "Cut"}  # Cut: MonoCut before lhotse 0.8
_REFUSED = {
    "MixedCut": "its audio is mixed from several recordings",
    "PaddingCut": "it has no recording",
}
_SOURCES = {
    "command": "speechalign runs no commands from data",
    "url": "speechalign downloads nothing",
    "memory": "the audio is inside the manifest",
    "shar": "the audio is in a Shar archive",
}
# Transforms that leave every word where it is in the file.
_KEEP_TIMES = {
    "Clipping",
    "Compress",
    "LoudnessNormalization",
    "Narrowband",
    "Resample",
    "Volume",
}
# A supervision that ends this close to the end of the recording ends with it, seconds.
_WHOLE = 0.005


def recognises(path: Path) -> bool:
    """Return whether a file is JSONL whose first line is a cut, or a folder has such a file."""
    manifest = _manifest(path)
    if not manifest.is_file() or not manifest.name.lower().endswith((".jsonl", ".jsonl.gz")):
        return False
    try:
        cut = json.loads(next(read_lines(manifest)).text)
    except (OSError, StopIteration, ValueError, RecursionError):
        return False
    kind = cut.get("type") if isinstance(cut, dict) else None
    return isinstance(kind, str) and kind in _CUTS | _REFUSED.keys()


def read(path: Path, *, speaker_characters: int | None = None) -> list[Utterance]:
    """Read a cut set.

    Parameters
    ----------
    path : Path
        The file, or a folder with a ``cuts.jsonl`` or ``cuts.jsonl.gz``.
    speaker_characters : int or None
        Where a supervision names no speaker: the first so many characters of the recording's id.

    Returns
    -------
    list of Utterance
        One for each supervision, called as it is. The recording is called as in lhotse; where it
        is spread over several files, the name of the file is added. A cut that cannot be used has
        a ``problem`` with its line.
    """
    return list(utterances_of(path, speaker_characters=speaker_characters))


def utterances_of(path: Path, *, speaker_characters: int | None = None) -> Iterator[Utterance]:
    """Yield what `read` returns, line by line."""
    manifest = _manifest(path)
    for line in read_lines(manifest):
        where = f"{manifest}:{line.number}"
        try:
            if line.problem:
                raise InputError(line.problem)
            yield from _utterances(json.loads(line.text), manifest.parent, speaker_characters)
        except InputError as error:
            problem = str(error) if line.problem else f"{where}: {error}"
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            problem = (
                f"{where}: not a cut as lhotse writes it ({type(error).__name__}: {error}); write "
                "the file again with lhotse"
            )
        else:
            continue
        name = f"{manifest.name}:{line.number}"
        yield Utterance(name, name, manifest, "", problem=problem)


def _manifest(path: Path) -> Path:
    for name in ("cuts.jsonl", "cuts.jsonl.gz"):
        if (path / name).is_file():
            return path / name
    return path


class _Source(TypedDict):
    type: str
    channels: list[int]
    source: str


class _Transform(TypedDict):
    name: str


class _Recording(TypedDict, total=False):
    id: str
    sources: list[_Source]
    duration: float
    transforms: list[_Transform]


class _Supervision(TypedDict, total=False):
    id: str
    start: float
    duration: float
    channel: int | list[int]
    text: str
    speaker: str


class _Cut(TypedDict, total=False):
    type: str
    id: str
    start: float
    channel: int | list[int]
    recording: _Recording
    supervisions: list[_Supervision]


def _utterances(cut: _Cut, folder: Path, speaker_characters: int | None) -> list[Utterance]:
    """Utterances of a cut: its supervisions, whose times are relative to it."""
    if cut["type"] not in _CUTS:
        reason = _REFUSED.get(cut["type"], "expected a MonoCut or a MultiCut")
        raise InputError(f"a {cut['type']} cannot be aligned: {reason}; save it to a file")
    if "recording" not in cut:
        raise InputError(f"cut {cut['id']}: it has features, but no recording; give it one")
    if not cut.get("supervisions"):
        raise InputError(f"cut {cut['id']}: it has no supervision; say what was spoken")
    recording = cut["recording"]
    changes = {transform["name"] for transform in recording.get("transforms", [])} - _KEEP_TIMES
    if changes:
        raise InputError(
            f"recording {recording['id']}: transformed by {', '.join(sorted(changes))}; save the "
            "transformed audio to a file"
        )
    utterances = []
    for supervision in cut["supervisions"]:
        begin = cut["start"] + supervision["start"]
        end = round(begin + supervision["duration"], 9)
        whole = begin <= 0 and abs(end - recording["duration"]) < _WHOLE
        audio, channel = _audio(recording, supervision.get("channel", cut["channel"]), folder)
        speaker = supervision.get("speaker")
        for name in (supervision["id"], recording["id"], speaker or ""):
            if not isinstance(name, str):
                raise TypeError(f"expected a string, got {name!r}")
        if speaker is None and speaker_characters is not None:
            speaker = recording["id"][:speaker_characters]
        several = len(recording["sources"]) > 1
        utterances.append(
            Utterance(
                id=supervision["id"],
                recording=f"{recording['id']}-{audio.stem}" if several else recording["id"],
                audio=audio,
                text=supervision.get("text", "").strip(),
                speaker=speaker,
                start=max(0.0, round(begin, 9)),
                end=None if whole else end,
                channel=channel,
                segmented=not whole,
            )
        )
    return utterances


def _audio(
    recording: _Recording, channels: int | list[int], folder: Path
) -> tuple[Path, int | None]:
    """File that holds the channels, and which of its own it is; None for the mean of all."""
    wanted = channels if isinstance(channels, list) else [channels]
    for source in recording["sources"]:
        if source["type"] != "file":
            raise InputError(
                f"recording {recording['id']}: its audio is of type {source['type']}: "
                f"{_SOURCES.get(source['type'], 'expected file')}; save it to a file"
            )
        if set(wanted) <= set(source["channels"]):
            if len(wanted) == 1:
                channel = source["channels"].index(wanted[0])
            elif len(wanted) == len(source["channels"]):
                channel = None
            else:
                break
            beside = existing(folder / source["source"])
            elsewhere = existing(Path(source["source"]))
            return beside if os.path.exists(beside) else elsewhere, channel
    raise InputError(
        f"recording {recording['id']}: channels {wanted} are neither one channel nor all of one "
        "file; choose one with MultiCut.with_channels"
    )
