"""JSONL manifests with NeMo's keys: one JSON object a line, one line an utterance.

``audio_filepath`` and ``text`` are needed; ``id``, ``speaker``, ``offset`` and ``duration``
(seconds; without them the whole file) and ``channel`` (from 0) may be given; other keys are left
alone. Paths are relative to the manifest's folder. The file may be compressed with gzip.

See https://docs.nvidia.com/nemo-framework/user-guide/latest/nemotoolkit/asr/datasets.html
"""

from __future__ import annotations

import math
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from speechalign.corpus.conflicts import text_problem
from speechalign.corpus.utterance import Utterance
from speechalign.errors import FormatError, InputError
from speechalign.files.json_values import loads
from speechalign.files.names import existing
from speechalign.files.reading import Line, read_lines


@dataclass(frozen=True)
class _Entry:
    """Return the utterance of a line."""

    number: int
    audio: Path
    utterance: Utterance
    named: bool


def recognises(path: Path) -> bool:
    """Return whether the name of a file ends as that of a manifest."""
    return path.is_file() and path.name.lower().endswith((".jsonl", ".json", ".jsonl.gz"))


def read(path: Path, *, speaker_characters: int | None = None) -> list[Utterance]:
    """Read a manifest.

    Parameters
    ----------
    path : Path
        The manifest.
    speaker_characters : int or None
        Where a line names no speaker: the first so many characters of the sound file's name.

    Returns
    -------
    list of Utterance
        One for each line. Recordings are named after the sound files, relative to the manifest's
        folder; where one lies elsewhere, relative to the deepest folder that holds them all. An
        utterance without ``id`` is named after its recording, with ``#n`` where it is the n-th
        line with that sound file. A line that cannot be used has a ``problem`` with its number.
    """
    entries: list[_Entry] = []
    broken: list[Utterance] = []
    for line in read_lines(path):
        try:
            entries.append(_entry(line, path, speaker_characters))
        except (InputError, FormatError) as error:
            name = f"{path.name}:{line.number}"
            broken.append(Utterance(name, name, path, "", problem=str(error)))
    root = _root(path, entries)
    lines = Counter(entry.audio for entry in entries)
    seen: Counter[Path] = Counter()
    utterances = []
    for entry in entries:
        seen[entry.audio] += 1
        key = entry.audio.relative_to(root).with_suffix("").as_posix()
        number = f"#{seen[entry.audio]}" if lines[entry.audio] > 1 else ""
        utterances.append(
            replace(
                entry.utterance,
                id=entry.utterance.id if entry.named else key + number,
                recording=key,
            )
        )
    return utterances + broken


def utterance_of_line(line: Line, path: Path) -> Utterance:
    """Return the utterance of one line, which is named without a look at the others.

    Parameters
    ----------
    line : Line
        One that `read_lines` yields.
    path : Path
        The manifest. A sound file outside its folder is named from the root of the file system.
    """
    try:
        entry = _entry(line, path, None)
    except (InputError, FormatError) as error:
        name = f"{path.name}:{line.number}"
        return Utterance(name, name, path, "", problem=str(error))
    folder = Path(os.path.abspath(path.parent))
    home = folder if entry.audio.is_relative_to(folder) else Path(entry.audio.anchor)
    recording = entry.audio.relative_to(home).with_suffix("").as_posix()
    utterance = replace(entry.utterance, recording=recording)
    if not entry.named:
        start = f"@{utterance.start:g}" if utterance.segmented else ""
        utterance = replace(utterance, id=recording + start)
    return replace(utterance, problem=utterance.problem or text_problem(utterance.text))


def _root(path: Path, entries: list[_Entry]) -> Path:
    """Folder that the recordings are named from."""
    folder = Path(os.path.abspath(path.parent))
    if all(entry.audio.is_relative_to(folder) for entry in entries):
        return folder
    return Path(os.path.commonpath([entry.audio.parent for entry in entries]))


def _entry(line: Line, path: Path, speaker_characters: int | None) -> _Entry:
    """Check a line, and name the key that is wrong."""
    if line.problem:
        raise InputError(line.problem)
    where = f"{path}:{line.number}"
    data = loads(line.text, where)
    others = f"the line has only {', '.join(map(repr, data)) or 'no keys'}"
    if "audio_filepath" not in data:
        raise InputError(f"{where}: audio_filepath: expected the path of a sound file; {others}")
    # Recordings that are to be transcribed have no text.
    problem = None if "text" in data else f"{where}: text: expected a transcript; {others}"
    text = data.get("text", "")
    for key, value in (("audio_filepath", data.get("audio_filepath")), ("text", text)):
        if not isinstance(value, str) or "\0" in value:
            raise InputError(f"{where}: {key}: expected a string, got {value!r}")
    for key in ("id", "speaker"):
        if data.get(key) is not None and not isinstance(data[key], (str, int)):
            raise InputError(f"{where}: {key}: expected a string, got {data[key]!r}")
    channel = data.get("channel")
    if channel is not None and (type(channel) is not int or channel < 0):
        raise InputError(f"{where}: channel: expected an integer from 0 on, got {channel!r}")
    offset = _seconds(data, "offset", where)
    duration = _seconds(data, "duration", where)
    if duration == 0:
        raise InputError(f"{where}: duration: expected more than 0 s, got 0")
    audio = existing(Path(os.path.abspath(path.parent / data["audio_filepath"])))
    if os.path.isdir(audio):
        raise InputError(f"{where}: audio_filepath: expected a sound file, got the folder {audio}")
    speaker = data.get("speaker")
    if speaker is None and speaker_characters is not None:
        speaker = audio.stem[:speaker_characters]
    utterance = Utterance(
        id=str(data.get("id")),
        recording="",
        audio=audio,
        text=text.strip(),
        speaker=None if speaker is None else str(speaker),
        start=offset or 0.0,
        end=None if duration is None else round((offset or 0.0) + duration, 9),
        channel=channel,
        segmented=offset is not None,
        problem=problem,
    )
    return _Entry(line.number, audio, utterance, data.get("id") is not None)


def _seconds(data: dict[str, object], key: str, where: str) -> float | None:
    value = data.get(key)
    if value is None:
        return None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not 0 <= (seconds := float(str(value))) < math.inf:
        raise InputError(f"{where}: {key}: expected seconds from 0 on, got {value!r}")
    return seconds
