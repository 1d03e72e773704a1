"""German abbreviations, units and symbols in full."""

from __future__ import annotations

import re

ABBREVIATIONS = {
    "z.b.": "zum beispiel", "d.h.": "das heißt", "u.a.": "unter anderem", "o.ä.": "oder ähnliches",
    "u.s.w.": "und so weiter", "z.t.": "zum teil", "i.d.r.": "in der regel",
    "v.chr.": "vor christus", "n.chr.": "nach christus", "s.o.": "siehe oben",
    "s.u.": "siehe unten", "usw.": "und so weiter", "etc.": "et cetera", "bzw.": "beziehungsweise",
    "ca.": "zirka", "dr.": "doktor", "prof.": "professor", "st.": "sankt", "nr.": "nummer",
    "hr.": "herr", "str.": "straße", "mio.": "millionen", "mrd.": "milliarden",
    "jh.": "jahrhundert", "evtl.": "eventuell", "inkl.": "inklusive", "vgl.": "vergleiche",
    "ggf.": "gegebenenfalls", "sog.": "sogenannte", "abb.": "abbildung", "geb.": "geboren",
    "gest.": "gestorben", "tel.": "telefon", "vs.": "versus", "dipl.": "diplom",
    "ing.": "ingenieur", "chr.": "christus",
}  # fmt: skip
PATTERN = "|".join(map(re.escape, sorted(ABBREVIATIONS, key=len, reverse=True)))
MONTHS = {
    "Jan": "januar", "Feb": "februar", "Apr": "april", "Aug": "august", "Sep": "september",
    "Sept": "september", "Okt": "oktober", "Nov": "november", "Dez": "dezember",
}  # fmt: skip
# What two tokens of one letter each stand for, such as "z. B.".
PAIRS = {tuple(a.split(".")[:2]): a for a in ABBREVIATIONS if a.count(".") == 2}
# Before a number, and mostly something else without one: "diese Art.", "S. Müller".
NUMBERED = {
    "abs": "absatz", "abschn": "abschnitt", "anm": "anmerkung", "art": "artikel", "aufl": "auflage",
    "bd": "band", "bsp": "beispiel", "kap": "kapitel", "s": "seite", "tab": "tabelle",
    "ziff": "ziffer",
}  # fmt: skip
UNITS = {
    "km": "kilometer", "m": "meter", "cm": "zentimeter", "mm": "millimeter", "kg": "kilogramm",
    "g": "gramm", "mg": "milligramm", "l": "liter", "ml": "milliliter", "ha": "hektar",
    "km/h": "kilometer pro stunde", "km²": "quadratkilometer", "m²": "quadratmeter",
    "m³": "kubikmeter", "h": "stunden", "min": "minuten", "hz": "hertz", "khz": "kilohertz",
    "mhz": "megahertz", "ghz": "gigahertz", "kw": "kilowatt", "ps": "pe es", "v": "volt",
    "mb": "megabyte", "gb": "gigabyte", "kb": "kilobyte", "tb": "terabyte",
}  # fmt: skip
_SINGULAR = {"h": "stunde", "min": "minute"}  # the other units are said in one form
UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
SYMBOLS = {
    "&": "und", "+": "plus", "=": "gleich", "@": "at", "%": "prozent", "‰": "promille",
    "×": "mal", "÷": "geteilt durch", "−": "minus", "±": "plus minus", "§": "paragraph",
    "²": "quadrat", "³": "hoch drei", "#": "raute", "€": "euro", "$": "dollar", "£": "pfund",
    "¥": "yen", "₹": "rupien", "¢": "cent", "°": "grad",
}  # fmt: skip


def with_unit(number: str, unit: str) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the words of a number before a unit, None if it is said as ever, and of the unit."""
    unit = unit.lower()
    if number == "1" and unit in _SINGULAR:
        return ("eine",), (_SINGULAR[unit],)
    return None, tuple(UNITS[unit].split())
