"""JSONL manifests with NeMo's keys, read line by line; see `speechalign.corpus.manifest`.

An utterance without ``id`` is named after its sound file, with ``@offset`` where it has one: how
many others there are is not known yet.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path

from speechalign.corpus import Utterance, lhotse
from speechalign.corpus.manifest import utterance_of_line
from speechalign.errors import InputError


def recognises(path: Path) -> bool:
    """Return whether the name of a file ends as that of a manifest, and it has no cuts."""
    if not (path.is_file() and path.name.lower().endswith((".jsonl", ".jsonl.gz"))):
        return False
    return not lhotse.recognises(path)


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
    """Yield the utterances of a manifest."""
    if columns:
        raise InputError(f"columns: {path} has NeMo's keys; leave them out")
    with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield utterance_of_line(line, number, path)
