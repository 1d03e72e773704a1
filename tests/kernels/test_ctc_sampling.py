"""Sampled CTC paths: how often each label is drawn, and what paths collapse to."""

import math

import numpy as np
import oracles_paths
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from speechalign.errors import InputError
from speechalign.kernels.ctc_sampling import _sample, collapse_paths, sample_paths


def random_log_probs(seed, batch=3, frames=7, vocabulary=4, impossible=0.2):
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(batch, frames, vocabulary))
    logits[..., 1:][rng.random((batch, frames, vocabulary - 1)) < impossible] = -np.inf
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_frequencies(temperature, dtype):
    log_probs = random_log_probs(1, batch=1, frames=5, vocabulary=6).astype(dtype)
    samples = 20_000
    paths = sample_paths(log_probs, np.array([5]), samples, seed=3, temperature=temperature)[0]
    p = np.exp(log_probs[0].astype(np.float64) / temperature)
    p /= p.sum(1, keepdims=True)
    statistic, freedom = 0.0, 0
    for t in range(5):
        counts = np.bincount(paths[:, t], minlength=6)
        assert not counts[p[t] == 0].any()
        possible = p[t] > 0
        expected = samples * p[t, possible]
        statistic += ((counts[possible] - expected) ** 2 / expected).sum()
        freedom += possible.sum() - 1
    assert chi2.cdf(statistic, freedom) < 0.999


def test_frames_and_samples_are_independent():
    log_probs = np.log(np.full((1, 2, 2), 0.5))
    first = sample_paths(log_probs, np.array([2]), 20_000, seed=0)[0]
    joint = np.bincount(2 * first[:, 0] + first[:, 1], minlength=4)
    assert chi2.cdf(((joint - 5000) ** 2 / 5000).sum(), 3) < 0.999
    neighbours = np.bincount(2 * first[:-1, 0] + first[1:, 0], minlength=4)
    assert chi2.cdf(((neighbours - 5000) ** 2 / 5000).sum(), 3) < 0.999


def test_rows_need_not_sum_to_one():
    log_probs = random_log_probs(2)
    lengths = np.array([7, 4, 0])
    shifted = log_probs + np.array([1.0, -5.0, 700.0])[:, None, None]
    np.testing.assert_array_equal(
        sample_paths(log_probs, lengths, 4, seed=1), sample_paths(shifted, lengths, 4, seed=1)
    )


def test_padding_and_batch():
    log_probs = random_log_probs(3)
    lengths = np.array([7, 0, 4])
    paths = sample_paths(log_probs, lengths, 5, seed=9)
    padded = np.full((3, 10, 4), np.nan)
    for b, length in enumerate(lengths):
        padded[b, :length] = log_probs[b, :length]
    longer = sample_paths(padded, lengths, 5, seed=9)
    np.testing.assert_array_equal(longer[:, :, :7], paths)
    assert not longer[:, :, 7:].any()
    assert not paths[1].any()
    assert not paths[2, :, 4:].any()
    generator = np.random.default_rng(9)
    for b, length in enumerate(lengths):
        one = sample_paths(log_probs[b : b + 1, :length], lengths[b : b + 1], 5, seed=generator)
        np.testing.assert_array_equal(one[0], paths[b, :, :length])


def test_seeds():
    log_probs = random_log_probs(4)
    lengths = np.array([7, 7, 7])
    generator = np.random.default_rng(1)
    first, second = (sample_paths(log_probs, lengths, 3, seed=generator) for _ in range(2))
    np.testing.assert_array_equal(first, sample_paths(log_probs, lengths, 3, seed=1))
    assert (first != second).any()


def test_lengths_may_be_int32():
    log_probs, lengths = np.log(np.full((2, 3, 4), 0.25)), np.array([3, 2])
    found = sample_paths(log_probs, lengths, 5, seed=1)
    short = sample_paths(log_probs, lengths.astype(np.int32), 5, seed=1)
    np.testing.assert_array_equal(short, found)


def test_layout_of_the_array_does_not_matter():
    log_probs = random_log_probs(5)
    lengths = np.array([7, 6, 5])
    turned = np.ascontiguousarray(log_probs.transpose(2, 0, 1)).transpose(1, 2, 0)
    np.testing.assert_array_equal(
        sample_paths(turned, lengths, 2, seed=0), sample_paths(log_probs, lengths, 2, seed=0)
    )


def test_certain():
    log_probs = np.full((1, 3, 3), -np.inf)
    log_probs[0, [0, 1, 2], [2, 0, 1]] = 0.0
    assert sample_paths(log_probs, np.array([3]), 2, seed=0).tolist() == [[[2, 0, 1]] * 2]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_bad_values(value):
    log_probs = random_log_probs(6)
    log_probs[1, 2, 3] = value
    with pytest.raises(InputError, match=rf"log_probs\[1, 2, 3\]: .* got {value}; check the model"):
        sample_paths(log_probs, np.array([7, 7, 7]), 1, seed=0)
    sample_paths(log_probs, np.array([7, 2, 7]), 1, seed=0)


def test_impossible_frame():
    log_probs = random_log_probs(7)
    log_probs[2, 4] = -np.inf
    with pytest.raises(InputError, match=r"log_probs\[2, 4\]: .* probability zero to all 4 labels"):
        sample_paths(log_probs, np.array([7, 7, 7]), 1, seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"log_probs": np.zeros((2, 3))}, r"log_probs: expected \(B, T, V\).*got \(2, 3\) float64"),
        ({"log_probs": np.zeros((1, 3, 2), np.float16)}, "log_probs: expected .* float16"),
        ({"input_lengths": np.array([8])}, r"input_lengths\[0\]: expected a value in \[0, 3\]"),
        (
            {"input_lengths": np.array([3, 3])},
            r"input_lengths: expected shape \(1,\), .* got \(2,\)",
        ),
        ({"samples": 0}, "samples: expected at least 1, got 0"),
        ({"temperature": 0.0}, "temperature: expected a finite number above 0, got 0.0"),
        ({"temperature": math.nan}, "temperature: expected a finite number above 0, got nan"),
    ],
)
def test_bad_arguments(changes, message):
    given = {"log_probs": np.zeros((1, 3, 2)), "input_lengths": np.array([3]), "samples": 1}
    given |= {"seed": 0, **changes}
    with pytest.raises(InputError, match=message):
        sample_paths(
            given.pop("log_probs"), given.pop("input_lengths"), given.pop("samples"), **given
        )


@given(
    st.integers(0, 3),
    st.lists(st.lists(st.integers(0, 3), max_size=8), max_size=4),
)
def test_collapse(blank, rows):
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    paths = np.full((len(rows), 9), 3 - blank)
    for row, path in zip(rows, paths):
        path[: len(row)] = row
    found = collapse_paths(paths, lengths, blank=blank)
    for p, row in enumerate(rows):
        runs = oracles_paths.runs(row, blank)
        count = found.counts[p]
        assert count == len(runs)
        rows_of = (x[p, :count].tolist() for x in (found.labels, found.starts, found.ends))
        assert list(zip(*rows_of)) == runs
    assert found.labels.shape == (len(rows), found.counts.max(initial=0))


def test_a_draw_of_zero_takes_no_impossible_label():
    log_probs = np.full((1, 1, 3), -np.inf)
    log_probs[0, 0, 1] = 0.0
    paths = np.full((1, 2, 1), 9)
    highest = np.nextafter(1.0, 0.0)
    assert _sample(log_probs, np.array([1]), np.array([0.0, highest]), 1.0, paths) == (-1, -1, -1)
    assert paths.tolist() == [[[1], [1]]]
