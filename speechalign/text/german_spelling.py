"""German words from their spelling, by a table of rules; stress and vowel length are left out.

Written for this project from the rules that any grammar lists; they know no parts of compounds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from speechalign.text.dictionary import Phones, Variants

_VOWELS = "aeiouäöüyəɐ"
# Unstressed endings, in words that have another vowel before them; -ie and -ee are none.
_WEAK_ER = re.compile(rf"(.*[{_VOWELS}].*[^{_VOWELS}])er(n|s|t|st|ns)?")
_WEAK_E = re.compile(rf"(.*[{_VOWELS}].*(?<![ie]))e(n|s|t|st|l|m|nd|nt|ns|ls|ln)?")
# Where a stem may begin: at the front, or behind a prefix.
_STEM = (
    "(?:^|(?<=^be)|(?<=^ge)|(?<=^er)|(?<=^ab)|(?<=^an)|(?<=^um)|(?<=^ver)|(?<=^zer)|(?<=^ent)"
    "|(?<=^auf)|(?<=^aus)|(?<=^ein)|(?<=^vor))"
)

# Tried in this order at each place; what no rule matches is silent.
_RULES: tuple[tuple[re.Pattern[str], Phones], ...] = tuple(
    (re.compile(pattern), tuple(phones.split()))
    for pattern, phones in (
        ("tsch", "t ʃ"), ("sch", "ʃ"), ("chs(?!t)", "k s"), ("(?<=[aou])ch", "x"),
        ("^ch(?=[aolr])", "k"), ("ch", "ç"), ("ck|kk", "k"), ("pph?", "p"), ("ph", "f"),
        ("tth?|th|dt$", "t"), ("rrh?|rh", "r"), ("qu", "k v"), ("x", "k s"),
        ("t?zz?", "ts"), ("ti(?=on)", "ts j"), (f"{_STEM}s(?=[pt])", "ʃ"),
        ("ss|ß", "s"), (f"(?<=[{_VOWELS}lmnr])s(?=[{_VOWELS}])|^s(?=[{_VOWELS}])", "z"),
        ("s", "s"),
        (f"(?:(?<=^u)|(?<=^a)|(?<=^ei))ng(?=[{_VOWELS}])", "n ɡ"), ("ng", "ŋ"), ("n(?=k)", "ŋ"),
        ("(?<=i)g$", "ç"), ("bb", "b"), ("dd", "d"), ("gg", "ɡ"),
        ("b(?=$|[sptkf])", "p"), ("d(?=$|s|ch)", "t"), ("g(?=$|[st])", "k"),
        ("b", "b"), ("c(?=[eiäyə])", "ts"), ("c", "k"), ("d", "d"), ("ff?|v", "f"), ("g", "ɡ"),
        (f"(?<=[{_VOWELS}])h(?![aouäöü])", ""), ("h", "h"), ("j", "j"), ("k", "k"), ("ll?", "l"),
        ("mm?", "m"), ("nn?", "n"), ("p", "p"), ("r", "r"), ("t", "t"), ("w", "v"),
        ("ei|ai|ey|ay", "aɪ"), ("au", "aʊ"), ("eu|äu", "ɔʏ"), ("ou", "u"), ("ieh?", "i"),
        ("aa?", "a"), ("ee?", "e"), ("i", "i"), ("oo?", "o"), ("u", "u"), ("ä", "ɛ"), ("ö", "ø"),
        ("[üy]", "y"), ("ə", "ə"), ("ɐ", "ɐ"),
    )
)  # fmt: skip


class GermanSpelling:
    """Pronounce German words by spelling rules.

    Parameters
    ----------
    language : str
        Not looked at.
    dictionary : Mapping
        Not looked at.

    Examples
    --------
    >>> german = GermanSpelling("de", {})
    >>> [" ".join(german.pronounce(word)[0]) for word in ("straße", "häuser", "mädchen")]
    ['ʃ t r a s ə', 'h ɔʏ z ɐ', 'm ɛ t ç ə n']
    """

    def __init__(self, language: str, dictionary: Mapping[str, Variants]) -> None:
        pass

    def pronounce(self, word: str) -> Variants:
        """Return the pronunciation of a lower-case word as IPA symbols; () if it has no letter."""
        word = word.replace("'", "")
        weak = _WEAK_ER.fullmatch(word)
        if weak:
            word = f"{weak[1]}ɐ{weak[2] or ''}"
        else:
            weak = _WEAK_E.fullmatch(word)
            word = f"{weak[1]}ə{weak[2] or ''}" if weak else word
        phones: list[str] = []
        position = 0
        while position < len(word):
            for pattern, sounds in _RULES:
                match = pattern.match(word, position)
                if match:
                    phones.extend(sounds)
                    position = match.end()
                    break
            else:
                position += 1
        return (tuple(phones),) if phones else ()
