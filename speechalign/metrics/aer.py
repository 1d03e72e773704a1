"""Alignment error rate: word links against sure and possible gold links."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from speechalign.errors import InputError, wrong_type
from speechalign.links import Links

Weight = Callable[[int, int], int]
"""How much the link from a source word to a target word counts."""


@dataclass(frozen=True)
class LinkStatistics:
    """Counts of one sentence, or of several: the sum pools them.

    Parameters
    ----------
    sure_hits, possible_hits : int
        Weights of the hypothesis's links that are sure, and that are possible.
    hypothesis, sure : int
        Weights of all links of the hypothesis, and of all sure links of the gold alignment.
    sentences, scored_sentences : int
        Sentences with gold links, and those of them with a hypothesis.
    signature : str
        What was counted, and how.
    """

    sure_hits: int
    possible_hits: int
    hypothesis: int
    sure: int
    sentences: int
    scored_sentences: int
    signature: str

    def __add__(self, other: LinkStatistics) -> LinkStatistics:
        """Pool two sets of sentences; InputError where they were not counted alike."""
        if self.signature != other.signature:
            raise InputError(
                f"statistics: expected one way of counting, got {self.signature} and "
                f"{other.signature}; give all sentences the same kind of weights"
            )
        return LinkStatistics(
            self.sure_hits + other.sure_hits,
            self.possible_hits + other.possible_hits,
            self.hypothesis + other.hypothesis,
            self.sure + other.sure,
            self.sentences + other.sentences,
            self.scored_sentences + other.scored_sentences,
            self.signature,
        )

    @property
    def counts(self) -> np.ndarray:
        """The four weights in their order, shape (4,), float64."""
        return np.array(
            [self.sure_hits, self.possible_hits, self.hypothesis, self.sure], dtype=np.float64
        )


@dataclass(frozen=True)
class LinkScore:
    """Figures of one sentence, or of several pooled.

    Parameters
    ----------
    error_rate : float
        1 - (sure hits + possible hits) / (hypothesis + sure); 0 where that is 0 / 0.
    precision, recall, f1 : float or None
        Possible hits by hypothesis, sure hits by sure links, and their harmonic mean; None where
        there is nothing to divide by.
    sentences, scored_sentences : int
        Sentences with gold links, and those of them with a hypothesis.
    signature : str
        What was counted, and how.
    """

    error_rate: float
    precision: float | None
    recall: float | None
    f1: float | None
    sentences: int
    scored_sentences: int
    signature: str


def statistics(reference: Links, hypothesis: Links | None) -> LinkStatistics:
    """Count the links of one sentence.

    Parameters
    ----------
    reference : Links
        The gold links: sure links S, among possible ones P.
    hypothesis : Links or None
        The links A that are scored: all of them, sure and possible. None where there are none,
        which counts as a sentence without links.

    Returns
    -------
    LinkStatistics
        Add them up over sentences.

    Notes
    -----
    AER = 1 - (|A & S| + |A & P|) / (|A| + |S|), precision |A & P| / |A|, recall |A & S| / |S|, each
    with its sums over all sentences. Where S and A are empty, the rate is 0, as it is for any A
    that has all of S and nothing outside P.

    References
    ----------
    .. [1] F. J. Och and H. Ney, "Improved statistical alignment models", ACL 2000.

    Examples
    --------
    >>> gold = Links([(0, 0), (1, 1)], [(1, 2)])
    >>> score(statistics(gold, Links([(0, 0), (1, 2)]))).error_rate
    0.25
    """
    return count(reference, hypothesis, lambda _i, _j: 1, "aer|links:all|weights:1|pool:links|v:1")


def count(
    reference: Links, hypothesis: Links | None, weight: Weight, signature: str
) -> LinkStatistics:
    """Count the links of one sentence, each by its weight."""
    for role, side in (("reference", reference), ("hypothesis", hypothesis)):
        if not isinstance(side, Links) and (side is not None or role == "reference"):
            raise wrong_type(role, "Links", side)
    found = Links(()).possible if hypothesis is None else hypothesis.possible
    return LinkStatistics(
        sure_hits=_sum(found & reference.sure, weight),
        possible_hits=_sum(found & reference.possible, weight),
        hypothesis=_sum(found, weight),
        sure=_sum(reference.sure, weight),
        sentences=1,
        scored_sentences=int(hypothesis is not None),
        signature=signature,
    )


def _sum(links: Iterable[tuple[int, int]], weight: Weight) -> int:
    return sum(weight(i, j) for i, j in links)


def score(total: LinkStatistics) -> LinkScore:
    """Turn a sum of statistics into figures, each the float nearest to the exact value."""
    size = total.hypothesis + total.sure
    wrong = size - total.sure_hits - total.possible_hits
    # 2 P R / (P + R) over one denominator: quotients of integers are rounded once.
    both = total.possible_hits * total.sure + total.sure_hits * total.hypothesis
    f1: float | None = None
    if total.hypothesis and total.sure:
        f1 = 2 * total.possible_hits * total.sure_hits / both if both else 0.0
    return LinkScore(
        error_rate=wrong / size if size else 0.0,
        precision=_share(total.possible_hits, total.hypothesis),
        recall=_share(total.sure_hits, total.sure),
        f1=f1,
        sentences=total.sentences,
        scored_sentences=total.scored_sentences,
        signature=total.signature,
    )


def figures(counts: np.ndarray) -> Mapping[str, np.ndarray]:
    """Return the figures of many sums of statistics at once.

    Parameters
    ----------
    counts : ndarray, shape (..., 4), float64
        Sums of `LinkStatistics.counts`.

    Returns
    -------
    Mapping[str, ndarray]
        As in `LinkScore`, each of shape (...), float64; NaN for None.
    """
    sure_hits, possible_hits, hypothesis, sure = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = hypothesis + sure
        rate = np.where(size > 0, 1 - (sure_hits + possible_hits) / size, 0.0)
        precision, recall = possible_hits / hypothesis, sure_hits / sure
        both = precision + recall
        f1 = np.where(both == 0, 0.0, 2 * precision * recall / both)
    return {"error_rate": rate, "precision": precision, "recall": recall, "f1": f1}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
