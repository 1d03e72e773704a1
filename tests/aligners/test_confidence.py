"""Confidences and boundaries agree with what an enumeration of all alignments says."""

import math

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.aligners.confidence import (
    boundary_distribution,
    boundary_quantiles,
    credible_margins,
    item_confidences,
)
from speechalign.errors import InputError
from speechalign.graphs import ctc_graph, ctc_word_graph
from speechalign.kernels.lattice import forward_backward, viterbi
from speechalign.models.spread import Spread


@st.composite
def problems(draw):
    """CTC of at most three labels over at most seven frames, random or with much probability 0."""
    targets = draw(st.lists(st.integers(0, 1), max_size=3))
    frames = draw(st.integers(max(1, 2 * len(targets) - 1), 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    probs = rng.dirichlet(np.full(3, draw(st.sampled_from([0.3, 3.0]))), size=frames)
    return np.log(np.maximum(probs, 1e-30)), ctc_graph(targets, blank=2)


def weighted_paths(log_probs, graph):
    """Return the positions (N, T) and probabilities (N,) of all paths, given that it is one."""
    paths = list(oracles.paths(log_probs, graph))
    positions = np.array([graph.positions[list(path.arcs)] for path in paths])
    weights = np.exp([path.score for path in paths])
    return positions, weights / weights.sum()


def boundaries_of(positions, width):
    """Return where each path passes each boundary, shape (N, K + 1)."""
    frames = positions.shape[1]
    found = [
        [next((t for t in range(frames) if path[t] >= k), frames) for k in range(width + 1)]
        for path in positions
    ]
    return np.array(found)


def posteriors_of(log_probs, graph):
    return forward_backward(log_probs, graph, by="position").posteriors


@given(problems())
def test_distribution_is_that_of_the_enumerated_paths(problem):
    posteriors = posteriors_of(*problem)
    positions, weights = weighted_paths(*problem)
    found = boundary_distribution(posteriors)
    bounds = boundaries_of(positions, posteriors.shape[1])
    for t in range(len(posteriors) + 1):
        expected = ((bounds <= t) * weights[:, None]).sum(axis=0)
        np.testing.assert_allclose(found[:, t], expected, atol=1e-9)
    assert (np.diff(found, axis=1) >= 0).all()
    assert (found[:, -1] == 1).all()


@given(problems(), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=4))
def test_quantiles_are_those_of_the_enumerated_paths(problem, quantiles):
    posteriors = posteriors_of(*problem)
    positions, weights = weighted_paths(*problem)
    bounds = boundaries_of(positions, posteriors.shape[1])
    for k, passed in enumerate(boundary_distribution(posteriors)):
        # Linear between frames: the enumerated share of each frame is spread over it.
        heights = [weights[bounds[:, k] <= t].sum() for t in range(len(passed))]
        found = boundary_quantiles(np.arange(len(passed)), passed, quantiles)
        for quantile, t in zip(quantiles, found):
            height = np.interp(t, np.arange(len(passed)), heights)
            if heights[0] >= quantile:
                assert t == 0
            else:
                assert height == pytest.approx(quantile, abs=1e-7)


@given(problems())
def test_intervals_are_nested_hold_the_median_and_keep_the_order(problem):
    posteriors = posteriors_of(*problem)
    for spread in ((), ((0.7, 0.3), (0.3, 2.0))):
        found = np.array(
            [
                boundary_quantiles(
                    np.arange(len(passed)), passed, [0.05, 0.25, 0.5, 0.75, 0.95], spread=spread
                )
                for passed in boundary_distribution(posteriors)
            ]
        )
        assert (np.diff(found, axis=1) >= 0).all()
        assert (np.diff(found, axis=0) >= -1e-6).all()
        if not spread:
            assert (found[0] == 0).all()
            assert (found[-1] <= len(posteriors)).all()


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 3), st.integers(1, 2)), max_size=5))
def test_emissions_without_doubt_leave_none(runs):
    labels, starts, ends = [2], [], []
    for label, length, pause in runs:
        starts.append(len(labels))
        labels += [label] * length
        ends.append(len(labels))
        labels += [2] * pause
    with np.errstate(divide="ignore"):
        log_probs = np.log(np.eye(3)[labels])
    graph = ctc_graph([label for label, _, _ in runs], blank=2)
    posteriors = posteriors_of(log_probs, graph)
    passed = boundary_distribution(posteriors)
    found = np.array(
        [boundary_quantiles(np.arange(len(row)), row, [0.01, 1.0 - 1e-12]) for row in passed]
    )
    assert (np.ptp(found[1:], axis=1) < 1).all()
    assert found[1:-1:2, 1].round(6).tolist() == starts
    assert found[2::2, 1].round(6).tolist() == ends
    path = viterbi(log_probs, graph)
    assert item_confidences(posteriors, graph.positions[path.arcs]) == [1.0] * len(runs)


@given(problems())
def test_confidence_is_the_expected_share_of_frames_shared_with_the_path(problem):
    log_probs, graph = problem
    positions, weights = weighted_paths(*problem)
    best = graph.positions[viterbi(log_probs, graph).arcs]
    found = item_confidences(posteriors_of(*problem), best)
    assert len(found) == graph.num_states // 2
    for i, confidence in enumerate(found):
        own = best == 2 * i + 1
        share = (positions[:, own] == 2 * i + 1).mean(axis=1)
        assert confidence == pytest.approx(float(share @ weights), abs=1e-9)
        assert 0 <= confidence <= 1


