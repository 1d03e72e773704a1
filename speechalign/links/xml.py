"""XML word alignment of the Czech-English manual corpus (``.wa``).

Each element ``s`` has an attribute ``id``, two elements with the words of either side, separated by
spaces, and the elements ``sure`` and ``possible`` with links ``1-1 2-3`` from the first side to the
second, counted from 1. Sentences go by their ``id``.
Reference: D. Mareček, "Czech-English manual word alignment", LINDAT/CLARIAH-CZ, 2016.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from xml.etree import ElementTree

from speechalign.errors import FormatError
from speechalign.links.pharaoh import add_links
from speechalign.links.reading import RawSentence

BASE: Literal["0", "1"] | None = "1"
SPARSE = False
NAMED = True

_LINKS = ("sure", "possible")


def recognises(line: str) -> bool:
    """Tell whether a line begins an XML document."""
    return line.lstrip().startswith("<")


def sentences(text: str) -> Iterator[RawSentence]:
    """Yield a sentence for each element ``s``."""
    try:
        root = ElementTree.fromstring(text.encode("utf-8", "surrogateescape"))
    except ElementTree.ParseError as error:
        raise FormatError(f"not well-formed XML: {error}; correct it") from None
    for number, element in enumerate(root.iter("s"), start=1):
        name = element.get("id") or str(number)
        sentence = RawSentence(name, f"<s> number {number}")
        texts = {child.tag: child.text or "" for child in element}
        if "sure" not in texts:
            sentence.fault = "expected an element 'sure', got " + (", ".join(texts) or "none")
        else:
            add_links(sentence, texts.get("possible", ""))
            sentence.possible |= sentence.sure  # links in 'possible' are written with - as well
            sentence.sure = set()
            add_links(sentence, texts["sure"])
            sides = [len(words.split()) for tag, words in texts.items() if tag not in _LINKS]
            _check_range(sentence, sides)
        yield sentence


def _check_range(sentence: RawSentence, sides: list[int]) -> None:
    if sentence.fault is not None or len(sides) != 2:
        return
    for i, j in sorted(sentence.sure | sentence.possible):
        if i > sides[0] or j > sides[1]:
            sentence.fault = f"link {i}-{j} is out of range: {sides[0]} and {sides[1]} words"
            return
