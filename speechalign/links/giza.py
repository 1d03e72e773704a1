"""GIZA++ format (``.A3.final``): three lines for each sentence.

``# Sentence pair (1) source length 2 target length 3 alignment score : 0.1``, the words of the
target, and the words of the source, each followed by the target words that it generates, counted
from 1: ``NULL ({ 3 }) das ({ 1 }) haus ({ 2 })``. Words that NULL generates have no link. Links
are sure. Reference: F. J. Och and H. Ney, "A systematic comparison of various statistical alignment
models", Computational Linguistics 29(1), 2003.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from speechalign.files.reading import lines
from speechalign.links.reading import RawSentence, undecodable, unexpected

BASE: Literal["0", "1"] | None = "1"
SPARSE = False
NAMED = False

_HEAD = re.compile(r"# Sentence pair \(([0-9]+)\).*")
_WORD = re.compile(r"(\S+) \(\{([ 0-9]*)\}\)\s*")


def recognises(line: str) -> bool:
    """Tell whether a line is the head of a sentence."""
    return _HEAD.fullmatch(line) is not None


def sentences(text: str) -> Iterator[RawSentence]:
    """Yield a sentence for every three lines."""
    rows = lines(text)
    while rows and not rows[-1].strip():
        rows.pop()
    for first in range(0, len(rows), 3):
        head, *rest = rows[first : first + 3]
        place = f"line {first + 1}"
        match = _HEAD.fullmatch(head)
        if match is None or len(rest) < 2:
            wanted = "'# Sentence pair (number) ...' and two more lines"
            # Nothing behind this can be told apart.
            yield RawSentence(f"in {place}", place, fault=unexpected(head, wanted))
            return
        sentence = RawSentence(str(int(match[1])), f"line {first + 3}")
        _add(sentence, *rest)
        yield sentence


def _add(sentence: RawSentence, target: str, source: str) -> None:
    words = _WORD.findall(source)
    whole = "".join(found[0] for found in _WORD.finditer(source))
    if undecodable(target) or whole != source or not words or words[0][0] != "NULL":
        wrong = target if undecodable(target) else source
        sentence.fault = unexpected(wrong, "'NULL ({ }) word ({ 1 2 }) ...'")
        return
    length = len(target.split())
    for i, (word, indices) in enumerate(words[1:], start=1):
        for j in map(int, indices.split()):
            if not 1 <= j <= length:
                sentence.fault = f"{word!r} generates word {j}, but the target has {length} words"
                return
            sentence.sure.add((i, j))
