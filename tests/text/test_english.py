"""English transcripts: every row of the table, the golden list, and what holds for any text."""

import inspect
import re
from dataclasses import replace
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.text import NORMALISERS, english
from speechalign.text.english import words
from speechalign.text.latin import to_latin
from speechalign.text.tokens import tokens
from speechalign.text.word import NOISE, UNKNOWN, Word

DICTIONARY = frozenset(
    ("the", "nasa", "it", "us", "fbi's", "goin'", "'cause", "dogs'", "cafe", "am", "tvs", "cat")
)
TRICKY = st.text(
    st.sampled_from("aZéßИ猫٣5019.,:/-–−—'’\"$£€%°#@&+=()[]<>{}²½⅟①🙂 \t_~sStTmk")
    | st.sampled_from("\u200d\u0301\ufe0f\u00a0")
    | st.characters(),
    max_size=25,
)
COMMON = (
    "Hello 'em don't $5 million 10:00 AM 5 kg [noise] — 🙂 FBI St. Louis 1/2 3rd 1995 x² "
    "Mr. & 50% 猫 -5 A.B.C. #5 2-3 … B2B joe@x.org 'hi' No. 24/7 THE"
)
SENTENCES = st.lists(st.sampled_from(COMMON.split()), max_size=12).map(" ".join)
SPOKEN = re.compile(r"'?[a-z]+('[a-z]+)*'?")


def say(text, **options):
    """Return what is spoken for a text that also has lower case, joined by spaces."""
    (_, *found) = words("x " + text, **options)
    return " ".join(chain.from_iterable(word.spoken for word in found))


def visible(text):
    """Return a text without its white space; U+200B is one."""
    return "".join(text.replace("\u200b", " ").split())


def table():
    """Yield the token and the spoken form of every pair in the module's table."""
    for line in re.sub(r"\n {28,}", " ", inspect.getdoc(english)).splitlines():
        tokens = re.findall(r"``(.+?)``", line[:31])
        if tokens and "`NOISE`" not in line and "`UNKNOWN`" not in line and "nothing" not in line:
            spoken = [re.split(r"[:(]|, |$", part)[0].strip() for part in line[31:].split(";")]
            yield from zip(tokens, spoken)


@pytest.mark.parametrize(("token", "expected"), list(table()))
def test_the_table_tells_the_truth(token, expected):
    assert say(token) == expected.replace("number alone", "")


def test_the_table_was_read():
    assert len(list(table())) > 60


GOLDEN = [
    line.split("\t")
    for line in (Path(__file__).parent / "english_spoken.tsv").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize(("text", "expected"), GOLDEN)
def test_golden(text, expected):
    assert say(text) == expected


def test_invisible_characters_and_struck_symbols():
    assert say("a\u2060b re\u00adsume caf\u0065\u0301 a\u2260b") == "ab resume cafe ab"


CHOICES = [
    line.split("\t")
    for line in (Path(__file__).parent / "english_choices.tsv").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize(("text", "expected"), CHOICES)
def test_what_may_be_said_instead(text, expected):
    (word,) = [w for w in words(f"x {text}")[1:] if w.choices or len(text.split()) == 1]
    said = [spoken for spoken, _ in word.choices] or [word.spoken]
    assert [" ".join(spoken) for spoken in said] == expected.split("|")
    assert said[0] == word.spoken


def test_labels_are_the_users_own_tokens():
    found = words("  – “Well-known”,\n$5.50 … said\tDr. 🙂 X - ")
    assert tuple(replace(word, choices=()) for word in found) == (
        Word("– “Well-known”,", ("well", "known")),
        Word("$5.50 …", ("five", "dollars", "fifty", "cents")),
        Word("said", ("said",)),
        Word("Dr. 🙂", ("doctor",)),
        Word("X -", ("x",)),
    )


@pytest.mark.parametrize("text", ["", " \n\t", "-", "... — ?!", "🙂 \u200b", "=====", "\u00a0"])
def test_nothing_to_say_is_no_word(text):
    assert words(text) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the FBI's NASA IT US XYZ", "the fbi's nasa it us x y z"),
        ("my TVs and CDs", "my tvs and c d's"),
        ("goin' dogs' 'cause 'goin'' 'the dogs'", "goin' dogs' 'cause goin' the dogs'"),
        ("Café AM 10 AM", "cafe am ten a m"),
    ],
)
def test_the_dictionary_decides(text, expected):
    assert say(text, known=DICTIONARY.__contains__) == expected


@pytest.mark.parametrize("text", ["THE FBI SAT", "FBI", "THE FBI SAT [laughter] IN 1995"])
def test_a_text_in_capitals_is_not_spelled_out(text):
    assert ("fbi",) in [word.spoken for word in words(text)]


def test_initials_with_stops_are_spelled_even_in_capitals():
    assert [word.spoken for word in words("THE U.S. ARMY")] == [("the",), ("u", "s"), ("army",)]


@given(TRICKY | SENTENCES)
def test_labels_give_back_the_text(text):
    found = words(text)
    if found:
        assert visible(" ".join(word.label for word in found)) == visible(
            " ".join(token.label for token in tokens(text) if token.said)
        )


@given(TRICKY | SENTENCES)
def test_spoken_forms_are_dictionary_words(text):
    for word in words(text):
        assert word.spoken
        for spoken in chain(word.spoken, *(choice for choice, _ in word.choices)):
            assert SPOKEN.fullmatch(spoken) or word.spoken in ((NOISE,), (UNKNOWN,))


@given(TRICKY | SENTENCES)
def test_normalising_the_labels_again_changes_nothing(text):
    found = words(text)
    assert words(" ".join(word.label for word in found)) == found


@given(TRICKY | SENTENCES)
def test_what_is_spoken_is_spoken_as_it_is(text):
    spoken = [s for word in words(text) for s in word.spoken if s not in (NOISE, UNKNOWN)]
    again = [s for word in words(" ".join(spoken)) for s in word.spoken]
    assert again == spoken


@given(SENTENCES, SENTENCES)
def test_far_tokens_do_not_matter(left, right):
    middle = "lower case of three words and more"
    alone = words(f"{middle} {right}")[len(middle.split()) :]
    assert words(f"{left} {middle} {right}")[-len(alone) :] == alone or not alone


@given(st.text(st.sampled_from("aé猫٣½²’–‑™\u200b\u0301Øß#①＋"), max_size=12))
def test_latin_is_stable(token):
    latin = to_latin(token)
    if latin is None:
        assert "猫" in token
    else:
        assert to_latin(latin.replace(" ", "")) == latin.replace(" ", "")
        assert not set(latin) & set("é猫٣½’‑™\u200b\u0301Øß①＋")


@pytest.mark.parametrize(
    "unit", ["9", "1-", "1:", "1,", "'", "a.", "$1", "=", "é", "[", "1/", "a1", "a@"]
)
def test_a_very_long_token_is_no_problem(unit):
    token = unit * (5000 // len(unit))
    found = words(f"say {token} now")
    assert " ".join(word.label for word in found) == f"say {token} now"


def test_the_registry_knows_english():
    assert NORMALISERS["en"] is words
