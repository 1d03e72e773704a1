"""German numbers as words: cardinals, ordinals, years, times, money, fractions."""

from __future__ import annotations

from num2words import num2words

Words = tuple[str, ...]

_LONGEST = 15  # digits; a longer number is read digit by digit
_DIGITS = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_PARTS = {2: "halb", 3: "drittel", 4: "viertel", 5: "fünftel", 6: "sechstel", 7: "siebtel"}
_PARTS |= {8: "achtel", 9: "neuntel", 10: "zehntel", 16: "sechzehntel", 100: "hundertstel"}
# the currency, and its hundredths where they are named
_CURRENCIES = {"€": "euro", "$": "dollar", "£": "pfund", "¥": "yen", "₹": "rupien", "¢": "cent"}


def digits(text: str) -> Words:
    """Read every digit of a text by itself, and nothing else."""
    return tuple(_DIGITS[int(character)] for character in text if character.isdigit())


def cardinal(text: str) -> Words:
    """Read a whole number such as ``1.234``; digit by digit if it is long or begins with 0."""
    bare = text.replace(".", "").replace("\u202f", "").replace("\u00a0", "")
    if len(bare) > _LONGEST or (bare[0] == "0" and len(bare) > 1):
        return digits(bare)
    return tuple(num2words(int(bare), lang="de").lower().split())


def number(text: str) -> Words:
    """Read a number that may have a decimal comma: ``2,50`` is zwei komma fünf null."""
    whole, comma, decimals = text.partition(",")
    return (*cardinal(whole), "komma", *digits(decimals)) if comma else cardinal(whole)


def counting(text: str) -> Words:
    """Read a number before what it counts: ``1`` is ein."""
    return ("ein",) if text == "1" else number(text)


def ordinal(text: str, ending: str) -> Words:
    """Read ``3`` as dritt with an ending; a long number digit by digit."""
    if len(text) > _LONGEST:
        return digits(text)
    *before, last = num2words(int(text), lang="de", to="ordinal").lower().split()
    return (*before, last.removesuffix("e") + ending)


def year(text: str) -> Words:
    """Read a number from 1100 to 1999 by hundreds, another as a cardinal."""
    if len(text) == 4 and 1100 <= int(text) <= 1999:
        return tuple(num2words(int(text), lang="de", to="year").lower().split())
    return cardinal(text)


def fraction(numerator: str, denominator: str) -> Words | None:
    """Read ``3/4`` as drei viertel; None where a slash is hardly a fraction, as in ``24/7``."""
    n, d = int(numerator), int(denominator)
    if not 0 < n < d or d not in _PARTS:
        return None
    return (*counting(str(n)), _PARTS[d])


def clock(hours: str, minutes: str) -> Words:
    """Read a time: ``10:30`` is zehn uhr dreißig, ``10:00`` zehn uhr."""
    after = () if minutes == "00" else cardinal(str(int(minutes)))
    return (*counting(str(int(hours))), "uhr", *after)


def money(symbol: str, amount: str) -> Words:
    """Read an amount: ``5,50`` is fünf euro fünfzig."""
    whole, comma, decimals = amount.partition(",")
    if comma and len(decimals) == 2 and symbol != "¢":
        after = () if decimals == "00" else cardinal(str(int(decimals)))
        if whole.strip("0.") or not after:
            return (*counting(whole), _CURRENCIES[symbol], *after)
        return (*counting(str(int(decimals))), "cent")
    return (*counting(amount), _CURRENCIES[symbol])
