"""English rules: one token of Latin letters, digits and symbols, and what is said for it.

The rules are tried in order at each place of the token; a place where none applies is silent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from speechalign.text import english_numbers as numbers
from speechalign.text.word import Spoken


@dataclass(frozen=True)
class Context:
    """What a rule may look at besides its own token.

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


def speak(token: str, context: Context) -> Spoken:
    """Say one token.

    Parameters
    ----------
    token : str
        As `latin.to_latin` leaves it.
    context : Context
        What is around it.

    Returns
    -------
    tuple[str, ...]
        Lower-case words of letters and apostrophes; empty if there is nothing to say.
    """
    if _ADDRESS.search(token):
        token = re.sub(r"^\W*https?://", "", token, flags=re.IGNORECASE).rstrip("./?!,;:)>\"'")
        for mark, name in _MARKS_OF_ADDRESSES.items():
            token = token.replace(mark, f" {name} ")
        context = Context("", "", context.known, context.spell, address=True)
    token = _LEADING_MINUS.sub(r"\1−", token)
    spoken: list[str] = []
    position = 0
    while position < len(token):
        for pattern, say in _RULES:
            match = pattern.match(token, position)
            if match:
                spoken.extend(say(match, context))
                position = match.end()
                break
        else:
            position += 1
    return tuple(spoken)


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
_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "ms": "ms", "dr": "doctor", "prof": "professor",
    "jr": "junior", "sr": "senior", "vs": "versus", "etc": "et cetera",
}  # fmt: skip
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
    "am": ("a m", "a m"), "pm": ("p m", "p m"),
}  # fmt: skip
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_SYMBOLS = {
    "&": "and", "+": "plus", "=": "equals", "@": "at", "%": "percent", "‰": "per thousand",
    "×": "times", "÷": "divided by", "−": "minus", "±": "plus minus", "§": "section",
    "²": "squared", "³": "cubed", "#": "number", "$": "dollars", "£": "pounds", "€": "euros",
    "¥": "yen", "₹": "rupees", "¢": "cents",
}  # fmt: skip
_INITIALISM = re.compile(r"([A-Z]{2,4}|[B-DF-HJ-NP-TV-XZ]{5})(?:'?(s))?'?")
_CLIPPED = frozenset(("'bout", "'cause", "'em", "'n", "'round", "'til", "'tis", "'twas"))

_Match = re.Match[str]


def _silent(_match: _Match, _context: Context) -> Spoken:
    return ()


def _abbreviation(match: _Match, _context: Context) -> Spoken:
    return tuple(_ABBREVIATIONS[match[1].lower()].split())


def _saint(_match: _Match, context: Context) -> Spoken:
    return ("saint",) if context.after[:1].isupper() else ("street",)


def _number_sign(match: _Match, context: Context) -> Spoken:
    return ("number",) if context.after[:1].isdigit() else _word(match, context)


def _initials(match: _Match, _context: Context) -> Spoken:
    letters = re.findall("[a-z]", match[1].lower())
    return (*letters[:-1], letters[-1] + (match[2] or ""))


def _ampersand(match: _Match, _context: Context) -> Spoken:
    return tuple("and" if c == "&" else c for c in match[0].lower())


def _unit_alone(match: _Match, context: Context) -> Spoken:
    """Say a unit after a number, the same letters as a word after anything else."""
    if not context.before[-1:].isdigit():
        return _word(match, context)
    return tuple(_UNITS[match[0].lower()][context.before != "1"].split())


def _unit(match: _Match, _context: Context) -> Spoken:
    return (*numbers.number(match[1]), *_UNITS[match[2].lower()][match[1] != "1"].split())


def _money(match: _Match, context: Context) -> Spoken:
    symbol, amount, scale = match[1], match[2], match[3]
    if scale:
        return numbers.money(symbol, amount, scale=(_SCALES[scale.lower()],))
    if match.end() == len(match.string) and _scale_word(context.after):
        return numbers.number(amount)
    return numbers.money(symbol, amount)


def _scale_alone(match: _Match, context: Context) -> Spoken:
    """Say "million dollars" after an amount such as ``$5``."""
    amount = re.fullmatch(rf"\W*?([$£€¥₹])(?:{_NUMBER})", context.before)
    unit = numbers.money(amount[1], "2")[1:] if amount else ()
    return (match[0].lower(), *unit)


def _scale_word(token: str) -> bool:
    return bool(re.match(r"(?:thousand|million|billion|trillion)(?![A-Za-z])", token, re.I))


def _money_after(match: _Match, _context: Context) -> Spoken:
    return numbers.money(match[2], match[1])


def _date(match: _Match, _context: Context) -> Spoken:
    return (
        *numbers.cardinal(match[1].lstrip("0") or "0"),
        *numbers.cardinal(match[3].lstrip("0") or "0"),
        *numbers.year(match[4]),
    )


def _clock(match: _Match, context: Context) -> Spoken:
    half_day = match[4] or re.match(r"(?i:[ap]\.?m)(?![A-Za-z])", context.after)
    spoken = numbers.clock(match[1], match[2], full=not half_day and not match[3])
    seconds = numbers.cardinal(str(int(match[3]))) if match[3] else ()
    return (*spoken, *seconds, *((match[4].lower(), "m") if match[4] else ()))


