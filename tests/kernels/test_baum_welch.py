"""Forward-backward in the probability domain: against enumeration, and against logarithms."""

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechalign.errors import AlignmentError
from speechalign.graphs import HmmUnit, hmm_graph
from speechalign.kernels import forward_backward
from speechalign.kernels.baum_welch import occupancy


def unit(first, states=2):
    labels = tuple(range(first, first + states))
    return HmmUnit(labels, (np.log(0.7),) * states, (np.log(0.3),) * states)


def searched(log_probs, graph):
    """Search with only the columns that the graph reads, and put them back in their places."""
    used = np.unique(graph.labels)
    columns = np.full(log_probs.shape[1], -1)
    columns[used] = np.arange(len(used))
    found = occupancy(log_probs[:, used], columns, graph)
    posteriors = np.zeros(log_probs.shape)
    posteriors[:, used] = found.posteriors
    return found, posteriors


@settings(max_examples=15)
@given(st.data())
def test_equals_the_sum_over_all_paths(data):
    words = data.draw(
        st.lists(
            st.lists(st.lists(st.sampled_from([0, 2]), min_size=1, max_size=2), min_size=1,
                     max_size=2),
            min_size=1, max_size=2,
        )
    )  # fmt: skip
    priors = [[float(data.draw(st.integers(-3, 0))) for _ in variants] for variants in words]
    units = [[[unit(label) for label in phones] for phones in variants] for variants in words]
    silence = data.draw(st.sampled_from([None, unit(4)]))
    graph = hmm_graph(units, variant_weights=priors, silence=silence)
    shortest = 2 * sum(min(map(len, variants)) for variants in words)
    frames = shortest + data.draw(st.integers(0, 2))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    log_probs = (3 * rng.normal(size=(frames, 6))).astype(np.float32)
    found, posteriors = searched(log_probs, graph)
    assert found.score == pytest.approx(oracles.total_score(log_probs, graph), rel=1e-6)
    expected = oracles.posteriors(log_probs, graph, graph.labels, 6)
    np.testing.assert_allclose(posteriors, expected, atol=1e-6)
    by_arc = oracles.posteriors(log_probs, graph, np.arange(graph.num_arcs), graph.num_arcs)
    np.testing.assert_allclose(found.arcs, by_arc.sum(axis=0), atol=1e-6)


@pytest.mark.parametrize("spread", [1.0, 20.0, 200.0])
def test_equals_logarithms_on_long_utterances(spread):
    rng = np.random.default_rng(3)
    words = [
        [[unit(int(rng.integers(10)) * 2) for _ in range(4)] for _ in range(2)] for _ in "abcdef"
    ]
    graph = hmm_graph(words, silence=unit(20))
    # Scores far below zero, and further apart than float32 could hold as probabilities.
    log_probs = (spread * rng.normal(size=(150, 22)) - 500).astype(np.float32)
    best = with_a_likely_path(rng, graph, log_probs)
    found, posteriors = searched(best, graph)
    reference = forward_backward(best, graph, by="label")
    assert found.score == pytest.approx(reference.score, rel=1e-7)
    np.testing.assert_allclose(posteriors, reference.posteriors, atol=2e-5)
    np.testing.assert_allclose(posteriors.sum(axis=1), 1.0, atol=1e-5)
    assert found.arcs.sum() == pytest.approx(150)


def with_a_likely_path(rng, graph, log_probs):
    """Make one legal path likely, as transcripts of real speech are."""
    out = [np.flatnonzero(graph.sources == s) for s in range(graph.num_states)]
    while True:
        state, labels = 0, []
        for _ in range(len(log_probs)):
            if not len(out[state]):
                break
            arc = rng.choice(out[state])
            state = graph.targets[arc]
            labels.append(graph.labels[arc])
        if len(labels) == len(log_probs) and np.isfinite(graph.final[state]):
            break
        # A random walk may end too early; slow it down by staying more often.
        out = [np.append(a, [b for b in a if graph.targets[b] == s]) for s, a in enumerate(out)]
    likely = log_probs.copy()
    likely[np.arange(len(labels)), labels] += 4 * abs(log_probs.std())
    return likely


def test_a_constant_on_a_frame_moves_the_score_only():
    graph = hmm_graph([[[unit(0), unit(2)]]], silence=unit(4))
    log_probs = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    found, posteriors = searched(log_probs, graph)
    shifted = log_probs.copy()
    shifted[5] -= 1000
    other, others = searched(shifted, graph)
    assert other.score == pytest.approx(found.score - 1000, rel=1e-5)
    np.testing.assert_allclose(others, posteriors, atol=1e-4)


def test_impossible_frames_have_no_paths():
    graph = hmm_graph([[[unit(0)]]])
    log_probs = np.zeros((4, 2), np.float32)
    log_probs[2] = -np.inf
    assert occupancy(log_probs, np.arange(2), graph).score == -np.inf


def test_too_few_frames():
    graph = hmm_graph([[[unit(0), unit(2)]]])
    with pytest.raises(AlignmentError, match="expected at least 4 frames, got 3"):
        occupancy(np.zeros((3, 4), np.float32), np.arange(4), graph)
