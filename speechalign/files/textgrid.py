"""Read Praat TextGrids of every kind: long, short and chronological text, and binary.

Specification: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html

Text is UTF-8, or UTF-16 with a byte-order mark. Praat reads its text files as a stream of strings
in double quotes, numbers and flags between white space, and passes over everything else: names of
fields, and comments after ``!``. So does this reader, whatever the layout of the lines.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from speechalign.errors import FormatError
from speechalign.files.reading import decode

_CHRONOLOGICAL = "Praat chronological TextGrid text file"
_BINARY = b"ooBinaryFile\x08TextGrid"


@dataclass(frozen=True)
class Mark:
    """One interval of a tier.

    Parameters
    ----------
    place : str
        Where it stands in the file, for messages: ``line 12, interval 3``.
    start, end : float
        Seconds, as in the file: not checked.
    text : str
        The label; blank where nothing is said.
    """

    place: str
    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Tier:
    """One tier of intervals.

    Parameters
    ----------
    place : str
        Where it begins in the file, for messages.
    name : str
        Its name, which other tiers may share.
    marks : list[Mark]
        In the order of the file.
    """

    place: str
    name: str
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True)
class TextGrid:
    """The content of a TextGrid file.

    Parameters
    ----------
    duration : float
        End of the time domain, seconds.
    tiers : list[Tier]
        Tiers of intervals, in order.
    points : list[str]
        Names of the point tiers, whose points are not kept.
    """

    duration: float
    tiers: list[Tier]
    points: list[str]


def read_textgrid(path: Path) -> TextGrid:
    """Read a TextGrid file.

    Parameters
    ----------
    path : Path
        A long, short, chronological or binary TextGrid.

    Returns
    -------
    TextGrid
        Its tiers; that their intervals make sense is left to the caller to check.

    Raises
    ------
    FormatError
        The file is damaged, or something else: the message names the line or the byte.
    OSError
        The file cannot be opened.
    """
    data = path.read_bytes()
    if data.startswith(b"ooBinaryFile"):
        if not data.startswith(_BINARY):
            raise FormatError(
                f"{path}: a binary file of Praat, but no TextGrid; save the TextGrid alone in Praat"
            )
        return _read_tiers(_Bytes(path, data[len(_BINARY) :], len(_BINARY)))
    source = _Tokens(path, decode(data, str(path)))
    kind = source.text("the file type")
    if kind == _CHRONOLOGICAL:
        return _read_chronological(source)
    if not kind.startswith("ooTextFile"):
        raise source.error('expected File type = "ooTextFile"; save as a text file in Praat')
    if source.text("the object class") != "TextGrid":
        raise source.error('expected Object class = "TextGrid"; save the TextGrid alone in Praat')
    return _read_tiers(source)


class _Source(Protocol):
    """A file as a sequence of values; each method takes what was wanted, for messages."""

    @property
    def place(self) -> str: ...
    def error(self, problem: str) -> FormatError: ...
    def kind(self, wanted: str) -> str: ...
    def text(self, wanted: str) -> str: ...
    def number(self, wanted: str) -> float: ...
    def count(self, wanted: str) -> int: ...
    def exists(self) -> bool: ...


def _read_tiers(source: _Source) -> TextGrid:
    """Read what follows the header: the long, short and binary forms have the same order."""
    source.number("xmin")
    grid = TextGrid(source.number("xmax"), [], [])
    for _ in range(source.count("the number of tiers") if source.exists() else 0):
        kind, name = source.kind("a tier's class"), source.text("a tier's name")
        place = source.place
        source.number("a tier's xmin")
        source.number("a tier's xmax")
        size = source.count("the size of a tier")
        tier = _add_tier(grid, source, place, kind, name)
        for _ in range(size):
            _read_mark(source, tier)
    return grid


def _read_chronological(source: _Tokens) -> TextGrid:
    """Read the chronological form: all tiers, then marks that say which tier they belong to."""
    source.number("xmin")
    grid = TextGrid(source.number("xmax"), [], [])
    tiers = []
    for _ in range(source.count("the number of tiers")):
        kind, name = source.kind("a tier's class"), source.text("a tier's name")
        place = source.place
        source.number("a tier's xmin")
        source.number("a tier's xmax")
        tiers.append(_add_tier(grid, source, place, kind, name))
    while source.more():
        number = source.count("the number of a tier")
        if not 1 <= number <= len(tiers):
            raise source.error(f"expected a tier from 1 to {len(tiers)}, got {number}")
        _read_mark(source, tiers[number - 1])
    return grid


def _add_tier(grid: TextGrid, source: _Source, place: str, kind: str, name: str) -> Tier | None:
    """Add a tier to a grid; return it, or None for a point tier."""
    if kind == "TextTier":
        grid.points.append(name)
        return None
    if kind != "IntervalTier":
        raise source.error(f'expected "IntervalTier" or "TextTier", got "{kind}"')
    grid.tiers.append(Tier(place, name))
    return grid.tiers[-1]


def _read_mark(source: _Source, tier: Tier | None) -> None:
    """Read an interval and add it to its tier; without a tier, read a point."""
    if tier is None:
        source.number("the time of a point")
        source.text("the mark of a point")
        return
    start, end = source.number("an interval's xmin"), source.number("an interval's xmax")
    text = source.text("an interval's text")
    place = f"{source.place}, interval {len(tier.marks) + 1}"
    tier.marks.append(Mark(place, start, end, text))


class _Tokens:
    """The strings, flags and numbers of a text file."""

    _TOKEN = re.compile(
        r'"(?P<text>[^"]*(?:""[^"]*)*)"'
        r"|(?<!\S)(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?!\S)"
        r"|(?<!\S)<(?P<flag>\w+)>"
        r"|(?<!\S)![^\n\r]*"  # a comment
    )

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text
        self._tokens = (m for m in self._TOKEN.finditer(text) if m.lastgroup)
        self._ahead = next(self._tokens, None)
        self._position = 0
        self._line = 1

    @property
    def place(self) -> str:
        return f"line {self._line}"

    def error(self, problem: str) -> FormatError:
        return FormatError(f"{self._path}, {self.place}: {problem}")

    def more(self) -> bool:
        return self._ahead is not None

    def _next(self, kind: str, wanted: str) -> str:
        token, self._ahead = self._ahead, next(self._tokens, None)
        start = len(self._text) if token is None else token.start()
        self._line += len(re.findall(r"\r\n|\n|\r", self._text[self._position : start]))
        self._position = start
        if token is None:
            raise self.error(f"expected {wanted}, found the end; the file is cut short")
        if token.lastgroup != kind:
            raise self.error(f"expected {wanted} (a {kind}), got {token.group()[:40]}")
        return token[kind]

    def text(self, wanted: str) -> str:
        return self._next("text", wanted).replace('""', '"')

    kind = text

    def number(self, wanted: str) -> float:
        return float(self._next("number", wanted))

    def count(self, wanted: str) -> int:
        value = self.number(wanted)
        if not 0 <= value < 2**31 or value != int(value):
            raise self.error(f"expected {wanted}, a whole number, got {value}")
        return int(value)

    def exists(self) -> bool:
        return self._next("flag", "<exists>") == "exists"


class _Bytes:
    """The values of a binary file, big-endian."""

    def __init__(self, path: Path, data: bytes, offset: int) -> None:
        self._path = path
        self._data = data
        self._offset = offset
        self._position = 0

    @property
    def place(self) -> str:
        return f"byte {self._offset + self._position}"

    def error(self, problem: str) -> FormatError:
        return FormatError(f"{self._path}, {self.place}: {problem}")

    def _take(self, size: int, wanted: str) -> bytes:
        piece = self._data[self._position : self._position + size]
        if len(piece) < size:
            raise self.error(f"expected {wanted}, found the end; the file is cut short")
        self._position += size
        return piece

    def _integer(self, size: int, wanted: str) -> int:
        return int.from_bytes(self._take(size, wanted), "big")

    def kind(self, wanted: str) -> str:
        return self._take(self._integer(1, wanted), wanted).decode("latin-1")

    def text(self, wanted: str) -> str:
        size = self._integer(2, wanted)
        if size != 0xFFFF:
            return self._take(size, wanted).decode("latin-1")
        units = b""
        for _ in range(self._integer(2, wanted)):
            units += self._take(2, wanted)
            if 0xD8 <= units[-2] <= 0xDB:  # the first half of a pair counts for both
                units += self._take(2, wanted)
        try:
            return units.decode("utf-16-be")
        except UnicodeDecodeError:
            raise self.error(f"{wanted} has half a character; save the file again") from None

    def number(self, wanted: str) -> float:
        (value,) = struct.unpack(">d", self._take(8, wanted))
        return float(value)

    def count(self, wanted: str) -> int:
        value = int.from_bytes(self._take(4, wanted), "big", signed=True)
        if value < 0:
            raise self.error(f"expected {wanted}, got {value}")
        return value

    def exists(self) -> bool:
        return self._take(1, "whether there are tiers") != b"\0"
