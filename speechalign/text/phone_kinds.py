"""Kinds of phones: plosive, vowel ..., of ARPABET, of TIMIT's names, and of IPA or X-SAMPA."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from speechalign.text.phone_sets import ARPABET, VOWELS, translate

PAUSE, OTHER = "pause", "other"
_KINDS = {
    "plosive": {"B", "D", "G", "K", "P", "T"},
    "affricate": {"CH", "JH"},
    "fricative": {"DH", "F", "HH", "S", "SH", "TH", "V", "Z", "ZH"},
    "nasal": {"M", "N", "NG"},
    "approximant": {"L", "R", "W", "Y"},
    "vowel": set(VOWELS),
}
_KIND = {phone: kind for kind, phones in _KINDS.items() for phone in phones}

# TIMIT's names beside those that are ARPABET in lower case.
_TIMIT = {
    **dict.fromkeys(("bcl", "dcl", "gcl", "kcl", "pcl", "tcl", "q", "dx"), "plosive"),
    **dict.fromkeys(("h#", "pau", "epi"), PAUSE),
    **dict.fromkeys(("ax", "ax-h", "axr", "ix", "ux"), "vowel"),
    **dict.fromkeys(("em", "en", "eng", "nx"), "nasal"),
    **{"el": "approximant", "hv": "fricative"},
}
# Characters of IPA and X-SAMPA that stand for a phone; others are length, stress, diacritics.
_CHARACTERS = {
    "plosive": "pbtdkgqcʔ?ɡʈɖɢɟ",
    "fricative": "fvszxhSZTDCXGBθðʃʒçχɣħʝβɸʂʐɕʑɦ",
    "nasal": "mnNJFŋɲɱɳɴ",
    "approximant": "lrjwLRHKW45ɹɾʀʁɫɥʎɬʋɭ",
    "vowel": "aeiouyAEIOUYQVM@{}&26789ɑæɐɒʌɔəɚɝɜɞɘɛɪɨʊʉɯɤøœɶɵʏ",
}
_OF_CHARACTER = {character: kind for kind, own in _CHARACTERS.items() for character in own}
_SILENT = frozenset({"", "(", "sil", "sp", "<p:>", "<sil>", "_"})


def kind_of(phone: str, *, last: bool) -> str:
    """Return the kind of a phone; of one that has several parts, that of the last or first.

    Examples
    --------
    >>> kind_of("AH", last=True), kind_of("ts", last=False), kind_of("ts", last=True)
    ('vowel', 'plosive', 'fricative')
    """
    names = translate(phone, "arpabet").split() or [""]
    return _KIND.get(names[-1 if last else 0], OTHER)


def kinds_of(labels: Collection[str]) -> Mapping[str, tuple[str, str]]:
    """Return the kinds with which each label of a tier of phones begins and ends.

    Parameters
    ----------
    labels : Collection[str]
        All labels of a corpus: they tell TIMIT's names from ARPABET, and these from IPA and
        X-SAMPA, where ``E`` is a vowel.

    Returns
    -------
    Mapping[str, tuple[str, str]]
        By label: ``plosive``, ``affricate``, ``fricative``, ``nasal``, ``approximant``, ``vowel``,
        ``pause`` or ``other``.

    Examples
    --------
    >>> kinds_of(["h#", "tcl", "ih"])["tcl"], kinds_of(["E", "ts"])
    (('plosive', 'plosive'), {'E': ('vowel', 'vowel'), 'ts': ('plosive', 'fricative')})
    """
    found = {}
    timit = not _TIMIT.keys().isdisjoint(labels)
    arpabet = all(label.rstrip("012") in ARPABET or label.lower() in _SILENT for label in labels)
    for label in labels:
        if label.lower() in _SILENT:
            found[label] = PAUSE, PAUSE
        elif timit:
            kind = _TIMIT.get(label) or _KIND.get(label.upper(), OTHER)
            found[label] = kind, kind
        elif arpabet:
            kind = _KIND[label.rstrip("012")]
            found[label] = kind, kind
        else:
            parts = [_OF_CHARACTER[c] for c in label if c in _OF_CHARACTER] or [OTHER]
            found[label] = parts[0], parts[-1]
    return found
