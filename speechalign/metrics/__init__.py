"""Metrics: additive statistics of one recording, and the score of their sum.

A metric is a module with ``statistics(reference, hypothesis, **options)``, whose results add up
with ``+``, and ``score(total)``. What it compares is its own affair: alignments, or word links.
Sums and tables by recording are written once, here; confidence intervals and significance tests
once, in `speechalign.metrics.resampling`, over the ``counts`` of statistics and the metric's
``figures``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, TypeVar, cast

import numpy as np

from speechalign.errors import InputError
from speechalign.registry import Registry

__all__ = ["METRICS", "Metric", "Report", "Score", "Statistics", "report", "score"]

METRICS = Registry(
    "speechalign.metrics",
    {
        "aer": "speechalign.metrics.aer",
        "boundaries": "speechalign.metrics.boundaries",
        "latency": "speechalign.metrics.latency",
        "saer": "speechalign.metrics.saer",
        "tw-saer": "speechalign.metrics.tw_saer",
        "word-errors": "speechalign.metrics.word_errors",
    },
)

S = TypeVar("S", bound="Statistics")
Reference = TypeVar("Reference", contravariant=True)
Hypothesis = TypeVar("Hypothesis", contravariant=True)
R = TypeVar("R")
H = TypeVar("H")


class Statistics(Protocol):
    """What a metric counts in a recording; those of several recordings add up."""

    def __add__(self: S, other: S, /) -> S:
        """Return the statistics of both."""

    @property
    def counts(self) -> np.ndarray:
        """What of them adds up, shape (K,), float64: sums of counts are counts of sums."""


class Score(Protocol):
    """What a metric makes of statistics."""

    @property
    def signature(self) -> str:
        """What was counted, and how: scores compare only under equal signatures."""


class Metric(Protocol[Reference, Hypothesis]):
    """What a metric module defines."""

    def statistics(
        self, reference: Reference, hypothesis: Hypothesis | None, **options: object
    ) -> Statistics:
        """Count in one recording; None stands for a hypothesis that is missing."""

    def score(self, total: Statistics) -> Score:
        """Turn a sum of statistics into figures."""

    def figures(self, counts: np.ndarray) -> Mapping[str, np.ndarray]:
        """Turn sums of counts, shape (..., K), into figures by name, each of shape (...)."""


@dataclass(frozen=True)
class Report:
    """Scores of a corpus.

    Parameters
    ----------
    pooled : Score
        Of all recordings, each boundary or link counting alike.
    recordings : Mapping[str, Score]
        Of each recording, in the order in which they were given.
    counts : ndarray, shape (N, K), float64
        What was counted in each of them, to be resampled.
    """

    pooled: Score
    recordings: Mapping[str, Score]
    counts: np.ndarray


def report(
    pairs: Mapping[str, tuple[R, H | None]],
    *,
    metric: str = "boundaries",
    **options: object,
) -> Report:
    """Score a corpus, pooled and by recording.

    Parameters
    ----------
    pairs : Mapping[str, tuple[R, H or None]]
        Reference and hypothesis by recording, of the kinds that the metric compares; None where
        there is no hypothesis.
    metric : str
        A name in ``METRICS``.
    **options
        Keywords of the metric's ``statistics``.

    Returns
    -------
    Report
        The pooled score and each recording's.

    Raises
    ------
    InputError
        There is nothing to score, or a recording has not what the metric needs: the message names
        the recording.
    """
    chosen = cast("Metric[R, H]", METRICS[metric])
    counted: dict[str, Statistics] = {}
    for name, (reference, hypothesis) in pairs.items():
        try:
            counted[name] = chosen.statistics(reference, hypothesis, **options)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None
    if not counted:
        raise InputError("pairs: expected at least one reference, got none")
    total = reduce(lambda a, b: a + b, counted.values())
    return Report(
        chosen.score(total),
        {name: chosen.score(found) for name, found in counted.items()},
        np.array([found.counts for found in counted.values()]),
    )


def score(
    pairs: Iterable[tuple[R, H | None]],
    *,
    metric: str = "boundaries",
    **options: object,
) -> Score:
    """Score hypotheses against references, all recordings pooled.

    Parameters
    ----------
    pairs : Iterable[tuple[R, H or None]]
        Reference and hypothesis of each recording: two `speechalign.Alignment` for ``boundaries``
        and ``latency``, two `speechalign.links.Links` for ``aer``, and
        `speechalign.links.WeightedLinks` with `speechalign.links.Links` for ``saer`` and
        ``tw-saer``. None where there is no hypothesis.
    metric : str
        A name in ``METRICS``.
    **options
        Keywords of the metric's ``statistics``.

    Returns
    -------
    Score
        For ``boundaries``, a `speechalign.metrics.boundaries.BoundaryScore`; for ``latency``, a
        `speechalign.metrics.latency.LatencyScore`; for the others, a
        `speechalign.metrics.aer.LinkScore`.

    Raises
    ------
    InputError
        There is nothing to score, or a recording has not what the metric needs.

    Examples
    --------
    >>> from speechalign import Alignment, Interval
    >>> gold = Alignment({"words": [Interval(0.5, 1.0, "Yes.")]}, 2.0)
    >>> ours = Alignment({"words": [Interval(0.5, 1.015625, "yes")]}, 2.0)
    >>> score([(gold, ours)]).both.mean
    0.0078125
    """
    named = {f"pairs[{i}]": pair for i, pair in enumerate(pairs)}
    return report(named, metric=metric, **options).pooled
