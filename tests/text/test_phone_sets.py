"""Phone sets: renaming what is written, and reading what users write."""

import unicodedata

import pytest

from speechalign.errors import FormatError
from speechalign.text.phone_sets import (
    ARPABET,
    PHONE_SETS,
    VOWELS,
    is_arpabet,
    read_map,
    read_phones,
    rename,
    to_xsampa,
    translate,
)


@pytest.mark.parametrize("phone", ARPABET)
@pytest.mark.parametrize("name", ["arpabet", "arpabet-stress", "ipa"])
def test_every_name_is_read_as_the_phone_it_stands_for(phone, name):
    for stress in (0, 1, 2) if phone in VOWELS else (None,):
        written = rename(phone, name, stress=stress)
        (read,), (read_stress,) = read_phones([written], ARPABET)
        assert read == phone
        if name == "arpabet-stress":
            assert read_stress == stress


@pytest.mark.parametrize("name", PHONE_SETS)
def test_no_two_phones_share_a_name(name):
    stresses = {phone: (0, 1, 2) if phone in VOWELS else (None,) for phone in ARPABET}
    owners = {}
    for phone, values in stresses.items():
        for stress in values:
            owners.setdefault(rename(phone, name, stress=stress), set()).add(phone)
    assert all(len(phones) == 1 for phones in owners.values())


def test_silence_and_noise_keep_their_names():
    assert {rename(unit, name) for unit in ("SIL", "spn", "+SPN+") for name in PHONE_SETS} == {
        "SIL",
        "spn",
        "+SPN+",
    }


@pytest.mark.parametrize(
    ("ipa", "xsampa"),
    [
        ("tʃ", "tS"), ("t͡ʃ", "tS"), ("yː", "y:"), ("ɔʏ", "OY"), ("ç", "C"), ("ɛ̃", "E~"),
        ("ɹ̩", "r\\="), ("pʰ", "p_h"), ("ø", "2"), ("ɐ̯", "6_^"), ("k", "k"),
    ],
)  # fmt: skip
def test_xsampa(ipa, xsampa):
    assert to_xsampa(ipa) == to_xsampa(unicodedata.normalize("NFD", ipa)) == xsampa


@pytest.mark.parametrize(
    ("written", "phones", "stress"),
    [
        ("HH AH0 L OW1", "HH AH L OW", "-0-1"),
        ("hh ah l ow", "HH AH L OW", "----"),
        ("h ə l ˈoʊ", "HH AH L OW", "-0-1"),
        ("h ə ɫ əw", "HH AH L OW", "-0--"),
        ("b ɐ t n̩", "B AH T AH N", "---0-"),
        ("b ɪə", "B IH AH", "---"),
        ("b ˈɪə", "B IH AH", "-10"),
        ("t͡ʃ ɜː t͡ʃ", "CH ER CH", "---"),
        ("cʰ ɪ ʎ", "K IH L", "---"),
        ("B AH1 DX AXR", "B AH D ER", "-1--"),
        ("j ɛ s", "Y EH S", "---"),
    ],
)
def test_what_english_dictionaries_hold(written, phones, stress):
    read, found = read_phones(written.split(), ARPABET)
    assert " ".join(read) == phones
    assert "".join("-" if value is None else str(value) for value in found) == stress


@pytest.mark.parametrize("phone", ["AH3", "XX", "ʘ", "ː", "K1K", "7"])
def test_a_phone_without_a_counterpart_is_named(phone):
    with pytest.raises(KeyError, match=phone):
        read_phones(["K", phone], ARPABET)


def test_other_languages_take_their_own_phones_only():
    known = {"a", "t", "ʃ", "ɔʏ"}
    assert not is_arpabet(known)
    assert read_phones(["t", "ɔʏ"], known) == (("t", "ɔʏ"), (None, None))
    with pytest.raises(KeyError, match="aː"):
        read_phones(["aː"], known)


def test_the_models_own_names_come_first():
    known = {*ARPABET, "SIL", "+SPN+", "ʌ"}
    assert read_phones(["+SPN+", "ʌ"], known) == (("+SPN+", "ʌ"), (None, None))


@pytest.mark.parametrize(
    ("label", "phone_set", "found"),
    [
        ("AH0", "arpabet", "AH"), ("AH0", "arpabet-stress", "AH0"), ("ə", "arpabet-stress", "AH0"),
        ("AH0", "ipa", "ə"), ("AH", "ipa", "ʌ"), (" ax ", "arpabet", "AH"), ("ʏ", "ipa", "ʏ"),
        ("ʏ", "xsampa", "Y"), ("sil", "ipa", "sil"), ("", "arpabet", ""), ("ʘ", "arpabet", "ʘ"),
    ],
)  # fmt: skip
def test_translated_labels(label, phone_set, found):
    assert translate(label, phone_set) == found


def test_a_map_of_names():
    assert read_map("AA a\n\n# comment\nSH S # sh\n", "m") == {"AA": "a", "SH": "S"}
    with pytest.raises(FormatError, match=r"m:2: expected a phone and its new name, got 'B'"):
        read_map("A a\nB\n", "m")
    with pytest.raises(FormatError, match=r"m:2: 'A' is there twice"):
        read_map("A a\nA b\n", "m")
