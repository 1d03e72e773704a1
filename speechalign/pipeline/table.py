"""Tables of alignments: a manifest as a parquet file."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from speechalign.errors import BackendError
from speechalign.files.writing import in_place_of
from speechalign.pipeline.manifest import Manifest, result_of_line
from speechalign.pipeline.merge import sorted_lines
from speechalign.pipeline.rows import columns_of

_ROWS = 1000
_COPIED = (
    "utterance", "recording", "text", "speaker", "audio", "start", "end", "audio_duration",
    "audio_sha256", "model", "version",
)  # fmt: skip


def write_table(manifest: Manifest, path: Path) -> None:
    """Write the results of a manifest to a parquet file, some rows at a time.

    Parameters
    ----------
    manifest : Manifest
        Of a folder or a shard.
    path : Path
        The file; its folder is made where it is missing.

    Raises
    ------
    BackendError
        pyarrow is missing.
    """
    try:
        import pyarrow as pa
        from pyarrow.parquet import ParquetWriter
    except ModuleNotFoundError:
        raise BackendError(
            "parquet files need pyarrow; pip install 'speechalign[parquet]'"
        ) from None
    span = [("text", pa.string()), ("start", pa.float64()), ("end", pa.float64())]
    kinds = dict.fromkeys(_COPIED, pa.string())
    kinds |= dict.fromkeys(("start", "end", "audio_duration"), pa.float64())
    kinds |= {"status": pa.string(), "reason": pa.string(), "confidence": pa.float64()}
    kinds["words"] = pa.list_(pa.struct([*span, ("confidence", pa.float64())]))
    kinds["phones"] = pa.list_(pa.struct(span))
    schema = pa.schema(list(kinds.items()))
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = sorted_lines([manifest])
    with in_place_of(path) as temporary, ParquetWriter(temporary, schema) as sink:
        while some := list(islice(lines, _ROWS)):
            results = [result_of_line(json.loads(line)) for line in some]
            columns = {name: [getattr(result, name) for result in results] for name in _COPIED}
            sink.write_table(pa.table({**columns, **columns_of(results)}, schema=schema))
