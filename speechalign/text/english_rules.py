"""English rules: one token of Latin letters, digits and symbols, and what is said for it.

The rules are tried in order at each place of the token; a place where none applies is silent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product

from speechalign.text import english_abbreviations as abbreviations
from speechalign.text import english_numbers as numbers
from speechalign.text import english_romans as romans
from speechalign.text import roman_numerals
from speechalign.text.word import Spoken


@dataclass(frozen=True)
class Context:
    """Context of a rule beside its token.

    Parameters
    ----------
    before, after : str
        The tokens beside it; empty at either end of the transcript.
    known : callable
        Tells whether the dictionary has a word.
    spell : bool
        Whether capitals may be an initialism.
    address : bool
        Whether the token is part of a web or mail address.
    """

    before: str
    after: str
    known: Callable[[str], bool]
    spell: bool
    address: bool = False


def speak(token: str, context: Context) -> tuple[Spoken, ...]:
    """Say one token in each way in which it may be read.

    Parameters
    ----------
    token : str
        As `latin.to_latin` leaves it.
    context : Context
        What is around it.

    Returns
    -------
    tuple[tuple[str, ...], ...]
        Readings, the usual one first: lower-case words of letters and apostrophes. Empty if there
        is nothing to say.
    """
    if _ADDRESS.search(token):
        token = re.sub(r"^\W*https?://", "", token, flags=re.IGNORECASE).rstrip("./?!,;:)>\"'")
        for mark, name in _MARKS_OF_ADDRESSES.items():
            token = token.replace(mark, f" {name} ")
        context = Context("", "", context.known, context.spell, address=True)
    token = _LEADING_MINUS.sub(r"\1−", token)
    parts: list[Sequence[Spoken]] = []
    position = 0
    while position < len(token):
        for pattern, say in _RULES:
            match = pattern.match(token, position)
            said = say(match, context) if match else None
            if match and said is not None:
                parts.append(said if isinstance(said, list) else [said])
                position = match.end()
                break
        else:
            position += 1
    readings = (tuple(chain.from_iterable(r)) for r in islice(product(*parts), _MOST_READINGS))
    return tuple(dict.fromkeys(reading for reading in readings if reading))


_ADDRESS = re.compile(
    r"^\W*(?:https?://|www\.)[a-z0-9]|[a-z0-9]@[a-z0-9-]+\.[a-z]|"
    r"[a-z0-9]\.(?:com|org|net|edu|gov|io)(?:/|\W*$)",
    re.IGNORECASE,
)
_MARKS_OF_ADDRESSES = {".": "dot", "/": "slash", "_": "underscore", "-": "dash"}
_LEADING_MINUS = re.compile(r"^([^\w.$£€¥₹+-]*)-(?=[$£€¥₹]?\.?\d)")

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|(?<![A-Za-z.])\.\d+"
_SCALES = {"k": "thousand", "m": "million", "mn": "million", "b": "billion", "bn": "billion"}
_SCALES |= {word: word for word in ("thousand", "million", "billion", "trillion")}
_SCALE = "|".join(sorted(_SCALES, key=len, reverse=True))
_HALF_DAY = r"(?:(?i:([ap])\.?m)(?![A-Za-z]))?"
_UNITS = {
    "km": ("kilometer", "kilometers"), "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"), "ml": ("milliliter", "milliliters"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "ft": ("foot", "feet"), "mph": ("mile per hour", "miles per hour"),
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "hz": ("hertz", "hertz"), "khz": ("kilohertz", "kilohertz"),
    "mhz": ("megahertz", "megahertz"), "ghz": ("gigahertz", "gigahertz"),
    "kb": ("kilobyte", "kilobytes"), "mb": ("megabyte", "megabytes"),
    "gb": ("gigabyte", "gigabytes"), "tb": ("terabyte", "terabytes"),
    "am": ("a m", "a m"), "pm": ("p m", "p m"), "rpm": ("r p m", "r p m"),
    "kph": ("kilometer per hour", "kilometers per hour"), "kw": ("kilowatt", "kilowatts"),
    "kwh": ("kilowatt hour", "kilowatt hours"), "mw": ("megawatt", "megawatts"),
    "db": ("decibel", "decibels"), "psi": ("p s i", "p s i"),
}  # fmt: skip
# Written at their number and in this case only; what else the letter may stand for.
_LETTER_UNITS = {
    "m": ("meter", "meters", "million", "m"), "M": ("million", "million", "m"),
    "k": ("thousand", "thousand", "k"), "K": ("k", "k", "thousand"),
    "g": ("gram", "grams", "g"), "l": ("liter", "liters", "l"), "L": ("liter", "liters", "l"),
    "bn": ("billion", "billion"), "mn": ("million", "million"), "B": ("b", "b", "billion"),
    "ms": ("millisecond", "milliseconds", "m s"), "min": ("minute", "minutes", "min"),
    "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "mi": ("mile", "miles"),
    "yd": ("yard", "yards"), "yds": ("yard", "yards"), "sec": ("second", "seconds"),
    "h": ("hour", "hours", "h"), "W": ("watt", "watts", "w"), "V": ("volt", "volts", "v"),
    "x": ("time", "times", "x"),
}  # fmt: skip
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_LETTER_UNIT = "|".join(sorted(_LETTER_UNITS, key=len, reverse=True))
_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "‰": "per thousand",
    "×": "times", "÷": "divided by", "−": "minus", "±": "plus minus", "§": "section",
    "²": "squared", "³": "cubed", "#": "number", "$": "dollars", "£": "pounds", "€": "euros",
    "¥": "yen", "₹": "rupees", "¢": "cents",
}  # fmt: skip
_INITIALISM = re.compile(r"([A-Z]{2,4}|[B-DF-HJ-NP-TV-XZ]{5})(?:'?(s))?'?")
_CLIPPED = frozenset(("'bout", "'cause", "'em", "'n", "'round", "'til", "'tis", "'twas"))

_MOST_READINGS = 24  # of one token
_Match = re.Match[str]
Said = Spoken | list[Spoken]
"""What is said for a part of a token: one reading, or a list of them, the usual one first."""


def _silent(_match: _Match, _context: Context) -> Spoken:
    return ()


def _abbreviation(match: _Match, context: Context) -> Said | None:
    """Say an abbreviation in full; None where it only looks like one."""
    after = match.string[match.end() :].strip(".,;:!?)'\"") or context.after
    full = abbreviations.expand(match[1], context.before, after, stop=match[2] == ".")
    return None if full is None else tuple(full.split())


def _roman(match: _Match, context: Context) -> Said | None:
    """Say a Roman numeral; None where it only looks like one."""
    closed = match.string[match.end() : match.end() + 1] in tuple(".,;:!?)")
    after = "" if closed else context.after
    readings = romans.read(match[1], context.before, after, spell=context.spell)
    if "(" in match.string and match[1].islower():
        readings = (numbers.cardinal(str(roman_numerals.value(match[1]))),)  # (ii)
    ending = "'s" if match[2] else ""
    return [(*words[:-1], words[-1] + ending) for words in readings] or None


def _world_war(match: _Match, _context: Context) -> Said:
    number = numbers.cardinal(str(len(match[1])))
    return [("world", "war", *number), ("w", "w", *number)]


def _initials(match: _Match, _context: Context) -> Spoken:
    letters = re.findall("[a-z]", match[1].lower())
    return (*letters[:-1], letters[-1] + (match[2] or ""))


def _ampersand(match: _Match, _context: Context) -> Spoken:
    return tuple("and" if c == "&" else c for c in match[0].lower())


def _unit_alone(match: _Match, context: Context) -> Said | None:
    """Say a unit after a number; None after anything else, where it is a word."""
    if not context.before[-1:].isdigit():
        return None
    return tuple(_UNITS[match[0].lower()][context.before != "1"].split())


def _unit(match: _Match, _context: Context) -> Spoken:
    return (*numbers.number(match[1]), *_UNITS[match[2].lower()][match[1] != "1"].split())


def _letter_unit(match: _Match, _context: Context) -> Said:
    one, *others = _LETTER_UNITS[match[2]]
    names = (one if match[1] == "1" else others[0], *others[1:])
    return [(*amount, *name.split()) for name in names for amount in numbers.readings(match[1])]


def _meters(_match: _Match, context: Context) -> Said | None:
    """Say ``m`` after a number; None after anything else, where it is a letter."""
    if re.fullmatch(r"[\d.,]*\d", context.before) is None:
        return None
    return ("meter" if context.before == "1" else "meters",)


def _height(match: _Match, _context: Context) -> Said:
    """Say ``5'10"`` as five foot ten."""
    feet = numbers.cardinal(match[1])
    foot = "foot" if match[1] == "1" else "feet"
    if not match[2]:
        return (*feet, foot)
    inches = numbers.cardinal(match[2])
    inch = "inch" if match[2] == "1" else "inches"
    return [(*feet, "foot", *inches), (*feet, foot, *inches), (*feet, foot, *inches, inch),
            (*feet, *inches)]  # fmt: skip


