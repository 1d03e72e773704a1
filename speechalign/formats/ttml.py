"""TTML: timed text of broadcasters and streaming services, in XML.

Specification: https://www.w3.org/TR/ttml1/

Written: a paragraph for each cue, as in SubRip files, with the same options. The speaker of a tier
``SPEAKER - words`` is its agent. With ``cue_highlight=True``, each word is a span with its times,
which count from the beginning of the paragraph.
Lost: without highlights the times of words, digits below the millisecond, the duration, every other
tier, confidences; each run of white space becomes a space.
Refused when written: control characters, which XML cannot hold.
Read: paragraphs with times into ``utterances``, or ``SPEAKER - utterances``; spans with times also
into ``words``. Times of body and divisions count; frames are those of ``ttp:frameRate``. Styles
and regions do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import read_text
from speechalign.files.tier_names import join
from speechalign.files.writing import write_text
from speechalign.formats.cues import (
    CUE_OPTIONS,
    Cue,
    CueOptions,
    Limits,
    cues,
    lines_of_words,
    show,
    timestamp,
)
from speechalign.formats.rows import Row, assemble

if TYPE_CHECKING:
    from typing_extensions import Unpack

SUFFIXES = (".ttml", ".dfxp")
OPTIONS = CUE_OPTIONS
_SPACES = (
    'xmlns="http://www.w3.org/ns/ttml" xmlns:ttm="http://www.w3.org/ns/ttml#metadata" '
    'xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:timeBase="media" xml:lang=""'
)
_NOT_XML = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_CLOCK = re.compile(r"([0-9]{2,}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+)|:([0-9]{1,3}))?")
_OFFSET = re.compile(r"([0-9]+(?:\.[0-9]+)?)(h|ms|m|s|f|t)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def write(alignment: Alignment, path: Path, **options: Unpack[CueOptions]) -> None:
    """Write a document with a paragraph for each cue."""
    shown, limits = cues(alignment, path, options)
    names = list(dict.fromkeys(cue.speaker for cue in shown if cue.speaker))
    agents = {name: f"speaker{number}" for number, name in enumerate(names, 1)}
    head = "".join(
        f'      <ttm:agent type="person" xml:id="{agent}"><ttm:name type="full">{escape(name)}'
        "</ttm:name></ttm:agent>\n"
        for name, agent in agents.items()
    )
    if head:
        head = f"  <head>\n    <metadata>\n{head}    </metadata>\n  </head>\n"
    body = "".join(_paragraph(cue, limits, agents) for cue in shown)
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<tt {_SPACES}>\n{head}  <body>\n    <div>\n'
        f"{body}    </div>\n  </body>\n</tt>\n"
    )
    found = _NOT_XML.search(text)
    if found is not None:
        raise FormatError(f"{path}: XML cannot hold the character {found[0]!r}; repair the label")
    write_text(path, text)


def _paragraph(cue: Cue, limits: Limits, agents: dict[str, str]) -> str:
    who = f" ttm:agent={quoteattr(agents[cue.speaker])}" if cue.speaker else ""
    if cue.words:
        said = "<br/>".join(
            " ".join(
                f'<span begin="{timestamp(word.start - cue.start, ".")}" '
                f'end="{timestamp(word.end - cue.start, ".")}">{escape(word.text)}</span>'
                for word in line
            )
            for line in lines_of_words(cue, limits)
        )
    else:
        said = escape(show(cue, limits)).replace("\n", "<br/>")
    times = f'begin="{timestamp(cue.start, ".")}" end="{timestamp(cue.end, ".")}"'
    return f"      <p {times}{who}>{said}</p>\n"


def read(path: Path) -> Alignment:
    """Read paragraphs as utterances, and spans with times as words."""
    # A declared encoding says nothing about a text that is decoded already.
    text = _DECLARATION.sub("", read_text(path))
    try:
        root = ElementTree.fromstring(text.encode("utf-8", "surrogateescape"))
    except ElementTree.ParseError as error:
        raise FormatError(f"{path}: not well-formed XML: {error}; correct it") from None
    if _name(root.tag) != "tt":
        raise FormatError(f"{path}: expected the element tt, got {_name(root.tag)!r}")
    document = _Document(path, _Rates.of(root, path), _agents(root))
    rows = list(document.rows(root, 0.0))
    return assemble(path, rows, tiers=[] if rows else ["utterances"])


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]


def _attribute(element: ElementTree.Element, name: str) -> str | None:
    """Return an attribute of any namespace."""
    return next((value for key, value in element.items() if _name(key) == name), None)


def _agents(root: ElementTree.Element) -> dict[str, str]:
    """Return the names of agents by their identifiers."""
    found = {}
    for element in root.iter():
        if _name(element.tag) == "agent":
            label = " ".join("".join(element.itertext()).split())
            found[_attribute(element, "id") or ""] = label
    return found


@dataclass(frozen=True)
class _Rates:
    """Frames and ticks a second."""

    frames: float
    ticks: float

    @classmethod
    def of(cls, root: ElementTree.Element, path: Path) -> _Rates:
        try:
            frames = float(_attribute(root, "frameRate") or 30)
            over, _, under = (_attribute(root, "frameRateMultiplier") or "1 1").partition(" ")
            frames *= float(over) / float(under or 1)
            ticks = float(_attribute(root, "tickRate") or frames)
            if not (0 < frames < float("inf") and 0 < ticks < float("inf")):
                raise ValueError
        except (ValueError, ZeroDivisionError):
            raise FormatError(
                f"{path}: expected numbers above 0 for frameRate, frameRateMultiplier and tickRate"
            ) from None
        return cls(frames, ticks)


@dataclass(frozen=True)
class _Document:
    """Timing parameters and speakers of a document."""

    path: Path
    rates: _Rates
    agents: dict[str, str]

    def rows(self, element: ElementTree.Element, base: float) -> Iterator[Row]:
        """Yield the utterances and words below an element that begins at ``base`` seconds."""
        for number, child in enumerate(element, 1):
            place = f"<{_name(child.tag)}> number {number}"
            start = base + (self._time(child, "begin", place) or 0.0)
            if _name(child.tag) != "p":
                yield from self.rows(child, start)
                continue
            end = self._end(child, base, start, place)
            if end is None:
                continue
            who = self.agents.get(_attribute(child, "agent") or "") or None
            yield Row(place, join(who, "utterances"), start, end, _text(child))
            for span in child.iter():
                begins = _name(span.tag) == "span" and _attribute(span, "begin") is not None
                if begins:
                    first = start + (self._time(span, "begin", place) or 0.0)
                    last = self._end(span, start, first, place)
                    last = end if last is None else min(last, end)
                    if first < last:
                        yield Row(place, join(who, "words"), first, last, _text(span))

    def _end(
        self, element: ElementTree.Element, base: float, start: float, place: str
    ) -> float | None:
        """Return where an element ends, seconds; None where it does not say it."""
        end = self._time(element, "end", place)
        lasts = self._time(element, "dur", place)
        ends = [base + end] if end is not None else []
        ends += [start + lasts] if lasts is not None else []
        return min(ends, default=None)

    def _time(self, element: ElementTree.Element, name: str, place: str) -> float | None:
        value = element.get(name)
        if value is None:
            return None
        if found := _CLOCK.fullmatch(value.strip()):
            hours, minutes, seconds = map(int, found.groups()[:3])
            rest = float(f"0.{found[4]}") if found[4] else int(found[5] or 0) / self.rates.frames
            return (hours * 60 + minutes) * 60 + seconds + rest
        if found := _OFFSET.fullmatch(value.strip()):
            number, unit = float(found[1]), found[2]
            if unit in _UNITS:
                return number * _UNITS[unit]
            return number / (self.rates.frames if unit == "f" else self.rates.ticks)
        raise FormatError(
            f"{self.path}, {place}: {name}: expected a time such as 00:00:01.500 or 1.5s, got "
            f"{value[:40]!r}"
        )


def _text(element: ElementTree.Element) -> str:
    """Return the text of an element on one line."""
    return " ".join("".join(_pieces(element)).split())


def _pieces(element: ElementTree.Element) -> Iterator[str]:
    yield element.text or ""
    for child in element:
        yield from [" "] if _name(child.tag) == "br" else _pieces(child)
        yield child.tail or ""
