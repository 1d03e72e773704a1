"""The HMM graph of a word sequence accepts what it should, at the price it should."""

import math
from collections import Counter
from itertools import product

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.graphs import HmmUnit, hmm_graph

_SILENCE = HmmUnit((0, 1), (math.log(0.3), math.log(0.8)), (math.log(0.7), math.log(0.2)))


def unit(rng, *labels):
    stay = rng.uniform(0.1, 0.9, size=len(labels))
    return HmmUnit(labels, tuple(np.log(stay)), tuple(np.log(1 - stay)))


@st.composite
def word_sequences(draw):
    """Up to three words of one to two variants of one to two phones of one to two states."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    labels = st.lists(st.integers(0, 4), min_size=1, max_size=2)
    variant = st.lists(labels, min_size=1, max_size=2)
    word = st.lists(variant, min_size=1, max_size=2)
    words = draw(st.lists(word, min_size=draw(st.sampled_from([0, 1, 2, 3])), max_size=3))
    return [[[unit(rng, *p) for p in phones] for phones in variants] for variants in words]


def states_of(unit, position):
    return list(zip(unit.labels, [position] * len(unit.labels), unit.stay, unit.leave))


def expected_sequences(words, silence, silence_probability, frames):
    """Sum the probability of every (labels, positions) that the words allow."""
    sums = Counter()
    pauses = (False, True) if silence else (False,)
    for paused in product(pauses, repeat=len(words) + 1):
        for spoken in product(*words):
            chain, weight = [], 0.0
            for i in range(len(words) + 1):
                if paused[i]:
                    chain += states_of(silence, 2 * i)
                if silence:
                    chance = silence_probability if paused[i] else 1 - silence_probability
                    weight += math.log(chance)
                if i < len(words):
                    chain += [s for phone in spoken[i] for s in states_of(phone, 2 * i + 1)]
            for labels, positions, cost in oracles.chain_sequences(chain, frames):
                sums[labels, positions] += math.exp(weight + cost)
    return sums


def accepted_sequences(graph, frames):
    sums = Counter()
    columns = int(graph.labels.max(initial=0)) + 1
    for path in oracles.paths(np.zeros((frames, columns)), graph):
        arcs = list(path.arcs)
        key = tuple(graph.labels[arcs].tolist()), tuple(graph.positions[arcs].tolist())
        sums[key] += math.exp(path.score)
    return sums


@pytest.mark.parametrize("silence", [None, _SILENCE])
@given(words=word_sequences(), silence_probability=st.sampled_from([0.5, 0.1]))
def test_accepts_exactly_what_the_words_allow(words, silence, silence_probability):
    graph = hmm_graph(words, silence=silence, silence_probability=silence_probability)
    for frames in (0, 2, 4, 7):
        expected = expected_sequences(words, silence, silence_probability, frames)
        assert accepted_sequences(graph, frames) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("silence", [None, _SILENCE])
@given(words=word_sequences())
def test_positions_never_fall_and_states_never_go_back(words, silence):
    graph = hmm_graph(words, silence=silence)
    assert (graph.targets >= graph.sources).all()
    entered = [graph.positions[graph.targets == s] for s in range(graph.num_states)]
    for source, position in zip(graph.sources, graph.positions):
        assert (entered[source] <= position).all()
    for positions in entered[1:]:
        assert len(set(positions.tolist())) == 1


@pytest.mark.parametrize("silence", [None, _SILENCE])
@given(words=word_sequences())
def test_all_lengths_together_have_the_probability_of_the_variants(words, silence):
    # Every unit's stay + leave is one, so each choice of variants has a total probability of one.
    graph = hmm_graph(words, silence=silence, silence_probability=0.3)
    step = np.zeros((graph.num_states, graph.num_states))
    np.add.at(step, (graph.sources, graph.targets), np.exp(graph.weights))
    reached = np.linalg.solve(np.eye(graph.num_states) - step.T, np.exp(graph.start))
    assert reached @ np.exp(graph.final) == pytest.approx(math.prod(map(len, words)))


def test_no_state_may_be_left_out():
    rng = np.random.default_rng(0)
    graph = hmm_graph([[[unit(rng, 0)]], [[unit(rng, 1)]], [[unit(rng, 2)]]])
    assert {labels for labels, _ in accepted_sequences(graph, 4)} == {
        (0, 0, 1, 2), (0, 1, 1, 2), (0, 1, 2, 2),
    }  # fmt: skip
    assert not accepted_sequences(graph, 2)


def test_empty_transcript():
    assert list(accepted_sequences(hmm_graph([]), 0)) == [((), ())]
    assert not accepted_sequences(hmm_graph([]), 1)
    silent = accepted_sequences(hmm_graph([], silence=_SILENCE), 3)
    assert list(silent) == [((0, 0, 1), (0, 0, 0)), ((0, 1, 1), (0, 0, 0))]


@pytest.mark.parametrize("words", [[[]], [[[]]]])
def test_word_without_phones(words):
    good = [[HmmUnit((0,), (-0.7,), (-0.7,))]]
    with pytest.raises(InputError, match=r"words\[1\]: expected at least one phone"):
        hmm_graph([good, *words], silence=_SILENCE)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, math.nan])
def test_silence_probability_out_of_range(probability):
    with pytest.raises(InputError, match=r"silence_probability: expected a value in \(0, 1\)"):
        hmm_graph([], silence=_SILENCE, silence_probability=probability)


@pytest.mark.parametrize(
    ("labels", "stay", "leave"),
    [((), (), ()), ((0,), (-0.7, -0.7), (-0.7,)), ((0, 1), (-0.7, -0.7), (-0.7,))],
)
def test_unit_needs_a_state_and_as_many_weights(labels, stay, leave):
    with pytest.raises(InputError, match="HmmUnit: expected one stay and one leave weight"):
        HmmUnit(labels, stay, leave)


def test_weights_of_variants_stand_once_on_every_path():
    rng = np.random.default_rng(0)
    words = [[[unit(rng, 2)], [unit(rng, 3), unit(rng, 4)]], [[unit(rng, 5)]]]
    weights = [[-0.5, -2.0], [-0.25]]
    plain = accepted_sequences(hmm_graph(words, silence=_SILENCE), 6)
    weighted = accepted_sequences(hmm_graph(words, variant_weights=weights, silence=_SILENCE), 6)
    assert plain.keys() == weighted.keys()
    for (labels, positions), probability in weighted.items():
        prior = -0.25 + (-0.5 if 2 in labels else -2.0)
        expected = plain[labels, positions] * math.exp(prior)
        assert probability == pytest.approx(expected)


def test_variants_without_a_weight_each():
    rng = np.random.default_rng(0)
    words = [[[unit(rng, 2)]], [[unit(rng, 3)], [unit(rng, 4)]]]
    with pytest.raises(InputError, match=r"variant_weights\[1\]: expected 2, .* got 1"):
        hmm_graph(words, variant_weights=[[0.0], [0.0]])
