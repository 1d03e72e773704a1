"""Parquet: a file, or a folder of files, read by pyarrow some rows at a time.

``audio`` holds bytes, paths (from the folder of the file), or structs of ``bytes`` and ``path`` as
Hugging Face writes them. Rows without a column ``id`` are named after the file, with their number.

See https://arrow.apache.org/docs/python/parquet.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from speechalign.corpus import Utterance
from speechalign.errors import BackendError, InputError
from speechalign.pipeline.rows import utterance_of
from speechalign.pipeline.sources import beside, check_columns, files_below

_ROWS = 32


def recognises(path: Path) -> bool:
    """Return whether there is a file whose name ends in ``.parquet``."""
    return any(file.suffix == ".parquet" for file in files_below(path, ".parquet"))


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
    """Yield the utterances of all files, in the order of their names."""
    try:
        from pyarrow import ArrowException
        from pyarrow.parquet import ParquetFile
    except ModuleNotFoundError:
        raise BackendError(
            "parquet files need pyarrow; pip install 'speechalign[parquet]'"
        ) from None
    for file in files_below(path, ".parquet"):
        number = 0
        try:
            with ParquetFile(file) as table:
                names = check_columns(file, table.schema_arrow.names, columns)
                for batch in table.iter_batches(_ROWS, columns=list(names.values())):
                    for row in batch.to_pylist():
                        given = {name: row[column] for name, column in names.items()}
                        default = {"id": f"{file.stem}-{number:08d}"}
                        yield utterance_of(default | beside(file.parent, given))
                        number += 1
        except ArrowException as error:
            if number == 0:
                raise InputError(f"{file}: not a parquet file that can be read: {error}") from None
            name = f"{file.stem}-{number:08d}"
            problem = f"{file}: damaged from row {number} on: {error}; copy the file again"
            yield Utterance(name, name, file, "", problem=problem)
