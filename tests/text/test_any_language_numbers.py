"""Numbers in the languages that num2words has, and in those that it has not."""

import pytest

from speechalign.text.any_language import words


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
        ("und", "1,5", "15"),
        ("am", "1995", "1995"),  # num2words would not return
        ("fr", "9" * 16, " ".join(["neuf"] * 16)),
    ],
)
def test_numbers(language, text, spoken):
    (word,) = words(text, language=language)
    assert " ".join(word.spoken) == spoken
