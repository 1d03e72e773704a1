"""Word errors by kind: substitutions, deletions, insertions, and hallucinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np

from speechalign.errors import wrong_type
from speechalign.kernels.edit_distance import edit_distance


@dataclass(frozen=True)
class WordErrorStatistics:
    """Counts of one recording, or of several: the sum adds them up.

    Parameters
    ----------
    words : int
        Of the references.
    substitutions, deletions, insertions : int
        Edits from the references to the hypotheses; insertions where nothing was said are not
        among them.
    speech, wrong : int
        Recordings in which something was said, and those of them with an error.
    silent, hallucinated, made_up : int
        Recordings in which nothing was said, those of them with words in the hypothesis, and these
        words.
    """

    words: int = 0
    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    speech: int = 0
    wrong: int = 0
    silent: int = 0
    hallucinated: int = 0
    made_up: int = 0

    def __add__(self, other: WordErrorStatistics) -> WordErrorStatistics:
        """Add the counts."""
        return WordErrorStatistics(
            *(getattr(self, f.name) + getattr(other, f.name) for f in fields(self))
        )

    @property
    def counts(self) -> np.ndarray:
        """The counts, in their order; what `figures` takes."""
        return np.array([getattr(self, f.name) for f in fields(self)], np.float64)


@dataclass(frozen=True)
class WordErrorScore:
    """Rates of one recording, or of several pooled; None where there is nothing to divide by.

    Parameters
    ----------
    error_rate, substitution_rate, deletion_rate, insertion_rate : float or None
        Errors by the words of the references, where something was said.
    hallucination_rate : float or None
        Share of the recordings without speech that have words in the hypothesis.
    statistics : WordErrorStatistics
        The counts.
    signature : str
        What was counted, and how.
    """

    error_rate: float | None
    substitution_rate: float | None
    deletion_rate: float | None
    insertion_rate: float | None
    hallucination_rate: float | None
    statistics: WordErrorStatistics
    signature: str


def statistics(reference: Sequence[str], hypothesis: Sequence[str] | None) -> WordErrorStatistics:
    """Count the word errors of one recording.

    Parameters
    ----------
    reference : Sequence[str]
        The words that were said; none for noise or silence. Normalise both sides beforehand:
        words are equal when their characters are.
    hypothesis : Sequence[str] or None
        The words that were recognised; None where there is no hypothesis, which says no word.

    Returns
    -------
    WordErrorStatistics
        Add them up over recordings.

    Raises
    ------
    InputError
        A side is a string instead of words.

    Examples
    --------
    >>> heard = statistics("the cat sat".split(), "a cat sat down".split())
    >>> noise = statistics([], ["thanks"])
    >>> found = score(heard + noise)
    >>> round(found.error_rate, 3), found.insertion_rate, found.hallucination_rate
    (0.667, 0.3333333333333333, 1.0)
    """
    hypothesis = () if hypothesis is None else hypothesis
    for name, side in (("reference", reference), ("hypothesis", hypothesis)):
        if isinstance(side, str) or not isinstance(side, Sequence):
            raise wrong_type(name, "a list of words", side, "split it")
    if len(reference) == 0:
        made_up = len(hypothesis)
        return WordErrorStatistics(silent=1, hallucinated=int(made_up > 0), made_up=made_up)
    numbers: dict[str, int] = {}
    sides = [
        np.array([numbers.setdefault(word, len(numbers)) for word in side], np.int64)
        for side in (reference, hypothesis)
    ]
    found = edit_distance(*sides)
    paired = len(found.pairs)
    differ = sides[0][found.pairs[:, 0]] != sides[1][found.pairs[:, 1]]
    return WordErrorStatistics(
        words=len(reference),
        substitutions=int(differ.sum()),
        deletions=len(reference) - paired,
        insertions=len(hypothesis) - paired,
        speech=1,
        wrong=int(found.distance > 0),
    )


def score(total: WordErrorStatistics) -> WordErrorScore:
    """Turn a sum of statistics into rates."""
    found = {
        name: None if np.isnan(value) else float(value)
        for name, value in figures(total.counts).items()
    }
    return WordErrorScore(
        found["error_rate"],
        found["substitution_rate"],
        found["deletion_rate"],
        found["insertion_rate"],
        found["hallucination_rate"],
        total,
        "word-errors|words:as-given|insertions:speech|v:1",
    )


def figures(counts: np.ndarray) -> Mapping[str, np.ndarray]:
    """Turn sums of counts, shape (..., 9), into rates, each of shape (...); NaN for none."""
    words, substitutions, deletions, insertions, _, _, silent, hallucinated, _ = np.moveaxis(
        counts, -1, 0
    )

    def over(share: np.ndarray, whole: np.ndarray) -> np.ndarray:
        rate: np.ndarray = np.divide(share, whole, out=np.full_like(whole, np.nan), where=whole > 0)
        return rate

    return {
        "error_rate": over(substitutions + deletions + insertions, words),
        "substitution_rate": over(substitutions, words),
        "deletion_rate": over(deletions, words),
        "insertion_rate": over(insertions, words),
        "hallucination_rate": over(hallucinated, silent),
    }
