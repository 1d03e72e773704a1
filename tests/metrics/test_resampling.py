"""Resampling: enumeration on small corpora, known distributions, and what it must not depend on."""

import itertools

import numpy as np
import pytest

from speechalign.errors import InputError
from speechalign.metrics.aer import figures
from speechalign.metrics.resampling import (
    ConfidenceInterval,
    Difference,
    bootstrap,
    compare_medians,
    compare_systems,
)


def rate(counts):
    return {"rate": counts[..., 0] / counts[..., 1]}


def corpus(n, seed=0):
    rng = np.random.default_rng(seed)
    sure = rng.integers(1, 9, n)
    found = rng.integers(1, 9, n)
    hits = rng.binomial(np.minimum(sure, found), 0.7)
    return np.stack([hits, hits, found, sure], axis=1).astype(np.float64)


def test_bootstrap_against_enumeration():
    counts = np.array([[1.0, 3.0], [2.0, 4.0], [0.0, 2.0], [5.0, 5.0]])
    draws = [counts[list(rows)].sum(axis=0) for rows in itertools.product(range(4), repeat=4)]
    exact = rate(np.array(draws))["rate"]
    found = bootstrap(counts, rate, resamples=40_000, level=0.8)["rate"]
    assert found.value == 8 / 14
    # The distribution is discrete: the quantile lies between exact ones of close levels.
    for end, level in ((found.low, 10), (found.high, 90)):
        assert np.percentile(exact, level - 1) <= end <= np.percentile(exact, level + 1)


def test_exchanges_against_enumeration():
    ours = np.array([[1.0, 3.0], [2.0, 4.0], [0.0, 2.0], [5.0, 5.0], [1.0, 2.0]])
    theirs = np.array([[0.0, 3.0], [1.0, 4.0], [1.0, 2.0], [3.0, 5.0], [0.0, 2.0]])
    observed = rate(ours.sum(0))["rate"] - rate(theirs.sum(0))["rate"]
    large = []
    for moved in itertools.product([False, True], repeat=5):
        mask = np.array(moved)[:, None]
        a, b = np.where(mask, theirs, ours).sum(0), np.where(mask, ours, theirs).sum(0)
        large.append(abs(rate(a)["rate"] - rate(b)["rate"]) >= observed - 1e-12)
    found = compare_systems(ours, theirs, rate, resamples=20_000)["rate"]
    assert found.value == pytest.approx(observed)
    assert found.p_randomisation == pytest.approx(np.mean(large), abs=0.015)


def test_the_width_is_that_of_the_normal_approximation():
    hits = np.random.default_rng(3).binomial(1, 0.3, 2000).astype(np.float64)
    counts = np.stack([hits, np.ones(2000)], axis=1)
    found = bootstrap(counts, rate, resamples=2000)["rate"]
    spread = 1.96 * np.sqrt(found.value * (1 - found.value) / 2000)
    assert found.value - found.low == pytest.approx(spread, rel=0.1)
    assert found.high - found.value == pytest.approx(spread, rel=0.1)


def test_p_values_are_uniform_without_a_difference():
    small = [[], []]
    for seed in range(120):
        a, b = corpus(40, seed), corpus(40, seed + 1000)
        b[:, 3] = a[:, 3]
        found = compare_systems(a, b, figures, resamples=99, seed=seed)["f1"]
        small[0].append(found.p_bootstrap < 0.1)
        small[1].append(found.p_randomisation < 0.1)
    for counted in small:
        assert 0.04 < np.mean(counted) < 0.18


def test_a_clear_difference():
    a = corpus(300)
    worse = a.copy()
    worse[:, :2] = np.floor(worse[:, :2] / 2)
    found = compare_systems(a, worse, figures)
    assert found["error_rate"].value < 0
    assert found["error_rate"].high < 0
    assert found["error_rate"].p_bootstrap == pytest.approx(2 / 1001)
    assert found["error_rate"].p_randomisation == pytest.approx(1 / 1001)
    opposite = compare_systems(worse, a, figures)["error_rate"]
    assert opposite.value == -found["error_rate"].value
    assert opposite.low == pytest.approx(-found["error_rate"].high)


