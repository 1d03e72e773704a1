"""Kaldi data directories: ``wav.scp``, ``text``, ``utt2spk``, and where there are, ``segments``
and ``reco2file_and_channel``.

Paths in ``wav.scp`` are taken from the directory, else, as Kaldi does, from the current folder.
What ``validate_data_dir.sh`` refuses becomes a problem of the utterances concerned; the order of
the lines does not matter here. Commands (``sph2pipe ... |``) are not run.

See https://kaldi-asr.org/doc/data_prep.html
"""

from __future__ import annotations

import math
import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from speechalign.corpus.utterance import Utterance
from speechalign.errors import InputError
from speechalign.files.names import composed, existing
from speechalign.files.reading import read_lines


@dataclass
class _Table:
    """A file of the directory: a key and a value on each line."""

    path: Path
    values: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, key: str) -> str:
        if key in self.problems:
            raise InputError(self.problems[key])
        if key not in self.values:
            raise InputError(f"{self.path}: no line for {key}; add one, or drop {key} elsewhere")
        return self.values[key]


def recognises(path: Path) -> bool:
    """Return whether a folder has a ``wav.scp``."""
    return (path / "wav.scp").is_file()


def read(path: Path, *, speaker_characters: int | None = None) -> list[Utterance]:
    """Read a data directory.

    Parameters
    ----------
    path : Path
        The directory.
    speaker_characters : int or None
        Where there is no ``utt2spk``: the first so many characters of the utterance id.

    Returns
    -------
    list of Utterance
        One for each key of ``text``, ``segments``, ``utt2spk``, and of ``wav.scp`` where there
        are no segments. The recording is called as in ``wav.scp``. What is missing, double or
        malformed is a ``problem``.

    Raises
    ------
    OSError, FormatError
        A file of the directory cannot be read at all.
    """
    sounds = _table(path / "wav.scp")
    texts = _table(path / "text")
    speakers, segments, channels = (
        _table(path / name) if (path / name).exists() else None
        for name in ("utt2spk", "segments", "reco2file_and_channel")
    )
    ids: dict[str, None] = {}
    for table in (texts, segments or sounds, speakers):
        if table is not None:
            ids |= dict.fromkeys(table.values)
    utterances = []
    for name in ids:
        try:
            recording, start, end = name, 0.0, None
            if segments is not None:
                recording, start, end = _segment(segments[name], f"{segments.path}: {name}")
            if speakers is not None:
                speaker: str | None = speakers[name]
            else:
                speaker = None if speaker_characters is None else name[:speaker_characters]
            channel = None
            if channels is not None:
                channel = _channel(channels[recording], f"{channels.path}: {recording}")
            utterance = Utterance(
                id=name,
                recording=recording,
                audio=_audio(path, sounds[recording], f"{sounds.path}: {recording}"),
                text=texts[name],
                speaker=speaker,
                start=start,
                end=end,
                channel=channel,
                segmented=segments is not None,
            )
        except InputError as error:
            utterance = Utterance(name, name, path / "wav.scp", "", problem=str(error))
        utterances.append(utterance)
    return utterances


def _table(path: Path) -> _Table:
    table = _Table(path)
    numbers: dict[str, list[int]] = defaultdict(list)
    for line in read_lines(path):
        key, *value = line.text.split(maxsplit=1)
        key = composed(key)
        numbers[key].append(line.number)
        table.values[key] = value[0] if value else ""
        if line.problem:
            table.problems[key] = line.problem
    for key, found in numbers.items():
        if len(found) > 1:
            table.problems[key] = (
                f"{path}: {key} is on lines {', '.join(map(str, found))}; keep one of them"
            )
    return table


def _audio(folder: Path, value: str, where: str) -> Path:
    if value.endswith("|") or value.startswith("|"):
        raise InputError(
            f"{where}: expected a path, got the command {value!r}; speechalign runs no commands "
            "from data: write its output to a WAV or FLAC file and give the path"
        )
    if not value:
        raise InputError(f"{where}: expected a path, got nothing")
    beside = existing(folder / value)
    return beside if os.path.exists(beside) else existing(Path(value))


def _segment(value: str, where: str) -> tuple[str, float, float | None]:
    """Recording, start and end; an end of -1 means the end of the recording."""
    fields = value.split()
    try:
        recording, start, end = composed(fields[0]), float(fields[1]), float(fields[2])
    except (IndexError, ValueError):
        raise InputError(f"{where}: expected 'RECORDING START END', got {value!r}") from None
    if not (math.isfinite(end) and start >= 0 and (end == -1 or start < end)):
        raise InputError(f"{where}: expected 0 <= start < end in seconds, got {start} to {end}")
    return recording, start, None if end == -1 else end


def _channel(value: str, where: str) -> int:
    side = value.split()[-1:]
    if side == ["A"] or side == ["1"]:
        return 0
    if side == ["B"] or side == ["2"]:
        return 1
    raise InputError(f"{where}: expected 'FILE A' or 'FILE B', got {value!r}")
