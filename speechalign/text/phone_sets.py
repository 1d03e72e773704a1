"""Phone sets: names of the same phones in ARPABET, IPA and X-SAMPA.

=================  ====================================================================
``arpabet``        ``AH``: English only, as CMU's dictionary without its stress digits
``arpabet-stress`` ``AH0``, ``AH1``, ``AH2``: vowels with no, primary and secondary stress
``ipa``            ``ʌ``, and ``ə`` where a word has no stress; ``tʃ`` without a tie bar
``xsampa``         ``V``, ``@``, ``tS``: IPA in ASCII
=================  ====================================================================

A model keeps its own names. Its phones are renamed in what is written, and the phones of a user's
dictionary are renamed to the model's when it is read.

References
----------
Carnegie Mellon University, "The CMU Pronouncing Dictionary", version 0.7b, 2014 (ARPABET).
International Phonetic Association, "Handbook of the International Phonetic Association", 1999.
J. C. Wells, "Computer-coding the IPA: a proposed extension of SAMPA", 1995 (X-SAMPA).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping

from speechalign.errors import FormatError

PHONE_SETS = ("arpabet", "arpabet-stress", "ipa", "xsampa")

# ARPABET to IPA. AH and ER are ə and ɚ in a syllable without stress.
ARPABET = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AY": "aɪ", "EH": "ɛ", "ER": "ɝ",
    "EY": "eɪ", "IH": "ɪ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u",
    "B": "b", "CH": "tʃ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "dʒ",
    "K": "k", "L": "l", "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ",
    "T": "t", "TH": "θ", "V": "v", "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
VOWELS = frozenset(name for name in ARPABET if name[0] in "AEIOU")
_UNSTRESSED = {"AH": "ə", "ER": "ɚ"}

# What else dictionaries of English hold, in ARPABET: other accents, other conventions (MFA writes
# aj for aɪ), allophones, and TIMIT's names. Length, stress and other diacritics are gone by then.
_OTHER_IPA = {
    "ə": "AH", "ɚ": "ER", "ɜ": "ER", "ɜɹ": "ER", "əɹ": "ER", "ɐ": "AH", "ɘ": "AH", "ɵ": "UH",
    "a": "AA", "ɒ": "AA", "ɶ": "AA", "e": "EH", "o": "OW", "ɨ": "IH", "ʏ": "IH", "y": "UW",
    "ɯ": "UW", "ʉ": "UW", "ø": "ER", "œ": "EH", "ɤ": "AH", "əʊ": "OW", "ɐʊ": "OW",
    "aj": "AY", "aw": "AW", "ej": "EY", "əw": "OW", "ow": "OW", "ɔj": "OY", "ɑɪ": "AY",
    "ɑʊ": "AW", "æʊ": "AW", "ɔʏ": "OY", "oɪ": "OY", "ʌɪ": "AY", "ɪə": "IH AH", "iə": "IY AH",
    "eə": "EH AH", "ɛə": "EH AH", "ʊə": "UH AH", "ɪɹ": "IH R", "ɛɹ": "EH R", "ɑɹ": "AA R",
    "ɔɹ": "AO R", "ʊɹ": "UH R", "aɪə": "AY AH", "aʊə": "AW AH", "aɪɚ": "AY ER",
    "g": "G", "ɟ": "G", "ɢ": "G", "c": "K", "q": "K", "x": "K", "χ": "K", "ʈ": "T", "ɖ": "D",
    "ɾ": "D", "ʔ": "T", "r": "R", "ɻ": "R", "ʀ": "R", "ʁ": "R", "ɫ": "L", "ɭ": "L", "ʎ": "L",
    "ɬ": "L", "ɱ": "M", "ɲ": "N", "ɳ": "N", "ç": "HH", "ɦ": "HH", "ħ": "HH", "ʍ": "W",
    "β": "V", "ʋ": "V", "ɸ": "F", "ɣ": "G", "ʝ": "Y", "ɥ": "Y", "ʂ": "SH", "ɕ": "SH",
    "ʐ": "ZH", "ʑ": "ZH", "tɕ": "CH", "dʑ": "JH", "tʂ": "CH", "dʐ": "JH", "ʧ": "CH", "ʤ": "JH",
    "ts": "T S", "dz": "D Z", "tr": "CH R", "tɹ": "T R", "dɹ": "D R", "ju": "Y UW", "hw": "W",
    "cç": "K", "ɟʝ": "G",
}  # fmt: skip
_OTHER_ARPABET = {
    "AX": "AH", "AXR": "ER", "IX": "IH", "UX": "UW", "AX-H": "AH", "DX": "D", "EL": "AH L",
    "EM": "AH M", "EN": "AH N", "ENG": "IH NG", "NX": "N", "HV": "HH", "H": "HH", "Q": "T",
    "WH": "W",
}  # fmt: skip
_FROM_IPA = {**_OTHER_IPA, **{ipa: name for name, ipa in ARPABET.items()}}
_SYLLABIC = "\u0329"
_STRESS_MARKS = {"ˈ": 1, "'": 1, "ˌ": 2, ",": 2}
_STRESSED = re.compile(r"([A-Z]+(?:-H)?)([012])?")

# X-SAMPA by IPA, longest first when text is split.
_XSAMPA = {
    "ɑ": "A", "æ": "{", "ɐ": "6", "ɒ": "Q", "ʌ": "V", "ɔ": "O", "ə": "@", "ɚ": "@`", "ɝ": "3`",
    "ɜ": "3", "ɞ": "3\\", "ɘ": "@\\", "ɛ": "E", "ɪ": "I", "ɨ": "1", "ʊ": "U", "ʉ": "}",
    "ɯ": "M", "ɤ": "7", "ø": "2", "œ": "9", "ɶ": "&", "ɵ": "8", "ʏ": "Y", "β": "B", "ʙ": "B\\",
    "ɓ": "b_<", "ɗ": "d_<", "ɠ": "g_<", "ç": "C", "ɕ": "s\\", "ð": "D", "ɖ": "d`", "ɡ": "g",
    "ɣ": "G", "ɢ": "G\\", "ʛ": "G\\_<", "ɦ": "h\\", "ħ": "X\\", "ɥ": "H", "ʜ": "H\\",
    "ɧ": "x\\", "ʝ": "j\\", "ɟ": "J\\", "ʄ": "J\\_<", "ɲ": "J", "ɱ": "F", "ŋ": "N", "ɴ": "N\\",
    "ɳ": "n`", "ɫ": "5", "ɬ": "K", "ɮ": "K\\", "ɭ": "l`", "ʎ": "L", "ʟ": "L\\", "ɺ": "l\\",
    "ɸ": "p\\", "ɹ": "r\\", "ɻ": "r\\`", "ɽ": "r`", "ɾ": "4", "ʀ": "R\\", "ʁ": "R", "ʂ": "s`",
    "ʃ": "S", "ʈ": "t`", "θ": "T", "ʋ": "v\\", "ʍ": "W", "χ": "X", "ʐ": "z`", "ʑ": "z\\",
    "ʒ": "Z", "ʔ": "?", "ʕ": "?\\", "ʡ": ">\\", "ʢ": "<\\", "ɰ": "M\\", "ʘ": "O\\", "ǀ": "|\\",
    "ǃ": "!\\", "ǂ": "=\\", "ǁ": "|\\|\\", "ː": ":", "ˑ": ":\\", "ˈ": '"', "ˌ": "%", "ʰ": "_h",
    "ʷ": "_w", "ʲ": "'", "ˠ": "_G", "ˤ": "_?\\", "ⁿ": "_n", "ˡ": "_l", "ʼ": "_>", "˞": "`",
    "\u0303": "~", "\u0329": "=", "\u032f": "_^", "\u0325": "_0", "\u030a": "_0", "\u032c": "_v",
    "\u032a": "_d", "\u033b": "_m", "\u033a": "_a", "\u0324": "_t", "\u0330": "_k", "\u031a": "_}",
    "\u031f": "_+", "\u0320": "_-", "\u031e": "_o", "\u031d": "_r", "\u0308": '_"',
    "\u033d": "_x", "\u0334": "_e", "\u0318": "_A", "\u0319": "_q", "\u0306": "_X",
}  # fmt: skip
_OTHER_XSAMPA = {
    "_j": "ʲ", "_~": "\u0303", "_=": "\u0329", "_R": "\u030c", "_F": "\u0302", "_H": "\u0301",
    "_M": "\u0304", "_L": "\u0300", "_T": "\u030b", "_B": "\u030f", "_O": "\u0339", "_c": "\u031c",
}  # fmt: skip
_TIES = dict.fromkeys((0x0361, 0x035C))  # tie bars above and below


def to_xsampa(phone: str) -> str:
    """Return an IPA phone in X-SAMPA, character by character; others stay as they are.

    Examples
    --------
    >>> to_xsampa("t͡ʃ"), to_xsampa("aː"), to_xsampa("ɔ̃"), to_xsampa("spn")
    ('tS', 'a:', 'O~', 'spn')
    """
    characters = unicodedata.normalize("NFD", _composed(phone)).translate(_TIES)
    return "".join(_XSAMPA.get(c, c) for c in _composed(characters))


def from_xsampa(word: str) -> str:
    """Return a word of X-SAMPA in IPA; characters that it does not have stay as they are.

    Examples
    --------
    >>> from_xsampa('"t_hA:nj@'), from_xsampa("b_<Or`")
    ('ˈtʰɑːnjə', 'ɓɔɽ')
    """
    names = {xsampa: ipa for ipa, xsampa in reversed(_XSAMPA.items())} | _OTHER_XSAMPA
    longest, at, found = max(map(len, names)), 0, ""
    while at < len(word):
        size = next((size for size in range(longest, 0, -1) if word[at : at + size] in names), 0)
        found += names[word[at : at + size]] if size else word[at]
        at += max(1, size)
    return unicodedata.normalize("NFC", found)


def rename(phone: str, phone_set: str, *, stress: int | None = None) -> str:
    """Return the name of a model's phone in another phone set.

    Parameters
    ----------
    phone : str
        ARPABET or IPA; anything else, such as the name of silence, stays as it is.
    phone_set : {"arpabet", "arpabet-stress", "ipa", "xsampa"}
        Where to. IPA has no ARPABET name: such phones stay as they are.
    stress : {0, 1, 2} or None
        Stress of an ARPABET vowel: none, primary, secondary; None where nothing is known.

    Examples
    --------
    >>> [rename("AH", name, stress=0) for name in PHONE_SETS]
    ['AH', 'AH0', 'ə', '@']
    >>> rename("ʃ", "xsampa"), rename("SIL", "ipa")
    ('S', 'SIL')
    """
    if phone not in ARPABET:
        return to_xsampa(phone) if phone_set == "xsampa" else phone
    if phone_set == "arpabet" or (phone not in VOWELS and phone_set == "arpabet-stress"):
        return phone
    if phone_set == "arpabet-stress":
        return phone if stress is None else f"{phone}{stress}"
    ipa = _UNSTRESSED.get(phone, ARPABET[phone]) if stress == 0 else ARPABET[phone]
    return to_xsampa(ipa) if phone_set == "xsampa" else ipa


def translate(label: str, phone_set: str) -> str:
    """Return a label of a phone tier in a phone set, whichever set it is written in.

    For ARPABET, labels may be ARPABET, TIMIT's names or IPA of English; for IPA and X-SAMPA,
    ARPABET or IPA. What is not understood stays as it is, such as the name of silence.

    Parameters
    ----------
    label : str
        A phone; leading and trailing white space does not count.
    phone_set : {"arpabet", "arpabet-stress", "ipa", "xsampa"}
        Where to.

    Examples
    --------
    >>> [translate(label, "arpabet") for label in ("AH0", "ə", "tʃ", "sil")]
    ['AH', 'AH', 'CH', 'sil']
    """
    label = label.strip()
    if phone_set in ("ipa", "xsampa") and not _arpabet(label):
        return rename(label, phone_set)
    try:
        phones, stresses = read_phones([label], ARPABET)
    except KeyError:
        return label
    return " ".join(rename(p, phone_set, stress=s) for p, s in zip(phones, stresses))


def is_arpabet(phones: Collection[str]) -> bool:
    """Return whether all phones of English are among these, as ARPABET without stress."""
    return ARPABET.keys() <= set(phones) | {"ZH"}


def read_phones(
    phones: Iterable[str], known: Collection[str]
) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """Translate a pronunciation of a user's dictionary to the phones of a model.

    Parameters
    ----------
    phones : Iterable[str]
        As written. For a model of ARPABET phones: ARPABET in either case, with or without
        stress, TIMIT's names, or IPA. For another model: its own phones.
    known : Collection[str]
        Phones of the model.

    Returns
    -------
    tuple[str, ...]
        Phones of the model.
    tuple of (int or None)
        Stress of each: 0, 1 or 2 for a vowel that has it written, else None.

    Raises
    ------
    KeyError
        A phone has no counterpart; the argument is the phone.

    Examples
    --------
    >>> known = set(ARPABET)
    >>> read_phones("T AH0 M EY1 T OW0".split(), known)
    (('T', 'AH', 'M', 'EY', 'T', 'OW'), (None, 0, None, 1, None, 0))
    >>> read_phones("tʰ ə m ˈeɪ ɾ oʊ".split(), known)
    (('T', 'AH', 'M', 'EY', 'D', 'OW'), (None, 0, None, 1, None, None))
    """
    phones = tuple(phones)
    if all(phone in known for phone in phones):
        return phones, (None,) * len(phones)
    arpabet = is_arpabet(known)
    found: list[str] = []
    stresses: list[int | None] = []
    for written in phones:
        pairs: list[tuple[str, int | None]] = [(written, None)] if written in known else []
        if not pairs and arpabet:
            pairs = _arpabet(written) or _ipa(written)
        if not pairs or any(phone not in known for phone, _ in pairs):
            raise KeyError(written)
        found += [phone for phone, _ in pairs]
        stresses += [stress for _, stress in pairs]
    return tuple(found), tuple(stresses)


def _arpabet(written: str) -> list[tuple[str, int | None]]:
    """Read one name of ARPABET; [] if it is none. One lower-case letter is IPA."""
    if len(written) == 1 and written.islower():
        return []
    match = _STRESSED.fullmatch(written.upper())
    if match is None or not written.isascii():
        return []
    names = _OTHER_ARPABET.get(match[1], match[1]).split()
    if any(name not in ARPABET for name in names):
        return []
    stress = None if match[2] is None else int(match[2])
    return [(name, stress if name in VOWELS else None) for name in names]


def _ipa(written: str) -> list[tuple[str, int | None]]:
    """Read one phone of IPA as ARPABET; [] if nothing is like it."""
    stress = next((_STRESS_MARKS[c] for c in written if c in _STRESS_MARKS), None)
    decomposed = unicodedata.normalize("NFD", written)
    cedilla = decomposed.replace("c\u0327", "ç")
    # Letters count; length, ties, tones and other diacritics do not.
    letters = "".join(c for c in cedilla if unicodedata.category(c) in ("Ll", "Lo") or c == "ç")
    names = _FROM_IPA.get(letters, "").split()
    if not names:
        return []
    if _SYLLABIC in decomposed and not any(name in VOWELS for name in names):
        return [("AH", 0), *((name, None) for name in names)]
    if stress is None and letters in ("ə", "ɚ", "əɹ"):
        stress = 0
    found: list[tuple[str, int | None]] = []
    for name in names:
        found.append((name, stress if name in VOWELS else None))
        # Only the first vowel of ɪə and the like can have stress.
        stress = 0 if name in VOWELS and stress is not None else stress
    return found


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def read_map(text: str, where: str) -> Mapping[str, str]:
    """Read a map of phone names: a line each, the name and what to write for it.

    Parameters
    ----------
    text : str
        ``OLD NEW`` lines; what follows ``#`` after a space is a comment, empty lines count for
        nothing.
    where : str
        Name of the file, for messages.

    Raises
    ------
    FormatError
        A line has not two names, or a name is there twice.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        names = re.sub(r"(^|\s)#.*", "", line).split()
        if not names:
            continue
        if len(names) != 2:
            raise FormatError(
                f"{where}:{number}: expected a phone and its new name, got {line.strip()!r}"
            )
        if names[0] in found:
            raise FormatError(f"{where}:{number}: {names[0]!r} is there twice; keep one line")
        found[names[0]] = names[1]
    return found
