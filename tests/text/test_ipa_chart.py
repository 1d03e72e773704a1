"""Words drawn from the whole IPA chart, and from all of Unicode: read or named, nothing dropped."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.text.articulation import (
    ATTRIBUTES,
    BREAKS,
    STRESS,
    TIES,
    articulation,
    mistakable,
    modifiers,
    segments,
    variants,
)
from speechalign.text.ipa import words
from speechalign.text.ipa_phones import phones_of_word

OTHER_FORMS = [form for form, symbol in variants().items() if symbol in segments()]
LETTERS = st.sampled_from([*segments(), *OTHER_FORMS])
SIGNS = st.sampled_from([*modifiers(), "꞉", ":", "’", "\u0361"])
MARKS = st.text(SIGNS, max_size=3).map(lambda marks: marks.rstrip("\u0361"))
ONSETS = st.sampled_from(["", "ⁿ", "ᵐ", "ᵑ͡ᵐ", "ʰ", "ˀ", "ᶢ", "ᵑ"])
STRESSES, TIED = st.sampled_from(["", *STRESS]), st.sampled_from("\u0361\u035c")
# IPA Extensions to Combining Diacritical Marks, Phonetic Extensions, Modifier Tone Letters, Latin
# Extended-F and -G.
BLOCKS = (
    (0x250, 0x370),
    (0x1D00, 0x1E00),
    (0xA700, 0xA722),
    (0x10780, 0x107BB),
    (0x1DF00, 0x1DF1F),
)


@st.composite
def phones(draw):
    """Draw a letter, or two with a tie bar, with marks before and behind."""
    phone = draw(STRESSES) + draw(ONSETS) + draw(LETTERS) + draw(MARKS)
    return phone + draw(st.sampled_from(["", draw(TIED) + draw(LETTERS) + draw(MARKS)]))


def decomposed(text):
    return unicodedata.normalize("NFD", text)


def visible(word):
    """Return what of a word must be found in its phones."""
    return sorted(
        symbol for symbol in decomposed(word)
        if symbol not in BREAKS + "\u034f\ufe0e\ufe0f'’"
        and not symbol.isspace() and unicodedata.category(symbol) != "Cf"
    )  # fmt: skip


@given(st.lists(phones(), min_size=1, max_size=6).map(".".join))
def test_a_word_of_the_chart_keeps_every_symbol_in_both_normal_forms(word):
    if set(unicodedata.normalize("NFC", word)) & mistakable().keys():
        return  # š is rather ʃ
    found = phones_of_word(word)
    assert visible("".join(found)) == visible(word)
    assert phones_of_word(decomposed(word)) == found
    assert phones_of_word(unicodedata.normalize("NFC", word)) == found
    for phone in found:
        targets = articulation(phone).targets
        assert 1 <= len(targets) <= 3
        assert all(target[name] <= set(ATTRIBUTES[name]) for target in targets for name in target)


@given(st.text(st.one_of(LETTERS, SIGNS, st.characters()), min_size=1))
def test_any_word_is_read_whole_or_refused_by_its_name(word):
    refusal = f"{re.escape(repr(word))}.*(expected a letter of the IPA|is not a symbol of the IPA)"
    try:
        found = phones_of_word(word)
    except InputError as error:
        if not re.search(refusal, str(error)):
            raise
    else:
        assert visible("".join(found)) == visible(word)


@given(st.text(st.one_of(LETTERS, st.sampled_from(" .ˈː\u0303"), st.characters())))
def test_any_transcript_is_words_or_an_error(text):
    try:
        found = words(text)
    except InputError:
        return
    assert all(word.label.strip() for word in found)


def test_every_symbol_of_the_phonetic_blocks_is_read_or_named_with_a_remedy():
    known = {*segments(), *modifiers(), *variants(), *TIES}
    named = []
    for symbol in (chr(code) for first, end in BLOCKS for code in range(first, end)):
        if not unicodedata.name(symbol, "") or symbol in STRESS + "\u034f":
            continue
        word = f"k{symbol}a"
        try:
            found = phones_of_word(word)
        except InputError as error:
            named.append(str(error))
            assert not known >= set(decomposed(symbol)), symbol
        else:
            assert visible("".join(found)) == visible(word)
    assert len(named) > 200
    remedy = re.compile(r"'k.*a': '.*' \([A-Z -]+\) is not a symbol of the IPA; (use|write) \S")
    assert [message for message in named if not remedy.match(message)] == []


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("ṭa", "◌̣' (COMBINING DOT BELOW) is not a symbol of the IPA; use a retroflex letter"),
        ("ą", "use a tilde above the letter"),
        ("k̓a", "use ʼ or ˀ"),
        ("ḙ", "use ◌̪"),
        ("ꞌa", "use ʔ or ʼ"),
        ("t‘a", "use ʰ or ˈ"),
        ("ᶏ", "use a or ɐ"),
        ("ʚ", "use e"),
    ],
)
def test_the_remedy_fits_the_symbol(word, remedy):
    with pytest.raises(InputError) as error:
        phones_of_word(word)
    assert remedy in str(error.value)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("aᵑ͡ᵐɡ͡ba", ["a", "ᵑ͡ᵐɡ͡b", "a"]),
        ("k͟pat⁀sa", ["k͟p", "a", "t⁀s", "a"]),
        ("t͡ʃ͡ʰa", ["t͡ʃ͡ʰ", "a"]),
        ("ᶢǃʱaꜜ꜒", ["ᶢǃʱ", "aꜜ꜒"]),
        ("ka↓ta˳", ["k", "a↓", "t", "a˳"]),
        ("p𐞄a", ["p𐞄", "a"]),
        ("t͡ˈsa", ["t͡ˈs", "a"]),
    ],
)
def test_what_field_transcripts_have(word, expected):
    assert list(phones_of_word(word)) == expected


def test_dashes_between_words_are_not_said():
    assert [word.spoken for word in words("ta – na — ɢa")] == [("ta",), ("na",), ("ɢa",)]
