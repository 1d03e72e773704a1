"""Places: where in the user's own word each character stands that is spoken for it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import cache

import numpy as np

from speechalign.kernels.edit_distance import edit_distance
from speechalign.text.word import Word

Place = tuple[int, int]


def places(word: Word) -> tuple[tuple[Place, ...], ...]:
    """Find the characters of a label that the characters spoken for it come from.

    Parameters
    ----------
    word : Word
        A label, and what is said for it.

    Returns
    -------
    tuple[tuple[Place, ...], ...]
        For each spoken word, and each of its characters, ``(start, end)`` in the label. Where
        something else is said than written, as for figures, the whole label.

    Examples
    --------
    >>> places(Word("L’été,", ("l'été",)))
    (((0, 1), (1, 2), (2, 3), (3, 4), (4, 5)),)
    >>> places(Word("5km", ("five", "kilometers")))[0][:2]
    ((0, 3), (0, 3))
    """
    written = [(letter, n) for n, c in enumerate(word.label) for letter in _letters(c)]
    spoken = [
        (letter, (k, n))
        for k, part in enumerate(word.spoken)
        for n, c in enumerate(part)
        for letter in _letters(c)
    ]
    pairs = edit_distance(_codes(written), _codes(spoken)).pairs.tolist()
    found = {spoken[j][1]: written[i][1] for i, j in pairs if written[i][0] == spoken[j][0]}
    whole = (0, len(word.label))
    return tuple(
        tuple(
            (found[k, n], found[k, n] + 1) if _complete(found, k, part) else whole
            for n in range(len(part))
        )
        for k, part in enumerate(word.spoken)
    )


def _complete(found: dict[tuple[int, int], int], k: int, part: str) -> bool:
    return all((k, n) in found for n in range(len(part)))


@cache
def _letters(character: str) -> str:
    """Return the base letters of a character, in lower case; itself if it has none."""
    if character in "’‘ʼ＇`´‛′":
        return "'"
    pieces = unicodedata.normalize("NFKD", character.lower())
    return "".join(c for c in pieces if unicodedata.category(c)[0] != "M") or character


def _codes(letters: Sequence[tuple[str, object]]) -> np.ndarray:
    return np.array([ord(letter) for letter, _ in letters], np.int64)
