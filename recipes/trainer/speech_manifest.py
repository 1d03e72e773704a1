"""Recordings and their transcripts, in JSON lines; a transcript may be empty."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechalign.audio.sound_file import read_waveform
from speechalign.errors import InputError


@dataclass(frozen=True)
class Recording:
    """A line of a manifest.

    Parameters
    ----------
    audio : Path
        Sound file.
    text : str
        Transcript; empty for noise and silence.
    speaker : str
        Name of the speaker; empty for noise and silence.
    """

    audio: Path
    text: str
    speaker: str

    def samples(self, sample_rate: int) -> np.ndarray:
        """Return the samples, (N,) float32."""
        return read_waveform(self.audio, sample_rate=sample_rate).samples


def read_manifest(path: Path) -> list[Recording]:
    """Return the recordings of a manifest, whose paths are relative to its folder.

    Raises
    ------
    InputError
        The manifest is missing or empty, or a line is malformed.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a manifest in JSON lines") from None
    found = []
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
            audio, text = data["audio_filepath"], data["text"]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{path}:{number}: expected an object with audio_filepath and text: {error!r}"
            ) from None
        found.append(Recording(path.parent / audio, text, data.get("speaker", "")))
    if not found:
        raise InputError(f"{path}: has no recordings")
    return found


def write_manifest(path: Path, recordings: list[Recording]) -> None:
    """Write a manifest, with the sound files by their absolute paths."""
    lines = [
        json.dumps(
            {"audio_filepath": str(r.audio.resolve()), "text": r.text, "speaker": r.speaker},
            ensure_ascii=False,
        )
        for r in recordings
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
