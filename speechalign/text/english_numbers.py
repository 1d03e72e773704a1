"""English numbers as words: cardinals, ordinals, years, times, money, fractions."""

from __future__ import annotations

from num2words import num2words

Words = tuple[str, ...]

MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_LONGEST = 15  # digits; a longer number is read digit by digit
_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_FRACTIONS = {2: "half", 4: "quarter"}  # the other denominators are ordinals
_DENOMINATORS = frozenset({2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 32, 64, 100})
# one, several, one of its hundredths, several of those
_CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", None, None),
    "₹": ("rupee", "rupees", None, None),
    "¢": ("cent", "cents", None, None),
}


def _plain(spoken: str) -> Words:
    """Split num2words' text at hyphens and commas, and drop its "and"."""
    parts = spoken.replace("-", " ").replace(",", " ").split()
    return tuple(part for part in parts if part != "and")


def digits(text: str) -> Words:
    """Read every digit of a text by itself, and nothing else: ``"5-0"`` is five zero."""
    return tuple(_DIGITS[int(character)] for character in text if character.isdigit())


def cardinal(text: str) -> Words:
    """Read a whole number such as ``1,234``; digit by digit if it is long or begins with 0."""
    bare = text.replace(",", "")
    if len(bare) > _LONGEST or (bare[0] == "0" and len(bare) > 1):
        return digits(bare)
    return _plain(num2words(int(bare)))


def readings(text: str) -> list[Words]:
    """Read a number in each usual way: with "and" after hundreds, with "oh" for zero."""
    whole, point, _ = text.partition(".")
    if not whole:
        return [number(text)]
    if not point and whole[0] == "0" and len(whole) > 1:
        return digit_readings(whole)
    bare = whole.replace(",", "")
    british = num2words(int(bare)) if len(bare) <= _LONGEST else " ".join(cardinal(bare))
    usual = number(text)
    rest = usual[len(cardinal(whole)) :]
    found = [usual, (*british.replace("-", " ").replace(",", " ").split(), *rest)]
    if "zero" in rest:
        found.append((*cardinal(whole), *_with_oh(rest)))
    return list(dict.fromkeys(found))


def readings_alone(text: str) -> list[Words]:
    """Read a number that stands alone: of three or four digits also as two fifty, nine one one."""
    paired = text.isdigit() and len(text) in (3, 4) and not text.endswith("00")
    pairs = _in_pairs(text) if paired else []
    return list(dict.fromkeys([*readings(text), *pairs]))


def _in_pairs(value: str) -> list[Words]:
    head, tail = value[:-2], value[-2:]
    low = ("oh", *digits(tail[1])) if tail[0] == "0" else cardinal(tail)
    pairs = [(*cardinal(head), *low)] if head[0] != "0" else []
    return [*pairs, *(digit_readings(value) if len(value) == 3 else [])]


def digit_readings(text: str) -> list[Words]:
    """Read every digit by itself, with zero or with oh."""
    said = digits(text)
    return list(dict.fromkeys([said, _with_oh(said)]))


def _with_oh(said: Words) -> Words:
    return tuple("oh" if word == "zero" else word for word in said)


def number(text: str) -> Words:
    """Read a number that may have a decimal point: ``.50`` is point five zero."""
    whole, point, decimals = text.partition(".")
    spoken = cardinal(whole) if whole else ()
    return (*spoken, "point", *digits(decimals)) if point else spoken


def ordinal(text: str) -> Words:
    """Read ``3`` as third; a long number digit by digit, with the ending on the last."""
    bare = text.replace(",", "")
    if len(bare) > _LONGEST:
        return (*digits(bare[:-1]), *ordinal(bare[-1]))
    return _plain(num2words(int(bare), to="ordinal"))


def is_year(text: str) -> bool:
    """Tell whether a number alone is read as a year: 1100 to 1999, and 2010 to 2099."""
    return len(text) == 4 and (1100 <= int(text) <= 1999 or 2010 <= int(text) <= 2099)


def year(text: str) -> Words:
    """Read a number by its two halves if `is_year`, else as a cardinal."""
    return _plain(num2words(int(text), to="year")) if is_year(text) else cardinal(text)


