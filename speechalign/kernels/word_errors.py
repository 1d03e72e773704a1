"""Words in sequences of labels, and the edits between those of two sequences."""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.kernels.edit_distance import edit_pairs

EACH_LABEL = -1
"""In place of a separator: every label is a word."""


@njit(cache=True, nogil=True)
def word_spans(labels: np.ndarray, separator: int) -> np.ndarray:
    """Return where the words of a sequence lie, (W, 2) int64: spans without the separator."""
    if separator == EACH_LABEL:
        each = np.arange(len(labels))
        return np.stack((each, each + 1), axis=1)
    spans = np.empty((len(labels), 2), dtype=np.int64)
    count = 0
    inside = False
    for i in range(len(labels)):
        if labels[i] == separator:
            inside = False
        else:
            if not inside:
                spans[count, 0] = i
                count += 1
            spans[count - 1, 1] = i + 1
            inside = True
    return spans[:count]


@njit(cache=True, nogil=True)
def match_words(
    reference: np.ndarray, spans: np.ndarray, hypothesis: np.ndarray, other_spans: np.ndarray
) -> tuple[int, np.ndarray]:
    """Return the edits between two sequences of words, and which words stand opposite each other.

    The pairs are those of `edit_distance`, as rows of ``spans`` and ``other_spans``.
    """
    numbers = np.empty(len(spans), dtype=np.int64)
    for i in range(len(spans)):
        numbers[i] = _find(reference, spans[i], reference, spans[:i])
    others = np.empty(len(other_spans), dtype=np.int64)
    for j in range(len(other_spans)):
        # All that are not in the reference may share a number: they match none of it.
        others[j] = _find(hypothesis, other_spans[j], reference, spans)
    return edit_pairs(numbers, others)


@njit(cache=True, nogil=True)
def _find(labels: np.ndarray, span: np.ndarray, among: np.ndarray, spans: np.ndarray) -> int:
    """Return the first of several spans that holds the same labels, their number if none does."""
    length = span[1] - span[0]
    for k in range(len(spans)):
        same = spans[k, 1] - spans[k, 0] == length
        i = 0
        while same and i < length:
            same = among[spans[k, 0] + i] == labels[span[0] + i]
            i += 1
        if same:
            return k
    return len(spans)


@njit(cache=True, nogil=True)
def word_errors(
    labels: np.ndarray,
    counts: np.ndarray,
    utterances: np.ndarray,
    targets: np.ndarray,
    target_lengths: np.ndarray,
    separator: int,
) -> np.ndarray:
    """Count the word errors of each hypothesis against the transcript of its utterance, (P,)."""
    errors = np.empty(len(labels), dtype=np.int64)
    for p in range(len(labels)):
        reference = targets[utterances[p], : target_lengths[utterances[p]]]
        hypothesis = labels[p, : counts[p]]
        errors[p], _ = match_words(
            reference,
            word_spans(reference, separator),
            hypothesis,
            word_spans(hypothesis, separator),
        )
    return errors
