"""Confidence intervals and significance tests of any metric, by resampling what it counted.

A metric turns sums of counts into figures, and sums of many resamples at once: all functions here
take the counts of each recording or sentence as the rows of a matrix, and the metric's ``figures``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.errors import InputError

Figures = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""From sums of counts, shape (..., K), to named figures of shape (...); NaN where undefined."""

_BLOCK = 1 << 20  # random numbers drawn at a time


@dataclass(frozen=True)
class ConfidenceInterval:
    """Confidence interval of a score.

    Parameters
    ----------
    value : float or None
        The figure of the sentences themselves; None where it is undefined.
    low, high : float or None
        Ends of the interval; None where it is undefined in all resamples.
    """

    value: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Difference:
    """Difference of a system's score from that of a baseline on the same sentences.

    Parameters
    ----------
    value : float or None
        System minus baseline; None where it is undefined, and so is all that follows.
    low, high : float or None
        Ends of its confidence interval, by paired bootstrap.
    p_bootstrap : float or None
        Two-sided: twice the share of resamples in which the difference has not the sign of
        ``value``, at most 1.
    p_randomisation : float or None
        Two-sided: share of random exchanges of the two systems, sentence by sentence, that leave a
        difference at least as large.
    """

    value: float | None
    low: float | None
    high: float | None
    p_bootstrap: float | None
    p_randomisation: float | None


def bootstrap(
    counts: np.ndarray,
    figures: Figures,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, ConfidenceInterval]:
    """Find confidence intervals by drawing sentences with replacement.

    Parameters
    ----------
    counts : ndarray, shape (N, K), float64
        What a metric counted in each of N sentences.
    figures : callable
        The metric's ``figures``.
    resamples : int
        How often N of the N sentences are drawn.
    level : float
        Share of resamples in the interval, percentiles cutting off as much at both ends.
    seed : int
        Of the random numbers.

    Returns
    -------
    dict of str to ConfidenceInterval
        By the figure's name. Resamples in which a figure is undefined do not count.

    Raises
    ------
    InputError
        There are no sentences, or the options make no sense.

    Notes
    -----
    A resample is a vector of weights, how often each sentence was drawn, and its sums are that
    vector times ``counts``. O(resamples N K) time, O(N + resamples) memory.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An introduction to the bootstrap", 1993, section 13.3.

    Examples
    --------
    >>> def figures(counts):
    ...     return {"rate": counts[..., 0] / counts[..., 1]}
    >>> bootstrap(np.array([[1.0, 2.0]] * 5), figures)["rate"]
    ConfidenceInterval(value=0.5, low=0.5, high=0.5)
    """
    _check(counts, resamples, level)
    drawn = _gather(figures, _bootstrap_sums(counts, resamples, seed))
    observed = figures(counts.sum(axis=0))
    return {
        name: ConfidenceInterval(_defined(observed[name]), *_percentiles(found, level))
        for name, found in drawn.items()
    }


