"""Praat TextGrid, long form: the default format.

Specification: https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html

Written: every tier, in order and contiguous from 0 to the duration, silence as empty labels,
times with the digits that read back as the same float. A gap of at most 1 µs is closed, so that
no interval is empty and neighbours carry the same number.
Lost: confidences; intervals whose label is blank become silence.
Refused when written: a recording of no length, which Praat has no file for.
Read: the long form, the short form, whatever the layout of the lines, in UTF-8 or UTF-16 with a
byte-order mark; tiers need not be contiguous. Point tiers hold no intervals and are passed over.
Refused when read: overlapping intervals, labelled intervals of no length, two tiers of one name,
and Praat's binary and chronological files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import textgrid

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.formats.rows import TOLERANCE, Row, assemble
from speechalign.formats.textfile import read_text, replacing

SUFFIXES = (".TextGrid",)


def write(alignment: Alignment, path: Path) -> None:
    """Write the long form."""
    # The library writes the long form and has no short one. It prints floats with repr, which
    # reads back exactly, but leaves quotes in tier names alone: they are doubled here
    # (test_textgrid_escapes_quotes).
    grid = textgrid.TextGrid(minTime=0, maxTime=check_duration(alignment, path))
    for name in alignment.tiers:
        tier = textgrid.IntervalTier(name.replace('"', '""'), 0, alignment.duration)
        tier.intervals = [textgrid.Interval(*cell) for cell in cells(alignment, name)]
        grid.append(tier)
    with replacing(path) as sink:
        grid.write(sink)


def check_duration(alignment: Alignment, path: Path) -> float:
    """Return the duration; FormatError where it is 0."""
    if alignment.duration == 0:
        raise FormatError(f"{path}: a TextGrid needs a duration above 0 s; leave the file out")
    return alignment.duration


def cells(alignment: Alignment, tier: str) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and label of contiguous intervals, with gaps of rounding closed."""
    end = 0.0
    spoken = [interval for interval in alignment.tiers[tier] if interval.label.strip()]
    for interval, after in zip(spoken, [*spoken[1:], None]):
        start = end
        if interval.start - end > TOLERANCE:
            yield end, interval.start, ""
            start = interval.start
        end = interval.end
        if after is None and alignment.duration - end <= TOLERANCE:
            end = alignment.duration
        yield start, end, interval.label
    if end < alignment.duration:
        yield end, alignment.duration, ""


def read(path: Path) -> Alignment:
    """Read a text TextGrid of either form."""
    # Not the library's reader: it rounds to five digits, drops empty intervals without a word,
    # leaves doubled quotes in tier names, stumbles over points in the short form, and names no
    # line when it fails. Praat itself reads a stream of free-standing strings and numbers.
    if path.read_bytes().startswith(b"ooBinaryFile"):
        raise FormatError(f"{path}: a binary TextGrid; save it as a text file in Praat")
    source = _Tokens(path, read_text(path))
    if not source.text("the file type").startswith("ooTextFile"):
        raise source.error('expected File type = "ooTextFile"; save as a text file in Praat')
    if source.text("the object class") != "TextGrid":
        raise source.error('expected Object class = "TextGrid"; save the TextGrid alone in Praat')
    source.number("xmin")
    duration = source.number("xmax")
    rows: list[Row] = []
    tiers: list[str] = []
    for _ in range(source.count("the number of tiers") if source.has_tiers() else 0):
        kind, name = source.text("a tier's class"), source.text("a tier's name")
        if kind == "IntervalTier" and name in tiers:
            raise source.error(f"a second tier is called {name!r}; rename one of them in Praat")
        source.number("a tier's xmin")
        source.number("a tier's xmax")
        size = source.count("the size of a tier")
        if kind == "TextTier":
            for _ in range(size):
                source.number("the time of a point")
                source.text("the mark of a point")
            continue
        if kind != "IntervalTier":
            raise source.error(f'expected "IntervalTier" or "TextTier", got "{kind}"')
        tiers.append(name)
        for i in range(1, size + 1):
            start, end = source.number("an interval's xmin"), source.number("an interval's xmax")
            label = source.text("an interval's text")
            rows.append(Row(f"line {source.line}, interval {i}", name, start, end, label))
    return assemble(path, rows, duration=duration, tiers=tiers)


class _Tokens:
    """What Praat takes from a text file: strings, flags, and numbers between white space."""

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
        self._position = 0
        self.line = 1

    def error(self, problem: str) -> FormatError:
        return FormatError(f"{self._path}, line {self.line}: {problem}")

    def _next(self, kind: str, wanted: str) -> str:
        token = next(self._tokens, None)
        start = len(self._text) if token is None else token.start()
        self.line += len(re.findall(r"\r\n|\n|\r", self._text[self._position : start]))
        self._position = start
        if token is None:
            raise self.error(f"expected {wanted}, found the end; the file is cut short")
        if token.lastgroup != kind:
            raise self.error(f"expected {wanted} (a {kind}), got {token.group()[:40]}")
        return token[kind]

    def text(self, wanted: str) -> str:
        return self._next("text", wanted).replace('""', '"')

    def number(self, wanted: str) -> float:
        return float(self._next("number", wanted))

    def count(self, wanted: str) -> int:
        value = self.number(wanted)
        if value < 0 or value != int(value):
            raise self.error(f"expected {wanted}, a whole number, got {value}")
        return int(value)

    def has_tiers(self) -> bool:
        return self._next("flag", "<exists>") == "exists"
