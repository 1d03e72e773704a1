"""New parameters from the statistics of a pass: the M step, and how mixtures grow."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from speechalign.kernels.gaussian_mixture import STATES
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.pronunciation.lexicon import Variants
from speechalign.training.expectation import Alternatives
from speechalign.training.statistics import Statistics

# A variance counts as if it had been seen in so many frames before: one sound that is heard once
# must not claim that it is always the same.
_PRIOR_FRAMES = 10.0
# Share of the variance of all speech that no Gaussian goes below.
_FLOOR = 0.01
# A Gaussian with fewer frames is dropped, unless it is the last of its state.
_LEAST_FRAMES = 5.0
# A mixture may have one Gaussian for so many frames of its state.
_FRAMES_PER_GAUSSIAN = 100.0
# Standard deviations by which the halves of a split Gaussian go apart.
_SPLIT = 0.2


def new_mixtures(present: Mixtures, statistics: Statistics, variance: np.ndarray) -> Mixtures:
    """Estimate the Gaussians of states that have mixtures of their own.

    Parameters
    ----------
    present : Mixtures
        Those of the pass; a state without a frame keeps them.
    statistics : Statistics
        Of the pass.
    variance : ndarray, shape (R, 13), float64
        Of all speech.

    Returns
    -------
    Mixtures
        The most likely ones, but for the priors on variances.

    Notes
    -----
    For each Gaussian with N frames of sum S and squares Q:  mean = S / N,  variance =
    (Q - S^2 / N + n v) / (N + n), at least 0.01 v, with v the variance of all speech and n = 10,
    weight = N over the frames of the state.
    """
    counts = statistics.occupancies[:, 0, :, 0]
    visits = counts.sum(axis=1)
    kept = counts >= _LEAST_FRAMES
    best = counts.argmax(axis=1)
    kept[np.arange(len(kept)), best] = True
    kept &= counts > 0
    seen = visits > 0
    safe = np.where(kept, counts, 1.0)[:, None, :, None]
    means = statistics.sums / safe
    spread = np.maximum(statistics.squares - statistics.sums * means, 0.0)
    floor = variance[None, :, None]
    variances = (spread + _PRIOR_FRAMES * floor) / (safe + _PRIOR_FRAMES)
    variances = np.maximum(variances, _FLOOR * floor)
    weights = np.where(kept, counts, 0.0)
    weights /= np.where(seen, weights.sum(axis=1), 1.0)[:, None]
    pick = (seen[:, None] & kept)[:, None, :, None]
    return Mixtures(
        np.where(pick, means, present.means).astype(np.float32),
        np.where(pick, variances, present.variances).astype(np.float32),
        np.where(seen[:, None], weights, present.weights[:, 0, :, 0]).astype(np.float32)[
            :, None, :, None
        ],
        present.stream_weights,
    )


def grown(mixtures: Mixtures, visits: np.ndarray, most: int) -> Mixtures:
    """Split Gaussians where there are frames for more of them.

    Parameters
    ----------
    mixtures : Mixtures
        Of states that have mixtures of their own.
    visits : ndarray, shape (V,), float64
        Frames of each state.
    most : int
        Largest number of Gaussians of a state.

    Returns
    -------
    Mixtures
        Up to ``most`` Gaussians a state, one for every 100 frames. The heaviest is split first,
        into halves whose means lie 0.2 standard deviations from the old one.
    """
    means, variances = mixtures.means, mixtures.variances
    weights = mixtures.weights
    room = most - means.shape[2]
    if room > 0:
        wider = ((0, 0), (0, 0), (0, room), (0, 0))
        means = np.pad(means, wider)
        variances = np.pad(variances, wider, constant_values=1.0)
        weights = np.pad(weights, wider)
    else:
        means, variances, weights = means.copy(), variances.copy(), weights.copy()
    for state, frames in enumerate(visits):
        heavy = weights[state, 0, :, 0]
        for _ in range(int(min(most, frames // _FRAMES_PER_GAUSSIAN)) - int((heavy > 0).sum())):
            k, free = int(heavy.argmax()), int(heavy.argmin())
            heavy[k] = heavy[free] = heavy[k] / 2
            step = np.float32(_SPLIT) * np.sqrt(variances[state, :, k])
            means[state, :, free] = means[state, :, k] + step
            means[state, :, k] -= step
            variances[state, :, free] = variances[state, :, k]
    return Mixtures(means, variances, weights, mixtures.stream_weights)


def new_stay(model: HmmGmm, statistics: Statistics) -> np.ndarray:
    """Estimate the probability of repeating each state of a phone, shape (P, 3), in (0, 1)."""
    present = model.stay
    visits, repeats = (
        np.bincount(model.home, counts, present.size).reshape(-1, STATES)
        for counts in (statistics.visits, statistics.repeats)
    )
    return np.where(visits > 0, (repeats + 1) / (visits + 2), present)


def new_priors(
    alternatives: Alternatives, statistics: Statistics
) -> Mapping[Variants, tuple[float, ...]]:
    """Estimate the log-prior of each pronunciation of words that have several; add-one smoothed."""
    priors = {}
    for word, begin in alternatives.first.items():
        counts = statistics.alternatives[begin : begin + len(word)] + 1
        priors[word] = tuple(np.log(counts / counts.sum()).tolist())
    return priors


def new_silence_probability(statistics: Statistics) -> float:
    """Estimate the probability of a pause at each place where there may be one, in (0, 1)."""
    return float((statistics.pauses[0] + 1) / (statistics.places[0] + 2))
