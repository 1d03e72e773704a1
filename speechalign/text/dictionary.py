"""Dictionary: words with their pronunciations, read from MFA's and CMU's files."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path

from speechalign.errors import FormatError, InputError
from speechalign.files.writing import write_text
from speechalign.text.normal_form import normal_form
from speechalign.text.phone_sets import read_phones

Phones = tuple[str, ...]
Variants = tuple[Phones, ...]
Stress = tuple[int | None, ...]

_VARIANT = re.compile(r"(?<=.)\(\d+\)$")  # word(2): another way to say it
_PROBABILITY = re.compile(r"\d+\.\d+|1")  # what MFA takes for one where tabs do not tell
_COLUMNS = 5  # MFA: pronunciation probability, three columns about silence, phones
_STRESSED = re.compile(r"(A[AEHOWY]|E[HRY]|I[HY]|O[WY]|U[HW])[012]")


class Dictionary(Mapping[str, Variants]):
    """Pronunciations by word, and how likely each is.

    Parameters
    ----------
    entries : Mapping[str, Mapping[Phones, float]]
        For each word, in lower case, its pronunciations, each with the natural logarithm of its
        prior; 0 for all where nothing is known.
    stress : Mapping[tuple[str, Phones], tuple[int or None, ...]] or None
        For a word and a pronunciation, the stress that was written for each of its phones.

    Raises
    ------
    InputError
        A word has no pronunciation, or one of them no phone.

    Examples
    --------
    >>> dictionary = Dictionary({"weg": {("v", "e:", "k"): 0.0, ("v", "E", "k"): -0.5}})
    >>> dictionary["weg"], dictionary.log_priors("weg")
    ((('v', 'e:', 'k'), ('v', 'E', 'k')), (0.0, -0.5))
    """

    def __init__(
        self,
        entries: Mapping[str, Mapping[Phones, float]],
        stress: Mapping[tuple[str, Phones], Stress] | None = None,
    ) -> None:
        for word, variants in entries.items():
            if not variants or not all(variants):
                raise InputError(
                    f"dictionary: word {word!r}: expected at least one phone, got "
                    f"{list(variants)}; remove the word"
                )
        self._variants = {word: tuple(variants) for word, variants in entries.items()}
        self._log_priors = {
            word: tuple(variants.values())
            for word, variants in entries.items()
            if any(variants.values())
        }
        self.stress = stress or {}

    def __getitem__(self, word: str) -> Variants:
        return self._variants[word]

    def __iter__(self) -> Iterator[str]:
        return iter(self._variants)

    def __len__(self) -> int:
        return len(self._variants)

    @property
    def phones(self) -> frozenset[str]:
        """Every phone that a pronunciation holds."""
        variants = (phones for word in self._variants.values() for phones in word)
        return frozenset(phone for phones in variants for phone in phones)

    def log_priors(self, word: str) -> tuple[float, ...]:
        """Return the log-prior of each pronunciation of a word, in the order of ``self[word]``."""
        return self._log_priors.get(word) or (0.0,) * len(self[word])

    def overlaid(self, other: Dictionary) -> Dictionary:
        """Return the dictionary in which the words of another have its pronunciations."""
        words = {**dict.fromkeys(self), **dict.fromkeys(other)}
        homes = {word: other if word in other else self for word in words}
        entries = {
            word: dict(zip(home[word], home.log_priors(word))) for word, home in homes.items()
        }
        kept = {key: value for key, value in self.stress.items() if key[0] not in other}
        return Dictionary(entries, {**kept, **other.stress})

    def variant_priors(self) -> dict[Variants, tuple[float, ...]]:
        """Return the log-priors of each tuple of pronunciations of which any is known."""
        return {self[word]: log_priors for word, log_priors in self._log_priors.items()}


def read_dictionary(
    path: Path | str,
    *,
    stress: bool = True,
    phones: Collection[str] | None = None,
    warn: Callable[[str], object] = warnings.warn,
    fault: Callable[[str], object] | None = None,
) -> Dictionary:
    """Read a pronunciation dictionary.

    Parameters
    ----------
    path : Path or str
        UTF-8 text, a pronunciation a line: a word, and its phones between spaces. Either in
        MFA's format [1]_: after a tab, and between tabs before the phones up to four numbers, of
        which the first is the probability of the pronunciation; or in CMU's [2]_: ``word(2)`` is
        another pronunciation of ``word``, and lines with ``;;;`` and what follows ``#`` are
        comments. Words are taken in lower case and composed characters (NFC).
    stress : bool
        Whether to keep the stress digits of CMU's vowels; without, ``AH0`` and ``AH1`` are
        ``AH``.
    phones : Collection[str] or None
        Phones of the model that the dictionary is for: what is written is translated to them by
        `speechalign.text.phone_sets.read_phones`, and stress is kept aside in
        `Dictionary.stress`. None keeps what is written.
    warn : callable
        Called with a line of text for what is passed over: an empty line, and a pronunciation
        that the word has already, of which the first counts.
    fault : callable or None
        Called with a line of text for each line that cannot be read, which is then passed over;
        None raises FormatError for the first.

    Returns
    -------
    Dictionary
        Pronunciations of a word in the order of the file. MFA's three numbers about silence are
        not used.

    Raises
    ------
    InputError
        There is no such file.
    FormatError
        A line is not UTF-8, has a word without phones, a number that is no probability, or a
        phone that the model lacks, and ``fault`` is None; or there is no word at all. The message
        gives file and line.

    References
    ----------
    .. [1] Montreal Forced Aligner, user guide, "Pronunciation dictionary format".
    .. [2] Carnegie Mellon University, "The CMU Pronouncing Dictionary", version 0.7b, 2014.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path}: dictionary cannot be read: {error.strerror}") from None
    known_phones = None if phones is None else frozenset(phones)
    entries: dict[str, dict[Phones, float]] = {}
    seen: set[tuple[str, Phones]] = set()
    known_stress: dict[tuple[str, Phones], Stress] = {}
    lines = data.removeprefix(b"\xef\xbb\xbf").splitlines()
    for number, raw in enumerate(lines, 1):
        where = f"{path}:{number}"
        try:
            line = _decoded(raw, where)
            if line.startswith(";;;"):
                continue
            if not line.strip():
                warn(f"{where}: empty line")
                continue
            word, prior, written = _entry(line, where)
            if known_phones is not None:
                pronunciation, stresses = _translated(word, written, known_phones, where)
            else:
                pronunciation, stresses = written, ()
        except FormatError as error:
            if fault is None:
                raise
            fault(str(error))
            continue
        if not stress:
            pronunciation = tuple(_STRESSED.sub(r"\1", phone) for phone in pronunciation)
        variants = entries.setdefault(word, {})
        # Two that differ in stress alone are one to a model whose phones have none.
        same = pronunciation if phones is None else written
        if (word, same) in seen:
            warn(f"{where}: {word!r} has the pronunciation {' '.join(same)!r} already")
        seen.add((word, same))
        variants.setdefault(pronunciation, prior)
        if any(value is not None for value in stresses):
            known_stress.setdefault((word, pronunciation), stresses)
    if not entries:
        raise FormatError(f"{path}: no word in it; expected lines of a word and its phones")
    return Dictionary(entries, known_stress)


