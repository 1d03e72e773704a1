"""Metrics: additive statistics of one recording, and the score of their sum.

A metric is a module with ``statistics(reference, hypothesis, **options)``, whose results add up
with ``+``, and ``score(total)``. Sums and tables by recording are written once, here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Protocol, TypeVar, cast

from speechalign.alignment import Alignment
from speechalign.errors import InputError
from speechalign.registry import Registry

__all__ = ["METRICS", "Metric", "Report", "Score", "Statistics", "report", "score"]

METRICS = Registry("speechalign.metrics", {"boundaries": "speechalign.metrics.boundaries"})

S = TypeVar("S", bound="Statistics")


class Statistics(Protocol):
    """What a metric counts in a recording; those of several recordings add up."""

    def __add__(self: S, other: S, /) -> S:
        """Return the statistics of both."""


class Score(Protocol):
    """What a metric makes of statistics."""

    @property
    def signature(self) -> str:
        """What was counted, and how: scores compare only under equal signatures."""


class Metric(Protocol):
    """What a metric module defines."""

    def statistics(
        self, reference: Alignment, hypothesis: Alignment | None, **options: object
    ) -> Statistics:
        """Count in one recording; None stands for a hypothesis that is missing."""

    def score(self, total: Statistics) -> Score:
        """Turn a sum of statistics into figures."""


@dataclass(frozen=True)
class Report:
    """Scores of a corpus.

    Parameters
    ----------
    pooled : Score
        Of all recordings, each boundary counting alike.
    recordings : Mapping[str, Score]
        Of each recording, in the order in which they were given.
    """

    pooled: Score
    recordings: Mapping[str, Score]


def report(
    pairs: Mapping[str, tuple[Alignment, Alignment | None]],
    *,
    metric: str = "boundaries",
    **options: object,
) -> Report:
    """Score a corpus, pooled and by recording.

    Parameters
    ----------
    pairs : Mapping[str, tuple[Alignment, Alignment or None]]
        Reference and hypothesis by recording; None where there is no hypothesis.
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
        There is nothing to score, or an alignment is not what the metric needs: the message names
        the recording.
    """
    chosen = cast(Metric, METRICS[metric])
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
        chosen.score(total), {name: chosen.score(found) for name, found in counted.items()}
    )


def score(
    pairs: Iterable[tuple[Alignment, Alignment | None]],
    *,
    metric: str = "boundaries",
    **options: object,
) -> Score:
    """Score hypotheses against references, all recordings pooled.

    Parameters
    ----------
    pairs : Iterable[tuple[Alignment, Alignment or None]]
        Reference and hypothesis of each recording; None where there is no hypothesis.
    metric : str
        A name in ``METRICS``.
    **options
        Keywords of the metric's ``statistics``.

    Returns
    -------
    Score
        For ``boundaries``, a `speechalign.metrics.boundaries.BoundaryScore`.

    Raises
    ------
    InputError
        There is nothing to score, or an alignment is not what the metric needs.

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
