"""Graphs of words with several readings accept exactly the alignments of one of them each."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.graphs.ctc import ctc_graph
from speechalign.graphs.ctc_variants import ctc_variant_graph, variant_labels
from speechalign.kernels import viterbi

BLANK = 2
reading = st.lists(st.sampled_from([0, 1, 3]), min_size=1, max_size=2)
words = st.lists(st.lists(reading, min_size=1, max_size=2), min_size=1, max_size=2)


def accepted(graph, frames):
    """Count the paths of each row of columns that a graph reads."""
    rows = Counter()
    step = {}
    for source, target, label in zip(graph.sources, graph.targets, graph.labels):
        step.setdefault(int(source), []).append((int(target), int(label)))
    waiting = [(int(s), ()) for s in np.flatnonzero(graph.start > -np.inf)]
    while waiting:
        state, row = waiting.pop()
        if len(row) == frames:
            rows[row] += graph.final[state] > -np.inf
            continue
        waiting += [(target, (*row, label)) for target, label in step.get(state, ())]
    return {row: count for row, count in rows.items() if count}


def joined(readings):
    return list(itertools.chain(*readings))


def collapse(row):
    return [label for label, _ in itertools.groupby(row) if label != BLANK]


@given(words, st.integers(1, 5))
def test_reads_the_alignments_of_every_choice(given_words, frames):
    found = accepted(ctc_variant_graph(given_words, blank=BLANK), frames)
    wanted = Counter()
    for choice in itertools.product(*given_words):
        labels = joined(choice)
        for row in itertools.product(range(4), repeat=frames):
            wanted[row] += collapse(row) == labels
    assert found == {row: count for row, count in wanted.items() if count}


@given(st.lists(reading, min_size=1, max_size=3), st.integers(1, 5))
def test_one_reading_each_is_plain_ctc(readings, frames):
    graph = ctc_variant_graph([[r] for r in readings], blank=BLANK)
    assert accepted(graph, frames) == accepted(ctc_graph(joined(readings), blank=BLANK), frames)


@given(words, st.data())
def test_labels_of_a_path_are_those_of_the_choice(given_words, data):
    choice = [data.draw(st.sampled_from(readings)) for readings in given_words]
    row = [column for labels in choice for label in labels for column in (label, BLANK)]
    log_probs = np.where(np.eye(4)[row] > 0, 0.0, -9.0)
    graph = ctc_variant_graph(given_words, blank=BLANK)
    found = variant_labels(graph, viterbi(log_probs, graph).arcs, blank=BLANK)
    assert joined(found) == joined(choice)
    assert all(labels in readings for labels, readings in zip(found, given_words))


@pytest.mark.parametrize(
    ("given_words", "message"),
    [
        ([[]], r"words\[0\]: expected at least one reading"),
        ([[[1]], [[1], []]], r"words\[1\]\[1\]: expected at least one label"),
        ([[[1, BLANK]]], r"words\[0\]\[0\]\[1\]"),
    ],
)
def test_what_is_no_reading(given_words, message):
    with pytest.raises(InputError, match=message):
        ctc_variant_graph(given_words, blank=BLANK)
