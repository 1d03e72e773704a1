"""Journals: what became of each recording of a shard that is transcribed or segmented.

Each shard appends a line as soon as a recording is finished, so that it may be killed at any
moment. Of the lines of a recording, the last one counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.files.appending import append, locked
from speechalign.pipeline.shards import Shard, ShardedRun, recordings_hash

TRANSCRIPTS = "transcript_manifest"
"""Folder, in the output folder of `transcribe_corpus`, of the journals of shards."""
SEGMENTS = "segment_manifest"
"""Folder, in the output folder of `segment_corpus`, of the journals of shards."""
FAILED = "failed"
INTERRUPTED = "interrupted"
"""Status of a recording whose file is being written."""


@dataclass(frozen=True)
class Entry:
    """What became of a recording.

    Parameters
    ----------
    recording, audio : str
        As in `Utterance`.
    status : str
        ``failed``, ``interrupted``, or the kind of result.
    reason : str or None
        Why it failed.
    seconds : float
        Length of the recording; 0 where it could not be read.
    audio_sha256 : str
        Hash of the sound file; empty where it could not be read.
    lines : list of dict
        What a merged manifest has of it.
    """

    recording: str
    audio: str
    status: str
    reason: str | None = None
    seconds: float = 0.0
    audio_sha256: str = ""
    lines: Sequence[dict[str, Any]] = ()

    @property
    def done(self) -> bool:
        """Whether there is a result, which may be that nobody speaks."""
        return self.status not in (FAILED, INTERRUPTED)


class Journal:
    """Journal of a shard.

    Parameters
    ----------
    path : Path
        The file; its folder exists once something is appended.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(
        cls, folder: Path, kind: str, shard: Shard, utterances: Sequence[Utterance], settings: str
    ) -> Journal:
        """Return the journal of a shard, which agrees with the others on what is done.

        Parameters
        ----------
        folder : Path
            The output folder.
        kind : str
            ``TRANSCRIPTS`` or ``SEGMENTS``.
        shard : Shard
            Which one.
        utterances : Sequence[Utterance]
            Those of the whole corpus.
        settings : str
            Hash of the model and of all that the results depend on.

        Raises
        ------
        InputError
            Other shards found other recordings or settings, or the folder cannot be written to.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            ShardedRun(shard.count, recordings_hash(utterances), settings).agree(folder, kind)
            journal = cls(folder / kind / shard.file)
            journal.path.touch()
        except OSError as error:
            raise InputError(
                f"{folder}: cannot be written to: {error.strerror}; choose another folder"
            ) from None
        return journal

    def entries(self) -> dict[str, Entry]:
        """Return the last entry of each recording.

        Raises
        ------
        InputError
            The journal is damaged.
        """
        return {entry.recording: entry for entry in self._lines()}

    def append(self, entry: Entry) -> None:
        """Add an entry."""
        with locked(self.path):
            append(self.path, json.dumps(asdict(entry)) + "\n")

    def _lines(self) -> Iterator[Entry]:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield Entry(**json.loads(line))
                except (ValueError, TypeError):
                    raise InputError(
                        f"{self.path}:{number}: damaged, or of another version of speechalign; "
                        "move it away, and run the shard again"
                    ) from None
