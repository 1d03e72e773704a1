"""German transcripts: the user's own words, and what is said for each.

================================ =======================================================
token                            spoken
================================ =======================================================
``Hallo,`` ``Straße`` ``Übung``  hallo; straße; übung (lower case, ß and umlauts stay)
``Café`` ``geht's`` ``d’Este``   cafe; geht's; d'este (other accents go)
``US-Armee`` ``und/oder``        u es armee; und oder
``LKW`` ``LKWs`` ``z``           el ka we; el ka wes; zett: two or three capitals, or up to
                                 five consonants, and no known word. Not in a text that is
                                 all capitals
``Karl IV.`` ``Kapitel IV``      karl der vierte; kapitel vier: Roman numerals, in each case
``mp3`` ``S3``                   em pe drei; es drei
``z.B.`` ``z. B.`` ``usw.``      zum beispiel; zum beispiel; und so weiter; also
                                 ``d.h. u.a. bzw. ca. etc. Dr. Prof. St. Nr. Str. Mio.``
``Abs. 3`` ``Art. 5`` ``S. 12``  absatz drei; artikel fünf; seite zwölf: before a number, also
                                 ``Abschn. Anm. Aufl. Bd. Bsp. Kap. Tab. Ziff.``
``105`` ``1.234`` ``007``        einhundertfünf; eintausendzweihundertvierunddreißig; null
                                 null sieben; more than 15 digits are read one by one
``3,14`` ``-5``                  drei komma eins vier; minus fünf
``1995`` ``2015``                neunzehnhundertfünfundneunzig; zweitausendfünfzehn: from
                                 1100 to 1999 by hundreds, where the number stands alone
``3. Mai`` ``am 3. Mai``         dritte mai; am dritten mai: the ending -n after am, beim,
                                 dem, den, des, im, vom, zum, zur
``3.5.1995``                     dritter fünfter neunzehnhundertfünfundneunzig; with -n as
                                 above
``20er`` ``5-jährige`` ``3-mal`` zwanziger; fünfjährige; dreimal: one word
``2x`` ``3x4`` ``3 x 4``         zweimal; drei mal vier, both
``1/2`` ``¾`` ``24/7``           ein halb; drei viertel; vierundzwanzig sieben
``2-3`` ``1995–96``              zwei bis drei; neunzehnhundertfünfundneunzig bis
                                 sechsundneunzig
``10:30`` ``10.30 Uhr``          zehn uhr dreißig, both; ``Uhr`` is then silent
``1 Uhr``                        ein uhr
``2:1``                          zwei zu eins
``5,50 €`` ``$5`` ``0,01€``      fünf euro fünfzig; fünf dollar; ein cent; also £ ¥ ₹ ¢
``50%`` ``20°C`` ``5 km``        fünfzig prozent; zwanzig grad celsius; fünf kilometer
``x²`` ``m²``                    ix quadrat; quadratmeter (after a number)
``&`` ``+`` ``=`` ``@``          und; plus; gleich; at; also × mal, ÷ geteilt durch, ±, §
``[Lachen]`` ``<unk>``           `NOISE`: one token in brackets, with a letter in it
``猫`` ``Москва``                `UNKNOWN`: a letter that is not Latin
``-`` ``...`` ``🙂`` ``?``       nothing
================================ =======================================================
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from speechalign.text import german_abbreviations as abbreviations
from speechalign.text import german_numbers as numbers
from speechalign.text import roman_numerals
from speechalign.text.latin import to_latin
from speechalign.text.tokens import NOISE, tokens
from speechalign.text.word import UNKNOWN, Spoken, Word, speak_tokens


def words(
    text: str,
    *,
    known: Callable[[str], bool] | None = None,
    own: Callable[[str], Spoken] | None = None,
    speaker_labels: str | None = None,
) -> tuple[Word, ...]:
    """Split a transcript into words that can be spoken.

    Parameters
    ----------
    text : str
        What was said, as the user wrote it; white space separates tokens.
    known : callable or None
        Tells whether the dictionary has a word, in lower case. It decides whether capitals are
        spelled out. None: it has none.
    own : callable or None
        As `speak_tokens` takes it.
    speaker_labels : str or None
        As `speechalign.text.tokens.tokens` takes it.

    Returns
    -------
    tuple[Word, ...]
        As `speak_tokens` makes them; spoken are lower-case words of the letters a to z, ä, ö, ü, ß
        and apostrophes.

    Notes
    -----
    The table above says what is spoken for what. Grammar is not looked at: ``1`` is eins before a
    noun, and ordinals have the endings above. What is said for a token depends on itself, on the
    tokens beside it, and on whether the text has lower case anywhere outside noise tokens.

    Examples
    --------
    >>> [(word.label, " ".join(word.spoken)) for word in words("Am 3. Mai – um 10:30 Uhr!")]
    [('Am', 'am'), ('3.', 'dritten'), ('Mai –', 'mai'), ('um', 'um'), \
('10:30 Uhr!', 'zehn uhr dreißig')]
    """
    written = tokens(text, speaker_labels=speaker_labels)
    lower_case = any(c.islower() for token in written if token.said != NOISE for c in token.said)

    def say(before: str, token: str, after: str) -> tuple[Spoken, ...]:
        letters = _to_german(token)
        if letters is None:
            return ((UNKNOWN,),)
        context = _Context(before, after, known or (lambda _: False), spell=lower_case)
        said = _roman(letters, context) or (_speak(letters, context),)
        return said if said[0] else ()

    return speak_tokens(written, say, own=own)


@dataclass(frozen=True)
class _Context:
    """Context of a rule beside its token: neighbouring tokens, and the dictionary."""

    before: str
    after: str
    known: Callable[[str], bool]
    spell: bool

    @property
    def ending(self) -> str:
        """Ending of an ordinal here."""
        return "en" if self.before.lower() in _BEFORE_N else "e"


def _to_german(token: str) -> str | None:
    """Reduce a token to a-z, ä, ö, ü, ß, digits and symbols; None for letters of other scripts."""
    parts = re.split("([äöüßÄÖÜẞ])", unicodedata.normalize("NFC", token))
    reduced = [part if i % 2 else to_latin(part) for i, part in enumerate(parts)]
    if any(part is None for part in reduced):
        return None
    return "".join(part or "" for part in reduced).replace("ẞ", "SS")


def _speak(token: str, context: _Context) -> Spoken:
    """Say one token; the rules are tried in order at each place, and none means silence."""
    token = _LEADING_MINUS.sub(r"\1−", token)
    spoken: list[str] = []
    position = 0
    while position < len(token):
        for pattern, say in _RULES:
            match = pattern.match(token, position)
            said = say(match, context) if match else None
            if match and said is not None:
                spoken.extend(said)
                position = match.end()
                break
        else:
            position += 1
    return tuple(spoken)


def _roman(token: str, context: _Context) -> tuple[Spoken, ...]:
    """Return the readings of a Roman numeral: ``Karl IV.``, ``XX. Jahrhundert``, ``Kapitel IV``."""
    match = re.fullmatch(r"\W*([IVX]{2,})(\.?)\W*", token)
    if not match or not roman_numerals.is_numeral(match[1]) or not context.spell:
        return ()
    number = str(roman_numerals.value(match[1]))
    cardinal = numbers.cardinal(number)
    if not match[2] or not context.after:
        heading = context.before.lower() in _HEADINGS
        named = context.before[:1].isupper() and match[2] and not heading
        ordinals = _ordinals(number)
        return (*ordinals, cardinal) if named else (cardinal, *ordinals)
    alone = numbers.ordinal(number, context.ending)
    return (alone, *_ordinals(number)) if context.before.islower() else (*_ordinals(number), alone)


_HEADINGS = frozenset(
    (
        "abs.",
        "bd.",
        "kap.",
        "teil",
        "kapitel",
        "band",
        "buch",
        "akt",
        "szene",
        "stufe",
        "klasse",
        "typ",
        "artikel",
    )
)


def _ordinals(number: str) -> tuple[Spoken, ...]:
    e, en = (numbers.ordinal(number, ending) for ending in ("e", "en"))
    return (("der", *e), ("die", *e), ("dem", *en), ("den", *en), ("des", *en))


_BEFORE_N = frozenset(("am", "beim", "dem", "den", "des", "im", "vom", "zum", "zur"))
_LEADING_MINUS = re.compile(r"^([^\w.$£€¥₹+-]*)-(?=[$£€¥₹]?\d)")
_NUMBER = r"(?:\d{1,3}(?:\.\d{3})+(?!\d)|\d+)(?:,\d+)?"
_LETTER = "A-Za-zÄÖÜäöüß"
_NAMES = {
    "a": "a", "b": "be", "c": "ze", "d": "de", "e": "e", "f": "ef", "g": "ge", "h": "ha", "i": "i",
    "j": "jot", "k": "ka", "l": "el", "m": "em", "n": "en", "o": "o", "p": "pe", "q": "ku",
    "r": "er", "s": "es", "t": "te", "u": "u", "v": "vau", "w": "we", "x": "ix", "y": "ypsilon",
    "z": "zett", "ä": "ä", "ö": "ö", "ü": "ü", "ß": "eszett",
}  # fmt: skip
_Match = re.Match[str]


def _silent(_match: _Match, _context: _Context) -> Spoken:
    return ()


def _abbreviation(match: _Match, _context: _Context) -> Spoken:
    return tuple(abbreviations.ABBREVIATIONS[match[0].lower()].split())


def _numbered(match: _Match, context: _Context) -> Spoken | None:
    """Say an abbreviation in full before its number: ``Abs. 3``, ``Kap. IV``."""
    after = match.string[match.end() :] or context.after
    if not re.match(r"\d|[IVX]+\b", after):
        return None
    return (abbreviations.NUMBERED[match[1].lower()],)


def _month(match: _Match, context: _Context) -> Spoken | None:
    """Say a month in full after a day: ``3. Jan.``."""
    return (abbreviations.MONTHS[match[1]],) if re.search(r"\d\.?$", context.before) else None


def _half_abbreviation(match: _Match, context: _Context) -> Spoken | None:
    """Say the one or the other half of ``z. B.``."""
    letter = match[1].lower()
    before, after = (t.lower().strip(".,;:)") for t in (context.before, context.after))
    if (letter, after) in abbreviations.PAIRS:
        return (abbreviations.ABBREVIATIONS[abbreviations.PAIRS[letter, after]].split()[0],)
    if (before, letter) in abbreviations.PAIRS:
        return tuple(abbreviations.ABBREVIATIONS[abbreviations.PAIRS[before, letter]].split()[1:])
    return None


def _unit_alone(match: _Match, context: _Context) -> Spoken | None:
    """Say a unit after a number; the same letters are a word after anything else."""
    if not context.before[-1:].isdigit():
        return None
    return abbreviations.with_unit(context.before, match[0])[1]


def _unit(match: _Match, _context: _Context) -> Spoken:
    number, unit = abbreviations.with_unit(match[1], match[2])
    return (*(number or numbers.counting(match[1])), *unit)


def _money(match: _Match, _context: _Context) -> Spoken:
    return numbers.money(match[1], match[2])


def _money_after(match: _Match, _context: _Context) -> Spoken:
    return numbers.money(match[2], match[1])


def _date(match: _Match, context: _Context) -> Spoken:
    ending = context.ending if context.ending == "en" else "er"
    day, month = (numbers.ordinal(str(int(match[i])), ending) for i in (1, 2))
    return (*day, *month, *(numbers.year(match[3]) if match[3] else ()))


def _clock(match: _Match, _context: _Context) -> Spoken:
    return numbers.clock(match[1], match[2])


def _clock_with_stop(match: _Match, context: _Context) -> Spoken | None:
    return numbers.clock(match[1], match[2]) if context.after[:3] == "Uhr" else None


def _ratio(match: _Match, _context: _Context) -> Spoken:
    return (*numbers.cardinal(match[1]), "zu", *numbers.cardinal(match[2]))


def _range(match: _Match, _context: _Context) -> Spoken:
    return (*numbers.year(match[1]), "bis", *numbers.year(match[2]))


def _fraction(match: _Match, _context: _Context) -> Spoken:
    spoken = numbers.fraction(match[1], match[2])
    return spoken or (*numbers.cardinal(match[1]), *numbers.cardinal(match[2]))


def _ordinal(match: _Match, context: _Context) -> Spoken | None:
    """Say a number with a stop that does not end the transcript."""
    return numbers.ordinal(match[1], context.ending) if context.after else None


def _compound(match: _Match, _context: _Context) -> Spoken:
    """Join a number with the word that it begins: ``5-jährige``, ``20er``."""
    *before, last = numbers.year(match[1])
    if last.endswith("eins"):
        last = last[:-1]
    return (*before, last + match[2])


def _year(match: _Match, _context: _Context) -> Spoken:
    return numbers.year(match[0])


def _plain_number(match: _Match, context: _Context) -> Spoken:
    """Say a number, with the currency where that is the next token."""
    if match.end() == len(match.string) and context.after[:1] in tuple("€$£¥₹¢"):
        return numbers.money(context.after[0], match[0])
    after = context.after.strip(".,;:!?)").lower()
    if match[0] != match.string or after not in ("uhr", *abbreviations.UNITS):
        return numbers.number(match[0])
    one = None if after == "uhr" else abbreviations.with_unit(match[0], after)[0]
    return one or numbers.counting(match[0])


def _times(match: _Match, _context: _Context) -> Spoken:
    """Say ``2x`` as zweimal, and ``0,5x`` as null komma fünf mal."""
    *before, last = numbers.counting(match[1])
    return (*before, last, "mal") if "," in match[1] else (*before, last + "mal")


def _cross(match: _Match, context: _Context) -> Spoken | None:
    """Say ``x`` between numbers: ``3x4``, ``3 x 4``."""
    before = match.string[: match.start()] or context.before
    after = match.string[match.end() :] or context.after
    return ("mal",) if before[-1:].isdigit() and after[:1].isdigit() else None


def _degrees(match: _Match, _context: _Context) -> Spoken:
    scale = {"c": ("celsius",), "f": ("fahrenheit",)}.get((match[1] or "").lower(), ())
    return ("grad", *scale)


def _symbol(match: _Match, context: _Context) -> Spoken:
    amount = re.search(rf"({_NUMBER})$", context.before)
    if match[0] in "€$£¥₹¢" and match.start() == 0 and amount:
        return ()  # said with the number before it
    return tuple(abbreviations.SYMBOLS[match[0]].split())


def _word(match: _Match, context: _Context) -> Spoken:
    """Say letters as a word, or spell them."""
    letters = match[0].strip(".'")
    if letters == "Uhr" and re.search(r"(?<!\d)\d?\d[:.]\d\d$", context.before):
        return ()  # said between hours and minutes
    initials = _INITIALISM.fullmatch(letters)
    if (
        context.spell
        and initials
        and not re.fullmatch("[IVX]+", initials[1])
        and not context.known(letters.lower())
    ):
        *names, last = (_NAMES[c] for c in initials[1].lower())
        return (*names, last + initials[2])
    beside = match.string[max(match.start() - 1, 0) : match.start()]
    beside += match.string[match.end() : match.end() + 1]
    glued = any(c.isdigit() for c in beside) and re.fullmatch(_CONSONANTS, letters.lower())
    if len(letters) == 1 or (glued and not context.known(letters.lower())):
        return tuple(_NAMES[c] for c in letters.lower())
    return (letters.lower(),)


_CONSONANTS = "[b-df-hj-np-tv-xz]{2,5}"
_INITIALISM = re.compile(r"([A-ZÄÖÜ]{2,3}|[B-DF-HJ-NP-TV-XZ]{4,5})(s?)")
_CURRENCY = "[€$£¥₹¢]"
_COUNTED = r"(?:er[ns]?|mal|(?:malig|fach|jährig|tägig|stündig|minütig|köpfig|teilig|stellig)\w*)"

# A rule that returns None does not apply after all.
_RULES: tuple[tuple[re.Pattern[str], Callable[[_Match, _Context], Spoken | None]], ...] = tuple(
    (re.compile(pattern), say)
    for pattern, say in (
        (r"([^\w\s.'-])\1{2,}", _silent),  # a line of signs is decoration
        (rf"(?<![\w'])(?i:{abbreviations.PATTERN})(?!\w)", _abbreviation),
        (rf"(?<![\w.'])(?i:({'|'.join(abbreviations.NUMBERED)}))\.", _numbered),
        (rf"(?<![\w.'])({'|'.join(abbreviations.MONTHS)})\.?(?!\w)", _month),
        (rf"(?<![\w.'])([{_LETTER}]{{1,3}})\.?(?=\W*$)", _half_abbreviation),
        (rf"(?<![\w'])(?i:{abbreviations.UNIT})(?![\w'/])", _unit_alone),
        (rf"({_CURRENCY})({_NUMBER})", _money),
        (rf"({_NUMBER})({_CURRENCY})", _money_after),
        (
            r"(?<![\d.])(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.(\d{4}|\d{2})?(?!\d)",
            _date,
        ),
        (r"(?<![\d:])([01]?\d|2[0-4]):([0-5]\d)(?![\d:])", _clock),
        (r"(?<![\d.])([01]?\d|2[0-4])\.([0-5]\d)$", _clock_with_stop),
        (r"(?<![\d:])(\d+):(\d+)(?![\d:])", _ratio),
        (r"(?<![\d.,/–-])(\d{1,2}|\d{4})[–-](\d{1,2}|\d{4})(?![\d/–-]|[.,:]\d)", _range),
        (r"(?<![\d.,/–-])(\d+)–(\d+)(?![\d/–-]|[.,:]\d)", _range),
        (r"(?<![\d.,/])(\d{1,3})/(\d{1,3})(?![\w/])", _fraction),
        (rf"(?<![\d.,])(\d{{1,4}})-?({_COUNTED})(?!\w)", _compound),
        (r"(?<![\d.,])(\d{1,3})\.(?=\W*$)", _ordinal),
        (rf"({_NUMBER})(?i:({abbreviations.UNIT}))(?!\w)", _unit),
        (rf"(?<![\d.,])({_NUMBER})[xX×](?!\w)", _times),
        (r"(?<![\w.,€$£¥₹#+−×÷=])\d{4}(?![\w%‰°²³×÷+=/]|[.,]\d)", _year),
        (_NUMBER, _plain_number),
        (r"°(?:([CcFf])(?!\w))?", _degrees),
        (r"[&+=@%‰×÷−±§²³#$£€¥₹¢]", _symbol),
        (r"x(?![^\W\d])", _cross),
        (rf"[{_LETTER}]+(?:'[{_LETTER}]+)*", _word),
    )
)
