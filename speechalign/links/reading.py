"""Files of word links: what a format yields, and what is made of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, cast

from speechalign.errors import FormatError, InputError
from speechalign.files.reading import lines
from speechalign.links.links import Links
from speechalign.registry import Registry

LINK_FORMATS = Registry(
    "speechalign.links",
    {
        "giza": "speechalign.links.giza",
        "naacl": "speechalign.links.naacl",
        "pharaoh": "speechalign.links.pharaoh",
        "rwth": "speechalign.links.rwth",
        "xml": "speechalign.links.xml",
    },
)

Base = Literal["auto", "0", "1"]

_FALLBACK = "pharaoh"  # what any other line is: a sentence without links is an empty line


@dataclass
class RawSentence:
    """The links of one sentence as they stand in a file.

    Parameters
    ----------
    name : str
        What the file calls the sentence, or its number, counted from 1.
    place : str
        Where it stands, for messages: ``line 12``.
    sure, possible : set[tuple[int, int]]
        Pairs (source, target) with the numbers of the file.
    fault : str or None
        What is wrong with the sentence, if anything.
    """

    name: str
    place: str
    sure: set[tuple[int, int]] = field(default_factory=set)
    possible: set[tuple[int, int]] = field(default_factory=set)
    fault: str | None = None


class LinkFormat(Protocol):
    """Interface of a format module."""

    BASE: Literal["0", "1"] | None
    """The number of a sentence's first word, where the format fixes it."""

    SPARSE: bool
    """Whether a sentence that the file does not mention is one without links."""

    NAMED: bool
    """Whether sentences have names; else they are numbered from 1."""

    def recognises(self, line: str) -> bool:
        """Tell from the first line that is not blank whether a file is in this format."""

    def sentences(self, text: str) -> Iterator[RawSentence]:
        """Yield the sentences of a file in order; bytes that are not UTF-8 are surrogates."""


@dataclass(frozen=True)
class LinkFile:
    """The links of a corpus, as read from a file.

    Parameters
    ----------
    path : Path
        The file.
    format : str
        The name of its format.
    base : str
        "0" or "1": the number that a sentence's first word has in the file.
    sentences : Mapping[str, Links]
        By the sentence's name, or its number counted from 1, in the order of the file.
    skipped : Mapping[str, str]
        What is wrong with the sentences that were left out, by name.
    names : tuple[str, ...]
        Of all sentences, those left out included, in the order of the file.
    named, sparse : bool
        As for `LinkFormat`.
    """

    path: Path
    format: str
    base: str
    sentences: Mapping[str, Links]
    skipped: Mapping[str, str]
    names: tuple[str, ...]
    named: bool
    sparse: bool


def read_links(
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    base: Base = "auto",
    skip_bad: bool = False,
) -> LinkFile:
    """Read the word links of a corpus.

    Parameters
    ----------
    path : path-like
        A UTF-8 file.
    format : str, optional
        A name in ``LINK_FORMATS``; found by the first line where it is left out.
    base : {"auto", "0", "1"}
        The number of a sentence's first word. "auto" is what the format prescribes; where it
        leaves that open, "0" if any link of the file has an index 0, else "1".
    skip_bad : bool
        Leave out sentences with a fault, and say so in the result.

    Returns
    -------
    LinkFile
        The links, counted from 0, and how they were read.

    Raises
    ------
    FormatError
        A line breaks the format: the message names the file, the line and the sentence.
    InputError
        There is no format of that name, or the base is none.
    OSError
        The file cannot be opened.
    """
    if base not in ("auto", "0", "1"):
        raise InputError(f"base: expected 'auto', '0' or '1', got {base!r}")
    path = Path(path)
    text = path.read_bytes().decode("utf-8-sig", "surrogateescape")
    name = format or _format_of(text)
    chosen = cast(LinkFormat, LINK_FORMATS[name])
    try:
        raw = list(chosen.sentences(text))
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from None
    if base == "auto":
        indices = (index for s in raw for pair in (*s.sure, *s.possible) for index in pair)
        base = chosen.BASE or ("0" if 0 in indices else "1")
    sentences: dict[str, Links] = {}
    skipped: dict[str, str] = {}
    for sentence in raw:
        fault = sentence.fault
        if sentence.name in sentences or sentence.name in skipped:
            fault = "the file has this sentence twice; remove one"
        if fault is None and base == "1":
            fault = _zero(sentence)
        if fault is not None:
            message = f"{path}, {sentence.place}: sentence {sentence.name}: {fault}"
            if not skip_bad:
                raise FormatError(message)
            skipped[sentence.name] = message
            sentences.pop(sentence.name, None)
            continue
        sentences[sentence.name] = Links(
            _from_zero(sentence.sure, base), _from_zero(sentence.possible, base)
        )
    names = tuple(dict.fromkeys(sentence.name for sentence in raw))
    return LinkFile(path, name, base, sentences, skipped, names, chosen.NAMED, chosen.SPARSE)


def read_parallel(path: str | os.PathLike[str]) -> list[tuple[list[str], list[str]]]:
    """Read sentence pairs, one a line: ``source words ||| target words``.

    Parameters
    ----------
    path : path-like
        A UTF-8 file; words are separated by spaces or tabs, other white space is part of words.

    Returns
    -------
    list of tuple
        Words of the source and of the target, by line.

    Raises
    ------
    FormatError
        A line has no ``|||``, or several, or is not UTF-8.
    """
    text = Path(path).read_bytes().decode("utf-8-sig", "surrogateescape")
    pairs = []
    for number, line in enumerate(lines(text), start=1):
        sides = line.split("|||")
        if len(sides) != 2 or undecodable(line):
            wanted = "words of the source, '|||', words of the target"
            raise FormatError(f"{path}, line {number}: {unexpected(line, wanted)}")
        pairs.append((split_words(sides[0]), split_words(sides[1])))
    return pairs


def split_words(line: str) -> list[str]:
    """Split a line at spaces and tabs: an ideographic space is a word of some corpora."""
    return [word for word in re.split(r"[ \t]+", line) if word]


def undecodable(text: str) -> bool:
    """Tell whether bytes of a text were not UTF-8."""
    return any("\udc80" <= letter <= "\udcff" for letter in text)


def unexpected(text: str, wanted: str) -> str:
    """Word the fault of a piece of a file."""
    if undecodable(text):
        byte = next(ord(letter) & 0xFF for letter in text if "\udc80" <= letter <= "\udcff")
        return f"byte 0x{byte:02x} is not UTF-8 text; save the file again as UTF-8"
    return f"expected {wanted}, got {text[:60]!r}"


def _format_of(text: str) -> str:
    first = next((line for line in lines(text) if line.strip()), "")
    for name in LINK_FORMATS:
        if name != _FALLBACK and cast(LinkFormat, LINK_FORMATS[name]).recognises(first):
            return name
    return _FALLBACK


def _zero(sentence: RawSentence) -> str | None:
    """Return the fault of a sentence with an index 0 in a file that counts from 1."""
    for i, j in sorted(sentence.sure | sentence.possible):
        if i == 0 or j == 0:
            return f"link {i}-{j} in a file that counts words from 1; is its base 0?"
    return None


def _from_zero(pairs: set[tuple[int, int]], base: str) -> Iterator[tuple[int, int]]:
    first = int(base)
    return ((i - first, j - first) for i, j in pairs)
