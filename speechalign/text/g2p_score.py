"""Error rates of a grapheme-to-phoneme model on held-out words."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from speechalign.kernels.edit_distance import edit_distance
from speechalign.text.dictionary import Phones, Variants
from speechalign.text.g2p import G2P, train_on_dictionary

_HELD_OUT = 20  # one word in so many


@dataclass(frozen=True)
class G2PScore:
    """Errors of the best guess for each word, against the nearest pronunciation it is listed with.

    Parameters
    ----------
    words, wrong_words : int
        Words, and those whose guess is not listed.
    phones, wrong_phones : int
        Phones of the nearest pronunciations, and insertions, deletions and substitutions.
    """

    words: int
    wrong_words: int
    phones: int
    wrong_phones: int

    def __str__(self) -> str:
        return (
            f"word error {100 * self.wrong_words / self.words:.2f} % ({self.wrong_words} of "
            f"{self.words}), phone error {100 * self.wrong_phones / self.phones:.2f} % "
            f"({self.wrong_phones} of {self.phones})"
        )


def is_held_out(word: str) -> bool:
    """Tell whether a word is one of the 5 % to test on: by its CRC-32, so that it stays there."""
    return zlib.crc32(word.encode()) % _HELD_OUT == 0


def held_out_score(
    dictionary: Mapping[str, Variants],
    *,
    order: int = 7,
    threshold: float = 3e-8,
    min_count: int | None = None,
) -> G2PScore | None:
    """Score a model on the 5 % of a dictionary that `is_held_out`, trained on all other words.

    Parameters
    ----------
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations by word.
    order, threshold, min_count
        As for `speechalign.text.g2p.train_on_dictionary`.

    Returns
    -------
    G2PScore or None
        None where no held-out word consists of letters that the others have.
    """
    seen = {word: variants for word, variants in dictionary.items() if not is_held_out(word)}
    letters = {letter for word in seen for letter in word}
    held_out = {w: v for w, v in dictionary.items() if w not in seen and letters.issuperset(w)}
    if not (seen and held_out):
        return None
    model = train_on_dictionary(seen, order=order, threshold=threshold, min_count=min_count)
    return score_g2p(model, held_out)


def score_g2p(model: G2P, dictionary: Mapping[str, Variants]) -> G2PScore:
    """Compare the best guess for every word of a dictionary with what it lists.

    Parameters
    ----------
    model : G2P
        Trained on other words.
    dictionary : Mapping[str, tuple[tuple[str, ...], ...]]
        Pronunciations by word; at least one word.

    Returns
    -------
    G2PScore

    Raises
    ------
    InputError
        The model knows no letter of a word.
    """
    wrong_words = phones = wrong_phones = 0
    for word, variants in dictionary.items():
        guess = model.pronounce(word)[0].phones
        errors, length = min((_errors(listed, guess), len(listed)) for listed in variants)
        wrong_words += errors > 0
        wrong_phones += errors
        phones += length
    return G2PScore(len(dictionary), wrong_words, phones, wrong_phones)


def _errors(listed: Phones, guess: Phones) -> int:
    _, numbers = np.unique(np.array([*listed, *guess]), return_inverse=True)
    numbers = numbers.astype(np.int64)
    return edit_distance(numbers[: len(listed)], numbers[len(listed) :]).distance
