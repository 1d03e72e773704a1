"""Articulation: attributes of IPA symbols, and phones of IPA words.

``data/ipa_segments.csv`` has manner, place, voicing, height, backness and rounding of each letter
of the IPA; a value such as ``open-mid|open`` leaves the choice open. ``data/ipa_modifiers.csv``
names the diacritics. Both are facts of the IPA chart [1]_.

A phone is a letter, or several joined by a tie bar, with its modifiers. Its articulation is one
*target*, or two in time: a diphthong has two vowels.

====================================  ==========================================================
modifier                              effect
====================================  ==========================================================
voiceless, voiced                     voicing
breathy, creaky, glottalised          voicing is open
dental, retracted, advanced           place of alveolars; retracted and advanced open the backness
raised, lowered, centralised ...      height or backness is open
palatalised                           palatalised; all other consonants are plain
aspirated, ejective, labialised ...   none: they change a release that has no attribute
long, half-long                       longer durations
nasalised, tone, syllabic ...         none
====================================  ==========================================================

References
----------
.. [1] International Phonetic Association, "Handbook of the International Phonetic Association",
   1999.

Examples
--------
>>> phones_of_word("ˈt͡ʃaːt.nʲə")
('ˈt͡ʃ', 'aː', 't', 'nʲ', 'ə')
>>> articulation("aː").is_long, articulation("aː").targets[0]["height"]
(True, frozenset({'open'}))
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from speechalign.errors import InputError

ATTRIBUTES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "manner": (
            "silence", "stop", "affricate", "fricative", "nasal", "approximant", "lateral",
            "trill", "vowel",
        ),
        "place": (
            "none", "bilabial", "labiodental", "dental", "alveolar", "postalveolar", "retroflex",
            "palatal", "velar", "uvular", "pharyngeal", "glottal",
        ),
        "voicing": ("voiceless", "voiced"),
        "height": ("none", "close", "close-mid", "open-mid", "open"),
        "backness": ("none", "front", "central", "back"),
        "rounding": ("none", "no", "yes"),
        "palatalised": ("no", "yes"),
    }
)  # fmt: skip
"""The values of each attribute, in the order of a network's outputs."""

COLUMNS = tuple((name, value) for name, values in ATTRIBUTES.items() for value in values)
"""Attribute and value of each output of a network."""

Target = Mapping[str, frozenset[str]]
"""Values that each attribute may have at one time."""

_TIES = "\u0361\u035c"
STRESS = "ˈˌ"
_BREAKS = ".‿|‖-"
_EJECTIVE = "ʼ"
_NEIGHBOURS = {
    "dental": {"place": {"alveolar": {"dental", "alveolar"}}},
    "linguolabial": {"place": {"alveolar": {"dental", "alveolar"}}},
    "retracted": {
        "place": {"alveolar": {"alveolar", "postalveolar"}, "velar": {"velar", "uvular"}},
        "backness": {"front": {"front", "central"}, "central": {"central", "back"}},
    },
    "advanced": {
        "place": {"velar": {"palatal", "velar"}, "alveolar": {"dental", "alveolar"}},
        "backness": {"back": {"central", "back"}, "central": {"front", "central"}},
    },
    "raised": {
        "height": {
            "open": {"open", "open-mid"}, "open-mid": {"open-mid", "close-mid"},
            "close-mid": {"close-mid", "close"},
        }
    },
    "lowered": {
        "height": {
            "close": {"close", "close-mid"}, "close-mid": {"close-mid", "open-mid"},
            "open-mid": {"open-mid", "open"},
        }
    },
    "centralised": {"backness": {"front": {"front", "central"}, "back": {"back", "central"}}},
    "mid-centralised": {"backness": {"front": {"front", "central"}, "back": {"back", "central"}}},
    "more rounded": {"rounding": {"no": {"no", "yes"}}},
    "less rounded": {"rounding": {"yes": {"no", "yes"}}},
}  # fmt: skip
_OPEN_VOICING = frozenset({"breathy", "creaky", "glottalised"})


@dataclass(frozen=True)
class Articulation:
    """Attributes of a phone.

    Parameters
    ----------
    targets : tuple of Mapping[str, frozenset[str]]
        One, or two in order of time; the values that each of `ATTRIBUTES` may have.
    is_long : bool
        Whether the phone has a mark of length.
    """

    targets: tuple[Target, ...]
    is_long: bool = False


SILENCE = Articulation(
    (
        MappingProxyType(
            {
                name: frozenset(values[:1] if name != "voicing" else values)
                for name, values in ATTRIBUTES.items()
            }
        ),
    )
)
"""The articulation of a pause."""


@cache
def segments() -> Mapping[str, Target]:
    """Return the attributes of each letter of the IPA."""
    found: dict[str, Target] = {}
    for row in _rows("ipa_segments.csv"):
        target = {name: frozenset(row[name].split("|")) for name in ATTRIBUTES if name in row}
        # A vowel, and a palatal, may sound palatalised or not.
        free = row["manner"] == "vowel" or row["place"] == "palatal"
        target["palatalised"] = frozenset(("no", "yes") if free else ("no",))
        found[row["symbol"]] = MappingProxyType(target)
    return MappingProxyType(found)


@cache
def modifiers() -> Mapping[str, str]:
    """Return the name of each diacritic and modifier letter."""
    return MappingProxyType({row["symbol"]: row["name"] for row in _rows("ipa_modifiers.csv")})


