"""Statistics and likelihoods of mixtures, against numpy on arrays that fit the head."""

import numpy as np
import pytest

from speechalign.kernels.mixture_statistics import add_mixture_statistics
from speechalign.models.hmm_gmm.mixtures import Mixtures


def mixtures(rng, tied, codebooks=3, densities=4, streams=3):
    shape = (codebooks, streams, densities, 13)
    weights = rng.random((codebooks, streams if tied else 1, densities, 3 if tied else 1))
    weights[1, :, 2] = 0.0  # A Gaussian that is not there.
    return Mixtures(
        rng.normal(size=shape).astype(np.float32),
        (0.2 + rng.random(shape)).astype(np.float32),
        weights.astype(np.float32),
        np.array([1.0, 0.5, 0.25][:streams], np.float32),
    )


def by_stream(mixture, features):
    """Log-density of every Gaussian, (C, R, K, T), float64."""
    x = features.astype(np.float64)[None, :, None]
    means, variances = (a.astype(np.float64)[..., None] for a in (mixture.means, mixture.variances))
    return -0.5 * ((x - means) ** 2 / variances + np.log(2 * np.pi * variances)).sum(axis=3)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("frames", [1, 31, 65])
def test_scores_are_weighted_sums_of_densities(tied, frames):
    rng = np.random.default_rng(frames)
    mixture = mixtures(rng, tied)
    features = rng.normal(size=(3, 13, frames)).astype(np.float32)
    states = np.array([4, 0, 7]) if tied else np.array([2, 0])
    found = mixture.log_likelihoods(features, states)
    density = by_stream(mixture, features)
    factors = mixture.stream_weights.astype(np.float64)
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights.astype(np.float64))
    for u, state in enumerate(states):
        if tied:
            joint = density[state // 3] + log_weights[state // 3, :, :, state % 3, None]
            expected = (factors[:, None] * np.logaddexp.reduce(joint, axis=1)).sum(axis=0)
        else:
            joint = (factors[:, None, None] * density[state]).sum(axis=0)
            expected = np.logaddexp.reduce(joint + log_weights[state, 0, :, 0, None], axis=0)
        np.testing.assert_allclose(found[:, u], expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("tied", [False, True])
def test_statistics_are_sums_over_frames(tied):
    rng = np.random.default_rng(7)
    mixture = mixtures(rng, tied)
    features = rng.normal(size=(3, 13, 20)).astype(np.float32)
    states = np.array([4, 0, 7]) if tied else np.array([2, 0])
    posteriors = rng.random((20, len(states))).astype(np.float32)
    posteriors[3] = 0.0
    found = [np.ones(mixture.weights.shape), *(np.ones(mixture.means.shape) for _ in range(2))]
    add_mixture_statistics(
        features, posteriors, states, mixture.means, mixture.half_precisions, mixture.log_norms,
        mixture.log_weights, *found,
    )  # fmt: skip
    expected = [np.ones_like(array) for array in found]
    density = by_stream(mixture, features)
    with np.errstate(divide="ignore"):
        log_weights = np.log(mixture.weights.astype(np.float64))
    hidden = 3 if tied else 1
    for u, state in enumerate(states):
        c, h = divmod(int(state), hidden)
        own = density[c] if tied else density[c].sum(axis=0, keepdims=True)
        joint = own + log_weights[c, :, :, h, None]
        share = np.exp(joint - np.logaddexp.reduce(joint, axis=1, keepdims=True))
        share *= posteriors[:, u]
        expected[0][c, :, :, h] += share.sum(axis=2)
        share = np.broadcast_to(share, (3, *share.shape[1:]))
        expected[1][c] += np.einsum("rkt,rdt->rkd", share, features)
        expected[2][c] += np.einsum("rkt,rdt->rkd", share, features.astype(np.float64) ** 2)
    for ours, theirs in zip(found, expected):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)