def _translated(
    word: str, written: Phones, phones: Collection[str], where: str
) -> tuple[Phones, Stress]:
    """Return the phones of a model for those that are written, and their stress."""
    try:
        return read_phones(written, phones)
    except KeyError as error:
        raise FormatError(f"{where}: {word!r}: {no_phone(error.args[0], phones)}") from None


def no_phone(phone: str, phones: Collection[str]) -> str:
    """Return the message that a model lacks a phone, with the phones most like it."""
    near = get_close_matches(phone, phones, n=3, cutoff=0.4)
    hint = f"the nearest are {', '.join(near)}" if near else "none is like it"
    return f"the model has no phone {phone!r}; {hint}; it has {' '.join(sorted(phones))}"


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FormatError(
            f"{where}: byte {error.start} of the line (0x{raw[error.start]:02x}) is not UTF-8; "
            "save the dictionary as UTF-8"
        ) from None


def _entry(line: str, where: str) -> tuple[str, float, Phones]:
    """Split a line into the word, the log-prior of the pronunciation, and its phones."""
    if "\t" in line:
        spelling, *columns = (column.strip() for column in line.split("\t"))
        numbers, phones = columns[:-1], columns[-1].split()
        if len(columns) > _COLUMNS:
            raise FormatError(
                f"{where}: expected at most {_COLUMNS + 1} columns between tabs, got "
                f"{len(columns) + 1}; separate the phones by spaces"
            )
    else:
        spelling, *phones = line.split()
        n = 0
        while n < min(len(phones), _COLUMNS - 1) and _PROBABILITY.fullmatch(phones[n]):
            n += 1
        numbers, phones = phones[:n], phones[n:]
    if "#" in phones:
        phones = phones[: phones.index("#")]
    word = normal_form(_VARIANT.sub("", spelling)).lower()
    if not phones:
        raise FormatError(f"{where}: {word!r} has no phones; complete or remove the line")
    if len(word.split()) != 1:
        raise FormatError(
            f"{where}: expected one word before the first tab, got {spelling!r}; give each of its "
            "words a line"
        )
    return word, _log_prior(numbers, where), tuple(phones)


def _log_prior(numbers: list[str], where: str) -> float:
    if not numbers:
        return 0.0
    try:
        probability = float(numbers[0])
    except ValueError:
        probability = math.nan
    if not 0 < probability <= 1:
        raise FormatError(
            f"{where}: expected a probability in (0, 1] before the phones, got {numbers[0]!r}; "
            "separate the phones by spaces, not tabs"
        )
    return math.log(probability)


def write_dictionary(dictionary: Dictionary, path: Path | str) -> None:
    """Write a dictionary in MFA's format, words sorted; with probabilities if any is known.

    Stress digits that were read stand behind their phones again.

    The file appears whole or not at all.

    Raises
    ------
    OSError, FormatError
        The file cannot be written, or a word not be encoded.
    """
    weighted = any(any(dictionary.log_priors(word)) for word in dictionary)
    rows = []
    for word in sorted(dictionary):
        for phones, log_prior in zip(dictionary[word], dictionary.log_priors(word)):
            prior = (f"{math.exp(log_prior):.6g}",) if weighted else ()
            stress = dictionary.stress.get((word, phones), (None,) * len(phones))
            written = (
                phone if value is None else f"{phone}{value}"
                for phone, value in zip(phones, stress)
            )
            rows.append("\t".join((word, *prior, " ".join(written))) + "\n")
    write_text(Path(path), "".join(rows))