def _inches(match: _Match, _context: Context) -> Said:
    return (*numbers.number(match[1]), "inch" if match[1] == "1" else "inches")


def _telephone(match: _Match, _context: Context) -> Said:
    return numbers.digit_readings(match[0])


def _area_code(match: _Match, context: Context) -> Said:
    """Say ``(555)`` before ``123-4567`` digit by digit."""
    if not re.match(r"\d{3}[-.]\d{4}(?!\d)", context.after):
        return numbers.readings(match[1])
    return numbers.digit_readings(match[1])


def _day(match: _Match, context: Context) -> Said:
    """Say a number beside a month as a day: January fifth."""
    before, after = (t.lower().strip(".,;:!?()") for t in (context.before, context.after))
    month_before = before in abbreviations.MONTHS and context.before[0].isupper()
    month_after = after in abbreviations.MONTHS and context.after[0].isupper()
    if not (month_before or month_after) or not 1 <= int(match[0]) <= 31:
        return numbers.readings(match[0])
    ordinal, cardinal = numbers.ordinal(match[0]), numbers.cardinal(match[0])
    if month_before:
        return [ordinal, cardinal, ("the", *ordinal)]
    return [cardinal, ordinal, (*ordinal, "of"), ("the", *ordinal, "of"), ("the", *ordinal)]


