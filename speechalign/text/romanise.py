"""Romanisation: any script in the letters a to z, by uroman, which knows where each comes from.

U. Hermjakob, J. May and K. Knight, "Out-of-the-box universal romanization tool uroman",
Proc. ACL (system demonstrations), 2018.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Protocol, cast

from speechalign.errors import BackendError

if TYPE_CHECKING:
    import uroman

# Codes of ISO 639-1 that uroman treats in a way of their own, in ISO 639-3.
_LONG_CODES = {
    "ar": "ara", "be": "bel", "bg": "bul", "de": "deu", "el": "ell", "en": "eng", "fa": "fas",
    "grc": "grc", "he": "heb", "kk": "kaz", "ky": "kir", "lv": "lav", "lt": "lit", "mk": "mkd",
    "pnt": "pnt", "pus": "pus", "ru": "rus", "sr": "srp", "tr": "tur", "ug": "uig", "uk": "ukr",
    "uz": "uzb", "yi": "yid", "sh": "hbs",
}  # fmt: skip
_TURN = Lock()  # uroman keeps what it has found, and is asked by several threads
_LETTERS = re.compile(r"[a-z']+")


class _Edge(Protocol):
    txt: str
    start: int
    end: int


def romanise(word: str, language: str) -> tuple[tuple[str, int, int], ...]:
    """Write a word in the letters a to z and apostrophes.

    Parameters
    ----------
    word : str
        In any script.
    language : str
        ISO 639-1 code, which matters for some scripts; ``und`` where it is not known.

    Returns
    -------
    tuple[tuple[str, int, int], ...]
        Letters, and the characters ``[start, end)`` of the word that they stand for. Letters stay
        as they are, without accents. What has no Latin form is kept, as it is.

    Raises
    ------
    BackendError
        The word has letters that are not Latin, and uroman is not installed.

    Examples
    --------
    >>> romanise("já", "cs")
    (('j', 0, 1), ('a', 1, 2))
    """
    if all(_LETTERS.fullmatch(_plain(c)) for c in word):
        return tuple((_plain(c), n, n + 1) for n, c in enumerate(word))
    edges = _uroman_edges(word, _LONG_CODES.get(language, ""))
    return tuple((_plain(edge.txt), edge.start, edge.end) for edge in edges if edge.txt.strip())


def _plain(text: str) -> str:
    """Return lower-case letters without accents."""
    pieces = unicodedata.normalize("NFKD", text.lower())
    return "".join(c for c in pieces if unicodedata.category(c)[0] != "M")


def _uroman_edges(word: str, language: str) -> list[_Edge]:
    romaniser = _loaded_uroman()
    import uroman

    form = uroman.RomFormat.EDGES
    with _TURN:
        edges = romaniser.romanize_string(word, lcode=language or None, rom_format=form)
    return cast("list[_Edge]", edges)


@cache
def _loaded_uroman() -> uroman.Uroman:
    try:
        import uroman
    except ImportError:
        raise BackendError(
            "romanisation: letters that are not Latin need uroman; pip install "
            "'speechalign[uroman]'"
        ) from None
    return uroman.Uroman()
