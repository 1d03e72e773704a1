"""Confidence of items, and credible intervals of boundaries.

Everything here follows from the posteriors of positions, summed over all paths by
``forward_backward(log_probs, graph, by="position")``, and is as sure of itself as the model is: a
model that gives all its probability to one path leaves no doubt, right or wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from speechalign.errors import InputError

_ROUNDING = 1e-9


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


def boundary_quantiles(posteriors: np.ndarray, quantiles: Sequence[float]) -> np.ndarray:
    """Find between which frames each boundary lies, with given probabilities.

    The quantiles 0.05 and 0.95 enclose the 90 % credible interval of a boundary, 0.25 and 0.75 the
    50 % one; 0.5 is its median. The intervals are nested and hold the median.

    Parameters
    ----------
    posteriors : ndarray, shape (T, K), float64
        As for `boundary_distribution`.
    quantiles : Sequence[float]
        Q probabilities in (0, 1).

    Returns
    -------
    ndarray, shape (K + 1, Q), int64
        Frame at whose beginning boundary k has been passed with that probability, in [0, T];
        ``FrameGrid.seconds`` makes it a time.

    Raises
    ------
    InputError
        A quantile is out of range, or a row of ``posteriors`` does not sum to one.

    Notes
    -----
    q(k) = min { t : P(boundary k <= t) >= q },  up to a rounding error of 1e-9.

    Examples
    --------
    >>> posteriors = np.array([[1.0, 0.0], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    >>> boundary_quantiles(posteriors, [0.05, 0.5, 0.95])[1].tolist()
    [1, 2, 3]
    """
    for quantile in quantiles:
        if not 0 < quantile < 1:
            raise InputError(f"quantiles: expected values in (0, 1), got {quantile}")
    passed = boundary_distribution(posteriors) + _ROUNDING
    found = [np.searchsorted(row, quantiles) for row in passed]
    return np.array(found, np.int64).reshape(len(passed), len(quantiles))


def _check(posteriors: np.ndarray) -> None:
    """Refuse anything but a (T, K) array whose rows sum to one."""
    if posteriors.ndim != 2:
        raise InputError(f"posteriors: expected shape (T, K), got {posteriors.shape}")
    sums = posteriors.sum(axis=1)
    wrong = ~(np.abs(sums - 1) < 1e-6)
    if wrong.any():
        t = int(np.argmax(wrong))
        raise InputError(f"posteriors[{t}]: expected a sum of 1, got {sums[t]}")