def _money(match: _Match, context: Context) -> Said:
    symbol, amount, scale = match[1], match[2], match[3]
    if scale:
        return numbers.money(symbol, amount, scale=(_SCALES[scale.lower()],))
    if match.end() == len(match.string) and _scale_word(context.after):
        return numbers.number(amount)
    return numbers.money_readings(symbol, amount)


def _scale_alone(match: _Match, context: Context) -> Spoken:
    """Say "million dollars" after an amount such as ``$5``."""
    amount = re.fullmatch(rf"\W*?([$£€¥₹])(?:{_NUMBER})", context.before)
    unit = numbers.money(amount[1], "2")[1:] if amount else ()
    return (match[0].lower(), *unit)


def _scale_word(token: str) -> bool:
    return bool(re.match(r"(?:thousand|million|billion|trillion)(?![A-Za-z])", token, re.I))


def _money_range(match: _Match, _context: Context) -> Said:
    """Say ``$10-20`` as ten to twenty dollars."""
    scale = (_SCALES[match[4].lower()],) if match[4] else ()
    most = numbers.money(match[1], match[3], scale=scale)
    least = numbers.number(match[2])
    return [(*least, "to", *most), (*least, *most)]


def _money_after(match: _Match, _context: Context) -> Spoken:
    return numbers.money(match[2], match[1])


def _date(match: _Match, _context: Context) -> Said:
    first, second = (str(int(match[i])) for i in (1, 3))
    year = numbers.year(match[4])
    said = [(*numbers.cardinal(first), *numbers.cardinal(second), *year)]
    for month, day in ((first, second), (second, first)):
        if 1 <= int(month) <= 12 and 1 <= int(day) <= 31:
            name, ordinal = numbers.MONTHS[int(month) - 1], numbers.ordinal(day)
            said += [(name, *ordinal, *year), ("the", *ordinal, "of", name, *year)]
    return said


def _clock(match: _Match, context: Context) -> Said:
    half_day = match[4] or re.match(r"(?i:[ap]\.?m)(?![A-Za-z])", context.after)
    clocks = numbers.clock_readings(match[1], match[2], full=not half_day and not match[3])
    seconds = numbers.cardinal(str(int(match[3]))) if match[3] else ()
    half = (match[4].lower(), "m") if match[4] else ()
    return [(*spoken, *seconds, *half) for spoken in clocks]


