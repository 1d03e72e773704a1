"""One search for models of phones and CTC models: in full or in a band, the same path."""

import numpy as np
import pytest
from sounding_model import SoundingModel

from speechalign.aligners import search
from speechalign.aligners.aligner import Aligner
from speechalign.aligners.label_rows import joined_spans, spans_of_arcs, spans_of_path
from speechalign.aligners.search import EXACT, best_path
from speechalign.graphs.ctc_variants import ctc_variant_graph
from speechalign.kernels.ctc import ctc_viterbi

LABELS = 9


def text(rng, words, most):
    """Return words of one or more readings."""
    return [
        [rng.integers(1, LABELS, rng.integers(1, 6)).tolist() for _ in range(rng.integers(1, most))]
        for _ in range(words)
    ]


def scores(rng, words, clarity):
    """Return log-probabilities of the first reading of each word, blanks in between."""
    said = [column for word in words for label in word[0] for column in (label, 0, 0)]
    columns = np.repeat(said, rng.integers(1, 3, len(said)))
    raw = rng.normal(size=(len(columns), LABELS))
    raw[np.arange(len(columns)), columns] += clarity
    return raw - np.logaddexp.reduce(raw, axis=1, keepdims=True)


@pytest.mark.parametrize("clarity", [1.0, 6.0])
def test_labels_lie_where_the_search_for_labels_alone_has_them(monkeypatch, clarity):
    monkeypatch.setattr(search, "_FULL", 0.0)
    rng = np.random.default_rng(int(clarity))
    words = text(rng, 60, 2)
    log_probs = scores(rng, words, clarity)
    labels = np.array([label for word in words for label in word[0]])
    graph = ctc_variant_graph(words, blank=0)
    path, how = best_path(log_probs, graph)
    alone = ctc_viterbi(log_probs, labels, blank=0)
    assert (how.method, how.certified) == ("band", True)
    assert path.score == pytest.approx(alone.score, abs=1e-3)
    spans = spans_of_arcs(graph, path.arcs, blank=0)
    assert spans.tolist() == spans_of_path(alone, len(labels)).tolist()
    sizes = [len(word[0]) for word in words]
    first = np.append(0, np.cumsum(sizes))[:-1]
    assert joined_spans(spans, sizes)[:, 0].tolist() == spans[first, 0].tolist()


@pytest.mark.parametrize("clarity", [0.0, 1.0, 6.0])
def test_a_band_has_the_readings_of_the_whole(monkeypatch, clarity):
    rng = np.random.default_rng(10 + int(clarity))
    words = text(rng, 40, 4)
    log_probs = scores(rng, words, clarity)
    graph = ctc_variant_graph(words, blank=0)
    whole, how = best_path(log_probs, graph)
    assert how == EXACT
    monkeypatch.setattr(search, "_FULL", 0.0)
    found, how = best_path(log_probs, graph)
    assert (how.method, how.certified) == ("band", True)
    assert found.arcs.tolist() == whole.arcs.tolist()


def test_pronunciations_of_a_ctc_model_are_found_in_a_band(monkeypatch):
    dictionary = {"cab": (("K", "AA", "B"), ("S", "AA", "B")), "sa": (("S", "AA"),)}
    model = SoundingModel(["AA", "B", "K", "S", "_"], unit="phones", dictionary=dictionary)
    rng = np.random.default_rng(0)
    sounds = [
        (phone, 0.06)
        for _ in range(20)
        for phone in (["K", "S"][rng.integers(2)], "AA", "B", "", "S", "AA", "")
    ]
    waveform, words = model.speak(*sounds), "cab sa " * 20
    whole = Aligner(model).align(waveform, words)
    monkeypatch.setattr(search, "_FULL", 0.0)
    found = Aligner(model).align(waveform, words)
    assert whole.search == EXACT
    assert (found.search.method, found.search.certified) == ("band", True)
    assert found.words == whole.words
    said = [" ".join(phone.label for phone in word.phones) for word in found.words[::2]]
    assert said == [f"{sounds[7 * n][0]} AA B" for n in range(20)]
