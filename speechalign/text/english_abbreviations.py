"""English abbreviations in full, where their context says that they are some.

Months, days, titles, streets, firms, units. Those that are also words need company: a number, a
name, or a preposition; without it they are words, as ``sat`` and ``no`` at the end of a sentence.
"""

from __future__ import annotations

import re

_MONTHS = {
    "jan": "january", "feb": "february", "mar": "march", "apr": "april", "jun": "june",
    "jul": "july", "aug": "august", "sep": "september", "sept": "september", "oct": "october",
    "nov": "november", "dec": "december",
}  # fmt: skip
_DAYS = {
    "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday", "thu": "thursday",
    "thur": "thursday", "thurs": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday",
}  # fmt: skip
MONTHS = frozenset({*_MONTHS, *_MONTHS.values(), "may"})
"""Names of the months and their abbreviations, in lower case."""

_TITLES = {
    "mr": "mister", "mrs": "missus", "ms": "ms", "dr": "doctor", "prof": "professor",
    "lt": "lieutenant", "gen": "general", "col": "colonel", "maj": "major", "capt": "captain",
    "sgt": "sergeant", "cpl": "corporal", "pvt": "private", "adm": "admiral",
    "cmdr": "commander", "brig": "brigadier", "gov": "governor", "sen": "senator",
    "rep": "representative", "pres": "president", "rev": "reverend", "hon": "honorable",
    "msgr": "monsignor", "supt": "superintendent", "insp": "inspector", "det": "detective",
    "mt": "mount", "ft": "fort", "st": "saint", "ste": "sainte", "messrs": "messers",
}  # fmt: skip
_PLACES = {
    "st": "street", "ave": "avenue", "blvd": "boulevard", "rd": "road", "hwy": "highway",
    "ln": "lane", "sq": "square", "pkwy": "parkway", "apt": "apartment", "rte": "route",
}  # fmt: skip
_FIRMS = {
    "inc": "incorporated", "ltd": "limited", "co": "company", "corp": "corporation",
    "bros": "brothers", "jr": "junior", "sr": "senior", "esq": "esquire", "assn": "association",
    "univ": "university", "inst": "institute", "intl": "international", "mfg": "manufacturing",
}  # fmt: skip
_ALWAYS = {
    "vs": "versus", "etc": "et cetera", "dept": "department", "approx": "approximately",
    "govt": "government", "est": "established", "misc": "miscellaneous", "avg": "average",
    "max": "maximum", "incl": "including", "esp": "especially", "ca": "circa", "mts": "mountains",
    "hrs": "hours", "hr": "hour", "mins": "minutes", "secs": "seconds", "yrs": "years",
    "yr": "year", "wk": "week", "wks": "weeks", "mo": "month", "mos": "months", "tel": "telephone",
    "temp": "temperature", "min": "minutes", "sec": "seconds", "yd": "yard", "yds": "yards",
    "ft": "feet", "in": "inches", "mi": "miles", "qt": "quart", "gal": "gallons", "tsp": "teaspoon",
    "tbsp": "tablespoon", "sq": "square", "cu": "cubic", "doz": "dozen", "pkg": "package",
}  # fmt: skip
# Before a number.
_NUMBERED = {
    "no": "number", "nos": "numbers", "vol": "volume", "vols": "volumes", "ch": "chapter",
    "chap": "chapter", "fig": "figure", "figs": "figures", "p": "page", "pp": "pages",
    "art": "article", "sec": "section", "ext": "extension", "apt": "apartment", "rte": "route",
    "c": "circa", "pt": "part", "ed": "edition", "rm": "room", "op": "opus", "eq": "equation",
}  # fmt: skip
_AFTER_NUMBERS = frozenset({
    "hrs", "hr", "mins", "secs", "yrs", "yr", "wk", "wks", "mo", "mos", "min", "sec", "yd", "yds",
    "ft", "in", "mi", "qt", "gal", "tsp", "tbsp", "sq", "cu", "doz",
})  # fmt: skip
_NEVER_LAST = frozenset({"est", "max", "temp", "ca", "tel", "pkg", "misc"})
# Words too, so that a stop may end a sentence.
_WORDS = frozenset(("jan", "mar", "jun", "sat", "sun", "wed", "mon", "fri", "dec"))
_TITLES_THAT_ARE_WORDS = frozenset({
    "gen", "rep", "pres", "hon", "det", "rev", "ms", "col", "sen", "adm", "brig", "maj",
})  # fmt: skip
_BEFORE_DATES = frozenset({
    "in", "on", "by", "since", "until", "till", "from", "to", "and", "or", "of", "last", "this",
    "next", "every", "early", "late", "mid", "before", "after", "through", "between", "for",
})  # fmt: skip
_WITHOUT_STOP = frozenset({
    "mr", "mrs", "ms", "dr", "vs", "st", "lt", "gen", "col", "maj", "capt", "sgt", "cpl", "prof",
    "rev", "mt", "ft",
})  # fmt: skip
_NUMBERED_WITHOUT_STOP = frozenset(
    {"vol", "vols", "ch", "chap", "fig", "figs", "ext", "apt", "rte"}
)
# With a stop or without, in any company.
_SURELY = {"mr": "mister", "mrs": "missus", "ms": "ms", "dr": "doctor", "vs": "versus"}
_ALL = {*_MONTHS, *_DAYS, *_TITLES, *_PLACES, *_FIRMS, *_ALWAYS, *_NUMBERED}

