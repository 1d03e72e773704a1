"""Words of label sequences, and the edits between them."""

import numpy as np
import oracles_paths
from hypothesis import given
from hypothesis import strategies as st

from speechalign.kernels.word_errors import EACH_LABEL, match_words, word_errors, word_spans

LABELS = st.lists(st.integers(1, 3), max_size=7)
SEPARATORS = st.sampled_from([None, 1, 3, 9])


def array(labels):
    return np.array(labels, dtype=np.int64)


def number(separator):
    return EACH_LABEL if separator is None else separator


@given(LABELS, SEPARATORS)
def test_word_spans(labels, separator):
    spans = word_spans(array(labels), number(separator))
    found = [tuple(labels[begin:end]) for begin, end in spans]
    assert found == oracles_paths.words(labels, separator)
    assert spans.dtype == np.int64


@given(LABELS, LABELS, SEPARATORS)
def test_match_words(reference, hypothesis, separator):
    theirs, ours = (oracles_paths.words(x, separator) for x in (reference, hypothesis))
    spans, other_spans = (word_spans(array(x), number(separator)) for x in (reference, hypothesis))
    edits, pairs = match_words(array(reference), spans, array(hypothesis), other_spans)
    assert edits == oracles_paths.distance(theirs, ours)
    equal = sum(theirs[i] == ours[j] for i, j in pairs)
    assert edits == len(theirs) + len(ours) - len(pairs) - equal


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=4), SEPARATORS)
def test_word_errors(both, separator):
    targets, labels = np.full((2, len(both), 8), 2)
    lengths, counts = array([[len(x) for x in pair] for pair in both]).T
    for b, (reference, hypothesis) in enumerate(both):
        targets[b, : len(reference)] = reference
        labels[b, : len(hypothesis)] = hypothesis
    order = np.arange(len(both))[::-1].copy()
    found = word_errors(labels[order], counts[order], order, targets, lengths, number(separator))
    expected = [
        oracles_paths.distance(*(oracles_paths.words(x, separator) for x in pair)) for pair in both
    ]
    assert found[::-1].tolist() == expected
