"""Sums and tables by recording, for any metric of the registry."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, cast, overload

import numpy as np

from speechalign.errors import InputError, wrong_type
from speechalign.registry import Registry

if TYPE_CHECKING:
    from speechalign.alignment import Alignment
    from speechalign.links import Links, WeightedLinks
    from speechalign.metrics.aer import LinkScore
    from speechalign.metrics.boundaries import BoundaryScore
    from speechalign.metrics.latency import LatencyScore
    from speechalign.metrics.word_errors import WordErrorScore

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
    """Additive counts of a metric."""

    def __add__(self: S, other: S, /) -> S:
        """Return the statistics of both."""

    @property
    def counts(self) -> np.ndarray:
        """Additive counts, shape (K,), float64."""


class Score(Protocol):
    """Score of a metric."""

    @property
    def signature(self) -> str:
        """Protocol of the score: compare scores only under equal signatures."""


class Metric(Protocol[Reference, Hypothesis]):
    """Interface of a metric module."""

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
    total : Statistics
        Sum of the statistics of all recordings.
    counts : ndarray, shape (N, K), float64
        What was counted in each of them, to be resampled.
    """

    pooled: Score
    recordings: Mapping[str, Score]
    total: Statistics
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
        There is nothing to score, the metric has no such option, or a recording lacks what the
        metric needs: the message names the recording.
    """
    chosen = cast("Metric[R, H]", METRICS[metric])
    known = list(inspect.signature(chosen.statistics).parameters)[2:]
    for name, value in options.items():
        if name not in known:
            raise InputError(
                f"{name}: expected an option of the metric {metric!r} "
                f"({', '.join(known) or 'none'}), got {name}={value!r}; leave it out or choose "
                "another metric"
            )
    if not isinstance(pairs, Mapping):
        raise wrong_type("pairs", "a mapping from names to (reference, hypothesis)", pairs)
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
        total,
        np.array([found.counts for found in counted.values()]),
    )


@overload
def score(
    pairs: Iterable[tuple[Alignment, Alignment | None]],
    *,
    metric: Literal["boundaries"] = ...,
    tier: str = ...,
) -> BoundaryScore: ...
@overload
def score(
    pairs: Iterable[tuple[Alignment, Alignment | None]],
    *,
    metric: Literal["latency"],
    tier: str = ...,
) -> LatencyScore: ...
@overload
def score(
    pairs: Iterable[tuple[Links | WeightedLinks, Links | None]], *, metric: Literal["saer"]
) -> LinkScore: ...
@overload
def score(pairs: Iterable[tuple[Links, Links | None]], *, metric: Literal["aer"]) -> LinkScore: ...
@overload
def score(
    pairs: Iterable[tuple[WeightedLinks, Links | None]],
    *,
    metric: Literal["tw-saer"],
    setting: Literal["s2t", "s2s"] = ...,
) -> LinkScore: ...
@overload
def score(
    pairs: Iterable[tuple[Sequence[str], Sequence[str] | None]], *, metric: Literal["word-errors"]
) -> WordErrorScore: ...
@overload
def score(pairs: Iterable[tuple[R, H | None]], *, metric: str, **options: object) -> Score: ...
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
        and ``latency``, two `speechalign.links.Links` for ``aer``,
        `speechalign.links.WeightedLinks` with `speechalign.links.Links` for ``saer`` and
        ``tw-saer``, and two lists of words for ``word-errors``. None where there is no hypothesis.
    metric : str
        A name in ``METRICS``.
    **options
        Keywords of the metric's ``statistics``.

    Returns
    -------
    Score
        For ``boundaries``, a `speechalign.metrics.boundaries.BoundaryScore`; for ``latency``, a
        `speechalign.metrics.latency.LatencyScore`; for ``aer``, ``saer`` and ``tw-saer``, a
        `speechalign.metrics.aer.LinkScore`; for ``word-errors``, a
        `speechalign.metrics.word_errors.WordErrorScore`. Numbers in it are floats and ints.

    Raises
    ------
    InputError
        There is nothing to score, the metric has no such option, or a recording lacks what the
        metric needs.

    Examples
    --------
    >>> from speechalign import Alignment, Interval
    >>> gold = Alignment({"words": [Interval(0.5, 1.0, "Yes.")]}, 2.0)
    >>> ours = Alignment({"words": [Interval(0.5, 1.015625, "yes")]}, 2.0)
    >>> score([(gold, ours)]).both.mean
    0.0078125
    """
    if not isinstance(pairs, Iterable):
        raise wrong_type("pairs", "an iterable of (reference, hypothesis)", pairs)
    named = {f"pairs[{i}]": pair for i, pair in enumerate(pairs)}
    for name, pair in named.items():
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise wrong_type(name, "a pair (reference, hypothesis)", pair)
    return report(named, metric=metric, **options).pooled


def boundary_errors(
    reference: Alignment, hypothesis: Alignment, *, tier: str = "words"
) -> BoundaryScore:
    """Measure how far the boundaries of one alignment lie from those of a reference.

    Parameters
    ----------
    reference, hypothesis : Alignment
        The truth, and what is scored against it.
    tier : str
        ``words``, ``phones`` or another tier that both have.

    Returns
    -------
    BoundaryScore
        ``both.mean``, ``both.median`` and ``both.within[0.025]`` over all boundaries of matched
        labels, seconds and shares; ``start`` and ``end`` the same of each kind.

    Raises
    ------
    InputError
        A side is no alignment or has no such tier.

    Examples
    --------
    >>> from speechalign import Alignment, Interval
    >>> gold = Alignment({"words": [Interval(0.5, 1.0, "Yes.")]}, 2.0)
    >>> ours = Alignment({"words": [Interval(0.5, 1.015625, "yes")]}, 2.0)
    >>> boundary_errors(gold, ours).end.bias
    0.015625
    """
    from speechalign.metrics import boundaries

    return boundaries.score(boundaries.statistics(reference, hypothesis, tier=tier))