PATTERN = "(?i:" + "|".join(sorted(_ALL, key=lambda word: (-len(word), word))) + ")"
"""Regular expression for any of them, without its stop."""


def expand(written: str, before: str, after: str, *, stop: bool) -> str | None:
    """Return what an abbreviation stands for; None where it is a word.

    Parameters
    ----------
    written : str
        Letters of the abbreviation.
    before, after : str
        The tokens beside it; empty at either end of the transcript.
    stop : bool
        Whether a full stop is written with it.

    Examples
    --------
    >>> expand("Sat", "on", "", stop=True), expand("sat", "he", "", stop=True)
    ('saturday', None)
    >>> expand("St", "Main", "", stop=True), expand("St", "", "John", stop=True)
    ('street', 'saint')
    """
    word = written.lower()
    capital = written[0].isupper()
    previous = before.lower().strip(".,;:!?()'\"")
    number_before = bool(re.search(r"\d(?:st|nd|rd|th)?,?$", before))
    number_after = after[:1].isdigit() or bool(re.match(r"[#$]?\d", after))
    name_after = after.strip("'\"(“‘")[:1].isupper()
    alone = word not in _WORDS or previous in _BEFORE_DATES
    numbered = number_after or (stop and re.match(r"(?:[IVX]{2,}|[VX])\b", after))
    if word in _NUMBERED and numbered and (stop or (capital and word in _NUMBERED_WITHOUT_STOP)):
        return _NUMBERED[word]
    if word in _MONTHS and capital and (number_after or number_before or (stop and alone)):
        return _MONTHS[word]
    if word in _DAYS and capital and (number_after or _goes_with_day(after) or (stop and alone)):
        return _DAYS[word]
    if word == "min" and stop and number_after and not number_before:
        return "minimum"
    if word in _AFTER_NUMBERS and number_before:
        return _singular(_ALWAYS[word]) if previous == "1" else _ALWAYS[word]
    if word in _TITLES and name_after and (stop or (capital and word in _WITHOUT_STOP)):
        return _TITLES[word]
    if word in _PLACES and (stop or word == "st") and (capital or number_before):
        return _PLACES[word]
    if word in _SURELY and (stop or capital or word == "vs"):
        return _SURELY[word]
    if not stop or word in ("ft", "st"):
        return None
    if word in _TITLES and word not in _TITLES_THAT_ARE_WORDS:
        return _TITLES[word]
    if word in _FIRMS and (capital or word != "co"):
        return _FIRMS[word]
    certain = word in _ALWAYS and word not in _AFTER_NUMBERS
    return _ALWAYS[word] if certain and (after or word not in _NEVER_LAST) else None


def _goes_with_day(token: str) -> bool:
    """Tell whether a token follows the name of a day: a month with a capital, or a part of it."""
    bare = token.strip(".,;:!?")
    month = bare.lower() in MONTHS and bare[:1].isupper()
    return month or bare in ("morning", "afternoon", "evening", "night")


def _singular(words: str) -> str:
    return {"feet": "foot", "inches": "inch"}.get(words, words.removesuffix("s"))
