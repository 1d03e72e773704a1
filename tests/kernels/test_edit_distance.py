"""Edit distance against every alignment there is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.kernels.edit_distance import edit_distance

SYMBOLS = st.lists(st.integers(-1, 2), max_size=6)


def array(symbols):
    return np.array(symbols, dtype=np.int64)


def every_alignment(n, m):
    """Yield the pairs of every way to align n symbols with m."""
    yield ()
    for i in range(n):
        for j in range(m):
            for before in every_alignment(i, j):
                yield (*before, (i, j))


def cost(reference, hypothesis, pairs):
    """Return the number of edits, and minus the number of equal pairs."""
    equal = sum(reference[i] == hypothesis[j] for i, j in pairs)
    return len(reference) + len(hypothesis) - len(pairs) - equal, -equal


def walk_from_the_end(n, m, pairs):
    """Return the choices from the end: 0 a pair, 1 a deletion, 2 an insertion."""
    choices, i, j = [], n, m
    # Deletions go before insertions where the pairs leave both orders open.
    for a, b in [*reversed(pairs), (-1, -1)]:
        choices += [1] * (i - a - 1) + [2] * (j - b - 1) + [0]
        i, j = a, b
    return choices


@given(SYMBOLS.filter(lambda s: len(s) < 5), SYMBOLS.filter(lambda s: len(s) < 5))
def test_equals_the_best_of_all_alignments(reference, hypothesis):
    found = edit_distance(array(reference), array(hypothesis))
    every = every_alignment(len(reference), len(hypothesis))
    costs = {pairs: cost(reference, hypothesis, pairs) for pairs in every}
    best = min(costs.values())
    assert found.distance == best[0]
    tied = [pairs for pairs, value in costs.items() if value == best]
    expected = min(tied, key=lambda p: walk_from_the_end(len(reference), len(hypothesis), p))
    assert [tuple(pair) for pair in found.pairs.tolist()] == list(expected)


@given(SYMBOLS, SYMBOLS)
def test_turns_round_and_swaps(reference, hypothesis):
    distance = edit_distance(array(reference), array(hypothesis)).distance
    assert edit_distance(array(hypothesis), array(reference)).distance == distance
    assert edit_distance(array(reference[::-1]), array(hypothesis[::-1])).distance == distance
    assert edit_distance(array(reference) + 7, array(hypothesis) + 7).distance == distance


@given(SYMBOLS)
def test_of_itself(symbols):
    found = edit_distance(array(symbols), array(symbols))
    assert found.distance == 0
    assert found.pairs.tolist() == [[i, i] for i in range(len(symbols))]


def test_prefers_a_match_to_substitutions():
    found = edit_distance(array([1, 2]), array([2, 3]))
    assert (found.distance, found.pairs.tolist()) == (2, [[1, 0]])


def test_ties_pair_the_last():
    assert edit_distance(array([5]), array([5, 5])).pairs.tolist() == [[0, 1]]
    assert edit_distance(array([5, 5]), array([5])).pairs.tolist() == [[1, 0]]


def test_strided_input():
    symbols = array([1, 0, 2, 0, 3, 0])[::2]
    assert edit_distance(symbols, array([1, 2, 3])).distance == 0


def test_other_integers():
    found = edit_distance(array([1, 2]).astype(np.int32), array([2]))
    assert (found.distance, found.pairs.tolist()) == (1, [[1, 0]])


@pytest.mark.parametrize("wrong", [np.zeros(2), np.zeros((2, 2), dtype=np.int64)])
def test_refuses(wrong):
    with pytest.raises(InputError, match=r"hypothesis: expected shape \(N,\), .* got \(2,"):
        edit_distance(array([1]), wrong)
