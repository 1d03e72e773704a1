"""Sources of rows: tables and archives that are read as a stream; one file per kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, cast

from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.models.content import content_hash
from speechalign.pipeline.rows import KNOWN
from speechalign.registry import Registry


class Source(Protocol):
    """Interface of a module that reads one kind of storage."""

    def recognises(self, path: Path) -> bool:
        """Return whether ``path`` looks like this kind."""
        ...

    def read(self, path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
        """Yield utterances one by one; what cannot be used has a ``problem``.

        What is wrong with all of it, such as a column that is missing, is an error at the first.
        """
        ...


SOURCES = Registry(
    "speechalign.sources",
    {
        "jsonl": "speechalign.pipeline.sources.jsonl",
        "lhotse": "speechalign.pipeline.sources.lhotse",
        "parquet": "speechalign.pipeline.sources.parquet",
        "dataset": "speechalign.pipeline.sources.dataset",
        "webdataset": "speechalign.pipeline.sources.webdataset",
    },
)


def read_rows(path: Path, columns: Mapping[str, str] | None = None) -> Iterator[Utterance]:
    """Yield the utterances of a table or an archive, one by one, in its order.

    Parameters
    ----------
    path : Path
        What one of ``SOURCES`` recognises, or a corpus that `speechalign.read_corpus` reads, which
        is read as a whole.
    columns : Mapping[str, str] or None
        Names of columns that are called otherwise, such as ``{"text": "sentence"}``.

    Raises
    ------
    InputError
        There is no such file or folder, it cannot be read, or a column is missing.
    BackendError
        A package that reads it is missing.
    """
    columns = columns or {}
    unknown = ", ".join(sorted(set(columns) - set(KNOWN)))
    if unknown:
        raise InputError(f"columns: expected names among {', '.join(KNOWN)}; got {unknown}")
    if not path.exists():
        raise InputError(f"{path}: there is no such file or folder; check its name")
    for name in SOURCES:
        source = cast(Source, SOURCES[name])
        if source.recognises(path):
            return source.read(path, columns)
    if columns:
        raise InputError(f"columns: {path} has none; leave them out")
    return iter(read_corpus(path))


def files_below(path: Path, suffix: str) -> list[Path]:
    """Return a file, or those of a folder with a suffix, in order."""
    return sorted(path.rglob(f"*{suffix}")) if path.is_dir() else [path]


def files_hash(path: Path) -> str:
    """Return a hash of names and sizes of all files of a corpus; the files are not read."""
    files = path.rglob("*") if path.is_dir() else [path]
    return content_hash(
        sorted((file.name, file.stat().st_size) for file in files if file.is_file())
    )


def check_columns(path: Path, found: Iterable[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return, for each column that is read, its name in a table; ``id`` may be missing.

    Raises
    ------
    InputError
        One that is needed, or that was named, is missing.
    """
    found = list(found)
    names = {name: columns.get(name, name) for name in KNOWN}
    for name, given in names.items():
        if given not in found and (name in columns or name in ("text", "audio")):
            there = ", ".join(map(repr, found)) or "none"
            raise InputError(
                f"{path}: expected a column {given!r}, got {there}; name it, as with --column "
                f"{name}=NAME"
            )
    return {name: given for name, given in names.items() if given in found}


def beside(folder: Path, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in which a relative path of the audio is one from a folder."""
    audio = row["audio"]
    if isinstance(audio, str):
        return row | {"audio": str(folder / audio)}
    if isinstance(audio, Mapping) and audio.get("bytes") is None and audio.get("path"):
        return row | {"audio": str(folder / audio["path"])}
    return row
