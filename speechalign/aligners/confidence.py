"""Confidence of items, and credible intervals of boundaries.

Everything here follows from the posteriors of positions, summed over all paths by
``forward_backward(log_probs, graph, by="position")``, and is as sure of itself as the model is: a
model that gives all its probability to one path leaves no doubt, right or wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechalign.alignment import Margins
from speechalign.errors import InputError
from speechalign.models.spread import Spread

_ROUNDING = 1e-9
# Of a distribution that is spread: steps that are left out, scales beyond its ends, and halvings.
_LEAST_STEP, _REACH, _HALVINGS = 1e-7, 16.0, 32
# Seconds: the standard deviation that a stretch is given for, and the range it is limited to.
_DEVIATION, _LEAST_DEVIATION, _LARGEST_DEVIATION = 0.01, 0.002, 0.1


def item_confidences(posteriors: np.ndarray, positions: np.ndarray) -> list[float | None]:
    """Return the posterior confidence of each item on the frames that a path assigns to it.

    Parameters
    ----------
    posteriors : ndarray, shape (T, K), float64
        Posterior of each position at each frame; row t sums to one.
    positions : ndarray, shape (T,), int64
        Position of the path at each frame: ``graph.positions[path.arcs]``.

    Returns
    -------
    list[float | None]
        For each of the K // 2 items (words or labels), a value in [0, 1]; None where the path has
        no frame for it.

    Raises
    ------
    InputError
        The shapes do not match, or a row of ``posteriors`` does not sum to one.

    Notes
    -----
    confidence[i] = mean of posteriors[t, 2i + 1] over the frames t with positions[t] == 2i + 1,
    the expected share of the item's frames that belong to it.

    Examples
    --------
    >>> posteriors = np.array([[0.1, 0.9, 0.0], [0.0, 0.7, 0.3], [0.0, 0.2, 0.8]])
    >>> [round(c, 3) for c in item_confidences(posteriors, np.array([1, 1, 2]))]
    [0.8]
    """
    _check(posteriors)
    frames, width = posteriors.shape
    if positions.shape != (frames,) or not ((positions >= 0) & (positions < width)).all():
        raise InputError(
            f"positions: expected shape ({frames},) with values in [0, {width}), as in posteriors; "
            f"got {positions.shape}"
        )
    counts = np.bincount(positions, minlength=width)[1::2]
    on_path = posteriors[np.arange(frames), positions]
    sums = np.bincount(positions, on_path, minlength=width)[1::2]
    return [min(1.0, float(s / n)) if n else None for s, n in zip(sums, counts)]


def boundary_distribution(posteriors: np.ndarray) -> np.ndarray:
    """Find the probability that each boundary has been passed by each moment.

    Parameters
    ----------
    posteriors : ndarray, shape (T, K), float64
        Posterior of each position at each frame; row t sums to one. Along the paths that they are
        summed over, positions must never fall: nobody goes back in the text.

    Returns
    -------
    ndarray, shape (K + 1, T + 1), float64
        ``[k, t]`` is the probability that the boundary before position k lies at the beginning of
        frame t or earlier. Item i lies between boundaries ``2i + 1`` and ``2i + 2``; boundary 0 is
        the beginning and boundary K the end of the recording.

    Raises
    ------
    InputError
        A row of ``posteriors`` does not sum to one.

    Notes
    -----
    P(boundary k <= t) = P(position at frame t >= k) = sum over j >= k of posteriors[t, j], for
    t < T; by T every boundary has been passed. A position that a path leaves out has both of its
    boundaries where the next one begins.

    Examples
    --------
    >>> boundary_distribution(np.array([[0.75, 0.25], [0.5, 0.5]])).tolist()
    [[1.0, 1.0, 1.0], [0.25, 0.5, 1.0], [0.0, 0.0, 1.0]]
    """
    _check(posteriors)
    frames, width = posteriors.shape
    passed = np.zeros((width + 1, frames + 1))
    passed[:-1, :-1] = np.cumsum(posteriors.T[::-1], axis=0)[::-1]
    passed[0] = 1.0
    passed[:, -1] = 1.0
    return np.minimum(np.maximum.accumulate(passed, axis=1), 1.0)


def boundary_quantiles(
    moments: np.ndarray,
    passed: np.ndarray,
    quantiles: Sequence[float],
    *,
    spread: Sequence[tuple[float, float]] = (),
) -> np.ndarray:
    """Find by when one boundary has been passed, with given probabilities.

    The quantiles 0.05 and 0.95 enclose the 90 % credible interval of a boundary, 0.25 and 0.75 the
    50 % one; 0.5 is its median.

    Parameters
    ----------
    moments : ndarray, shape (N,), float64
        Frames or seconds, in order.
    passed : ndarray, shape (N,), float64
        Probability that the boundary lies at each of them or earlier, such as a row of
        `boundary_distribution`; linear in between.
    quantiles : Sequence[float]
        Q probabilities in (0, 1).
    spread : Sequence of (float, float)
        Error that is added to the boundary: shares that sum to one, each with the scale of a
        Laplace distribution in the unit of ``moments``; empty for none.

    Returns
    -------
    ndarray, shape (Q,), float64
        In the unit of ``moments``.

    Raises
    ------
    InputError
        A quantile is out of range.

    Notes
    -----
    Without a spread, q = min { t : P(boundary <= t) >= q }, up to a rounding error of 1e-9. With
    one, the probability of each step between moments is put in its middle.

    Examples
    --------
    >>> passed = np.array([0.0, 0.2, 0.7, 1.0])
    >>> boundary_quantiles(np.arange(4), passed, [0.05, 0.5, 0.95]).round(2).tolist()
    [0.25, 1.6, 2.83]
    """
    for quantile in quantiles:
        if not 0 < quantile < 1:
            raise InputError(f"quantiles: expected values in (0, 1), got {quantile}")
    if not spread:
        return _interpolated(moments, passed, quantiles)
    places, steps = _masses(moments, passed)
    wanted = np.asarray(quantiles, np.float64)
    reach = _REACH * max(scale for _, scale in spread)
    low = np.full(len(wanted), places[0] - reach)
    high = np.full(len(wanted), places[-1] + reach)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = np.zeros(len(wanted))
        distance = middle[:, None] - places
        for share, scale in spread:
            tail = np.exp(-np.abs(distance) / scale) / 2
            below += share * (np.where(distance < 0, tail, 1 - tail) @ steps)
        low, high = np.where(below < wanted, middle, low), np.where(below < wanted, high, middle)
    return high


def _masses(moments: np.ndarray, passed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the middles between moments that have a probability, and this probability."""
    steps = np.diff(passed, prepend=0.0)
    places = np.append(moments[0], (moments[1:] + moments[:-1]) / 2)
    kept = steps > _LEAST_STEP
    return places[kept], steps[kept] / steps[kept].sum()


