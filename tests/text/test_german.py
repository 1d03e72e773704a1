"""German transcripts: every row of the table, and what holds for any text."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.text import german
from speechalign.text.german import words
from speechalign.text.tokens import tokens
from speechalign.text.word import NOISE, UNKNOWN


def said(text, known=()):
    return " | ".join(" ".join(word.spoken) for word in words(text, known=set(known).__contains__))


ROWS = [
    line.split("\t")
    for line in (Path(__file__).parent / "german_spoken.tsv").read_text("utf-8").splitlines()
]


@pytest.mark.parametrize(("text", "spoken"), ROWS)
def test_rows_of_the_table(text, spoken):
    assert said(text) == spoken


def test_silent_tokens_stay_on_the_label_before_them():
    assert [word.label for word in words("– Um 10:30 Uhr kostet es 5 € .")] == [
        "– Um", "10:30 Uhr", "kostet", "es", "5 € .",
    ]  # fmt: skip


def test_a_word_of_the_dictionary_is_not_spelled():
    assert said("die UNO", known=["uno"]) == "die | uno"
    assert said("die UNO") == "die | u en o"


def test_composed_or_not_is_the_same():
    assert words("Mu\u0308ße")[0].spoken == words("Müße")[0].spoken == ("müße",)


def test_every_example_of_the_table_is_tested():
    rows = re.findall(r"^``.*?``(?=  )", german.__doc__, re.MULTILINE)
    tested = " ".join(text for text, _ in ROWS)
    examples = [e for row in rows for e in re.findall("``(.+?)``", row)]
    assert len(examples) > 40
    missing = [e for e in examples if e.strip(",") not in tested]
    assert missing == []


@given(st.text("aZäßé 0123456789.,:-–/€$%°x²'’(猫я[]<>&+=@mkUhrz\u0308🙂", max_size=30))
def test_any_text(text):
    found = words(text)
    if found:
        labels = "".join(token.label for token in tokens(text) if token.said)
        assert "".join(word.label for word in found).replace(" ", "") == labels.replace(" ", "")
    for word in found:
        assert word.spoken
        for spoken in word.spoken:
            alone = spoken in (NOISE, UNKNOWN) and len(word.spoken) == 1
            assert alone or re.fullmatch("[a-zäöüß]+('[a-zäöüß]+)*", spoken), word
