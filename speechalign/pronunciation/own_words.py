"""Own words: tokens of a transcript that a user's dictionary has as they are written."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator

from speechalign.text.normal_form import normal_form
from speechalign.text.word import Spoken

_HYPHENS = dict.fromkeys(map(ord, "‐‑"), "-")
_JOINTS = "'-"  # what stands at the end of l' or anti-, and at the front of 's or -la


class OwnWords:
    """Find the entries of a dictionary that a token stands for, before a normaliser cuts it.

    Parameters
    ----------
    words : Iterable[str]
        Entries of the dictionary, in lower case.
    known : callable
        Tells whether the model's dictionary has a word.

    Notes
    -----
    A token is compared in lower case and composed characters, with plain apostrophes and hyphens:
    as it is written, then without the punctuation around it, unless only ASCII letters are left,
    which a normaliser leaves whole and knows more about (``No. 5``). A token that the dictionary
    lacks is cut where it has an entry for a clitic: ``l'`` or ``anti-`` in front, ``'s`` or
    ``-la`` behind; what is left must be a known word, or letters.

    Examples
    --------
    >>> find = OwnWords(["ni3", "l'", "peut-être"], lambda word: False)
    >>> find("Ni3,"), find("L’homme"), find("peut-être"), find("deux-points")
    (('ni3',), ("l'", 'homme'), ('peut-être',), ())
    """

    def __init__(self, words: Iterable[str], known: Callable[[str], bool]) -> None:
        self._entries = {_plain(word): word for word in words}
        self._known = known
        self._before = {word for word in self._entries if word[-1] in _JOINTS and len(word) > 1}
        self._after = {word for word in self._entries if word[0] in _JOINTS and len(word) > 1}

    def __call__(self, token: str) -> Spoken:
        """Return the entries that are said for a token; () if a normaliser has to read it."""
        plain = _plain(token)
        if plain in self._entries:
            return (self._entries[plain],)
        for bare in _without_punctuation(plain):
            if bare in self._entries and not (bare.isascii() and bare.isalpha()):
                return (self._entries[bare],)
            pieces = self._pieces(bare)
            if len(pieces) > 1:
                return pieces
        return ()

    def _pieces(self, word: str) -> Spoken:
        """Cut a word at clitics of the dictionary; () where a piece is no word."""
        if word in self._entries:
            return (self._entries[word],)
        for end in range(len(word) - 1, 1, -1):
            if word[:end] in self._before:
                rest = self._pieces(word[end:])
                if rest:
                    return (self._entries[word[:end]], *rest)
        for begin in range(1, len(word) - 1):
            if word[begin:] in self._after:
                rest = self._pieces(word[:begin])
                if rest:
                    return (*rest, self._entries[word[begin:]])
        return (word,) if word.isalpha() or self._known(word) else ()


def _plain(word: str) -> str:
    return normal_form(word).lower().translate(_HYPHENS)


def _without_punctuation(word: str) -> Iterator[str]:
    """Yield a word without what stands around it: commas, then symbols, then apostrophes too."""
    for kept in ("LMNS'", "LMN'", "LMN"):
        inside = [i for i, c in enumerate(word) if c in kept or unicodedata.category(c)[0] in kept]
        if inside:
            yield word[inside[0] : inside[-1] + 1]
