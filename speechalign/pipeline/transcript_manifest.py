"""Transcripts of recordings, and the manifest and journals that hold them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechalign.corpus import Utterance
from speechalign.errors import SpeechAlignError
from speechalign.files.json_values import loads
from speechalign.files.writing import write_text
from speechalign.pipeline.journal import TRANSCRIPTS, Entry, Journal
from speechalign.pipeline.shards import shards_to_merge
from speechalign.transcription import Transcriber, Transcript

MANIFEST = "transcripts.jsonl"
"""Name of the manifest of all transcripts in an output folder, which `read_corpus` takes."""


@dataclass(frozen=True)
class Segment:
    """Transcript of a stretch of a recording.

    Parameters
    ----------
    start, end : float
        Seconds.
    transcript : Transcript
        The words.
    """

    start: float
    end: float
    transcript: Transcript


@dataclass(frozen=True)
class TranscribedRecording:
    """A recording with what is said in it.

    Parameters
    ----------
    source : Utterance
        The recording, as the corpus has it.
    segments : tuple[Segment, ...]
        Stretches with words, in order; none where nobody speaks.
    unclear : tuple[Segment, ...]
        Stretches that are left out, since what is written for them is improbable.
    duration : float
        Seconds; 0 where it could not be read.
    sha256 : str
        Hash of the sound file.
    kept : bool
        Whether this is of an earlier run.
    problem : str or None
        Why there are none, with the file's name and what to do.
    """

    source: Utterance
    segments: tuple[Segment, ...] = ()
    unclear: tuple[Segment, ...] = ()
    duration: float = 0.0
    sha256: str = ""
    kept: bool = False
    problem: str | None = None

    @property
    def whole(self) -> bool:
        """Return whether the recording is a single stretch."""
        return len(self.segments) == 1 and self.segments[0].end - self.segments[0].start > (
            self.duration - 1e-3
        )

    def utterances(self) -> list[Utterance]:
        """Return what is to be aligned."""
        if self.whole:
            text = self.segments[0].transcript.text
            return [replace(self.source, text=text, problem=None)]
        return [
            replace(
                self.source,
                id=f"{self.source.recording}#{number}",
                text=segment.transcript.text,
                start=segment.start,
                end=segment.end,
                segmented=True,
                problem=None,
            )
            for number, segment in enumerate(self.segments, 1)
        ]


def lines_of(
    found: TranscribedRecording, transcriber: Transcriber, settings: str, out: Path
) -> list[dict[str, Any]]:
    """Return the lines of the manifest for a recording; none where it failed."""
    if found.problem is not None:
        return []
    audio = found.source.audio.resolve()
    with suppress(ValueError):
        audio = Path(os.path.relpath(audio, out.resolve()))
    lines = []
    for number, segment in enumerate(found.segments, 1):
        transcript = segment.transcript
        line = {
            "id": found.source.recording + ("" if found.whole else f"#{number}"),
            "recording": found.source.recording,
            "audio_filepath": audio.as_posix(),
            "text": transcript.text,
            "speaker": found.source.speaker,
            "channel": found.source.channel,
            "offset": segment.start,
            "duration": round(segment.end - segment.start, 3),
            "language": transcript.language,
            "repeated": transcript.repeated,
            "log_prob": transcript.log_prob,
            "model": transcriber.model.name,
            "settings": settings,
            "audio_sha256": found.sha256,
        }
        lines.append({key: value for key, value in line.items() if value is not None})
    return lines


def read_manifest(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the lines of an earlier run by recording; what cannot be read is not there."""
    by_id: dict[str, dict[str, Any]] = {}
    with suppress(OSError, UnicodeDecodeError):
        for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            with suppress(SpeechAlignError):
                line = loads(text, f"{path}:{number}")
                if {"recording", "settings", "audio_sha256", "offset", "duration"} <= set(line):
                    by_id[str(line.get("id"))] = line
    found: dict[str, list[dict[str, Any]]] = {}
    for line in by_id.values():
        found.setdefault(str(line["recording"]), []).append(line)
    return found


def segment_of(line: Mapping[str, Any]) -> Segment:
    """Return the segment of a line of the manifest."""
    transcript = Transcript(
        line["text"], line.get("language"), int(line.get("repeated", 0)), line.get("log_prob")
    )
    start = float(line["offset"])
    return Segment(start, round(start + float(line["duration"]), 3), transcript)


def known_of(entry: Entry, settings: str) -> list[dict[str, Any]]:
    """Return what an earlier run knows of a recording: lines; none where there is no result."""
    hashed = {"settings": settings, "audio_sha256": entry.audio_sha256}
    return [*entry.lines] or [hashed] if entry.done else []


def merge_transcripts(folder: Path, *, allow_missing: bool = False) -> int:
    """Put the transcripts of all shards together, in a manifest as a run without shards writes it.

    Parameters
    ----------
    folder : Path
        The output folder of the shards.
    allow_missing : bool
        Merge although some shards have no journal yet.

    Returns
    -------
    int
        How many recordings there are.

    Raises
    ------
    InputError
        There are no shards, some are missing, or a journal is damaged.
    """
    shards = shards_to_merge(folder, TRANSCRIPTS, allow_missing=allow_missing)
    journals = [Journal(folder / TRANSCRIPTS / shard.file) for shard in shards]
    entries = [entry for journal in journals for entry in journal.entries().values()]
    lines = [line for entry in entries for line in entry.lines]
    write_text(folder / MANIFEST, "".join(map(text_of, sorted(lines, key=place_of))))
    return len(entries)


def text_of(line: Mapping[str, Any]) -> str:
    """Return a line of the manifest as JSON."""
    return json.dumps(line, ensure_ascii=False) + "\n"


def place_of(line: Mapping[str, Any]) -> tuple[str, float]:
    """Return what the lines of the manifest are sorted by."""
    return line["recording"], line["offset"]
