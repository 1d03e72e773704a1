"""Transcripts in any language: what is said is what is written, and numbers as they are read.

=====================  ====================================================================
token                  spoken
=====================  ====================================================================
``Ça,`` ``L'eau``      ça; l'eau (lower case; punctuation goes, inner apostrophes stay)
``И-так`` ``a/b``      и так; a b
``12`` ``१२``          the cardinal in the language, where num2words has it; else the digits
``007``                each digit by itself
``-5``                 moins cinq
``1.234`` ``3,5``      mille deux cent trente quatre; trois virgule cinq: with the separators
                       of the language
``20%``                vingt pour cent
``12.03.2024``         douze mars deux mille vingt quatre; also with slashes or hyphens
``2x``                 twee keer in Dutch, два раза in Russian
``10:30``              dix heures trente
``5€`` ``3-5`` ``XIV`` `UNKNOWN`, as is every number that cannot be read for certain: ranges,
                       ordinals, units, Roman numerals, dates where days are inflected (Polish,
                       Russian ...)
``[bruit]`` ``(rire)`` `NOISE`, as `speechalign.text.tokens` finds it
``—`` ``…`` ``🙂``     nothing
=====================  ====================================================================

The other examples are French.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from itertools import groupby

from speechalign.text import number_words as numbers
from speechalign.text import roman_numerals
from speechalign.text.normal_form import normal_form
from speechalign.text.tokens import NO_BREAK, tokens
from speechalign.text.unspaced import UNSPACED, with_spaces
from speechalign.text.word import UNKNOWN, Spoken, Word, speak_tokens

# Symbols that are read out; the others only adorn.
_READ = "%‰&@#+=°√∞×÷±<>"
_NUMBER = rf"\d+(?:[.,٫٬ {NO_BREAK}]\d+)*"
_PARTS = re.compile(
    rf"""
    (?P<iso>(?<![\d.,/-])(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)(?![\w.,/-]))
    |(?P<date>(?<![\w.,/-])(?P<d>\d{{1,2}})(?P<mark>[./-])(?P<m>\d{{1,2}})(?P=mark)(?P<y>\d{{4}})(?![\w/-]))
    |(?P<time>(?<![\w:.,])(?P<hours>\d{{1,2}}):(?P<minutes>\d\d)(?![\w:]))
    |(?P<minus>(?<![\w.,)])[-−](?=\d))?(?P<number>{_NUMBER})((?P<percent>\s?[%٪])|(?P<times>[xXхХ×](?![^\W_])))?
    |(?P<percent_first>%)(?P<turkish>{_NUMBER})
    """,
    re.VERBOSE,
)


# What makes a number a part of something else: 1er, 10km, 5-й, 3-5.
_TIED = re.compile(rf"[-‐‑:]?[^\W\d_{UNSPACED}]+|[-‐‑–:/](?=\d)")


def words(
    text: str,
    *,
    language: str,
    own: Callable[[str], Spoken] | None = None,
    speaker_labels: str | None = None,
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
        As `speak_tokens` takes it.
    speaker_labels : str or None
        As `speechalign.text.tokens.tokens` takes it.

    Returns
    -------
    tuple[Word, ...]
        As `speak_tokens` makes them.

    Examples
    --------
    >>> [(word.label, " ".join(word.spoken)) for word in words("Já, 3 Pförtner!", language="de")]
    [('Já,', 'já'), ('3', 'drei'), ('Pförtner!', 'pförtner')]
    """

    written = tokens(
        with_spaces(text),
        speaker_labels=speaker_labels,
        grouped_by_spaces=numbers.grouped_by_spaces(language),
    )

    mixed = any(map(str.islower, text))

    def say(_before: str, token: str, _after: str) -> tuple[Spoken, ...]:
        if mixed and _is_roman(token):
            return ((UNKNOWN,),)
        # What is not understood is so once.
        said = tuple(
            word for word, same in groupby(_spoken(token, language))
            for word in ((word,) if word == UNKNOWN else same)
        )  # fmt: skip
        return (said,) * bool(said)

    return speak_tokens(written, say, own=own)


def _is_roman(token: str) -> bool:
    """Tell whether a token is a Roman numeral, perhaps with the ending of an ordinal: XVIe."""
    match = re.fullmatch(r"\W*([XVI]{2,})(?:e|er|ème|º|ª|-[^\W\d_]{1,3})?\W*", token)
    return match is not None and roman_numerals.is_numeral(match[1])


def lower(word: str, language: str) -> str:
    """Return a word in lower case, as the language has it."""
    if language in ("tr", "az"):
        word = word.replace("I", "ı").replace("İ", "i")
    return word.lower()


def _spoken(token: str, language: str) -> Iterator[str]:
    """Yield what is said for a token; `UNKNOWN` for a number that cannot be read."""
    token = normal_form(token)
    if not any(map(str.isdecimal, token)):
        yield from _letters(token, language)
        return
    rest = 0
    for part in _PARTS.finditer(token):
        yield from _letters(token[rest : part.start()], language)
        rest = part.end()
        tied = _TIED.match(token, rest)
        said = None
        if tied:
            rest = tied.end()
        elif not re.search(r"\d[-‐‑–:/]$", token[: part.start()]):
            said = _read(part, language)
        if said is None:
            yield UNKNOWN
        else:
            yield from _letters(" ".join(said), language)
    yield from _letters(token[rest:], language)


def _read(part: re.Match[str], language: str) -> Spoken | None:
    """Return what is said for a number, date or time; None where that is not certain."""
    found = {k: numbers.plain_digits(v) for k, v in part.groupdict().items() if v is not None}
    if "iso" in found:
        return numbers.date(found["day"], found["month"], found["year"], language)
    if "date" in found:
        return numbers.date(found["d"], found["m"], found["y"], language)
    if "time" in found:
        return numbers.clock(found["hours"], found["minutes"], language)
    if "turkish" in found:
        return numbers.percent(found["turkish"], language) if language == "tr" else None
    written = found["number"]
    if "percent" in found:
        said = numbers.percent(written, language)
    elif "times" in found:
        said = numbers.times(written, language)
    elif numbers.speaks(language):
        said = numbers.number(written, language)
    else:  # eSpeak, and dictionaries, may know it
        said = (written,) if written.isdigit() else None
    minus = numbers.minus(language) if "minus" in found else ()
    return None if said is None or minus is None else (*minus, *said)


def _letters(text: str, language: str) -> Iterator[str]:
    """Yield the words in a stretch without digits, and `UNKNOWN` for symbols that are read."""
    kept: list[str] = []
    for character in lower(text, language):
        category = unicodedata.category(character)
        if category[0] in "LM" or category == "Nd" or character == "'":
            kept.append(character)
        elif character in _READ or category in ("Sc", "No", "Nl"):
            kept.append(f" {UNKNOWN} ")
        else:
            kept.append("" if character in ".·" else " ")
    for word in "".join(kept).split():
        bare = word if word == UNKNOWN else word.strip("'")
        if any(unicodedata.category(character)[0] in "LN" for character in bare) or bare == UNKNOWN:
            yield bare
