"""Reading text that users wrote: UTF-8, and where it is not."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speechalign.errors import InputError


def read_text(path: Path) -> str:
    """Read a text file that must be UTF-8.

    Parameters
    ----------
    path : Path
        The file; a byte order mark at its beginning is dropped.

    Returns
    -------
    str
        Its text.

    Raises
    ------
    InputError
        The file cannot be read or is not UTF-8; the message names the first bad byte.
    """
    return _decode(_read_bytes(path), str(path), 0)


@dataclass(frozen=True)
class Line:
    """One line of a text file.

    Parameters
    ----------
    number : int
        Counted from 1.
    text : str
        Without surrounding whitespace; where there is a problem, what can be made of it.
    problem : str or None
        Why it cannot be read, in words for the user.
    """

    number: int
    text: str
    problem: str | None = None


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a text file that are not blank, one bad line harming no other.

    Parameters
    ----------
    path : Path
        UTF-8; decompressed where the name ends in ``.gz``.

    Yields
    ------
    Line
        A line, or why it cannot be read.

    Raises
    ------
    InputError
        The file cannot be read at all.
    """
    offset = 0
    for number, data in enumerate(_read_bytes(path).split(b"\n"), 1):
        try:
            text = _decode(data, f"{path}:{number}", offset).strip()
        except InputError as error:
            yield Line(number, data.decode("utf-8", "replace").strip(), str(error))
        else:
            if text:
                yield Line(number, text)
        offset += len(data) + 1


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix.lower() == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def _decode(data: bytes, name: str, offset: int) -> str:
    """Decode UTF-8 that begins ``offset`` bytes into the file called ``name``."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise InputError(f"{name}: expected UTF-8, got UTF-16 at byte {offset}; convert the file")
    mark = len(codecs.BOM_UTF8) if data.startswith(codecs.BOM_UTF8) else 0
    try:
        text = data[mark:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{name}: not UTF-8 at byte {offset + mark + error.start} "
            f"(0x{data[mark + error.start]:02x}); convert the file, e.g. iconv -f latin1 -t utf-8"
        ) from None
    if "\0" in text:
        raise InputError(
            f"{name}: expected UTF-8 text, got a zero at byte "
            f"{offset + mark + data[mark:].index(0)}; convert the file from UTF-16"
        )
    return text
