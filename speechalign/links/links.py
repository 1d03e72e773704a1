"""Links: which words of a sentence correspond to which words of its translation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from operator import index

from speechalign.errors import InputError, wrong_type


@dataclass(frozen=True)
class Links:
    """Word links of one sentence pair.

    Parameters
    ----------
    sure : frozenset[tuple[int, int]]
        Pairs (source word, target word), counted from 0. Any iterable of pairs will do.
    possible : frozenset[tuple[int, int]]
        Pairs that are not wrong. Sure links are possible too, whether or not they are given.

    Raises
    ------
    InputError
        An index is negative, or these are no pairs of integers.

    Examples
    --------
    >>> links = Links([(0, 0)], [(1, 0)])
    >>> sorted(links.possible), sorted(links.swapped().possible)
    ([(0, 0), (1, 0)], [(0, 0), (0, 1)])
    """

    sure: frozenset[tuple[int, int]]
    possible: frozenset[tuple[int, int]]

    def __init__(
        self, sure: Iterable[tuple[int, int]], possible: Iterable[tuple[int, int]] = ()
    ) -> None:
        object.__setattr__(self, "sure", _pairs("sure", sure))
        object.__setattr__(self, "possible", self.sure | _pairs("possible", possible))
        for i, j in self.possible:
            if i < 0 or j < 0:
                raise InputError(f"link ({i}, {j}): expected word indices >= 0")

    def swapped(self) -> Links:
        """Return the links from target to source."""
        return Links(((j, i) for i, j in self.sure), ((j, i) for i, j in self.possible))

    def check_within(self, source_words: int, target_words: int | None) -> None:
        """Refuse links beyond the end of a sentence; None where its length is not known."""
        for i, j in sorted(self.possible):
            if i >= source_words:
                _refuse(i, j, "source", source_words)
            if target_words is not None and j >= target_words:
                _refuse(i, j, "target", target_words)


def _pairs(name: str, given: Iterable[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """Return pairs of integers, or refuse what is none."""
    try:
        return frozenset((index(i), index(j)) for i, j in given)
    except (TypeError, ValueError):
        raise wrong_type(name, "pairs of word indices, such as [(0, 0), (1, 2)]", given) from None


def _refuse(i: int, j: int, side: str, words: int) -> None:
    raise InputError(
        f"link {i}-{j} (counted from 0) is out of range: the {side} has {words} words; is the base "
        "right, and the direction?"
    )


@dataclass(frozen=True)
class WeightedLinks:
    """Links between sentences of which at least the source was said.

    Parameters
    ----------
    links : Links
        From source to target.
    source_weights : Sequence[float]
        Seconds that each source word takes; 0 where it was not said, as punctuation.
    target_weights : Sequence[float] or None
        The same for the target. Of a target that is text, anything positive for a word, and 0 for
        punctuation; None if all its words count.

    Raises
    ------
    InputError
        A weight is negative or not finite, or a link out of range.

    Examples
    --------
    >>> WeightedLinks(Links([(0, 2)]), [0.3, 0.0], [0.2, 0.4])
    Traceback (most recent call last):
    speechalign.errors.InputError: link 0-2 (counted from 0) is out of range: the target has 2 \
words; is the base right, and the direction?
    """

    links: Links
    source_weights: Sequence[float]
    target_weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        for side, weights in (("source", self.source_weights), ("target", self.target_weights)):
            for number, weight in enumerate(weights or ()):
                if not (isfinite(weight) and weight >= 0):
                    raise InputError(
                        f"{side}_weights[{number}]: expected a finite number >= 0, got {weight}"
                    )
        self.check_within(self.links)

    def check_within(self, links: Links) -> None:
        """Refuse links, of whatever origin, to words that have no weight."""
        target = None if self.target_weights is None else len(self.target_weights)
        links.check_within(len(self.source_weights), target)
