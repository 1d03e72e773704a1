"""Expected n-gram counts against the enumeration of all outputs."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.kernels.ngram_counts import (
    count_ngrams,
    count_ngrams_backward,
    expect_length,
    expect_length_backward,
    short_outputs,
    short_outputs_backward,
)


def collapse(path, blank, merge):
    kept = [v for t, v in enumerate(path) if not (merge and t and path[t - 1] == v)]
    return tuple(v for v in kept if v != blank)


def outputs(probs, blank, merge):
    """Return every output with its probability."""
    T, V = probs.shape
    found = {}
    for path in product(range(V), repeat=T):
        y = collapse(path, blank, merge)
        found[y] = found.get(y, 0.0) + np.prod(probs[np.arange(T), path])
    return found


def occurrences(y, gram):
    n = len(gram)
    return sum(y[i : i + n] == gram for i in range(len(y) - n + 1))


@st.composite
def problems(draw):
    T, V = draw(st.integers(1, 5)), draw(st.integers(2, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    probs = rng.dirichlet(np.full(V, draw(st.sampled_from([0.2, 1.0]))), T)
    blank = draw(st.integers(0, V - 1))
    n = draw(st.integers(1, 3))
    tokens = [v for v in range(V) if v != blank]
    grams = draw(st.lists(st.tuples(*[st.sampled_from(tokens)] * n), min_size=1, max_size=3))
    return probs, np.array(grams, np.int64), blank, draw(st.booleans())


def numeric_gradient(function, probs):
    slope = np.zeros_like(probs)
    for cell in np.ndindex(*probs.shape):
        moved = [probs.copy(), probs.copy()]
        moved[0][cell] += 1e-5
        moved[1][cell] -= 1e-5
        slope[cell] = (function(moved[0]) - function(moved[1])) / 2e-5
    return slope


@given(problems())
def test_counts_equal_enumeration(problem):
    probs, grams, blank, merge = problem
    found, _, _ = count_ngrams(probs, grams, blank, merge)
    spoken = outputs(probs, blank, merge)
    wanted = [
        sum(p * occurrences(y, tuple(gram)) for y, p in spoken.items()) for gram in grams.tolist()
    ]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13)


@given(problems())
def test_length_equals_enumeration(problem):
    probs, _, blank, merge = problem
    spoken = outputs(probs, blank, merge)
    wanted = sum(p * len(y) for y, p in spoken.items())
    assert expect_length(probs, blank, merge) == pytest.approx(wanted, abs=1e-12)


@given(problems(), st.integers(0, 3))
def test_short_outputs_equal_enumeration(problem, longest):
    probs, _, blank, merge = problem
    lengths, _, _ = short_outputs(probs, blank, merge, longest)
    wanted = np.zeros(longest + 1)
    for y, p in outputs(probs, blank, merge).items():
        if len(y) <= longest:
            wanted[len(y)] += p
    np.testing.assert_allclose(lengths, wanted, rtol=0, atol=1e-13)


@given(problems())
def test_gradient_of_counts(problem):
    probs, grams, blank, merge = problem
    weights = np.arange(1.0, len(grams) + 1)

    def total(moved):
        return weights @ count_ngrams(moved, grams, blank, merge)[0]

    _, tokens, gaps = count_ngrams(probs, grams, blank, merge)
    gradient = np.zeros_like(probs)
    count_ngrams_backward(probs, grams, blank, merge, tokens, gaps, weights, gradient)
    np.testing.assert_allclose(gradient, numeric_gradient(total, probs), atol=1e-7)


@given(problems())
def test_gradient_of_the_length(problem):
    probs, _, blank, merge = problem
    gradient = np.zeros_like(probs)
    expect_length_backward(probs, blank, merge, 0.5, gradient)
    wanted = numeric_gradient(lambda p: 0.5 * expect_length(p, blank, merge), probs)
    np.testing.assert_allclose(gradient, wanted, atol=1e-7)


@given(problems(), st.integers(0, 2))
def test_gradient_of_short_outputs(problem, longest):
    probs, _, blank, merge = problem
    weights = np.arange(1.0, longest + 2)

    def total(moved):
        return weights @ short_outputs(moved, blank, merge, longest)[0]

    _, silences, runs = short_outputs(probs, blank, merge, longest)
    gradient = np.zeros_like(probs)
    short_outputs_backward(probs, blank, merge, silences, runs, weights, gradient)
    np.testing.assert_allclose(gradient, numeric_gradient(total, probs), atol=1e-7)


def test_all_bigrams_add_up_to_the_length():
    probs = np.random.default_rng(3).dirichlet(np.ones(4), 6)
    grams = np.array([pair for pair in product([0, 1, 3], repeat=2)], np.int64)
    found, _, _ = count_ngrams(probs, grams, 2, True)
    wanted = expect_length(probs, 2, True) - 1 + probs[:, 2].prod()
    assert found.sum() == pytest.approx(wanted, abs=1e-13)
