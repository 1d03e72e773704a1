"""Read text files that users and other programs wrote."""

from __future__ import annotations

import codecs
import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from speechalign.errors import FormatError


def read_text(path: Path) -> str:
    """Read a text file; line ends stay as they are.

    Parameters
    ----------
    path : Path
        UTF-8, or UTF-16 with a byte-order mark; the mark is dropped.

    Returns
    -------
    str
        Its text.

    Raises
    ------
    FormatError
        The bytes are neither: the message names the first bad one.
    OSError
        The file cannot be opened.
    """
    return decode(path.read_bytes(), str(path))


def lines(text: str) -> list[str]:
    r"""Split at ``\n``, ``\r\n`` and ``\r`` only: labels may hold the other separators.

    The end of the last line does not begin another.
    """
    found = re.split(r"\r\n|\n|\r", text)
    return found[:-1] if found[-1] == "" else found


@dataclass(frozen=True)
class Line:
    """One line of a text file.

    Parameters
    ----------
    number : int
        Counted from 1.
    text : str
        Without surrounding white space; where there is a problem, with the bad bytes replaced.
    problem : str or None
        Why it cannot be read, in words for the user.
    """

    number: int
    text: str
    problem: str | None = None


def read_lines(path: Path) -> Iterator[Line]:
    """Yield the lines of a text file that are not blank, one by one; a bad one harms no other.

    What cannot be decompressed behind good lines is one more line, with a problem.

    Parameters
    ----------
    path : Path
        Text as for `read_text`; decompressed where the name ends in ``.gz``.

    Yields
    ------
    Line
        A line, or why it cannot be read.

    Raises
    ------
    FormatError
        Nothing of the file can be decompressed, or it is damaged UTF-16.
    OSError
        The file cannot be opened.
    """
    number = offset = 0
    try:
        for number, piece in enumerate(_pieces(path), 1):
            try:
                text = decode(piece, f"{path}:{number}", offset).strip()
            except FormatError as error:
                yield Line(number, piece.decode("utf-8", "replace").strip(), str(error))
            else:
                if text:
                    yield Line(number, text)
            offset += len(piece) + 1
    except FormatError as damage:
        if number == 0:
            raise
        yield Line(number + 1, "", str(damage))


def _pieces(path: Path) -> Iterator[bytes]:
    """Yield the bytes of each line, as UTF-8; only a file in UTF-16 is read as a whole."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            first = file.readline()
            if _is_utf16(first):
                data = decode(first + file.read(), str(path)).encode("utf-8")
                yield from data.split(b"\n")
                return
            yield first.removesuffix(b"\n")
            for line in file:
                yield line.removesuffix(b"\n")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise FormatError(f"{path}: cannot be decompressed: {error}; copy it again") from None


def decode(data: bytes, name: str, offset: int = 0) -> str:
    """Decode text that begins ``offset`` bytes into the file called ``name``.

    Raises
    ------
    FormatError
        It is neither UTF-8 nor UTF-16 with a byte-order mark, or holds a zero.
    """
    encoding, mark = "UTF-8", 0
    if offset == 0 and _is_utf16(data):
        encoding = "UTF-16"
    elif data.startswith(codecs.BOM_UTF8):
        mark = len(codecs.BOM_UTF8)
    try:
        text = data[mark:].decode(encoding)
    except UnicodeDecodeError as error:
        place = mark + error.start
        raise FormatError(
            f"{name}: not {encoding} at byte {offset + place} (0x{data[place]:02x}); convert the "
            "file, e.g. iconv -f latin1 -t utf-8"
        ) from None
    if "\0" in text:
        raise FormatError(
            f"{name}: expected UTF-8 text, got a zero at byte "
            f"{offset + data.index(0)}; convert the file, e.g. iconv -f utf-16le -t utf-8"
        )
    return text


def _is_utf16(data: bytes) -> bool:
    return data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