def test_word_that_was_left_out_has_no_confidence():
    graph = ctc_word_graph([[1], [2], [1]], blank=0, skip_weight=-1.0)
    log_probs = np.log(np.full((3, 3), 0.01) + 0.97 * np.eye(3)[[1, 0, 1]])
    path = viterbi(log_probs, graph)
    found = item_confidences(posteriors_of(log_probs, graph), graph.positions[path.arcs])
    assert found[1] is None
    assert min(found[0], found[2]) > 0.9


def test_a_softer_emission_widens_the_interval_and_lowers_the_confidence():
    graph = ctc_graph([1], blank=0)
    shown = np.eye(2)[[0, 0, 0, 1, 1, 1, 0, 0, 0]]
    widths, confidences = [], []
    for sharpness in (8.0, 2.0, 1.0, 0.5):
        logits = sharpness * shown
        log_probs = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        posteriors = posteriors_of(log_probs, graph)
        passed = boundary_distribution(posteriors)[1]
        found = boundary_quantiles(np.arange(len(passed)), passed, [0.05, 0.95])
        widths.append(float(np.diff(found).item()))
        path = viterbi(log_probs, graph)
        confidences += item_confidences(posteriors, graph.positions[path.arcs])
    assert widths[0] < 1
    assert widths == sorted(widths)
    assert widths[-1] >= 4
    assert confidences == sorted(confidences, reverse=True)


def test_spread_is_that_of_a_sum():
    moments, passed = np.array([0.0, 1.0, 3.0, 4.0]), np.array([0.1, 0.2, 0.9, 1.0])
    spread = ((0.75, 0.2), (0.25, 1.5))
    rng = np.random.default_rng(0)
    place = rng.choice([0.0, 0.5, 2.0, 3.5], size=400_000, p=[0.1, 0.1, 0.7, 0.1])
    scale = rng.choice([0.2, 1.5], size=place.size, p=[0.75, 0.25])
    drawn = place + rng.laplace(scale=scale)
    wanted = [0.05, 0.25, 0.5, 0.75, 0.95]
    found = boundary_quantiles(moments, passed, wanted, spread=spread)
    assert [np.mean(drawn <= q) for q in found] == pytest.approx(wanted, abs=0.004)


_LABELLERS = Spread(((0.7, 0.004), (0.3, 0.035)))


def test_margins_hold_the_boundary_wherever_it_was_put():
    moments, passed = np.array([1.0, 1.1]), np.array([0.0, 1.0])
    inside = credible_margins(moments, passed, 1.05, _LABELLERS)
    assert inside.low_90 < inside.low_50 < 0 < inside.high_50 < inside.high_90
    outside = credible_margins(moments, passed, 2.0, _LABELLERS)
    assert (outside.high_50, outside.high_90) == (0.0, 0.0)
    assert 2.0 + outside.low_90 == pytest.approx(1.05 + inside.low_90)
    moved = inside.after_move(0.001)
    assert moved.low_90 == pytest.approx(inside.low_90 - 0.001)
    assert inside.after_move(-1.0).low_90 == 0.0


def uniform(width):
    """Return a distribution over so many seconds around 1."""
    return np.linspace(1 - width / 2, 1 + width / 2, 401), np.linspace(0, 1, 401)


def test_a_stretch_is_about_the_boundary_and_a_power_of_the_deviation():
    tiny = ((1.0, 1e-6),)  # labellers agree
    plain = credible_margins(*uniform(0.04), 1.0, Spread(tiny))
    assert plain.high_90 == pytest.approx(0.018, rel=0.01)
    assert plain.low_50 == pytest.approx(-0.01, rel=0.01)
    twice = credible_margins(*uniform(0.04), 1.0, Spread(tiny, stretch=2.0))
    assert twice.high_90 == pytest.approx(2 * plain.high_90, rel=0.01)
    aside = credible_margins(*uniform(0.04), 0.99, Spread(tiny, stretch=2.0))
    assert aside.high_90 == pytest.approx(2 * (plain.high_90 + 0.01), rel=0.01)
    # A uniform distribution of width w has a deviation of w / sqrt(12).
    for width in (0.02, 0.1):
        powered = credible_margins(*uniform(width), 1.0, Spread(tiny, stretch=1.5, power=0.5))
        factor = 1.5 * (width / math.sqrt(12) / 0.01) ** 0.5
        assert powered.high_90 == pytest.approx(factor * 0.45 * width, rel=0.01)


def test_the_stretch_of_a_certain_boundary_is_finite():
    certain = np.array([1.0]), np.ones(1)
    found = credible_margins(*certain, 1.0, Spread(_LABELLERS.laplace, stretch=1.2, power=-3.0))
    assert found == credible_margins(*certain, 1.0, _LABELLERS)


@pytest.mark.parametrize("posteriors", [np.array([[0.5, 0.4]]), np.array([[math.nan, 1.0]])])
def test_rows_that_do_not_sum_to_one(posteriors):
    with pytest.raises(InputError, match=r"posteriors\[0\]: expected a sum of 1, got (0.9|nan)"):
        boundary_distribution(posteriors)
    with pytest.raises(InputError, match=r"posteriors\[0\]"):
        item_confidences(posteriors, np.array([0]))


def test_other_input_that_does_not_fit():
    posteriors = np.array([[0.5, 0.5]])
    with pytest.raises(InputError, match=r"posteriors: expected shape \(T, K\), got \(2,\)"):
        boundary_distribution(posteriors[0])
    for quantile in (0.0, 1.0, math.nan):
        with pytest.raises(InputError, match=r"quantiles: expected values in \(0, 1\)"):
            boundary_quantiles(np.arange(2), np.array([0.0, 1.0]), [0.5, quantile])
    for positions in ([0, 1], [2], [-1]):
        with pytest.raises(InputError, match=r"positions: expected shape \(1,\) .* \[0, 2\)"):
            item_confidences(posteriors, np.array(positions))