def _clock_with_stop(match: _Match, context: Context) -> Said:
    """Say ``7.30pm`` and ``7.30 pm`` as a time."""
    if not match[4] and not re.match(r"(?i:[ap]\.?m)(?![A-Za-z])", context.after):
        return numbers.number(f"{match[1]}.{match[2]}")
    half = (match[4].lower(), "m") if match[4] else ()
    return (*numbers.clock(match[1], match[2], full=False), *half)


def _ratio(match: _Match, _context: Context) -> Spoken:
    return (*numbers.cardinal(match[1]), "to", *numbers.cardinal(match[2]))


def _range(match: _Match, _context: Context) -> Said:
    ends = [numbers.year(match[1])], [("to",), ()], [numbers.year(match[2])]
    return [(*first, *link, *last) for first, link, last in product(*ends)]


def _fraction(match: _Match, context: Context) -> Said:
    spoken = numbers.fraction(match[1], match[2])
    if spoken is None:
        return (*numbers.cardinal(match[1]), *numbers.cardinal(match[2]))
    mixed = not match.start() and context.before.isascii() and context.before.isdigit()
    if mixed:
        return ("and", *spoken)
    return [spoken, ("a", *spoken[1:])] if match[1] == "1" else spoken


def _ordinal(match: _Match, _context: Context) -> Spoken:
    return numbers.ordinal(match[1])


def _plural(match: _Match, _context: Context) -> Spoken:
    return numbers.plural(numbers.year(match[1]))


def _year(match: _Match, _context: Context) -> Said:
    return numbers.year_readings(match[0])


def _plain_number(match: _Match, _context: Context) -> Said:
    return numbers.readings_alone(match[0])


def _cross(match: _Match, _context: Context) -> Said:
    """Say ``2x4`` as two by four."""
    return [(*numbers.number(match[1]), name) for name in ("by", "times", "x")]


def _degrees(match: _Match, _context: Context) -> Spoken:
    one = re.search(r"(?<![\d.,])1$", match.string[: match.start()])
    scale = {"c": ("celsius",), "f": ("fahrenheit",)}.get((match[1] or "").lower(), ())
    return ("degree" if one else "degrees", *scale)


def _symbol(match: _Match, _context: Context) -> Said:
    said = tuple(_SYMBOLS[match[0]].split())
    return [said, ("negative",)] if match[0] == "−" else said


def _word(match: _Match, context: Context) -> Spoken:
    """Say letters as a word, or spell them."""
    letters = match[0]
    initials = _INITIALISM.fullmatch(letters)
    plain = letters.lower().strip("'")
    if (
        context.spell
        and initials
        and not re.fullmatch("[IVX]+", initials[1])
        and not context.known(plain)
        and not context.known(initials[1].lower())
    ):
        spelled = tuple(initials[1].lower())
        return (*spelled[:-1], spelled[-1] + ("'s" if initials[2] else ""))
    beside = (
        match.string[max(match.start() - 1, 0) : match.start()]
        + match.string[match.end() : match.end() + 1]
    )
    glued = context.address or any(c.isdigit() for c in beside)
    if glued and re.fullmatch("[b-df-hj-np-tv-xz]{2,5}", plain) and not context.known(plain):
        return tuple(plain)
    return (_with_apostrophes(letters.lower(), context.known),)


def _with_apostrophes(word: str, known: Callable[[str], bool]) -> str:
    """Keep the apostrophes at the ends that belong to the word, and drop quotes."""
    core = word.strip("'")
    for form in (word, word.rstrip("'"), word.lstrip("'")):
        if known(form):
            return form
    if word.startswith("'"):
        return f"'{core}" if f"'{core}" in _CLIPPED else core
    return f"{core}'" if word.endswith("s'") else core


