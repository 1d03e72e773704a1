"""The search in a band: whatever is certified is the path of the search over everything."""

import numpy as np
import pytest

from speechalign.errors import AlignmentError, InputError
from speechalign.graphs import HmmUnit, hmm_graph
from speechalign.graphs.ctc_words import ctc_word_graph
from speechalign.kernels import lattice_band, viterbi
from speechalign.kernels.lattice_band import best_path_in_band, is_nearly_linear

PHONES = 12


def unit(phone):
    """Return a phone of three states."""
    labels = tuple(3 * phone + k for k in range(3))
    return HmmUnit(labels, (-0.4,) * 3, (-1.1,) * 3)


def text(rng, words, *, variants=3, longest=14):
    """Return words of some phones each, some of which may be said in several ways."""
    return [
        [
            [unit(p) for p in rng.integers(1, PHONES, rng.integers(1, longest))]
            for _ in range(rng.integers(1, variants + 1))
        ]
        for _ in range(words)
    ]


def speech(rng, words, clarity, *, whole=True):
    """Return emissions of words said in order, with pauses; ``whole`` makes many scores equal."""
    columns = []
    for word in words:
        for phone in word[rng.integers(len(word))]:
            columns += [c for c in phone.labels for _ in range(rng.integers(1, 5))]
        columns += np.repeat([0, 1, 2], rng.integers(0, 6)).tolist()
    scores = rng.normal(size=(len(columns), 3 * PHONES)) * 3 - 10
    scores[np.arange(len(columns)), columns] += clarity
    return np.round(scores) if whole else scores.astype(np.float32)


@pytest.mark.parametrize("clarity", [0.0, 2.0, 8.0])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("words", [1, 2, 9, pytest.param(60, marks=pytest.mark.slow)])
def test_a_certified_path_is_the_best_one(monkeypatch, words, clarity, whole):
    monkeypatch.setattr(lattice_band, "_MARGIN", 1)
    monkeypatch.setattr(lattice_band, "_BEAM", 20.0)
    rng = np.random.default_rng(int(10 * clarity) + whole)
    said = text(rng, words)
    graph = hmm_graph(said, silence=unit(0))
    log_probs = speech(rng, said, clarity, whole=whole)
    found, wanted = best_path_in_band(log_probs, graph), viterbi(log_probs, graph)
    assert found.certified
    assert found.score == wanted.score
    assert found.arcs.tolist() == wanted.arcs.tolist()
    # Where nothing tells the words apart, a narrow band cannot be certified.
    assert found.margin > 1 or clarity > 0 or words < 60


@pytest.mark.slow
def test_a_beam_that_is_led_astray(monkeypatch):
    """A passage that comes twice in the text, the second time with one more phone, said once."""
    monkeypatch.setattr(lattice_band, "_MARGIN", 1)
    monkeypatch.setattr(lattice_band, "_BEAM", 8.0)
    rng = np.random.default_rng(3)
    once, other = text(rng, 12, variants=1), text(rng, 30, variants=1)
    graph = hmm_graph([*once, *once, *other], silence=unit(0))
    log_probs = np.concatenate([speech(rng, once, 5.0), speech(rng, [*once, *other], 5.0)[40:]])
    found, wanted = best_path_in_band(log_probs, graph), viterbi(log_probs, graph)
    assert found.certified
    assert found.arcs.tolist() == wanted.arcs.tolist()


@pytest.mark.slow
def test_more_frames_than_a_block(monkeypatch):
    monkeypatch.setattr(lattice_band, "_MARGIN", 2)
    rng = np.random.default_rng(4)
    said = text(rng, 500, longest=6)
    log_probs = speech(rng, said, 12.0)
    graph = hmm_graph(said, silence=unit(0))
    assert len(log_probs) > 2 * lattice_band._BLOCK
    found = best_path_in_band(log_probs, graph)
    assert found.certified
    assert found.margin < len(said) / 4
    assert found.arcs.tolist() == viterbi(log_probs, graph).arcs.tolist()


@pytest.mark.slow
def test_impossible_sounds_are_not_read():
    rng = np.random.default_rng(5)
    said = text(rng, 40, variants=1)
    log_probs = speech(rng, said, 50.0)
    log_probs[log_probs < 0] = -np.inf
    graph = hmm_graph(said, silence=unit(0))
    found = best_path_in_band(log_probs, graph)
    assert found.certified
    assert found.arcs.tolist() == viterbi(log_probs, graph).arcs.tolist()


@pytest.mark.slow
def test_a_band_that_is_too_large_is_not_certified(monkeypatch):
    monkeypatch.setattr(lattice_band, "_MARGIN", 1)
    monkeypatch.setattr(lattice_band, "_BEAM", 8.0)
    monkeypatch.setattr(lattice_band, "_MOST", 1.0)
    rng = np.random.default_rng(6)
    said = text(rng, 60)
    log_probs = speech(rng, said, 8.0)
    found = best_path_in_band(log_probs, hmm_graph(said, silence=unit(0)))
    assert not found.certified
    assert len(found.arcs) == len(log_probs)


def test_what_cannot_be_searched():
    graph = hmm_graph([[[unit(1)]] * 1] * 5, silence=unit(0))
    with pytest.raises(AlignmentError, match="expected at least 15 frames, got 9"):
        best_path_in_band(np.zeros((9, 3 * PHONES)), graph)
    with pytest.raises(AlignmentError, match="probability zero"):
        best_path_in_band(np.full((20, 3 * PHONES), -np.inf), graph)
    with pytest.raises(InputError, match="log_probs"):
        best_path_in_band(np.full((20, 3 * PHONES), np.nan), graph)


def test_graphs_that_jump_are_told_apart():
    rng = np.random.default_rng(7)
    assert is_nearly_linear(hmm_graph(text(rng, 9), silence=unit(0)))
    assert is_nearly_linear(hmm_graph(text(rng, 9)))
    words = [[1, 2], [3], [1]]
    assert not is_nearly_linear(ctc_word_graph(words, blank=0, skip_weight=-7.0))
    assert not is_nearly_linear(ctc_word_graph(words, blank=0, repeat_weight=-7.0))
