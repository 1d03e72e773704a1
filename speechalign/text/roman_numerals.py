"""Roman numerals up to 89: reigns, centuries, chapters."""

from __future__ import annotations

import re

_NUMERAL = re.compile(r"(?=[XVIL])(?:XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}


def is_numeral(letters: str) -> bool:
    """Tell whether capitals are a numeral of the letters I, V, X and L."""
    return _NUMERAL.fullmatch(letters) is not None


def value(numeral: str) -> int:
    """Return the value of a numeral.

    Examples
    --------
    >>> [value(numeral) for numeral in ("IV", "VIII", "xlii")]
    [4, 8, 42]
    """
    values = [_VALUES[letter] for letter in numeral.upper()]
    return sum(-v if v < after else v for v, after in zip(values, [*values[1:], 0]))