# A rule that returns None does not apply after all.
_RULES: tuple[tuple[re.Pattern[str], Callable[[_Match, Context], Said | None]], ...] = tuple(
    (re.compile(pattern, re.ASCII), say)
    for pattern, say in (
        (r"([^\w\s.'-])\1{2,}", _silent),  # a line of signs is decoration
        (rf"(?<![\w'.])({abbreviations.PATTERN})(\.)(?!\w*\.\w)", _abbreviation),
        (rf"(?<![\w'.-])({abbreviations.PATTERN})()(?![\w'.-])", _abbreviation),
        (r"(?<!\w)WW(I{1,2})(?!\w)", _world_war),
        (r"(?<![\w'.-])([IVXL]+|[ivxl]{2,})('s)?(?![\w'-])", _roman),
        (r"(?<![\w'.])((?:[A-Za-z]\.){2,}(?:[A-Za-z](?![\w']))?)('s)?", _initials),
        (r"(?<![\w'.])([A-Za-z](?:\.[A-Za-z])+)(?![\w'])()", _initials),
        (r"(?<![\w'.])(Ph\.?D)(?![\w'])()", _initials),
        (r"(?<![\w'])[A-Z]{1,2}&[A-Z]{1,2}(?![\w'])", _ampersand),
        (rf"(?<![\w'])(?i:{_UNIT})(?![\w'/])", _unit_alone),
        (r"(?<![\w'])(?i:thousand|million|billion|trillion)(?![\w'])", _scale_alone),
        (
            rf"([$£€¥₹])({_NUMBER})[–-]({_NUMBER})((?i:{_SCALE})(?![A-Za-z]))?(?![\w–-])",
            _money_range,
        ),
        (rf"([$£€¥₹])({_NUMBER})(?:-?((?i:{_SCALE}))(?![A-Za-z]))?", _money),
        (rf"({_NUMBER})([$£€¥₹¢])", _money_after),
        (r"(?<![\d/-])(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?![\d/-])", _date),
        (rf"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:]){_HALF_DAY}", _clock),
        (
            rf"(?<![\d.:])(0?[1-9]|1[0-2])\.([0-5]\d)()(?![\d.:]){_HALF_DAY}(?![A-Za-z°%])",
            _clock_with_stop,
        ),
        (r"(?<![\d:])(\d+):(\d+)(?![\d:])", _ratio),
        (r"(?<![\d.,:/'-])(\d{1,3})'(?:(\d{1,2})(?!\d)(?:\"|'')?)?(?![\w'])", _height),
        (r"(?<![\d.,:/'-])(\d{1,3}(?:\.\d+)?)(?:\"|'')(?!\w)(?<!\s\")", _inches),
        (r"(?<![\d.,/–-])(\d{1,2}|\d{4})[–-](\d{1,2}|\d{4})(?![\d/–-]|[.,:]\d)", _range),
        (r"(?<![\d.,/–-])(\d+)–(\d+)(?![\d/–-]|[.,:]\d)", _range),
        (r"(?<![\d.,/])(\d{1,3})/(\d{1,3})(?:ths?)?(?![\w/])", _fraction),
        (r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d+)(?i:st|nd|rd|th)(?![A-Za-z])", _ordinal),
        (r"(?<![.,])(\d+)'?s(?![A-Za-z])", _plural),
        (rf"({_NUMBER})x(?=\d)", _cross),
        (
            rf"({_NUMBER})({'|'.join(sorted(_LETTER_UNITS, key=len, reverse=True))})(?![A-Za-z&])",
            _letter_unit,
        ),
        (rf"({_NUMBER})(?i:({_UNIT}))(?![A-Za-z])", _unit),
        (r"(?<![\w'.])m(?![\w'])", _meters),
        (r"(?<![\d.,])\d+(?:-\d+)+(?![.,]\d)", _telephone),
        (r"(?<![\d.,])\d{3}\.\d{3}\.\d{4}(?![.,]?\d)", _telephone),
        (r"(?<=\()(\d{3})(?=\)$)", _area_code),
        (r"(?<![\w.,$£€¥₹#+−×÷=/:-])(?:[012]?\d|3[01])(?![\w%‰°²³×÷+=/:'\"-]|[.,]\d)", _day),
        (r"(?<![\w.,$£€¥₹#+−×÷=])\d{4}(?![\w%‰°²³×÷+=/]|[.,]\d)", _year),
        (_NUMBER, _plain_number),
        (r"°(?:([CcFf])(?![A-Za-z]))?", _degrees),
        (r"(?<=\d)\^(?=\d)", lambda *_: ("to", "the", "power", "of")),
        (r"(?<=[A-Za-z])#", lambda *_: ("sharp",)),
        (r"#(?=[A-Za-z])", lambda *_: ("hashtag",)),
        (r"[&+=@%‰×÷−±§²³#$£€¥₹¢]", _symbol),
        (r"'?[A-Za-z]+(?:'[A-Za-z]+)*'?", _word),
    )
)