def phones_of_word(word: str) -> tuple[str, ...]:
    """Split a word of IPA into phones.

    Parameters
    ----------
    word : str
        Letters with their modifiers. Stress marks stay at the phone that follows; dots, hyphens and
        bars are left out.

    Returns
    -------
    tuple of str
        The phones, as they were written.

    Raises
    ------
    InputError
        A symbol is not of the IPA; the message offers the nearest ones.
    """
    letters, marks = segments(), modifiers()
    phones: list[str] = []
    prefix, tied = "", False
    for symbol in unicodedata.normalize("NFD", word):
        if symbol in _BREAKS or symbol.isspace():
            continue
        if symbol == "'" and phones and not prefix and _may_be_ejective(phones[-1]):
            phones[-1] += symbol
        elif symbol in STRESS or symbol == "'":
            prefix += "ˈ" if symbol == "'" else symbol
        elif symbol in _TIES and phones:
            phones[-1] += symbol
            tied = True
        elif symbol == "\u0327" and phones and phones[-1].endswith("c"):
            phones[-1] = phones[-1][:-1] + "ç"
        elif symbol in letters:
            if tied:
                phones[-1] += symbol
            else:
                phones.append(prefix + symbol)
            prefix, tied = "", False
        elif symbol in marks and phones and not prefix:
            phones[-1] += symbol
        elif symbol in marks:
            prefix += symbol  # preaspiration, prenasalisation
        else:
            raise InputError(_unknown(symbol, word))
    if not phones:
        raise InputError(f"word {word!r}: expected a letter of the IPA, found none")
    return tuple(unicodedata.normalize("NFC", phone) for phone in phones)


@cache
def articulation(phone: str) -> Articulation:
    """Return the articulation of a phone.

    Parameters
    ----------
    phone : str
        One phone of IPA: a letter, letters joined by a tie bar, or a diphthong or affricate without
        one; with modifiers and stress marks.

    Raises
    ------
    InputError
        A symbol is not of the IPA.
    """
    letters, marks = segments(), modifiers()
    found: list[dict[str, frozenset[str]]] = []
    names: list[str] = []
    for symbol in unicodedata.normalize("NFD", phone):
        if symbol == "\u0327" and found:
            found[-1] = dict(letters["ç"])
        elif symbol in letters:
            found.append(dict(letters[symbol]))
        elif symbol in marks:
            names.append(marks[symbol])
            if found:
                found[-1] = _modified(found[-1], marks[symbol])
        elif symbol not in STRESS + "'" + _TIES + _BREAKS:
            raise InputError(_unknown(symbol, phone))
    if not found:
        raise InputError(f"phone {phone!r}: expected a letter of the IPA, found none")
    if any(name == "palatalised" for name in names):
        found = [_modified(target, "palatalised") for target in found]
    return Articulation(
        tuple(MappingProxyType(target) for target in _joined(found)), "long" in names
    )


def _joined(found: list[dict[str, frozenset[str]]]) -> list[dict[str, frozenset[str]]]:
    """Return one target for an affricate or a double articulation, the outer two of a diphthong."""
    manners = [target["manner"] for target in found]
    if len(found) == 1:
        return found
    if manners[0] == {"stop"} and manners[-1] in ({"fricative"}, {"lateral"}):
        return [{**found[-1], "manner": frozenset({"affricate"})}]
    if manners[0] == manners[-1] and manners[0] != {"vowel"}:  # k͡p: either place
        return [{**found[-1], "place": found[0]["place"] | found[-1]["place"]}]
    return [found[0], found[-1]]


def _modified(target: Mapping[str, frozenset[str]], name: str) -> dict[str, frozenset[str]]:
    changed = dict(target)
    if name in ("voiceless", "voiced"):
        changed["voicing"] = frozenset({name})
    elif name in _OPEN_VOICING:
        changed["voicing"] = frozenset(ATTRIBUTES["voicing"])
    elif name == "palatalised" and target["manner"] != {"vowel"}:
        changed["palatalised"] = frozenset({"yes"})
    for attribute, moves in _NEIGHBOURS.get(name, {}).items():
        values = target[attribute]
        changed[attribute] = frozenset().union(*(moves.get(value, {value}) for value in values))
    return changed


def _may_be_ejective(phone: str) -> bool:
    """Return whether an apostrophe after a phone is the mark of an ejective, not of stress."""
    return all(target["manner"] != {"vowel"} for target in articulation(phone).targets)


def _unknown(symbol: str, where: str) -> str:
    known = [*segments(), *modifiers()]
    name = unicodedata.name(symbol, "unnamed")
    plain = unicodedata.normalize("NFKD", symbol)[:1].lower()
    kind = name.rsplit(" ", 1)[-1]
    near = [other for other in known if unicodedata.normalize("NFKD", other)[:1] == plain]
    near += [other for other in known if unicodedata.name(other, "").rsplit(" ", 1)[-1] == kind]
    offered = f"use {' or '.join(dict.fromkeys(near[:3]))}" if near else "write it in IPA"
    return (
        f"{where!r}: {symbol!r} ({name}) is not a symbol of the IPA; {offered}, or give the word a "
        "pronunciation in a dictionary"
    )


def _rows(name: str) -> list[dict[str, str]]:
    path = Path(__file__).parent / "data" / name
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
