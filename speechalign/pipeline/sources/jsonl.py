"""JSONL manifests with NeMo's keys, read line by line; see `speechalign.corpus.manifest`.

An utterance without ``id`` is named after its sound file, with ``@offset`` where it has one: how
many others there are is not known yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from speechalign.corpus import Utterance, lhotse
from speechalign.corpus.manifest import utterance_of_line
from speechalign.errors import InputError
from speechalign.files.reading import read_lines


def recognises(path: Path) -> bool:
    """Return whether the name of a file ends as that of a manifest, and it has no cuts."""
    if not (path.is_file() and path.name.lower().endswith((".jsonl", ".jsonl.gz"))):
        return False
    return not lhotse.recognises(path)


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
    """Yield the utterances of a manifest."""
    if columns:
        raise InputError(f"columns: {path} has NeMo's keys; leave them out")
    for line in read_lines(path):
        yield utterance_of_line(line, path)
