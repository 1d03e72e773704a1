"""Articulation: phones of IPA words, their attributes, and symbols that cannot be read."""

import unicodedata

import pytest

from speechalign.errors import InputError
from speechalign.text.articulation import (
    ATTRIBUTES,
    COLUMNS,
    SILENCE,
    articulation,
    modifiers,
    phones_of_word,
    segments,
)


def values(phone, attribute, target=0):
    return set(articulation(phone).targets[target][attribute])


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("ˈt͡ʃaːt.nʲə", ["ˈt͡ʃ", "aː", "t", "nʲ", "ə"]),
        ("pʰadˤa", ["pʰ", "a", "dˤ", "a"]),
        ("k͡paɡ͡ba", ["k͡p", "a", "ɡ͡b", "a"]),
        ("ǃaǁa", ["ǃ", "a", "ǁ", "a"]),
        ("k͡ǃa", ["k͡ǃ", "a"]),
        ("kʼat'", ["kʼ", "a", "t'"]),
        ("'ta", ["ˈt", "a"]),
        ("ɓiɗu", ["ɓ", "i", "ɗ", "u"]),
        ("ⁿda", ["ⁿd", "a"]),
        ("n̩b̤a̰", ["n̩", "b̤", "a̰"]),
        ("ma˥na˧˩", ["m", "a˥", "n", "a˧˩"]),
        ("ma˦.nà", ["m", "a˦", "n", "à"]),
        ("ça", ["ç", "a"]),
    ],
)
def test_phones_of_a_word(word, phones):
    expected = tuple(unicodedata.normalize("NFC", phone) for phone in phones)
    assert phones_of_word(word) == expected
    assert phones_of_word(unicodedata.normalize("NFD", word)) == expected


def test_stress_stays_on_its_phone_and_breaks_are_no_phones():
    assert phones_of_word("a.ˈta") == phones_of_word("aˈta") == ("a", "ˈt", "a")
    assert articulation("ˈt") == articulation("t")


@pytest.mark.parametrize(
    ("phone", "attribute", "expected"),
    [
        ("n̥", "voicing", {"voiceless"}),
        ("s̬", "voicing", {"voiced"}),
        ("b̤", "voicing", {"voiceless", "voiced"}),
        ("a̰", "voicing", {"voiceless", "voiced"}),
        ("t̪", "place", {"dental", "alveolar"}),
        ("nʲ", "palatalised", {"yes"}),
        ("n", "palatalised", {"no"}),
        ("ë", "backness", {"front", "central"}),
        ("t͡s", "manner", {"affricate"}),
        ("ts", "manner", {"affricate"}),
        ("t͡ɬ", "manner", {"affricate"}),
        ("k͡p", "place", {"velar", "bilabial"}),
        ("ŋ͡m", "manner", {"nasal"}),
        ("ʘ", "place", {"bilabial"}),
        ("ʀ", "place", {"uvular"}),
        ("y", "rounding", {"yes"}),
        ("pʼ", "manner", {"stop"}),
    ],
)
def test_attributes(phone, attribute, expected):
    assert values(phone, attribute) == expected


def test_length_and_diphthongs():
    assert articulation("aː").is_long
    assert not articulation("a").is_long
    assert articulation("aː").targets == articulation("a").targets
    both = articulation("a͡ɪ").targets
    assert [set(target["height"]) for target in both] == [{"open"}, {"close"}]
    assert articulation("a͡ɪ̯").targets == both


@pytest.mark.parametrize("mark", ["ʰ", "ʼ", "ʷ", "̃", "˥", "̩"])
def test_marks_without_an_attribute_change_nothing(mark):
    for base in ("k", "n", "a"):
        assert articulation(base + mark).targets == articulation(base).targets


@pytest.mark.parametrize("letter", sorted(segments()))
def test_every_letter_has_values_of_every_attribute(letter):
    [target] = articulation(letter).targets
    assert target.keys() == ATTRIBUTES.keys()
    for attribute, allowed in target.items():
        assert allowed
        assert allowed <= set(ATTRIBUTES[attribute])
    assert (target["manner"] == {"vowel"}) == (target["place"] == {"none"})
    assert (target["manner"] == {"vowel"}) == (target["height"] != {"none"})
    assert "silence" not in target["manner"]


def test_every_mark_can_follow_every_kind_of_letter():
    for mark in modifiers():
        for letter in ("t", "k", "n", "s", "a", "u", "ə"):
            for target in articulation(letter + mark).targets:
                assert all(target[name] <= set(ATTRIBUTES[name]) for name in ATTRIBUTES)


def test_silence_and_columns():
    assert SILENCE.targets[0]["manner"] == {"silence"}
    assert len(set(COLUMNS)) == len(COLUMNS) == sum(map(len, ATTRIBUTES.values()))


@pytest.mark.parametrize(
    ("word", "symbol", "offered"),
    [
        ("taß", "'ß'", "LATIN SMALL LETTER SHARP S"),
        ("tа", "'а'", "CYRILLIC SMALL LETTER A"),
        ("Ta", "'T'", "use t"),
        ("ta3", "'3'", "write it in IPA"),
    ],
)
def test_symbols_that_are_not_ipa_are_named_and_others_offered(word, symbol, offered):
    with pytest.raises(InputError, match="is not a symbol of the IPA") as found:
        phones_of_word(word)
    assert repr(word) in str(found.value)
    assert symbol in str(found.value)
    assert offered in str(found.value)


@pytest.mark.parametrize("word", ["", "ˈ", "..", "ː"])
def test_a_word_needs_a_letter(word):
    with pytest.raises(InputError, match="expected a letter of the IPA, found none"):
        phones_of_word(word)
