"""The n-gram model sums to one, agrees with hand-worked Kneser-Ney, and survives pruning."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import FormatError, InputError
from speechalign.text.ngram import BackoffModel, train_backoff_model

START, END = 3, 4
N = 5
BODIES = st.lists(st.lists(st.integers(0, 2), max_size=6), min_size=1, max_size=12)


def train(bodies, **options):
    return train_backoff_model([[START, *body, END] for body in bodies], N, **options)


def log_prob(model, sequence):
    """Return the log-probability of each symbol after the first."""
    _, state = model.step(0, sequence[0])
    scores = []
    for symbol in sequence[1:]:
        score, state = model.step(state, symbol)
        scores.append(score)
    return scores


@given(BODIES, st.integers(1, 5), st.sampled_from([0.0, 1e-3, 1e-1]))
def test_predictions_sum_to_one_in_every_reachable_state(bodies, order, threshold):
    model = train(bodies, order=order, threshold=threshold)
    states = {0} | {model.step(0, symbol)[1] for symbol in range(N)}
    for _ in range(order):
        states |= {model.step(state, symbol)[1] for state in states for symbol in range(N)}
    for state in states:
        total = sum(math.exp(model.step(state, symbol)[0]) for symbol in range(N))
        assert total == pytest.approx(1, abs=0.08)  # 1/32 nat each, at every level


@given(BODIES, st.integers(1, 5))
def test_the_start_is_never_predicted_and_all_else_always_can_be(bodies, order):
    model = train(bodies, order=order)
    for symbol in range(N):
        score, _ = model.step(0, symbol)
        assert (score == -math.inf) == (symbol == START)


def test_bigram_by_hand():
    # Bigrams: ^0 x2, ^1, 01 x2, 1$ x3. Discounts are 1/2 (there is no count of 4).
    # Kneser-Ney counts of 0, 1, $: 1 (after ^), 2 (after ^, 0), 1 (after 1); 2 is unseen.
    # Unigrams: mass 3 x 1/2 = 1.5 of 4, shared by 0, 1, 2, $.
    model = train([[0, 1], [0, 1], [1]], order=2)
    uniform = 1.5 / 4 / 4
    p0, p1 = 0.5 / 4 + uniform, 1.5 / 4 + uniform
    after_start_0 = (2 - 0.5) / 3 + 1 / 3 * p0
    one_after_zero = (2 - 0.5) / 2 + 0.5 / 2 * p1
    two_after_zero = 0.5 / 2 * uniform  # backs off
    assert log_prob(model, [START, 0, 1])[0] == pytest.approx(math.log(after_start_0), abs=1 / 32)
    assert log_prob(model, [START, 0, 1])[1] == pytest.approx(math.log(one_after_zero), abs=1 / 32)
    assert log_prob(model, [START, 0, 2])[1] == pytest.approx(math.log(two_after_zero), abs=1 / 16)


def test_longer_context_decides():
    bodies = [[0, 2, 0], [1, 2, 1]] * 20
    short, long = train(bodies, order=2), train(bodies, order=3)
    assert log_prob(long, [START, 0, 2, 0])[2] > -0.2
    assert log_prob(short, [START, 0, 2, 0])[2] < -0.5


def test_pruning_shrinks_and_keeps_what_matters():
    rng = np.random.default_rng(5)
    bodies = rng.integers(0, 3, (400, 6)).tolist() + [[0, 0, 1, 1, 2, 2]] * 100
    full = train(bodies, order=5)
    pruned = train(bodies, order=5, threshold=1e-3)
    assert len(pruned) < len(full) / 4
    frequent = [START, 0, 0, 1, 1, 2, 2, END]
    assert sum(log_prob(pruned, frequent)) > sum(log_prob(full, frequent)) - 4.5
    held_out = [[START, *body, END] for body in rng.integers(0, 3, (200, 6)).tolist()]
    worse = [sum(log_prob(full, row)) - sum(log_prob(pruned, row)) for row in held_out]
    assert abs(np.mean(worse)) < 1


def test_refusals():
    with pytest.raises(InputError, match="at least one to train on"):
        train_backoff_model([], N, order=2)
    with pytest.raises(InputError, match="order: expected >= 1, got 0"):
        train([[0]], order=0)
    with pytest.raises(InputError, match="n_symbols: expected 1 to 65535, got 70000"):
        train_backoff_model([[0, 1]], 70000, order=1)
    with pytest.raises(FormatError, match="do not describe one trie"):
        BackoffModel(np.zeros(3), np.zeros(4, int), np.zeros(3), np.zeros(0))
