"""Choice of installed fonts for the labels of a plot, in any script."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

_PLACEHOLDER = "\N{WHITE SQUARE}"


@dataclass(frozen=True)
class Lettering:
    """Fonts for a set of texts, and what to do about characters that none of them has.

    Parameters
    ----------
    families : list[str]
        Names of font families, to be tried in this order for each character.
    replacements : dict[int, str]
        What to draw for characters without a font: a square, or nothing for those that only
        change the look of others.
    """

    families: list[str]
    replacements: dict[int, str]

    def drawable(self, text: str) -> str:
        """Return a text with the characters that no font has replaced."""
        return text.translate(self.replacements)


def lettering(texts: Iterable[str]) -> Lettering:
    """Choose fonts among those installed; needs matplotlib.

    Parameters
    ----------
    texts : Iterable[str]
        Everything that is to be drawn.

    Returns
    -------
    Lettering
        matplotlib's default family first, others only where it lacks a character, so that drawing
        gives no warning of a missing glyph.
    """
    from matplotlib import rcParams
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    families = list(rcParams["font.family"])
    missing = {ord(letter) for text in texts for letter in text} | {ord(_PLACEHOLDER)}
    missing -= set(get_font(findfont(FontProperties())).get_charmap())
    # Families without a plain face have findfont complain; the Last Resort font has a box for every
    # character there is.
    plain = {e.name for e in fontManager.ttflist if (e.style, e.weight) == ("normal", 400)}
    for name in sorted(plain):
        if missing and not name.startswith("Last Resort"):
            found = missing & set(get_font(findfont(FontProperties(family=[name]))).get_charmap())
            if found:
                families.append(name)
                missing -= found
    return Lettering(families, {code: _replacement(chr(code)) for code in missing})


def _replacement(letter: str) -> str:
    """Return what stands for a character: nothing for joiners, selectors and accents."""
    return "" if unicodedata.category(letter) in ("Cf", "Cc", "Mn", "Me") else _PLACEHOLDER
