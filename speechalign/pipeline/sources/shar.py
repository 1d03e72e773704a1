"""Lhotse Shar: folders of ``cuts.000000.jsonl.gz`` with ``recording.000000.tar``, read by lhotse.

Each supervision of a cut is an utterance. See https://lhotse.readthedocs.io/en/latest/shar.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from speechalign.corpus import Utterance
from speechalign.errors import BackendError, InputError
from speechalign.pipeline.rows import utterance_of


def recognises(path: Path) -> bool:
    """Return whether a folder has cuts and their recordings in shards."""
    return path.is_dir() and any(path.glob("cuts.*.jsonl*")) and any(path.glob("recording.*.tar"))


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
    """Yield the utterances of all cuts."""
    if columns:
        raise InputError(f"columns: {path} holds cuts, which have none; leave them out")
    try:
        from lhotse import CutSet
    except ModuleNotFoundError:
        raise BackendError("Shar needs lhotse; pip install 'speechalign[lhotse]'") from None
    for cut in CutSet.from_shar(in_dir=path):
        try:
            samples, problem = cut.load_audio(), None
        except Exception as error:  # lhotse raises what its many readers raise.
            samples, problem = None, f"{cut.id}: audio: {str(error).splitlines()[0]}"
        for supervision in cut.supervisions:
            row = {
                "id": supervision.id,
                "text": supervision.text or "",
                "audio": problem or {"array": samples, "sampling_rate": cut.sampling_rate},
                "offset": max(0.0, supervision.start),
                "duration": supervision.duration,
                "speaker": supervision.speaker,
            }
            if problem:
                yield Utterance(supervision.id, supervision.id, path, row["text"], problem=problem)
            else:
                yield utterance_of(row)
