"""Roman numerals in English: which they are, and whether they are ordinals."""

from __future__ import annotations

import re

from speechalign.text import english_numbers as numbers
from speechalign.text import roman_numerals

Words = tuple[str, ...]

# Before a cardinal: World War II, Chapter IV.
_HEADINGS = frozenset({
    "war", "chapter", "part", "volume", "vol", "book", "act", "scene", "section", "title",
    "phase", "stage", "type", "class", "level", "grade", "article", "appendix", "figure", "fig",
    "table", "unit", "episode", "season", "version", "mark", "mk", "bowl", "apollo", "step",
    "category", "page", "verse", "psalm", "canto", "schedule", "exhibit", "plate", "tier",
    "division",
})  # fmt: skip
# Names of kings, queens and popes, after which I, V and X are numerals too.
_RULERS = frozenset({
    "alexander", "alfonso", "benedict", "carl", "catherine", "charles", "christian", "clement",
    "constantine", "darius", "edward", "elizabeth", "ferdinand", "francis", "franz", "frederick",
    "george", "gregory", "gustav", "haakon", "henry", "innocent", "isabella", "ivan", "james",
    "john", "josef", "joseph", "juan", "leo", "leopold", "louis", "manuel", "mary", "napoleon",
    "nicholas", "olav", "otto", "paul", "pedro", "peter", "philip", "pius", "ptolemy", "ramses",
    "ramesses", "richard", "rudolf", "seti", "suleiman", "thutmose", "urban", "victor", "wilhelm",
    "william", "xerxes", "margaret", "felipe", "albert", "baldwin", "mehmed",
})  # fmt: skip
_ORDERED = frozenset(("century", "centuries", "dynasty", "olympiad", "congress", "corps", "legion"))
_AFTER_RULERS = frozenset({
    "", "was", "of", "and", "in", "had", "died", "is", "at", "by", "who", "ruled", "reigned",
    "became",
})  # fmt: skip
_SPELLED_BEFORE = frozenset(("an", "on", "by", "via"))  # on an IV


def read(numeral: str, before: str, after: str, *, spell: bool) -> tuple[Words, ...]:
    """Return the readings of a Roman numeral, the usual one first; empty where it is none.

    Parameters
    ----------
    numeral : str
        Letters I, V, X and L; L counts after a heading only.
    before, after : str
        The tokens beside it; empty at either end of the transcript.
    spell : bool
        Whether the transcript has lower case, so that capitals mean something.

    Examples
    --------
    >>> read("VIII", "Henry", "and", spell=True)
    (('the', 'eighth'), ('eight',))
    >>> read("II", "War", "", spell=True), read("I", "and", "think", spell=True)
    ((('two',), ('the', 'second')), ())
    """
    letters = numeral.upper()
    if not roman_numerals.is_numeral(letters):
        return ()
    bare = before.strip("'\"“‘([,")
    name = bare.lower().rstrip(".:")
    ends = re.search(r"[.,;:!?]\W*$", before) is not None and name not in _HEADINGS
    heading = name in _HEADINGS and not ends
    ruler = name in _RULERS and bare[:1].isupper() and not ends
    if numeral.islower() and not heading:
        return ()
    if len(letters) == 1 and not (ruler or (heading and bare[:1].isupper())):
        return ()
    if "L" in letters and not heading:
        return ()
    if letters == "I" and not spell and name not in ("war", "chapter", "act", "volume"):
        return ()
    if letters == "I" and ruler and not _goes_on(after):
        return ()
    number = str(roman_numerals.value(letters))
    cardinal, ordinal = numbers.cardinal(number), ("the", *numbers.ordinal(number))
    if after.lower().strip(".,;:!?") in _ORDERED:
        return (ordinal[1:],)
    if name == "the" and len(letters) > 1:
        return (ordinal[1:], cardinal)
    if heading:
        return (cardinal, ordinal)
    if letters == "IV" and name in _SPELLED_BEFORE and spell:
        return (("i", "v"), cardinal)
    named = bare[:1].isupper() and not ends and spell and not roman_numerals.is_numeral(bare)
    return (ordinal, cardinal) if ruler or named else (cardinal,)


def _goes_on(after: str) -> bool:
    """Tell whether a sentence goes on after ``Charles I``, rather than after a pronoun."""
    return after.lower().strip(".,;:!?") in _AFTER_RULERS
