"""What CTC paths say, frame by frame: slow, obvious, and independent of speechalign."""

from __future__ import annotations

import itertools
import math

import numpy as np


def runs(path, blank):
    """Return (label, start, end) of each run of a label that is not blank."""
    found = []
    at = 0
    for label, group in itertools.groupby(path):
        length = len(list(group))
        if label != blank:
            found.append((label, at, at + length))
        at += length
    return found


def collapse(path, blank):
    """Return the labels that a path says."""
    return [label for label, _, _ in runs(path, blank)]


def every_path(log_probs):
    """Yield every path through (T, V) and its probability."""
    for path in itertools.product(range(log_probs.shape[1]), repeat=len(log_probs)):
        yield path, math.exp(sum(log_probs[t, v] for t, v in enumerate(path)))


def distance(reference, hypothesis):
    """Return the least number of insertions, deletions and substitutions."""
    table = np.zeros((len(reference) + 1, len(hypothesis) + 1), dtype=int)
    table[:, 0] = range(len(reference) + 1)
    table[0] = range(len(hypothesis) + 1)
    for i, j in itertools.product(range(len(reference)), range(len(hypothesis))):
        table[i + 1, j + 1] = min(
            table[i, j] + (reference[i] != hypothesis[j]),
            table[i, j + 1] + 1,
            table[i + 1, j] + 1,
        )
    return int(table[-1, -1])


def words(labels, separator):
    """Split labels at a separator; each is a word where there is none."""
    if separator is None:
        return [(label,) for label in labels]
    groups = itertools.groupby(labels, key=lambda label: label == separator)
    return [tuple(group) for is_separator, group in groups if not is_separator]
