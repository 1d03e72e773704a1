"""Normal form of words: one spelling for what looks alike or cannot be seen."""

from __future__ import annotations

import re
import unicodedata

APOSTROPHES = "’‘ʼ＇`´‛′ʹʻʾꞌ❜՚"
"""Characters that stand for an apostrophe; all become ``'``."""

# Selectors of variants, and the stroke that lengthens Arabic words; other characters that cannot be
# seen (joiners, soft hyphens, directional marks) have the category Cf.
_UNSEEN = re.compile("[\u034f\u0640\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_APOSTROPHE = dict.fromkeys(map(ord, APOSTROPHES), "'")
_WIDTHS = ("<wide>", "<narrow>", "<initial>", "<medial>", "<final>", "<isolated>", "<vertical>")


def normal_form(text: str) -> str:
    r"""Return a text in the form in which words are compared.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Composed characters (NFC) of normal width, without invisible ones, with one kind of
        apostrophe. Casing and accents stay.

    Examples
    --------
    >>> normal_form("e\u0301te\u0301 ｌ’ｅａｕ co\u00adop ﬁn")
    "été l'eau coop fin"
    """
    if text.isascii():
        return text.replace("`", "'")
    pieces = [_plain(character) for character in _UNSEEN.sub("", text)]
    return unicodedata.normalize("NFC", "".join(pieces)).translate(_APOSTROPHE)


def _plain(character: str) -> str:
    if unicodedata.category(character) == "Cf":
        return ""
    kind = unicodedata.decomposition(character).partition(" ")[0]
    if kind in _WIDTHS or "\ufb00" <= character <= "\ufb4f":  # ligatures
        return unicodedata.normalize("NFKC", character)
    return character