def test_equal_systems():
    a = corpus(30)
    for difference in compare_systems(a, a, figures).values():
        assert (difference.value, difference.low, difference.high) == (0, 0, 0)
        assert (difference.p_bootstrap, difference.p_randomisation) == (1, 1)


def test_seeded_and_independent_of_blocks(monkeypatch):
    a, b = corpus(50), corpus(50, 1)
    first = bootstrap(a, figures), compare_systems(a, b, figures)
    assert first == (bootstrap(a, figures), compare_systems(a, b, figures))
    assert bootstrap(a, figures, seed=1) != first[0]
    monkeypatch.setattr("speechalign.metrics.resampling._BLOCK", 120)
    assert bootstrap(a, figures) == first[0]
    assert bootstrap(a, figures, resamples=7)["f1"].low <= first[0]["f1"].high


def test_undefined_figures_stay_undefined():
    found = bootstrap(np.zeros((5, 4)), figures)
    assert (found["error_rate"].value, found["error_rate"].high) == (0, 0)
    assert found["recall"] == ConfidenceInterval(None, None, None)
    difference = compare_systems(np.zeros((5, 4)), np.zeros((5, 4)), figures)["recall"]
    assert difference == Difference(None, None, None, None, None)
    # Resamples in which a figure is undefined are left out.
    one = np.array([[1.0, 1.0, 1.0, 1.0], [0, 0, 0, 0]])
    assert bootstrap(one, figures)["recall"].low == 1


def test_one_sentence():
    found = bootstrap(corpus(1), figures)["error_rate"]
    assert found.value == found.low == found.high


def test_refuses():
    with pytest.raises(InputError, match=r"expected shape \(N, K\), N >= 1, got \(0, 4\)"):
        bootstrap(np.zeros((0, 4)), figures)
    with pytest.raises(InputError, match="expected resamples >= 1 and 0 < level < 1, got 0 and"):
        bootstrap(corpus(3), figures, resamples=0)
    with pytest.raises(InputError, match="got 10 and 1"):
        bootstrap(corpus(3), figures, resamples=10, level=1)
    with pytest.raises(InputError, match=r"expected counts of shape \(3, 4\), got \(2, 4\); score"):
        compare_systems(corpus(3), corpus(2), figures)


def values(n, late=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return [np.abs(rng.normal(late, 1.0, rng.integers(0, 6))) for _ in range(n)]


def test_medians_are_those_of_the_drawn_recordings():
    ours, theirs = values(7, 0.5), values(7, seed=1)
    found = compare_medians(ours, theirs, resamples=300, seed=3)
    rng = np.random.default_rng(3)
    drawn = []
    for rows in rng.integers(0, 7, (300, 7)):
        sides = [np.concatenate([own[i] for i in rows]) for own in (ours, theirs)]
        drawn.append(np.median(sides[0]) - np.median(sides[1]))
    expected = np.median(np.concatenate(ours)) - np.median(np.concatenate(theirs))
    assert found.value == pytest.approx(expected)
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))
    sign = np.mean(~(np.array(drawn) * np.sign(expected) > 0))
    assert found.p_bootstrap == pytest.approx(min(1, 2 * (1 + 300 * sign) / 301))


def test_exchanged_medians_against_enumeration():
    ours, theirs = values(6, 1.0), values(6, seed=2)
    observed = abs(np.median(np.concatenate(ours)) - np.median(np.concatenate(theirs)))
    as_large = 0
    for exchange in itertools.product((False, True), repeat=6):
        sides = [
            np.concatenate([(b if x else a) for x, a, b in zip(exchange, *pair)])
            for pair in ((ours, theirs), (theirs, ours))
        ]
        as_large += abs(np.median(sides[0]) - np.median(sides[1])) > observed - 1e-12
    found = compare_medians(ours, theirs, resamples=4000)
    assert found.p_randomisation == pytest.approx(as_large / 64, abs=0.03)


def test_medians_of_nothing_and_of_other_recordings():
    nothing = [np.zeros(0)] * 3
    assert compare_medians(nothing, values(3)) == Difference(None, None, None, None, None)
    with pytest.raises(InputError, match="expected 3 recordings, got 2"):
        compare_medians(values(3), values(2))