def compare_systems(
    counts: np.ndarray,
    baseline: np.ndarray,
    figures: Figures,
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> dict[str, Difference]:
    """Test whether a system differs from a baseline on the same sentences.

    Parameters
    ----------
    counts, baseline : ndarray, shape (N, K), float64
        What a metric counted in each sentence, for either system.
    figures, resamples, level, seed
        As for `bootstrap`.

    Returns
    -------
    dict of str to Difference
        By the figure's name.

    Raises
    ------
    InputError
        The shapes differ, there are no sentences, or the options make no sense.

    Notes
    -----
    Both p-values are (1 + those counted) / (1 + resamples), so that they are never 0.

    References
    ----------
    .. [1] P. Koehn, "Statistical significance tests for machine translation evaluation", EMNLP
       2004 (paired bootstrap).
    .. [2] E. W. Noreen, "Computer-intensive methods for testing hypotheses", 1989 (approximate
       randomisation).
    """
    _check(counts, resamples, level)
    if counts.shape != baseline.shape:
        raise InputError(
            f"baseline: expected counts of shape {counts.shape}, got {baseline.shape}; score both "
            "systems on the same sentences"
        )
    width = counts.shape[1]
    paired = np.hstack([counts, baseline])

    def differences(sums: np.ndarray) -> Mapping[str, np.ndarray]:
        ours, theirs = figures(sums[..., :width]), figures(sums[..., width:])
        return {name: ours[name] - theirs[name] for name in ours}

    observed = differences(paired.sum(axis=0))
    drawn = _gather(differences, _bootstrap_sums(paired, resamples, seed))
    exchanged = _gather(differences, _exchanged_sums(counts, baseline, resamples, seed))
    found = {}
    for name, value in observed.items():
        if np.isnan(value):
            found[name] = Difference(None, None, None, None, None)
            continue
        opposite = ~(drawn[name] * np.sign(value) > 0)
        # A difference that an exchange leaves as it was must not be lost to the last bit.
        as_large = ~(np.abs(exchanged[name]) < np.abs(value) - 1e-12)
        found[name] = Difference(
            float(value),
            *_percentiles(drawn[name], level),
            p_bootstrap=min(1.0, 2 * _p_value(opposite)),
            p_randomisation=_p_value(as_large),
        )
    return found


def compare_medians(
    sizes: Sequence[np.ndarray],
    baseline: Sequence[np.ndarray],
    *,
    resamples: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Test whether the median of a system differs from that of a baseline.

    Parameters
    ----------
    sizes, baseline : Sequence[ndarray]
        The values of each of N recordings, for either system, each of shape (K,), float64.
    resamples, level, seed
        As for `bootstrap`.

    Returns
    -------
    Difference
        System minus baseline, the values of all recordings pooled. Recordings are drawn and
        exchanged as in `compare_systems`: equal seeds draw the same ones.

    Raises
    ------
    InputError
        There are no recordings, not as many on both sides, or the options make no sense.
    """
    if len(sizes) != len(baseline):
        raise InputError(
            f"baseline: expected {len(sizes)} recordings, got {len(baseline)}; score both systems "
            "on the same ones"
        )
    n = len(sizes)
    # Which recordings count how often, on either side, is a matrix of counts, too.
    weights = np.eye(n)
    _check(weights, resamples, level)
    owners = np.repeat(np.arange(n), [len(own) for own in sizes])
    others = np.repeat(np.arange(n), [len(own) for own in baseline])
    ours, theirs = (
        _Weighted(np.concatenate(sizes), owners),
        _Weighted(np.concatenate(baseline), others),
    )
    observed = ours.median(np.ones(n)) - theirs.median(np.ones(n))
    if np.isnan(observed):
        return Difference(None, None, None, None, None)
    drawn = np.array([
        ours.median(row) - theirs.median(row)
        for block in _bootstrap_sums(weights, resamples, seed)
        for row in block
    ])  # fmt: skip
    both = _Weighted(np.concatenate([*sizes, *baseline]), np.concatenate([owners, n + others]))
    system, other = np.eye(n, 2 * n), np.eye(n, 2 * n, n)
    exchanged = np.array([
        both.median(row[: 2 * n]) - both.median(row[2 * n :])
        for block in _exchanged_sums(system, other, resamples, seed)
        for row in block
    ])  # fmt: skip
    return Difference(
        float(observed),
        *_percentiles(drawn, level),
        p_bootstrap=min(1.0, 2 * _p_value(~(drawn * np.sign(observed) > 0))),
        p_randomisation=_p_value(~(np.abs(exchanged) < np.abs(observed) - 1e-12)),
    )


class _Weighted:
    """Values that count as often as their owners are drawn."""

    def __init__(self, values: np.ndarray, owners: np.ndarray) -> None:
        order = np.argsort(values, kind="stable")
        self._values, self._owners = values[order], owners[order]

    def median(self, weights: np.ndarray) -> float:
        """Return the median, NaN of nothing; ``weights`` are whole numbers, by owner."""
        ranks = np.cumsum(weights[self._owners])
        total = int(ranks[-1]) if ranks.size else 0
        if total == 0:
            return float("nan")
        middle = np.searchsorted(ranks, [(total - 1) // 2, total // 2], side="right")
        return float(self._values[middle].mean())


def _check(counts: np.ndarray, resamples: int, level: float) -> None:
    if counts.ndim != 2 or len(counts) == 0:
        raise InputError(f"counts: expected shape (N, K), N >= 1, got {counts.shape}")
    if resamples < 1 or not 0 < level < 1:
        raise InputError(f"expected resamples >= 1 and 0 < level < 1, got {resamples} and {level}")


def _bootstrap_sums(counts: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield sums of counts over sentences drawn with replacement, several resamples at a time."""
    rng = np.random.default_rng(seed)
    n = len(counts)
    for size in _blocks(resamples, n):
        rows = rng.integers(0, n, (size, n))
        rows += n * np.arange(size)[:, None]
        weights = np.bincount(rows.ravel(), minlength=size * n).reshape(size, n)
        yield weights @ counts


def _exchanged_sums(
    counts: np.ndarray, baseline: np.ndarray, resamples: int, seed: int
) -> Iterator[np.ndarray]:
    """Yield sums of both systems after exchanging them in half of the sentences, at random."""
    rng = np.random.default_rng(seed)
    n = len(counts)
    change = baseline - counts
    ours, theirs = counts.sum(axis=0), baseline.sum(axis=0)
    for size in _blocks(resamples, n):
        moved = rng.integers(0, 2, (size, n), dtype=np.int8) @ change
        yield np.hstack([ours + moved, theirs - moved])


def _blocks(resamples: int, n: int) -> Iterator[int]:
    """Yield how many resamples of n sentences to draw at a time."""
    most = max(1, _BLOCK // n)
    for begin in range(0, resamples, most):
        yield min(most, resamples - begin)


def _gather(figures: Figures, sums: Iterator[np.ndarray]) -> dict[str, np.ndarray]:
    parts = [figures(block) for block in sums]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _percentiles(values: np.ndarray, level: float) -> tuple[float | None, float | None]:
    defined = values[~np.isnan(values)]
    if defined.size == 0:
        return None, None
    low, high = np.percentile(defined, [50 * (1 - level), 50 * (1 + level)])
    return float(low), float(high)


def _defined(value: np.ndarray) -> float | None:
    return None if np.isnan(value) else float(value)


def _p_value(counted: np.ndarray) -> float:
    return (1 + int(counted.sum())) / (1 + len(counted))
