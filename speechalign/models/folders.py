"""Model folders that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from speechalign.errors import InputError
from speechalign.files.writing import naming
from speechalign.models import DESCRIPTION


def check_replaceable(folder: Path) -> None:
    """Refuse a folder that holds something other than a model.

    Raises
    ------
    InputError
        ``folder`` is a file, or holds files and none of them is ``model.json``.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; choose another name for the model")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / DESCRIPTION).is_file():
        raise InputError(
            f"{folder}: holds files, and no model that may be replaced; choose another folder"
        )


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Make a temporary folder that takes the place of ``folder`` when the block succeeds.

    Parameters
    ----------
    folder : Path
        A model to replace, or a name that is free. Whatever goes wrong, a full disk for example,
        leaves it as it was, and nothing beside it.

    Raises
    ------
    InputError
        ``folder`` holds something other than a model.
    OSError
        The files cannot be written.
    """
    check_replaceable(folder)
    folder = folder.absolute()
    token = secrets.token_hex(8)
    temporary = folder.with_name(f".{folder.name}.{token}.tmp")
    retired = folder.with_name(f".{folder.name}.{token}.old")
    try:
        with naming(folder):
            temporary.mkdir(parents=True)
            yield temporary
            if folder.exists():
                os.replace(folder, retired)
            os.replace(temporary, folder)
    finally:
        if retired.exists() and not folder.exists():
            os.replace(retired, folder)
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)
