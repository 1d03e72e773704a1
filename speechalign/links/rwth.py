"""Format of the RWTH German-English gold alignment (file ``alignmentDeEn``).

``SENT: 0`` begins a sentence, counted from 0; ``S 3 4`` is a sure link from source word 3 to target
word 4, ``P 3 4`` a possible one, words counted from 0. Sentences get their number counted from 1,
as lines do. The corpus comes with the same links in Pharaoh's notation, too (``.talp``).
Reference: D. Vilar, M. Popović and H. Ney, "AER: do we need to 'improve' our alignments?",
IWSLT 2006.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from speechalign.files.reading import lines
from speechalign.links.reading import RawSentence, unexpected

BASE: Literal["0", "1"] | None = "0"
SPARSE = False
NAMED = False

_SENTENCE = re.compile(r"\s*SENT:\s*([0-9]+)\s*")
_LINK = re.compile(r"\s*([SP])\s+([0-9]+)\s+([0-9]+)\s*")


def recognises(line: str) -> bool:
    """Tell whether a line begins a sentence."""
    return _SENTENCE.fullmatch(line) is not None


def sentences(text: str) -> Iterator[RawSentence]:
    """Yield a sentence for each ``SENT:``."""
    sentence: RawSentence | None = None
    for number, line in enumerate(lines(text), start=1):
        if not line.strip():
            continue
        place = f"line {number}"
        begin, link = _SENTENCE.fullmatch(line), _LINK.fullmatch(line)
        if begin is not None:
            if sentence is not None:
                yield sentence
            sentence = RawSentence(str(int(begin[1]) + 1), place)
        elif link is not None and sentence is not None:
            pair = int(link[2]), int(link[3])
            (sentence.sure if link[1] == "S" else sentence.possible).add(pair)
        else:
            if sentence is None:
                sentence = RawSentence(f"in {place}", place)
            wanted = "'S source target' or 'P source target' under a 'SENT: number'"
            sentence.place, sentence.fault = place, unexpected(line, wanted)
    if sentence is not None:
        yield sentence
