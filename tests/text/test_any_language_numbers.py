"""Numbers in the languages that num2words has, and in those that it has not."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from num2words import CONVERTER_CLASSES

from speechalign.text.any_language import words
from speechalign.text.word import UNKNOWN


@pytest.mark.parametrize(
    ("language", "text", "spoken"),
    [
        ("fr", "21", "vingt et un"),
        ("fr", "007", "zéro zéro sept"),
        ("nb", "21", "tjueen"),
        ("nn", "21", "tjueen"),
        ("kk", "21", "жиырма бір"),
        ("de", "1.234,5", "eintausendzweihundertvierunddreißig komma fünf"),
        ("es", "1.234", "mil doscientos treinta y cuatro"),
        ("pl", "1,5", "jeden przecinek pięć"),
        ("hi", "१२", "12"),
        ("und", "1,5", UNKNOWN),
        ("am", "1995", "1995"),  # num2words would not return
        ("fr", "9" * 16, " ".join(["neuf"] * 16)),
    ],
)
def test_numbers(language, text, spoken):
    (word,) = words(text, language=language)
    assert " ".join(word.spoken) == spoken


SPOKEN = [
    line.split("\t")
    for line in (Path(__file__).parent / "other_languages_spoken.tsv")
    .read_text("utf-8")
    .splitlines()
]


@pytest.mark.parametrize(("language", "text", "spoken"), SPOKEN)
def test_spoken(language, text, spoken):
    found = words(text, language=language)
    assert " ".join(" ".join(word.spoken) for word in found) == spoken


EVERY_LANGUAGE = sorted({*CONVERTER_CLASSES, "nb", "nn", "kk", "und", "xx"} - {"am"})


@pytest.mark.parametrize("language", [code for code in EVERY_LANGUAGE if "_" not in code])
def test_no_language_reads_a_date_as_one_number_or_loses_a_decimal(language):
    date, decimal, whole = (
        words(t, language=language)[0].spoken for t in ("12.03.2024", "3,5", "3")
    )
    year = words("2024", language=language)[0].spoken
    assert date == (UNKNOWN,) or date[-len(year) :] == year != date
    assert decimal == (UNKNOWN,) or len(decimal) > len(whole)


@given(st.from_regex(r"[0-9٣१．.,:/%-]{1,9}", fullmatch=True), st.sampled_from(EVERY_LANGUAGE))
def test_no_number_is_refused(text, language):
    for word in words(text, language=language):
        for spoken in word.spoken:
            assert spoken == UNKNOWN or spoken.replace("'", "").strip() == spoken.replace("'", "")
