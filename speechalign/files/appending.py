"""Appending of lines to a file that others append to, and that a killed process may have left."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from speechalign.errors import SpeechAlignWarning
from speechalign.files.writing import naming

try:
    from fcntl import LOCK_EX, flock
except ImportError:  # Windows: one run at a time
    flock = None  # type: ignore[assignment]

_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait until nobody else writes to a file; it may be replaced by another in the meantime.

    A file system without locks is named in a warning.
    """
    while flock is not None:
        with path.open("ab") as file:
            _lock(file)
            if _is_same(file, path):
                yield
                return
    yield  # An open file could not be replaced there.


def append(path: Path, text: str) -> None:
    """Append lines, after a line that a killed run left unfinished is cut off.

    Parameters
    ----------
    path : Path
        The file, which the caller has `locked`.
    text : str
        Whole lines; none leave the file as it is.

    Raises
    ------
    OSError
        It cannot be written to, as on a full disk.
    """
    if not text:
        return
    with naming(path), path.open("a+b") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            if file.read(1) != b"\n":
                file.seek(0)
                file.truncate(file.read().rfind(b"\n") + 1)
        file.write(text.encode("utf-8"))


def _lock(file: BinaryIO) -> None:
    """Wait for the lock on a file, which closing it releases."""
    try:
        flock(file.fileno(), LOCK_EX)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        warnings.warn(
            f"{file.name}: this file system has no locks; align into it by one process at a time",
            SpeechAlignWarning,
            stacklevel=2,
        )


def _is_same(file: BinaryIO, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
