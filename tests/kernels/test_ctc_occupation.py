"""CTC forward-backward in numba: enumerated sums, the lattice kernel, rows out of range."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_ctc import collapsed, last_end, onsets, weighted_sum

from speechalign.errors import InputError
from speechalign.graphs import ctc_graph
from speechalign.kernels import forward_backward
from speechalign.kernels.ctc_loss import ctc_occupation, spread
from speechalign.kernels.ctc_scaled import (
    DONE,
    UNDERFLOW,
    likely_tilt,
    occupy_scaled,
    scratch_size,
)


def occupied(scores, targets, *, blank=0, **options):
    """Score and posteriors (T, V) of one utterance."""
    labels = np.array(targets, np.int64)[None]
    lengths = np.array([len(scores)]), np.array([len(targets)])
    found = ctc_occupation(scores[None], labels, *lengths, blank=blank, **options)
    shares = np.zeros((1, *scores.shape), scores.dtype)
    spread(found.posteriors, labels, *lengths, np.ones(1, scores.dtype), blank, shares)
    return float(found.scores[0]), shares[0]


@st.composite
def problems(draw):
    columns = draw(st.integers(2, 4))
    blank = draw(st.integers(0, columns - 1))
    label = st.sampled_from([v for v in range(columns) if v != blank])
    targets = draw(st.lists(label, max_size=3))
    score = st.sampled_from([-math.inf, *np.linspace(-3, 1, 9).tolist()])
    row = st.lists(score, min_size=columns, max_size=columns)
    scores = draw(st.lists(row, min_size=1, max_size=5))
    return np.array(scores), targets, blank


@given(problems(), st.sampled_from([0.0, 0.3, -0.2]), st.sampled_from([0.0, 1.5, -1.0]))
def test_equals_the_enumerated_sum(problem, delay_penalty, risk):
    scores, targets, blank = problem
    frames = len(scores)

    def weigh(row):
        if collapsed(row, blank) != tuple(targets):
            return None
        early = sum(frames // 2 - t for t in onsets(row, blank))
        return delay_penalty * early - risk * last_end(row, blank) / frames

    total, shares = weighted_sum(scores, weigh)
    score, found = occupied(scores, targets, blank=blank, delay_penalty=delay_penalty, risk=risk)
    np.testing.assert_allclose(score, total, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found, shares, atol=1e-12)


def extreme(kind):
    """Emissions (40, 5) whose sums leave the range of float64, and targets."""
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(40, 5))
    if kind == "blank collapse":
        scores[:, 1:] -= 120
    elif kind == "deep collapse":
        scores[:, 1:] -= 900
    elif kind == "likelihoods":
        scores = 400 * scores - 5000
    return scores, rng.integers(1, 5, 16)


@pytest.mark.parametrize(
    ("kind", "underflows"),
    [("plain", [False, False]), ("blank collapse", [True, False]),
     ("deep collapse", [True, True]), ("likelihoods", [True, True])],
)  # fmt: skip
def test_out_of_range_it_is_still_the_lattice_kernel(kind, underflows):
    scores, targets = extreme(kind)
    shares = np.zeros((40, 17))
    scratch = np.empty(scratch_size(40, 16))
    tilts = 0.0, likely_tilt(scores, targets, 0, 256)[0]
    found = [
        occupy_scaled(scores, targets, 0, 0.0, 0.0, tilt, scratch, shares)[0] for tilt in tilts
    ]
    assert found == [UNDERFLOW if wanted else DONE for wanted in underflows]
    score, posteriors = occupied(scores, targets)
    lattice = forward_backward(scores, ctc_graph(targets, blank=0), by="label")
    assert score == pytest.approx(lattice.score, rel=1e-12)
    np.testing.assert_allclose(posteriors, lattice.posteriors, atol=1e-8)


@pytest.mark.parametrize("options", [{"delay_penalty": 60.0}, {"risk": 1e6}, {"risk": -1e6}])
def test_heavy_weights(options):
    scores, targets = extreme("plain")
    score, posteriors = occupied(scores, targets, **options)
    assert math.isfinite(score)
    np.testing.assert_allclose(posteriors.sum(axis=1), 1)


@pytest.mark.parametrize("kind", ["plain", "deep collapse"])
def test_impossible_labels(kind):
    scores, targets = extreme(kind)
    scores[:, targets[3]] = -math.inf
    score, posteriors = occupied(scores, targets)
    assert score == -math.inf
    assert not posteriors.any()


def test_padding_is_not_read_and_threads_change_nothing():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4, 9, 3)).astype(np.float32)
    targets = np.array([[1, 2, 1], [2, -9, 77], [1, 1, 5], [0, 0, 0]])
    lengths = np.array([9, 4, 2, 7]), np.array([3, 1, 2, 0])
    for b, frames in enumerate(lengths[0]):
        scores[b, frames:] = np.nan
    one, two = (ctc_occupation(scores, targets, *lengths, blank=0, jobs=jobs) for jobs in (1, 3))
    np.testing.assert_array_equal(one.scores, two.scores)
    np.testing.assert_array_equal(one.posteriors, two.posteriors)
    assert one.posteriors.dtype == np.float32
    assert one.scores[2] == -math.inf
    assert one.posteriors.sum(axis=2).round(5).tolist() == [
        [1] * 9, [1] * 4 + [0] * 5, [0] * 9, [1] * 7 + [0] * 2,
    ]  # fmt: skip


@pytest.mark.parametrize("kind", ["plain", "deep collapse"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_illegal_scores_are_named(kind, value):
    scores, targets = extreme(kind)
    scores[30, 0] = value
    with pytest.raises(InputError, match=rf"log_probs\[0, 30, 0\]: expected .* got {value}"):
        occupied(scores, targets)
