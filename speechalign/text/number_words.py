"""Numbers of many languages in words: what num2words knows, and conventions that it lacks.

What cannot be read for certain is None: ranges, ordinals, dates whose day is inflected, and
decimals of which num2words makes other words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

Words = tuple[str, ...]

_LONGEST = 15  # digits; a longer number is read digit by digit
# What num2words calls some languages, and one in which it may never return.
_NUM2WORDS = {"nb": "no", "nn": "no", "kk": "kz"}
_FAULTY = frozenset({"am"})
# Languages that write 1,234.5; the others in num2words write 1.234,5 or 1 234,5.
_DECIMAL_POINT = frozenset(("ar", "bn", "en", "fa", "he", "hi", "ja", "kn", "ko", "te", "th", "zh"))
# Languages that part groups of digits by spaces.
_SPACES = frozenset({
    "be", "bg", "cs", "eo", "es", "et", "fi", "fr", "hu", "lt", "lv", "nb", "nn", "no", "pl",
    "pt", "ru", "sk", "sv", "uk",
})  # fmt: skip
# Said for the decimal mark, after which come the digits one by one. Others are not certain.
_MARKS = {
    "ar": "فاصلة", "be": "коска", "ca": "coma", "cs": "celá", "da": "komma", "de": "komma",
    "en": "point", "eo": "komo", "es": "coma", "fa": "ممیز", "fi": "pilkku", "fr": "virgule",
    "he": "נקודה", "id": "koma", "is": "komma", "it": "virgola", "ja": "点", "ko": "점",
    "lt": "kablelis", "lv": "komats", "nb": "komma", "nl": "komma", "nn": "komma", "no": "komma",
    "pl": "przecinek", "pt": "vírgula", "ro": "virgulă", "sr": "zapeta", "sv": "komma",
    "th": "จุด", "tr": "virgül", "uk": "кома", "vi": "phẩy",
}  # fmt: skip
_DECIMALS_OF_NUM2WORDS = frozenset({"hu", "ru"})  # fractions: пять десятых
# After the number; of one, of few and of many, where they differ.
_PERCENT = {
    "be": "працэнт/працэнты/працэнтаў", "ca": "per cent", "cs": "procento/procenta/procent",
    "da": "procent", "de": "prozent", "es": "por ciento", "fa": "درصد",
    "fi": "prosentti/prosenttia/prosenttia", "fr": "pour cent", "hu": "százalék", "id": "persen",
    "is": "prósent", "it": "per cento", "ja": "パーセント", "ko": "퍼센트", "nb": "prosent",
    "nl": "procent", "nn": "prosent", "no": "prosent", "pl": "procent", "pt": "por cento",
    "ro": "la sută", "ru": "процент/процента/процентов", "sk": "percento/percentá/percent",
    "sv": "procent", "th": "เปอร์เซ็นต์", "uk": "відсоток/відсотки/відсотків", "vi": "phần trăm",
}  # fmt: skip
# After the number of ``2x``, in the same way.
_TIMES = {"nl": "keer", "ru": "раз/раза/раз"}
_PERCENT_BEFORE = {"tr": "yüzde"}
# Day, month and year are cardinals, but for the first day; what is between them, and the months.
_DATES = {
    "ca": ("u", "de", "gener febrer març abril maig juny juliol agost setembre octubre novembre "
           "desembre"),
    "es": ("uno", "de", "enero febrero marzo abril mayo junio julio agosto septiembre octubre "
           "noviembre diciembre"),
    "fr": ("premier", "", "janvier février mars avril mai juin juillet août septembre octobre "
           "novembre décembre"),
    "id": ("satu", "", "januari februari maret april mei juni juli agustus september oktober "
           "november desember"),
    "it": ("primo", "", "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre "
           "ottobre novembre dicembre"),
    "nl": ("een", "", "januari februari maart april mei juni juli augustus september oktober "
           "november december"),
    "pt": ("primeiro", "de", "janeiro fevereiro março abril maio junho julho agosto setembro "
           "outubro novembro dezembro"),
    "ro": ("întâi", "", "ianuarie februarie martie aprilie mai iunie iulie august septembrie "
           "octombrie noiembrie decembrie"),
    "tr": ("bir", "", "ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım "
           "aralık"),
}  # fmt: skip
# Said between hours and minutes; the languages whose hours have a name also read 10:00 and 10:05.
_BETWEEN = {
    "ca": "", "cs": "", "da": "", "es": "", "fi": "", "id": "", "it": "e", "nb": "", "nn": "",
    "no": "", "pt": "e", "ro": "și", "ru": "", "sv": "", "tr": "",
}  # fmt: skip
_HOUR = {"fr": ("heure", "heures"), "nl": ("uur", "uur"), "vi": ("giờ", "giờ")}


def grouped_by_spaces(language: str) -> bool:
    """Tell whether a language writes ``10 000``."""
    return language in _SPACES


def speaks(language: str) -> bool:
    """Tell whether numbers of a language are known at all."""
    return cardinal("1", language) is not None


def plain_digits(written: str) -> str:
    """Return a number with its digits in ASCII, and its separators."""
    return "".join(str(unicodedata.decimal(c, c)) for c in written)


@cache
def cardinal(value: str, language: str) -> Words | None:
    """Read a whole number in ASCII digits; None where num2words cannot."""
    from num2words import num2words

    if language in _FAULTY:
        return None
    try:
        said = str(num2words(int(value), lang=_NUM2WORDS.get(language, language)))
    except (NotImplementedError, OverflowError, KeyError, AttributeError, ValueError):
        return None
    return tuple(said.replace(",", " ").split()) or None


def digits(value: str, language: str) -> Words | None:
    """Read every digit by itself."""
    return _joined(*(cardinal(digit, language) for digit in value))


def minus(language: str) -> Words | None:
    """Return what is said for the sign of a negative number."""
    negative, five = cardinal("-5", language), cardinal("5", language)
    if not negative or not five or negative[-len(five) :] != five or negative == five:
        return None
    return negative[: -len(five)]


def number(written: str, language: str) -> Words | None:
    """Read a number with separators: ``1.234,5``, ``007``.

    Parameters
    ----------
    written : str
        ASCII digits, stops, commas and spaces.
    language : str
        ISO 639-1 code.

    Returns
    -------
    tuple[str, ...] or None
        None where it cannot be read for certain.
    """
    point = "." if language in _DECIMAL_POINT else ","
    decimals = _decimals(written, point)
    whole = re.sub(r"\D", "", written[: len(written) - len(decimals)])
    if not decimals:
        if _grouped(written) and len(whole) <= _LONGEST and (whole == "0" or whole[0] != "0"):
            return cardinal(whole, language)
        return digits(whole, language) if whole == written else None
    mark = written[-len(decimals) - 1]
    if mark == "." != point and re.fullmatch(r"(?:[012]?\d|3[01])\.[0-5]\d", written):
        return None  # a time, or a day and a month, or a decimal of another country
    if language in _DECIMALS_OF_NUM2WORDS:
        return _fraction_of_num2words(whole, decimals, language)
    word = "punto" if language == "es" and mark == "." else _MARKS.get(language)
    return _joined(cardinal(whole, language), (word,) if word else None, digits(decimals, language))


def percent(written: str, language: str) -> Words | None:
    """Read a number of per cent."""
    if language in _PERCENT_BEFORE:
        return _joined((_PERCENT_BEFORE[language],), number(written, language))
    return _counted(written, _PERCENT, language)


def times(written: str, language: str) -> Words | None:
    """Read how often something is done, such as ``2x``."""
    return _counted(written, _TIMES, language)


def _counted(written: str, nouns: Mapping[str, str], language: str) -> Words | None:
    """Read a number and the noun after it, in the form that goes with it."""
    said, names = number(written, language), nouns.get(language)
    if names is None or said is None:
        return None
    one, *others = names.split("/")
    form = _plural(written, language) if others else 0
    return None if form is None else (*said, *[one, *others][form].split())


def date(day: str, month: str, year: str, language: str) -> Words | None:
    """Read a date; None where the language inflects it, and for what is no date."""
    if language not in _DATES or not (1 <= int(day) <= 31 and 1 <= int(month) <= 12):
        return None
    first, between, months = _DATES[language]
    said = (first,) if int(day) == 1 else cardinal(str(int(day)), language)
    link = tuple(between.split())
    name = (months.split()[int(month) - 1],)
    return _joined(said, link, name, link, cardinal(year, language))


def clock(hours: str, minutes: str, language: str) -> Words | None:
    """Read a time of day by its two numbers; None where the language says it otherwise."""
    if int(hours) > 24 or int(minutes) > 59:
        return None
    hour = cardinal(str(int(hours)), language)
    if language in _HOUR:
        if language == "fr" and int(hours) in (1, 21):
            hour = ("une",) if int(hours) == 1 else ("vingt", "et", "une")
        link: Words = (_HOUR[language][int(hours) != 1],)
    elif language in _BETWEEN and int(minutes) > 9:
        link = tuple(_BETWEEN[language].split())
    else:
        return None
    return _joined(hour, link, cardinal(str(int(minutes)), language) if int(minutes) else ())


def _joined(*parts: Words | None) -> Words | None:
    """Return the words of all parts; None if one of them cannot be read."""
    said: list[str] = []
    for part in parts:
        if part is None:
            return None
        said.extend(part)
    return tuple(said)


def _decimals(written: str, point: str) -> str:
    """Return the digits after the decimal mark, which may be the one of another language."""
    groups = re.split(r"\D", written)
    separators = re.findall(r"\D", written)
    if not separators or separators.count(separators[-1]) > 1 or separators[-1] not in ".,٫":
        return ""
    certain = separators[-1] in (point, "٫") or len(groups[-1]) != 3
    return groups[-1] if certain else ""


def _grouped(written: str) -> bool:
    """Tell whether the separators of a whole number part groups of three, as they should."""
    return bool(re.fullmatch(r"\d+|\d{1,3}(\D)\d{3}(?:\1\d{3})*", written))


def _fraction_of_num2words(whole: str, decimals: str, language: str) -> Words | None:
    from decimal import Decimal

    from num2words import num2words

    if len(whole) > _LONGEST or len(decimals) > 3:
        return None
    return tuple(str(num2words(Decimal(f"{whole}.{decimals}"), lang=language)).split())


def _plural(written: str, language: str) -> int | None:
    """Return which form a noun has after a number: of one, of few, of many."""
    if not written.isdigit():
        return None if language in ("be", "uk") else 1  # the genitive: as that of few elsewhere
    if language in ("cs", "fi", "sk"):
        return 0 if written == "1" else 1 if written in ("2", "3", "4") else 2
    if written[-2:-1] == "1" or written[-1] in "056789":
        return 2
    return 0 if written[-1] == "1" else 1