def year_readings(text: str) -> list[Words]:
    """Read a year in each usual way: nineteen oh five, nineteen hundred (and) five."""
    found = [year(text)]
    value = int(text)
    century, rest = divmod(value, 100)
    if 1100 <= value <= 2099 and rest:
        low = cardinal(str(rest))
        halves = (*cardinal(str(century)), *(("oh", *low) if rest < 10 else low))
        hundreds = (*cardinal(str(century)), "hundred")
        found.append(halves)
        if century % 10:
            found += [(*hundreds, *low), (*hundreds, "and", *low)]
    return list(dict.fromkeys([*found, *readings(text)]))


def plural(spoken: Words) -> Words:
    """Put the last word in the plural: nineteen nineties."""
    *before, last = spoken
    if last.endswith("y"):
        return (*before, last[:-1] + "ies")
    return (*before, last + ("es" if last.endswith("x") else "s"))


def fraction(numerator: str, denominator: str) -> Words | None:
    """Read ``3/4`` as three quarters; None where a slash is hardly a fraction, as in ``24/7``."""
    n, d = int(numerator), int(denominator)
    if not (0 < n < d and d in _DENOMINATORS):
        return None
    part = (_FRACTIONS[d],) if d in _FRACTIONS else ordinal(denominator)
    if n == 1:
        return ("one", *part)
    return (*cardinal(numerator), *plural(part))


def clock(hours: str, minutes: str, *, full: bool) -> Words:
    """Read a time: ``10:30``, ``10:05`` (ten oh five); ``10:00`` with o'clock if ``full``."""
    hour = cardinal(str(int(hours)))
    if minutes == "00":
        return (*hour, "o'clock") if full else hour
    return (*hour, *(("oh", *digits(minutes[1])) if minutes[0] == "0" else cardinal(minutes)))


def clock_readings(hours: str, minutes: str, *, full: bool) -> list[Words]:
    """Read a time in each usual way: ten thirty, half past ten."""
    hour, after = cardinal(str(int(hours))), int(minutes)
    found = [clock(hours, minutes, full=full)]
    following = cardinal(str(int(hours) % 12 + 1))
    if after == 0 and full:
        found.append(hour)
    elif after == 30:
        found.append(("half", "past", *hour))
    elif after in (15, 45):
        quarter = ("quarter", "past", *hour) if after == 15 else ("quarter", "to", *following)
        found += [quarter, ("a", *quarter)]
    return found


def money_readings(symbol: str, amount: str) -> list[Words]:
    """Read an amount in each usual way: five dollars (and) fifty cents, five fifty."""
    usual = money(symbol, amount)
    whole, _, decimals = amount.replace(",", "").partition(".")
    one, several, cent, _ = _CURRENCIES[symbol]
    if not cent or len(decimals) != 2 or decimals == "00" or not whole.strip("0"):
        if decimals:
            return [usual]
        rest = usual[len(cardinal(whole)) :]
        return list(dict.fromkeys((*said, *rest) for said in readings(whole)))
    dollars, cents = cardinal(whole), cardinal(str(int(decimals)))
    unit: Words = (one if whole == "1" else several,)
    short = (*dollars, *(("oh", *cents) if decimals[0] == "0" else cents))
    with_and = (*dollars, *unit, "and", *usual[len(dollars) + 1 :])
    return [usual, with_and, short, (*dollars, *unit, *cents)]


def money(symbol: str, amount: str, *, scale: Words = ()) -> Words:
    """Read an amount: ``5.50`` dollars, or with a scale ``1.5`` million dollars."""
    one, several, cent, cents = _CURRENCIES[symbol]
    whole, _, decimals = amount.replace(",", "").partition(".")
    if len(decimals) == 2 and cent and cents and not scale:
        spoken: list[str] = []
        if whole.strip("0") or decimals == "00":
            spoken += [*cardinal(whole or "0"), one if whole == "1" else several]
        if decimals != "00":
            spoken += [*cardinal(str(int(decimals))), cent if decimals == "01" else cents]
        return tuple(spoken)
    return (*number(amount), *scale, one if amount == "1" and not scale else several)
