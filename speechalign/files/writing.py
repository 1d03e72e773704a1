"""Write files whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from speechalign.errors import FormatError


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let errors of the system name what the user knows, not a temporary file beside it, or none.

    Parameters
    ----------
    path : Path
        The file or folder that is written in the block.

    Raises
    ------
    OSError
        That of the block, with the name of the path.
    """
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


@contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """Yield the name of a temporary file that takes the place of ``path`` when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to replace; its folder exists. Whatever goes wrong leaves it as it was, and no
        temporary file behind.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with naming(path):
            yield temporary
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a text file that takes the place of ``path`` when the block succeeds.

    Parameters
    ----------
    path : Path
        As for `in_place_of`.

    Raises
    ------
    FormatError
        The text cannot be encoded: it has half a surrogate pair.
    OSError
        The folder cannot be written to.
    """
    try:
        with (
            in_place_of(path) as temporary,
            open(temporary, "x", encoding="utf-8", newline="\n") as sink,
        ):
            yield sink
    except UnicodeEncodeError as error:
        raise FormatError(
            f"{path}: the text holds {error.object[error.start : error.end]!r}, half a surrogate "
            "pair, which UTF-8 cannot hold; repair the label"
        ) from None


def check_no_zero(text: str, path: Path) -> None:
    """Raise FormatError where a text holds a zero, which no text file can."""
    if "\0" in text:
        place = text.index("\0")
        raise FormatError(
            f"{path}: the text holds a zero after {text[max(0, place - 20) : place]!r}, which no "
            "text file can hold; repair the label"
        )


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file, or leave what was there.

    Raises
    ------
    FormatError, OSError
        As for `replacing` and `check_no_zero`.
    """
    check_no_zero(text, path)
    with replacing(path) as sink:
        sink.write(text)
