"""Codes of languages: those of three letters, ISO 639-3, in two, ISO 639-1."""

from __future__ import annotations

# Languages for which it matters here: what reads numbers, lowers letters or romanises knows them.
_SHORT = {
    "amh": "am", "ara": "ar", "arb": "ar", "aze": "az", "azj": "az", "bel": "be", "ben": "bn",
    "bul": "bg", "cat": "ca", "ces": "cs", "che": "ce", "cmn": "zh", "cym": "cy", "dan": "da",
    "deu": "de", "ell": "el", "eng": "en", "epo": "eo", "fas": "fa", "fin": "fi", "fra": "fr",
    "heb": "he", "hin": "hi", "hun": "hu", "ind": "id", "isl": "is", "ita": "it", "jpn": "ja",
    "kan": "kn", "kaz": "kk", "kir": "ky", "kor": "ko", "lav": "lv", "lit": "lt", "mkd": "mk",
    "nld": "nl", "nno": "nn", "nob": "nb", "nor": "no", "pes": "fa", "pol": "pl", "por": "pt",
    "ron": "ro", "rus": "ru", "slk": "sk", "slv": "sl", "spa": "es", "srp": "sr", "swe": "sv",
    "tel": "te", "tgk": "tg", "tha": "th", "tur": "tr", "uig": "ug", "ukr": "uk", "uzb": "uz",
    "vie": "vi", "yid": "yi", "zho": "zh",
}  # fmt: skip


def short_code(language: str) -> str:
    """Return a code in two letters, where there is one and it matters.

    Parameters
    ----------
    language : str
        ISO 639-1 or ISO 639-3; what follows a hyphen, a region or a script, stays.

    Returns
    -------
    str
        In lower case.

    Examples
    --------
    >>> short_code("deu"), short_code("en-GB"), short_code("azj-script_latin"), short_code("abk")
    ('de', 'en-gb', 'az-script_latin', 'abk')
    """
    code, hyphen, rest = language.lower().partition("-")
    return f"{_SHORT.get(code, code)}{hyphen}{rest}"
