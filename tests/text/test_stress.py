"""Stress of English words, from the dictionary and by analogy."""

import pytest

from speechalign.models.hmm_gmm.english_sphinx import installed_dictionary
from speechalign.text.phone_sets import VOWELS
from speechalign.text.stress import EnglishStress


@pytest.fixture(scope="module")
def stress():
    return EnglishStress(installed_dictionary())


def digits(pattern):
    return "".join("-" if value is None else str(value) for value in pattern)


@pytest.mark.parametrize(
    ("word", "phones", "expected"),
    [
        ("the", "DH AH", "-0"),
        ("banana", "B AH N AE N AH", "-0-1-0"),
        ("tomato", "T AH M EY T OW", "-0-1-2"),
        ("tomato", "T AH M AA T OW", "-0-1-2"),
        ("cooperation", "K OW AA P ER EY SH AH N", "-02-01-0-"),
    ],
)
def test_words_of_the_dictionary(stress, word, phones, expected):
    assert digits(stress.of(word, tuple(phones.split()))) == expected


def test_every_pronunciation_has_a_digit_for_each_vowel(stress):
    for word, variants in installed_dictionary().items():
        for phones, pattern in zip(variants, stress.patterns.get(word, ()), strict=False):
            if pattern != "-":
                assert len(pattern) == sum(phone in VOWELS for phone in phones), word
                assert set(pattern) <= set("012"), word


def test_another_way_to_say_a_known_word_keeps_its_stress(stress):
    assert digits(stress.of("banana", ("B", "AH", "N", "AA", "N", "AH"))) == "-0-1-0"


def test_unknown_words_go_by_their_ending(stress):
    phones = ("G", "R", "OW", "K", "EY", "SH", "AH", "N")
    assert digits(stress.of("grokation", phones)) == "--0-1-0-"
    assert digits(stress.of("zzz", ("Z",))) == "-"
    assert digits(stress.of("blick", ("B", "L", "IH", "K"))) == "--1-"


def test_left_out_words_are_mostly_guessed_right(stress):
    words = sorted(stress.patterns)[::50]
    rest = {word: stress.patterns[word] for word in stress.patterns.keys() - set(words)}
    guesser = EnglishStress(stress.dictionary, rest)
    right = [
        guesser.guess(stress.dictionary[word][0]) == stress.patterns[word][0]
        for word in words
        if stress.patterns[word][0] != "-"
    ]
    assert sum(right) / len(right) > 0.75
