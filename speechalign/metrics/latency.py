"""Latency: delays of a model's labels against a reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from speechalign.alignment import Alignment
from speechalign.errors import InputError
from speechalign.metrics import boundaries
from speechalign.metrics.boundaries import BoundaryStatistics, tiers_of


@dataclass(frozen=True)
class LatencyStatistics:
    """Counts of one recording, or of several: the sum pools them.

    Parameters
    ----------
    labels : BoundaryStatistics
        Start and end of each matched label against the reference.
    first, last : ndarray, shape (R,), float64
        Delay of the first and of the last label, in seconds, of each recording that has labels on
        both sides.
    """

    labels: BoundaryStatistics
    first: np.ndarray
    last: np.ndarray

    def __add__(self, other: LatencyStatistics) -> LatencyStatistics:
        """Pool two sets of recordings; InputError where the tiers differ."""
        return LatencyStatistics(
            self.labels + other.labels,
            np.concatenate([self.first, other.first]),
            np.concatenate([self.last, other.last]),
        )

    @property
    def counts(self) -> np.ndarray:
        """Labels, sums of their errors, recordings, sums of their delays; what `figures` takes."""
        starts, ends = self.labels.start_errors, self.labels.end_errors
        return np.array(
            [len(starts), starts.sum(), ends.sum(), len(self.first), self.first.sum(),
             self.last.sum()], np.float64,
        )  # fmt: skip


@dataclass(frozen=True)
class LatencyScore:
    """Delays of one recording, or of several pooled, in seconds; None where there are none.

    Positive is late. A label is emitted when its interval starts.

    Parameters
    ----------
    n : int
        Matched labels.
    drift : float or None
        Mean of emission minus start in the reference: the drift latency of a streaming model where
        the reference is an offline one, and the start bias where the reference is the truth.
    drift_median, drift_p90 : float or None
        Of the same differences; percentiles are interpolated linearly.
    end_bias : float or None
        Mean of end minus end in the reference.
    first : float or None
        Mean over recordings, from the first start in the reference to the first emission, whatever
        their labels.
    last, last_p50, last_p90 : float or None
        Mean and percentiles over recordings, from the last end in the reference to the last
        emission: how long one waits for the last label after the speaker stopped. The percentiles
        are called peak latency.
    reference_labels, hypothesis_labels : int
        Labels on each side. The drift is of matched labels only: read them together.
    reference_recordings, hypothesis_recordings : int
        Recordings with a reference, and those of them with a hypothesis.
    signature : str
        What was counted, and how.
    """

    n: int
    drift: float | None
    drift_median: float | None
    drift_p90: float | None
    end_bias: float | None
    first: float | None
    last: float | None
    last_p50: float | None
    last_p90: float | None
    reference_labels: int
    hypothesis_labels: int
    reference_recordings: int
    hypothesis_recordings: int
    signature: str


def statistics(
    reference: Alignment, hypothesis: Alignment | None, *, tier: str = "words"
) -> LatencyStatistics:
    """Compare when labels are emitted in one recording.

    Parameters
    ----------
    reference : Alignment
        The truth, or what an offline model says.
    hypothesis : Alignment or None
        What is scored; None where there is none.
    tier : str
        Tiers to compare, as in `speechalign.metrics.boundaries.statistics`, which also tells which
        labels match.

    Returns
    -------
    LatencyStatistics
        Add them up over recordings.

    Raises
    ------
    InputError
        The reference, or the hypothesis that there is, has no such tier.
    """
    labels = boundaries.statistics(reference, hypothesis, tier=tier)
    theirs = [i for found in tiers_of(reference, tier).values() for i in found]
    ours = [i for found in tiers_of(hypothesis, tier).values() for i in found] if hypothesis else []
    first, last = [], []
    if theirs and ours:
        first = [min(i.start for i in ours) - min(i.start for i in theirs)]
        last = [max(i.start for i in ours) - max(i.end for i in theirs)]
    return LatencyStatistics(labels, np.array(first, np.float64), np.array(last, np.float64))


def statistics_of_times(
    reference: np.ndarray, hypothesis: np.ndarray, *, tier: str = "words"
) -> LatencyStatistics:
    """Compare when labels are emitted in one recording, where they are known to be the same.

    Parameters
    ----------
    reference, hypothesis : ndarray, shape (K, 2), float64
        Start and end of each label in seconds, in time order.
    tier : str
        What the labels are: only statistics of equal tiers add up.

    Returns
    -------
    LatencyStatistics
        Add them up over recordings.

    Raises
    ------
    InputError
        The shapes differ, or are not (K, 2); a time is not finite.

    Examples
    --------
    >>> gold, ours = np.array([[0.5, 1.0], [1.0, 1.5]]), np.array([[0.75, 1.0], [1.0, 1.5]])
    >>> score(statistics_of_times(gold, ours)).drift
    0.125
    """
    if reference.ndim != 2 or reference.shape[1] != 2 or hypothesis.shape != reference.shape:
        raise InputError(
            f"times: expected (K, 2) on both sides, got {reference.shape} and {hypothesis.shape}"
        )
    for name, times in (("reference", reference), ("hypothesis", hypothesis)):
        if not np.isfinite(times).all():
            k = int(np.argmin(np.isfinite(times).all(axis=1)))
            raise InputError(f"{name}[{k}]: expected finite times, got {times[k].tolist()}")
    labels = len(reference)
    errors = np.asarray(hypothesis - reference, dtype=np.float64)
    return LatencyStatistics(
        BoundaryStatistics(tier, errors[:, 0], errors[:, 1], labels, labels, 1, 1),
        errors[:1, 0],
        np.asarray(hypothesis[-1:, 0] - reference[-1:, 1], dtype=np.float64),
    )


def score(total: LatencyStatistics) -> LatencyScore:
    """Turn a sum of statistics into figures.

    Parameters
    ----------
    total : LatencyStatistics
        Of at least one recording.

    Returns
    -------
    LatencyScore
        The same, to the last bit, in whatever order the recordings were added.
    """
    starts = total.labels.start_errors
    return LatencyScore(
        n=len(starts),
        drift=_mean(starts),
        drift_median=_percentile(starts, 50),
        drift_p90=_percentile(starts, 90),
        end_bias=_mean(total.labels.end_errors),
        first=_mean(total.first),
        last=_mean(total.last),
        last_p50=_percentile(total.last, 50),
        last_p90=_percentile(total.last, 90),
        reference_labels=total.labels.reference_labels,
        hypothesis_labels=total.labels.hypothesis_labels,
        reference_recordings=total.labels.reference_recordings,
        hypothesis_recordings=total.labels.hypothesis_recordings,
        signature=(
            f"latency|{boundaries.matching(total.labels.tier)}|emission:start|last:reference-end"
            "|pool:labels,recordings|v:1"
        ),
    )


def figures(counts: np.ndarray) -> Mapping[str, np.ndarray]:
    """Return the figures of many sums of statistics at once.

    Parameters
    ----------
    counts : ndarray, shape (..., K), float64
        Sums of `LatencyStatistics.counts`.

    Returns
    -------
    Mapping[str, ndarray]
        ``drift``, ``end_bias``, ``first`` and ``last`` as in `LatencyScore`, each of shape (...),
        float64; NaN where there is nothing to divide by. Percentiles are no function of sums.
    """
    n, starts, ends, recordings, first, last = np.moveaxis(counts, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "drift": starts / n,
            "end_bias": ends / n,
            "first": first / recordings,
            "last": last / recordings,
        }


def _mean(delays: np.ndarray) -> float | None:
    # fsum rounds once, so that the order of the recordings does not show.
    return math.fsum(delays) / len(delays) if len(delays) else None


def _percentile(delays: np.ndarray, percent: float) -> float | None:
    return float(np.percentile(delays, percent)) if len(delays) else None
