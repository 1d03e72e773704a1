"""Kinds of phones, whatever set their names are of."""

import pytest

from speechalign.text.phone_kinds import kind_of, kinds_of


@pytest.mark.parametrize(
    ("phone", "kind"),
    [("ə", "vowel"), ("ŋ", "nasal"), ("ʃ", "fricative"), ("tʃ", "affricate"), ("sil", "other")],
)
def test_kinds(phone, kind):
    assert kind_of(phone, last=True) == kind


@pytest.mark.parametrize(
    "kinds",
    [
        {"h#": "pause", "epi": "pause", "tcl": "plosive", "ih": "vowel", "en": "nasal"},
        {"AH0": "vowel", "CH": "affricate", "HH": "fricative", "sil": "pause"},
        {"E": "vowel", "C": "fricative", "6": "vowel", "a:": "vowel", "(": "pause"},
        {"ə": "vowel", "ç": "fricative", "ŋ": "nasal", "<p:>": "pause", "ǃ": "other"},
    ],
    ids=["TIMIT", "ARPABET", "X-SAMPA", "IPA"],
)
def test_names_are_read_as_those_of_one_set(kinds):
    assert {label: first for label, (first, _) in kinds_of(kinds).items()} == kinds


def test_a_label_of_two_phones_begins_and_ends_with_another_kind():
    assert kinds_of({"ts", "a"})["ts"] == ("plosive", "fricative")