def _ratio(match: _Match, _context: Context) -> Spoken:
    return (*numbers.cardinal(match[1]), "to", *numbers.cardinal(match[2]))


def _range(match: _Match, _context: Context) -> Spoken:
    return (*numbers.year(match[1]), "to", *numbers.year(match[2]))


def _fraction(match: _Match, context: Context) -> Spoken:
    spoken = numbers.fraction(match[1], match[2])
    if spoken is None:
        return (*numbers.cardinal(match[1]), *numbers.cardinal(match[2]))
    mixed = not match.start() and context.before.isascii() and context.before.isdigit()
    return ("and", *spoken) if mixed else spoken


def _ordinal(match: _Match, _context: Context) -> Spoken:
    return numbers.ordinal(match[1])


def _plural(match: _Match, _context: Context) -> Spoken:
    return numbers.plural(numbers.year(match[1]))


def _digits(match: _Match, _context: Context) -> Spoken:
    return numbers.digits(match[0])


def _year(match: _Match, _context: Context) -> Spoken:
    return numbers.year(match[0])


def _plain_number(match: _Match, _context: Context) -> Spoken:
    return numbers.number(match[0])


def _degrees(match: _Match, _context: Context) -> Spoken:
    one = re.search(r"(?<![\d.,])1$", match.string[: match.start()])
    scale = {"c": ("celsius",), "f": ("fahrenheit",)}.get((match[1] or "").lower(), ())
    return ("degree" if one else "degrees", *scale)


def _symbol(match: _Match, _context: Context) -> Spoken:
    return tuple(_SYMBOLS[match[0]].split())


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


_RULES: tuple[tuple[re.Pattern[str], Callable[[_Match, Context], Spoken]], ...] = tuple(
    (re.compile(pattern, re.ASCII), say)
    for pattern, say in (
        (r"([^\w\s.'-])\1{2,}", _silent),  # a line of signs is decoration
        (r"(?<![\w'])(?i:(mrs?|ms|dr|prof|jr|sr|vs|etc)\.)", _abbreviation),
        (r"(?<![\w'])(M(?:rs?|s)|Dr|vs)(?![\w'.])", _abbreviation),
        (r"(?<![\w'])St(?:\.|(?![\w'-]))|(?<![\w'])ST\.", _saint),
        (r"(?<![\w'])N[Oo](?=\.$)", _number_sign),
        (r"(?<![\w'.])((?:[A-Za-z]\.){2,}(?:[A-Za-z](?![\w']))?)('s)?", _initials),
        (r"(?<![\w'.])([A-Za-z](?:\.[A-Za-z])+)(?![\w'])()", _initials),
        (r"(?<![\w'.])(Ph\.?D)(?![\w'])()", _initials),
        (r"(?<![\w'])[A-Z]{1,2}&[A-Z]{1,2}(?![\w'])", _ampersand),
        (rf"(?<![\w'])(?i:{_UNIT})(?![\w'/])", _unit_alone),
        (r"(?<![\w'])(?i:thousand|million|billion|trillion)(?![\w'])", _scale_alone),
        (rf"([$£€¥₹])({_NUMBER})(?:-?((?i:{_SCALE}))(?![A-Za-z]))?", _money),
        (rf"({_NUMBER})([$£€¥₹¢])", _money_after),
        (r"(?<![\d/-])(\d{1,2})([/-])(\d{1,2})\2(\d{4})(?![\d/-])", _date),
        (rf"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:]){_HALF_DAY}", _clock),
        (r"(?<![\d:])(\d+):(\d+)(?![\d:])", _ratio),
        (r"(?<![\d.,/–-])(\d{1,2}|\d{4})[–-](\d{1,2}|\d{4})(?![\d/–-]|[.,:]\d)", _range),
        (r"(?<![\d.,/–-])(\d+)–(\d+)(?![\d/–-]|[.,:]\d)", _range),
        (r"(?<![\d.,/])(\d{1,3})/(\d{1,3})(?:ths?)?(?![\w/])", _fraction),
        (r"(?<![\d.,])(\d{1,3}(?:,\d{3})+|\d+)(?i:st|nd|rd|th)(?![A-Za-z])", _ordinal),
        (r"(?<![.,])(\d+)'?s(?![A-Za-z])", _plural),
        (rf"({_NUMBER})(?i:({_UNIT}))(?![A-Za-z])", _unit),
        (r"(?<![\d.,])\d+(?:-\d+)+(?![.,]\d)", _digits),
        (r"(?<![\w.,$£€¥₹#+−×÷=])\d{4}(?![\w%‰°²³×÷+=/]|[.,]\d)", _year),
        (_NUMBER, _plain_number),
        (r"°(?:([CcFf])(?![A-Za-z]))?", _degrees),
        (r"(?<=[A-Za-z])#", lambda *_: ("sharp",)),
        (r"#(?=[A-Za-z])", lambda *_: ("hashtag",)),
        (r"[&+=@%‰×÷−±§²³#$£€¥₹¢]", _symbol),
        (r"'?[A-Za-z]+(?:'[A-Za-z]+)*'?", _word),
    )
)
