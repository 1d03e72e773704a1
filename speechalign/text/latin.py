"""Latin letters: what is left of a token when accents and typography are taken away."""

from __future__ import annotations

import unicodedata

_REPLACED = dict.fromkeys("’‘ʼ＇`´‛′", "'") | dict.fromkeys("‐‑﹣－⁃", "-")
_REPLACED |= dict.fromkeys("–—―‒", "–") | {"º": "°", "˚": "°", "⁄": "/", "№": "#"}
_REPLACED |= dict.fromkeys("™®©℠", "")
_LATIN = {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "ß": "ss", "đ": "d", "ð": "th", "þ": "th"}
_LATIN |= {"ı": "i", "ħ": "h", "ŋ": "ng", "ə": "a"}


def to_latin(token: str) -> str | None:
    """Reduce a token to ASCII, and symbols that have no ASCII.

    Parameters
    ----------
    token : str
        Any text without white space.

    Returns
    -------
    str or None
        Letters without accents, digits in ASCII, apostrophes and hyphens of one kind; no marks
        and no invisible characters. Other symbols stay. ``½`` becomes `` 1/2 ``, with ``&``
        before it after a digit; ``₂`` stands apart; so does ``⁵``, but ``²`` and ``³`` after a
        letter or digit stay. None if a letter or number is left that is not Latin.

    Examples
    --------
    >>> to_latin("Café"), to_latin("２½"), to_latin("‘Œuvre’"), to_latin("мир")
    ('Cafe', '2& 1/2 ', "'OEuvre'", None)
    """
    parts: list[str] = []
    for character in token:
        if character in _REPLACED:
            parts.append(_REPLACED[character])
            continue
        pieces = unicodedata.normalize("NFKD", character)
        kind = unicodedata.decomposition(character).partition(" ")[0]
        last = parts[-1][-1:] if parts else ""
        if kind == "<fraction>":
            parts.append(("& " if last.isdigit() else " ") + pieces.replace("⁄", "/") + " ")
        elif kind == "<super>" and pieces in "23" and last.isalnum():
            parts.append("²" if pieces == "2" else "³")
        elif unicodedata.category(character) == "No" and pieces.isdigit():
            parts.append(f" {pieces} ")
        elif "\u0338" not in pieces:  # a symbol struck through means the opposite
            for piece in pieces:
                mapped = _latin_piece(piece)
                if mapped is None:
                    return None
                parts.append(mapped)
    return "".join(parts)


def _latin_piece(piece: str) -> str | None:
    """Map one decomposed character; None for a letter or number without Latin form."""
    category = unicodedata.category(piece)
    if piece.isascii():
        return piece
    if category == "Nd":
        return str(unicodedata.decimal(piece))
    if piece.lower() in _LATIN:
        latin = _LATIN[piece.lower()]
        return latin.upper() if piece.isupper() else latin
    if piece in _REPLACED:
        return _REPLACED[piece]
    if category[0] in "LN" and category != "Lm":
        return None
    return "" if category[0] == "M" or category == "Cf" else piece
