"""Gaussian-mixture scores against the formula in float64."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.kernels import gaussian_mixture
from speechalign.kernels.gaussian_mixture import DIMS, STATES, tied_mixture_log_likelihoods


def mixture(rng, *, codebooks=2, streams=2, densities=3, frames=5, spread=1.0):
    """Random arguments of `tied_mixture_log_likelihoods`, every codebook used."""
    shape = (codebooks, streams, densities)
    variances = rng.uniform(0.2, 3.0, size=(*shape, DIMS))
    weights = rng.uniform(1e-6, 1.0, size=(*shape, STATES))
    return {
        "features": rng.normal(scale=spread, size=(streams, DIMS, frames)).astype(np.float32),
        "means": rng.normal(scale=spread, size=(*shape, DIMS)).astype(np.float32),
        "half_precisions": (0.5 / variances).astype(np.float32),
        "log_norms": (-0.5 * np.log(2 * np.pi * variances).sum(-1)).astype(np.float32),
        "mixture_weights": (weights / weights.sum(axis=2, keepdims=True)).astype(np.float32),
        "stream_weights": rng.uniform(0.3, 1.0, size=streams).astype(np.float32),
        "codebook_used": np.ones(codebooks, np.bool_),
    }


def expected_scores(arguments):
    """Evaluate the documented formula with numpy, in float64."""
    x, means, half, norms, weights, streams = (
        np.float64(arguments[name])
        for name in (
            "features", "means", "half_precisions", "log_norms", "mixture_weights",
            "stream_weights",
        )
    )  # fmt: skip
    difference = x.transpose(0, 2, 1)[None, :, None] - means[:, :, :, None]
    density = norms[..., None] - (difference**2 * half[:, :, :, None]).sum(-1)
    joint = density[..., None] + np.log(weights)[:, :, :, None]
    summed = np.logaddexp.reduce(joint, axis=2)
    return np.einsum("r,crth->tch", streams, summed).reshape(x.shape[2], -1)


@pytest.mark.parametrize("frames", [1, 31, 32, 33, 70])
def test_equals_the_formula_whatever_the_number_of_frames(frames):
    arguments = mixture(np.random.default_rng(frames), frames=frames)
    scores = tied_mixture_log_likelihoods(**arguments)
    assert scores.shape == (frames, 2 * STATES)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected_scores(arguments), rtol=2e-6, atol=1e-4)


@pytest.mark.parametrize("spread", [1e-3, 30.0])
def test_densities_that_are_alike_or_far_apart(spread):
    # At a spread of 30 all densities but the best underflow in float32.
    arguments = mixture(np.random.default_rng(1), spread=spread, densities=5)
    np.testing.assert_allclose(
        tied_mixture_log_likelihoods(**arguments), expected_scores(arguments), rtol=2e-6, atol=1e-4
    )


def test_gaussian_left_out_counts_for_nothing():
    arguments = mixture(np.random.default_rng(5), densities=4)
    arguments["log_norms"][:, 0, 2] = arguments["log_norms"][1, 1, 0] = -math.inf
    np.testing.assert_allclose(
        tied_mixture_log_likelihoods(**arguments), expected_scores(arguments), rtol=2e-6, atol=1e-4
    )


def test_unused_codebooks_are_minus_infinity_and_leave_the_others_alone():
    arguments = mixture(np.random.default_rng(2), codebooks=3)
    everything = tied_mixture_log_likelihoods(**arguments)
    arguments["codebook_used"] = np.array([True, False, True])
    some = tied_mixture_log_likelihoods(**arguments)
    assert (some[:, STATES : 2 * STATES] == -math.inf).all()
    kept = np.r_[:STATES, 2 * STATES : 3 * STATES]
    np.testing.assert_array_equal(some[:, kept], everything[:, kept])


def test_frames_do_not_see_each_other():
    arguments = mixture(np.random.default_rng(3), frames=40)
    whole = tied_mixture_log_likelihoods(**arguments)
    features = arguments["features"]
    for begin, end in ((0, 1), (20, 40), (39, 40)):
        arguments["features"] = np.ascontiguousarray(features[:, :, begin:end])
        np.testing.assert_array_equal(tied_mixture_log_likelihoods(**arguments), whole[begin:end])


def test_no_frames():
    arguments = mixture(np.random.default_rng(4), frames=0)
    assert tied_mixture_log_likelihoods(**arguments).shape == (0, 2 * STATES)


@given(st.floats(-87, 0, width=32))
def test_exponential_is_within_its_stated_error(x):
    found = float(gaussian_mixture._exp(np.float32(x)))
    assert abs(found / math.exp(x) - 1) <= 3e-7


def test_exponential_over_its_whole_range():
    for x in np.linspace(-87, 0, 5001, dtype=np.float32):
        assert abs(float(gaussian_mixture._exp(x)) / math.exp(float(x)) - 1) <= 3e-7
    assert float(gaussian_mixture._exp(np.float32(0))) == 1.0
    for x in (-88.0, -1e4, -3e38, -math.inf):
        assert 0 <= float(gaussian_mixture._exp(np.float32(x))) < 2e-38
