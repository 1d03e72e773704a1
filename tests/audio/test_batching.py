"""Batches of recordings of similar length."""

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from speechalign.audio.batching import padded_batches


@given(st.lists(st.integers(1, 100), max_size=30), st.integers(0, 300))
def test_every_recording_is_in_one_batch_that_is_not_too_long(sizes, most):
    lengths = np.array(sizes, np.int64)
    batches = padded_batches(lengths, most=most)
    assert sorted(row for rows in batches for row in rows.tolist()) == list(range(len(sizes)))
    for rows in batches:
        assert len(rows) == 1 or len(rows) * lengths[rows].max() <= most
    for before, after in itertools.pairwise(batches):
        # The next one would not have fitted, and batches follow each other in length.
        assert (len(before) + 1) * lengths[after].min() > most
        assert lengths[before].max() <= lengths[after].min()
