"""Transcripts in any language: what is said is what is written, and numbers as they are read.

===================  ====================================================================
token                spoken
===================  ====================================================================
``Ça,`` ``L'eau``    ça; l'eau (lower case; punctuation goes, inner apostrophes stay)
``И-так`` ``a/b``    и так; a b
``12`` ``१२``        the cardinal in the language, where num2words has it; else the digits
``007``              each digit by itself
``1.234,5``          the same, with the separators of the language
``20%`` ``5€``       the number, and `UNKNOWN` for the symbol: a word, but not which
``[noise]``          `NOISE`, as `split_words` finds it
``—`` ``…`` ``🙂``   nothing
===================  ====================================================================
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal

from speechalign.text.word import UNKNOWN, Spoken, Word, split_words

_APOSTROPHES = dict.fromkeys("’‘ʼ＇`´‛′", "'")
# Symbols that are read out; the others only adorn.
_READ = "%‰&@#+=°√∞"
# Languages that write 1,234.5; the others in num2words write 1.234,5 or 1 234,5.
_DECIMAL_POINT = {"en", "he", "hi", "ja", "kn", "ko", "te", "th", "zh", "bn", "ar"}
# What num2words calls some languages, and one in which it may never return.
_NUM2WORDS = {"nb": "no", "nn": "no", "kk": "kz"}
_FAULTY = {"am"}
_LONGEST = 15  # digits; a longer number is read digit by digit
_NUMBER = re.compile(r"\d+(?:[.,\u00a0\u202f]\d+)*")


def words(
    text: str, *, language: str, own: Callable[[str], Spoken] | None = None
) -> tuple[Word, ...]:
    """Split a transcript into words that can be spoken.

    Parameters
    ----------
    text : str
        What was said, as the user wrote it; white space separates words, also in scripts that
        have none.
    language : str
        ISO 639-1 code, which decides how numbers are read; ``und`` leaves them in digits.
    own : callable or None
        As `split_words` takes it.

    Returns
    -------
    tuple[Word, ...]
        As `split_words` makes them.

    Examples
    --------
    >>> [(word.label, " ".join(word.spoken)) for word in words("Já, 3 Pförtner!", language="de")]
    [('Já,', 'já'), ('3', 'drei'), ('Pförtner!', 'pförtner')]
    """

    def say(_before: str, token: str, _after: str) -> Spoken:
        return tuple(_spoken(token, language))

    return split_words(text, say, own=own)


def lower(word: str, language: str) -> str:
    """Return a word in lower case, as the language has it."""
    if language in ("tr", "az"):
        word = word.replace("I", "ı").replace("İ", "i")
    return word.lower()


def _spoken(token: str, language: str) -> Iterator[str]:
    token = unicodedata.normalize("NFC", token)
    rest = 0
    for number in _NUMBER.finditer(token):
        yield from _letters(token[rest : number.start()], language)
        yield from _read_number(number.group(), language)
        rest = number.end()
    yield from _letters(token[rest:], language)


def _letters(text: str, language: str) -> Iterator[str]:
    """Yield the words in a stretch without digits, and `UNKNOWN` for symbols that are read."""
    kept: list[str] = []
    for character in lower(text, language):
        category = unicodedata.category(character)
        character = _APOSTROPHES.get(character, character)
        if category[0] in "LMN" or character == "'":
            kept.append(character)
        elif category == "Cf":
            continue  # invisible: joiners, soft hyphens
        elif character in _READ or category == "Sc":
            kept.append(f" {UNKNOWN} ")
        else:
            kept.append("" if character in ".·" else " ")
    for word in "".join(kept).split():
        bare = word if word == UNKNOWN else word.strip("'")
        if bare:
            yield bare


def _read_number(written: str, language: str) -> Iterator[str]:
    """Yield what is said for a number; its digits where num2words does not know the language."""
    from num2words import num2words

    digits = "".join(str(unicodedata.decimal(c, c)) for c in written)
    fraction = _fraction(digits, "." if language in _DECIMAL_POINT else ",")
    whole = re.sub(r"\D", "", digits[: len(digits) - len(fraction)])
    if language in _FAULTY:
        yield re.sub(r"\D", "", digits)
        return
    values = [Decimal(f"{whole}.{fraction}") if fraction else int(whole)]
    if not fraction and (len(whole) > _LONGEST or (whole[0] == "0" and len(whole) > 1)):
        values = [int(digit) for digit in whole]  # 007 is no quantity
    try:
        code = _NUM2WORDS.get(language, language)
        said = " ".join(str(num2words(value, lang=code)) for value in values)
    except (NotImplementedError, OverflowError):
        said = ""
    yield from _letters(said, language) if said else [re.sub(r"\D", "", digits)]


def _fraction(digits: str, point: str) -> str:
    """Return the digits after the decimal point, which may be the one of another language."""
    groups = re.split(r"\D", digits)
    separators = re.findall(r"\D", digits)
    if not separators or separators.count(separators[-1]) > 1 or separators[-1] not in ".,":
        return ""
    return groups[-1] if separators[-1] == point or len(groups[-1]) != 3 else ""
