"""Pharaoh format: a line for each sentence, ``0-0 1-2 2p1``.

``i-j`` is a sure link from source word i to target word j, ``ipj`` (also ``i?j``) a possible one.
Files count words from 0 or from 1; nothing in them says which. An empty line is a sentence without
links. Description: https://www2.statmt.org/moses/?n=Advanced.Models (and the ``talp`` files of
alignment evaluation kits).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from speechalign.files.reading import lines
from speechalign.links.links import Links
from speechalign.links.reading import RawSentence, unexpected

BASE: Literal["0", "1"] | None = None
SPARSE = False
NAMED = False

_LINK = re.compile(r"([0-9]+)([-p?])([0-9]+)")


def recognises(line: str) -> bool:
    """Tell whether a line is one of links."""
    return all(_LINK.fullmatch(link) for link in line.split())


def sentences(text: str) -> Iterator[RawSentence]:
    """Yield a sentence for each line."""
    for number, line in enumerate(lines(text), start=1):
        sentence = RawSentence(str(number), f"line {number}")
        add_links(sentence, line)
        yield sentence


def add_links(sentence: RawSentence, text: str) -> None:
    """Add links in this notation to a sentence, or note what is wrong with them."""
    for link in text.split():
        match = _LINK.fullmatch(link)
        if match is None:
            sentence.fault = unexpected(link, "a link such as 3-5 or 3p5")
            return
        pair = int(match[1]), int(match[3])
        (sentence.sure if match[2] == "-" else sentence.possible).add(pair)


def format_links(sentences: Iterable[Links], *, base: Literal["0", "1"] = "1") -> str:
    r"""Return the text of a Pharaoh file.

    Parameters
    ----------
    sentences : Iterable[Links]
        One for each line.
    base : {"1", "0"}
        The number of a sentence's first word. Files that count from 1 are never mistaken for
        files that count from 0.

    Examples
    --------
    >>> format_links([Links([(0, 0), (1, 2)], [(2, 2)]), Links([])])
    '1-1 2-3 3p3\n\n'
    """
    first = int(base)
    found = []
    for links in sentences:
        marks = ((i, j, "-" if (i, j) in links.sure else "p") for i, j in sorted(links.possible))
        found.append(" ".join(f"{i + first}{mark}{j + first}" for i, j, mark in marks))
    return "".join(f"{line}\n" for line in found)
