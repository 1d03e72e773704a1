"""NAACL format of the shared tasks on word alignment: a line for each link.

``sentence source target [S|P] [confidence]``, all numbers counted from 1 in the published files;
without a mark a link is sure. A file with a sentence 0 counts its sentences from 0. A sentence that
has no line has no links. Lost: the confidence. Refused, if words count from 1: links to number 0,
the empty word, without which the tasks are scored. Description: R. Mihalcea and T. Pedersen, "An
evaluation exercise for word alignment", HLT-NAACL 2003 workshop on building and using parallel
texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from speechalign.files.reading import lines
from speechalign.links.reading import RawSentence, unexpected

BASE: Literal["0", "1"] | None = None
SPARSE = True
NAMED = False

_LINK = re.compile(r"\s*([0-9]+)\s+([0-9]+)\s+([0-9]+)(?:\s+([SP]))?(?:\s+[0-9.eE+-]+)?\s*")
_WANTED = "'sentence source target', perhaps with S or P"


def recognises(line: str) -> bool:
    """Tell whether a line is a link."""
    return _LINK.fullmatch(line) is not None


def sentences(text: str) -> Iterator[RawSentence]:
    """Yield the sentences from the first to the last that the file mentions."""
    found: dict[int, RawSentence] = {}
    broken = []
    for number, line in enumerate(lines(text), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        match, begin = _LINK.fullmatch(line), re.match(r"\s*([0-9]+)\s", line)
        if begin is None:
            broken.append(RawSentence(f"in {place}", place, fault=unexpected(line, _WANTED)))
            continue
        sentence = found.setdefault(int(begin[1]), RawSentence("", place))
        if match is None:
            sentence.place, sentence.fault = place, unexpected(line, _WANTED)
            continue
        pair = int(match[2]), int(match[3])
        (sentence.possible if match[4] == "P" else sentence.sure).add(pair)
    first = 0 if 0 in found else 1
    for number in range(first, max(found, default=0) + 1):
        sentence = found.get(number, RawSentence("", "no line"))
        sentence.name = str(number + 1 - first)
        yield sentence
    yield from broken