def _interpolated(
    moments: np.ndarray, passed: np.ndarray, quantiles: Sequence[float]
) -> np.ndarray:
    """Return the first moments at which a distribution, linear between moments, has a value."""
    found = []
    for quantile in quantiles:
        at = int(np.searchsorted(passed, quantile - _ROUNDING))
        if at in (0, len(passed)):
            found.append(float(moments[min(at, len(passed) - 1)]))
            continue
        share = (quantile - passed[at - 1]) / (passed[at] - passed[at - 1])
        found.append(float(moments[at - 1] + min(1.0, share) * (moments[at] - moments[at - 1])))
    return np.array(found)


def credible_margins(
    moments: np.ndarray, passed: np.ndarray, time: float, spread: Spread
) -> Margins:
    """Return the credible intervals of a boundary that was put at a time, in seconds.

    Parameters
    ----------
    moments, passed : ndarray, shape (N,), float64
        As for `boundary_quantiles`, seconds.
    time : float
        Seconds; the intervals are made to hold it.
    spread : Spread
        Of the boundaries that somebody sets by hand, which the intervals claim to hold.

    Notes
    -----
    With s the standard deviation of the distribution, from 2 to 100 ms, each moment t becomes
    time + a (s / 10 ms)^b (t - time), with a the stretch and b the power of the spread, whose
    Laplace distributions are added.
    """
    places, steps = _masses(moments, passed)
    deviation = float(np.sqrt(steps @ (places - steps @ places) ** 2))
    deviation = min(max(deviation, _LEAST_DEVIATION), _LARGEST_DEVIATION)
    factor = spread.stretch * (deviation / _DEVIATION) ** spread.power
    found = boundary_quantiles(
        factor * (moments - time), passed, (0.05, 0.25, 0.75, 0.95), spread=spread.laplace
    )
    low_90, low_50, high_50, high_90 = found.tolist()
    return Margins(min(low_90, 0.0), min(low_50, 0.0), max(high_50, 0.0), max(high_90, 0.0))


def _check(posteriors: np.ndarray) -> None:
    """Refuse anything but a (T, K) array whose rows sum to one."""
    if posteriors.ndim != 2:
        raise InputError(f"posteriors: expected shape (T, K), got {posteriors.shape}")
    sums = posteriors.sum(axis=1)
    wrong = ~(np.abs(sums - 1) < 1e-6)
    if wrong.any():
        t = int(np.argmax(wrong))
        raise InputError(f"posteriors[{t}]: expected a sum of 1, got {sums[t]}")
