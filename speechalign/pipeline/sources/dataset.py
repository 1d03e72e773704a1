"""Folders of Hugging Face datasets, as ``Dataset.save_to_disk`` writes them.

See https://huggingface.co/docs/datasets/process#save
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from speechalign.corpus import Utterance
from speechalign.errors import BackendError, InputError
from speechalign.pipeline.rows import utterance_of
from speechalign.pipeline.sources import beside, check_columns


def recognises(path: Path) -> bool:
    """Return whether a folder has the description of a dataset, or of several splits."""
    return (path / "dataset_info.json").is_file() or (path / "dataset_dict.json").is_file()


def read(path: Path, columns: Mapping[str, str]) -> Iterator[Utterance]:
    """Yield the utterances of all splits."""
    try:
        from datasets import Audio, DatasetDict, load_from_disk
    except ModuleNotFoundError:
        raise BackendError("this needs datasets; pip install 'speechalign[datasets]'") from None
    try:
        loaded = load_from_disk(str(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a dataset that can be read: {error}") from None
    for split, table in loaded.items() if isinstance(loaded, DatasetDict) else [("", loaded)]:
        names = check_columns(path, table.column_names, columns)
        if isinstance(table.features[names["audio"]], Audio):
            table = table.cast_column(names["audio"], Audio(decode=False))
        for number, row in enumerate(table.select_columns(list(names.values()))):
            given = {name: row[column] for name, column in names.items()}
            default = {"id": f"{split}{'-' * bool(split)}{number:08d}"}
            yield utterance_of(default | beside(path, given))
