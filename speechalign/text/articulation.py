"""Articulation: attributes of IPA symbols.

``data/ipa_segments.csv`` has manner, place, voicing, height, backness and rounding of each letter
of the IPA; a value such as ``open-mid|open`` leaves the choice open. ``data/ipa_modifiers.csv``
names the diacritics, and the sound that may be heard at the *edge* of a phone with one: of [tʰ] the
end may be [h], of [ⁿd] the begin [n]. Both are facts of the IPA chart [1]_ and its extensions.
``data/ipa_variants.csv`` has other forms of symbols, which are read, and what is often mistaken
for IPA, which is not.

A phone is a letter, or several joined by a tie bar, with its modifiers. Its articulation is one
*target*, or more in time: a diphthong has two vowels, a prenasalised stop a nasal and a stop.

====================================  ==========================================================
modifier                              effect
====================================  ==========================================================
voiceless, voiced                     voicing; voiceless sonorants and vowels may be fricatives
breathy, creaky                       voicing is open
dental, retracted, advanced           place of alveolars; retracted and advanced open the backness
raised, lowered                       height is open; approximants and fricatives are alike
centralised, more rounded ...         backness or rounding is open
palatalised                           palatalised; all other consonants are plain
aspirated, labialised, prenasalised   the sound at the edge
ejective, glottalised                 a glottal stop at the edge; of an ejective, also silence
long, half-long, extra-short          duration
nasalised, tone, syllabic ...         none
====================================  ==========================================================

References
----------
.. [1] International Phonetic Association, "Handbook of the International Phonetic Association",
   1999.

Examples
--------
>>> articulation("aː").length, articulation("aː").targets[0]["height"]
(1.6, frozenset({'open'}))
>>> [sorted(target["manner"]) for target in articulation("ⁿd").targets]
[['nasal', 'stop'], ['stop'], ['stop']]
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
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

TIES = "\u0361\u035c\u0362\u035e\u035f\u2040"
STRESS = "ˈˌ"
BREAKS = ".‿-‐‑"
EJECTIVE = "ʼ"
_CEDILLA = re.compile("c([\u0300-\u0326\u0328-\u036f]*)\u0327")
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
_OPEN_VOICING = frozenset({"breathy", "creaky"})
_SONORANTS = frozenset({"nasal", "lateral", "approximant", "trill"})
_LENGTHS = {"extra-short": 0.6, "half-long": 1.3, "long": 1.6}  # of one mark, over no mark


@dataclass(frozen=True)
class Articulation:
    """Attributes of a phone.

    Parameters
    ----------
    targets : tuple of Mapping[str, frozenset[str]]
        One to three in order of time; the values that each of `ATTRIBUTES` may have.
    manners : frozenset of str
        Manners of its letters, without what may be heard at its edges.
    length : float
        Expected duration over that of a phone without a mark of length.
    """

    targets: tuple[Target, ...]
    manners: frozenset[str] = frozenset()
    length: float = 1.0


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
        free = "vowel" in row["manner"] or "palatal" in row["place"].split("|")
        target["palatalised"] = frozenset(("no", "yes") if free else ("no",))
        found[row["symbol"]] = MappingProxyType(target)
    return MappingProxyType(found)


@cache
def modifiers() -> Mapping[str, str]:
    """Return the name of each diacritic and modifier letter."""
    return MappingProxyType({row["symbol"]: row["name"] for row in _rows("ipa_modifiers.csv")})


@cache
def variants() -> Mapping[str, str]:
    """Return the usual symbol for each other form that is read as the same."""
    rows = _rows("ipa_variants.csv")
    return MappingProxyType({row["symbol"]: row["ipa"] for row in rows if row["read"] == "yes"})


@cache
def mistakable() -> Mapping[str, str]:
    """Return what to write instead of each symbol that is mistaken for IPA."""
    rows = _rows("ipa_variants.csv")
    return MappingProxyType({row["symbol"]: row["ipa"] for row in rows if row["read"] == "no"})


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
    found: list[Target] = []
    names: list[str] = []
    edges: dict[bool, list[str]] = {False: [], True: []}  # whether a letter came before
    for symbol in decomposed(phone):
        symbol = EJECTIVE if symbol == "'" and found else variants().get(symbol, symbol)
        if symbol in letters:
            found.append(letters[symbol])
        elif symbol in marks:
            names.append(marks[symbol])
            edges[bool(found)].append(symbol)
            if found:
                found[-1] = _modified(found[-1], marks[symbol])
        elif symbol not in STRESS + "'" + TIES + BREAKS:
            raise InputError(unknown_symbol(symbol, phone))
    if not found:
        raise InputError(f"phone {phone!r}: expected a letter of the IPA, found none")
    if "palatalised" in names:
        found = [_modified(target, "palatalised") for target in found]
    merged = _merged(found)
    targets: tuple[Target, ...] = (merged[0], merged[-1])[: len(merged)]
    begin, end = _edge(edges[False], targets[0]), _edge(edges[True], targets[-1])
    if (begin, end) != (targets[0], targets[-1]):
        targets = (begin, _either(targets[0], targets[-1]), end)
    return Articulation(
        targets=tuple(MappingProxyType(dict(target)) for target in targets),
        manners=frozenset().union(*(target["manner"] for target in merged)),
        length=max(0.3, 1 + sum(_LENGTHS.get(name, 1.0) - 1 for name in names)),
    )


def decomposed(text: str) -> str:
    """Return a text with letters and diacritics apart, ç as one letter."""
    return _CEDILLA.sub(r"ç\1", unicodedata.normalize("NFD", text))


def unknown_symbol(symbol: str, where: str) -> str:
    """Return the message that a symbol of a word or phone is not of the IPA, with near ones."""
    name = " and ".join(unicodedata.name(character, "unnamed") for character in symbol)
    near = [mistakable()[symbol]] if symbol in mistakable() else _letters_like(symbol, name)
    offered = " or ".join(_shown(other) for other in dict.fromkeys(near[:3]))
    offered = f"use {offered}" if near else "write it in IPA"
    other = "a word in a dictionary needs no IPA"
    if symbol.isupper() or symbol in "@{}":
        other = "X-SAMPA needs --phones xsampa, orthography --language or --phones"
    return f"{where!r}: {_shown(symbol)!r} ({name}) is not a symbol of the IPA; {offered}; {other}"


def _letters_like(symbol: str, name: str) -> list[str]:
    """Return letters of the IPA that look like a letter: a capital, or one with another hook."""
    plain = unicodedata.normalize("NFKD", symbol)[:1].lower()
    base, hook, _ = name.partition(" WITH ")
    named = [letter for letter in segments() if hook and unicodedata.name(letter, "") == base]
    kind = base.rsplit(" ", 1)[-1]
    usual = [letter for letter in segments() if letter < "\uffff"]
    alike = [o for o in usual if unicodedata.name(o, "").rsplit(" ", 1)[-1] == kind]
    return [*([plain] if plain in segments() else []), *named, *(alike if symbol.isalpha() else [])]


def _shown(text: str) -> str:
    """Return a text to read, a diacritic on a circle."""
    return f"◌{text}" if unicodedata.combining(text[0]) else text


def _merged(found: Sequence[Target]) -> list[Target]:
    """Return the targets in time: affricates and double articulations are one."""
    merged = [found[0]]
    for target in found[1:]:
        before, manners = merged[-1], merged[-1]["manner"] | target["manner"]
        if before["manner"] == {"stop"} and target["manner"] <= {"fricative", "lateral"}:
            merged[-1] = {**target, "manner": frozenset({"affricate"})}
        elif before["manner"] & target["manner"] and "vowel" not in manners:  # k͡p: either place
            voicing = before["voicing"] & target["voicing"] or target["voicing"]
            place = before["place"] | target["place"]
            merged[-1] = {**target, "manner": manners, "place": place, "voicing": voicing}
        else:
            merged.append(target)
    return merged


def _edge(symbols: Sequence[str], target: Target) -> Target:
    """Return a target that may also be what is heard at the edge of a phone with modifiers."""
    sounds, names = _sounds(), modifiers()
    for symbol in symbols:
        if symbol in sounds:
            target = _either(target, sounds[symbol])
        if names[symbol] == "ejective":
            target = _either(target, SILENCE.targets[0])
    return target


@cache
def _sounds() -> Mapping[str, Target]:
    rows = _rows("ipa_modifiers.csv")
    return {row["symbol"]: segments()[row["edge"]] for row in rows if row["edge"]}


def _either(one: Target, other: Target) -> Target:
    return {name: one[name] | other[name] for name in ATTRIBUTES}


def _modified(target: Target, name: str) -> Target:
    changed = dict(target)
    if name in ("voiceless", "voiced"):
        changed["voicing"] = frozenset({name})
    elif name in _OPEN_VOICING:
        changed["voicing"] = frozenset(ATTRIBUTES["voicing"])
    elif name == "palatalised" and target["manner"] != {"vowel"}:
        changed["palatalised"] = frozenset({"yes"})
    if name == "voiceless" and target["manner"] & _SONORANTS:
        changed["manner"] |= {"fricative"}
    elif name == "voiceless" and "vowel" in target["manner"]:
        changed = dict(_either(changed, segments()["h"]))
    elif name in ("raised", "lowered") and target["manner"] & {"fricative", "approximant", "trill"}:
        changed["manner"] |= {"fricative", "approximant"} if name == "lowered" else {"fricative"}
    for attribute, moves in _NEIGHBOURS.get(name, {}).items():
        values = target[attribute]
        changed[attribute] = frozenset().union(*(moves.get(value, {value}) for value in values))
    return changed


@cache
def _rows(name: str) -> Sequence[Mapping[str, str]]:
    path = Path(__file__).parent / "data" / name
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
