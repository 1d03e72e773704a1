"""Text files: decoded with care, and written whole or not at all."""

from __future__ import annotations

import codecs
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from speechalign.errors import FormatError


@contextmanager
def replacing(path: Path) -> Iterator[TextIO]:
    """Open a temporary file beside ``path`` that takes its place when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to replace; its folder exists. Whatever goes wrong leaves it as it was, and no
        temporary file behind.

    Raises
    ------
    FormatError
        The text cannot be encoded: it has half a surrogate pair.
    OSError
        The folder cannot be written to.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(temporary, "x", encoding="utf-8", newline="\n") as sink:
            yield sink
        os.replace(temporary, path)
    except UnicodeEncodeError as error:
        raise FormatError(
            f"{path}: the text holds {error.object[error.start : error.end]!r}, half a surrogate "
            "pair, which UTF-8 cannot hold; repair the label"
        ) from None
    except OSError as error:
        # The user knows the file, not the temporary name beside it.
        raise OSError(error.errno, error.strerror, str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole UTF-8 file, or leave what was there."""
    with replacing(path) as sink:
        sink.write(text)


def read_text(path: Path) -> str:
    """Read UTF-8, or UTF-16 with a byte-order mark; line ends stay as they are.

    Raises
    ------
    FormatError
        The bytes are neither: the message gives the first wrong one.
    """
    data = path.read_bytes()
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if utf16 else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        # The codec counts from behind a UTF-8 mark.
        place = error.start + (3 if data.startswith(codecs.BOM_UTF8) else 0)
        raise FormatError(
            f"{path}: byte {place} (0x{data[place]:02x}) is not {encoding[:6].rstrip('-').upper()}"
            " text; save the file again as UTF-8"
        ) from None


def lines(text: str) -> list[str]:
    r"""Split at ``\n``, ``\r\n`` and ``\r`` only: labels may hold the other separators."""
    return re.split(r"\r\n|\n|\r", text)
