"""Hard links out of contribution maps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np

from speechalign.contributions.maps import check_map
from speechalign.contributions.symmetrisation import HEURISTICS, Heuristic, symmetrise
from speechalign.contributions.units import Units
from speechalign.errors import InputError
from speechalign.links import Links

Method = Literal["argmax", "threshold"] | Heuristic
METHODS: tuple[Method, ...] = ("argmax", "threshold", *HEURISTICS)


@dataclass(frozen=True)
class WordMap:
    """Contributions of source words to target words.

    Parameters
    ----------
    values : ndarray, shape (target units, source units), float64
        The contributions of a word's cells are added up, and those to a word's cells averaged.
    source, target : Units
        The axes.
    warnings : tuple[str, ...]
        Words that are shorter than a cell, or to which nothing contributes.
    """

    values: np.ndarray
    source: Units
    target: Units
    warnings: tuple[str, ...]

    def pairs(
        self, method: Method = "argmax", *, threshold: float | None = None
    ) -> frozenset[tuple[int, int]]:
        """Choose which units are linked.

        Parameters
        ----------
        method : Method
            ``argmax``: each target unit has the source unit that contributes most, the first of
            equal ones. ``threshold``: it has all those with at least this share of what its source
            units contribute. Others: `symmetrise` what argmax finds with what it finds the other
            way round, each source unit having the target unit to which it contributes the largest
            share.
        threshold : float, optional
            In (0, 1]; for that method, which needs it, and for no other.

        Returns
        -------
        frozenset[tuple[int, int]]
            Pairs (source unit, target unit). Target units to which nothing contributes have none.

        Raises
        ------
        InputError
            There is no such method, or the threshold is missing, not wanted, or out of range.
        """
        if method not in METHODS:
            raise InputError(f"method: expected one of {', '.join(METHODS)}, got {method!r}")
        if (threshold is not None) != (method == "threshold"):
            raise InputError(
                f"threshold: expected with method 'threshold' only, got {threshold} with {method!r}"
            )
        totals = self.values.sum(axis=1, keepdims=True)
        shares = np.divide(self.values, totals, out=np.zeros_like(self.values), where=totals > 0)
        if threshold is not None:
            if not 0 < threshold <= 1:
                raise InputError(f"threshold: expected a value in (0, 1], got {threshold}")
            rows, columns = np.nonzero(shares >= threshold)
            return frozenset(zip(columns.tolist(), rows.tolist()))
        forward = {(int(row.argmax()), j) for j, row in enumerate(shares) if row.any()}
        if method == "argmax":
            return frozenset(forward)
        assert method != "threshold"
        backward = {(i, int(column.argmax())) for i, column in enumerate(shares.T) if column.any()}
        return symmetrise(forward, backward, method)

    def links(self, method: Method = "argmax", *, threshold: float | None = None) -> Links:
        """Choose hard links: each word of a unit has all links of the unit.

        Parameters
        ----------
        method, threshold
            As for `pairs`, whose errors it raises.

        Returns
        -------
        Links
            Between the words of the sentences, counted from 0, punctuation included.
        """
        return Links(
            link
            for i, j in self.pairs(method, threshold=threshold)
            for link in product(self.source.words[i], self.target.words[j])
        )


def word_map(values: np.ndarray, *, source: Units, target: Units) -> WordMap:
    """Sum up a contribution map by words.

    Parameters
    ----------
    values : ndarray, shape (rows, columns), float64
        Contributions of each part of the source, a column, to each part of the target, a row.
    source, target : Units
        Columns and rows of each word.

    Returns
    -------
    WordMap
        Never NaN: a word has at least one cell.

    Raises
    ------
    InputError
        The map has other sizes than the units, or values that are negative or not finite.

    References
    ----------
    .. [1] B. Alastruey et al., "SpeechAlign: a framework for speech translation alignment
       evaluation", LREC-COLING 2024. The rules are theirs, but for words shorter than a cell.

    Examples
    --------
    >>> from speechalign.contributions import token_units
    >>> units = token_units(["▁a", "▁b", "c"], 3, "sentencepiece")
    >>> found = word_map(np.array([[0.5, 0.25, 0.25], [0, 1, 0], [1, 0, 1]]), source=units,
    ...     target=units)
    >>> found.values.tolist(), sorted(found.links().sure)
    ([[0.5, 0.5], [0.5, 1.0]], [(0, 0), (1, 1)])
    """
    check_map(values)
    if values.shape != (target.size, source.size):
        raise InputError(
            f"contributions: expected shape ({target.size}, {source.size}), got {values.shape}"
        )
    rows = target.matrix()
    means = rows / rows.sum(axis=1, keepdims=True)
    found = means @ values @ source.matrix().T
    idle = tuple(
        f"nothing contributes to {label!r}; it gets no link"
        for label, row in zip(target.labels, found)
        if not row.any()
    )
    return WordMap(found, source, target, source.warnings + target.warnings + idle)
