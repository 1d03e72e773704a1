"""Emissions check that their parts belong together, and never show the padding."""

import numpy as np
import pytest

from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.vocabulary import Vocabulary

_GRID, _VOCABULARY = FrameGrid(16000, 320), Vocabulary(["_", "a"], blank="_")


def make(log_probs, lengths):
    return Emissions(log_probs, np.array(lengths, np.int64), _GRID, _VOCABULARY)


def test_item_is_a_recording_without_its_padding():
    log_probs = np.arange(16, dtype=np.float32).reshape(2, 4, 2)
    log_probs[0, 3:] = np.nan
    emissions = make(log_probs, [3, 4])
    assert emissions.normalised
    assert emissions[0].tolist() == [[0, 1], [2, 3], [4, 5]]
    assert emissions[1].shape == (4, 2)
    assert np.shares_memory(emissions[1], log_probs)


def test_items_end_where_the_batch_does():
    # So that list(emissions) works.
    assert [part.shape for part in make(np.zeros((2, 3, 2)), [0, 3])] == [(0, 2), (3, 2)]


@pytest.mark.parametrize("shape", [(4, 2), (1, 4, 3), (1, 1, 4, 2)])
def test_shape_must_fit_the_vocabulary(shape):
    with pytest.raises(InputError, match=r"log_probs: expected shape \(B, T, 2\), got"):
        make(np.zeros(shape), [4])


def test_one_length_a_recording():
    with pytest.raises(InputError, match=r"input_lengths: expected shape \(2,\), .* got \(1,\)"):
        make(np.zeros((2, 4, 2)), [4])


def test_lengths_are_kept_as_int64():
    lengths = np.array([4, 2], np.int32)
    found = Emissions(np.zeros((2, 4, 2)), lengths, _GRID, _VOCABULARY).input_lengths
    assert found.dtype == np.int64
    assert found.tolist() == [4, 2]


def test_length_beyond_the_frames():
    with pytest.raises(InputError, match=r"input_lengths\[1\]: .* in \[0, 4\], got 5"):
        make(np.zeros((2, 4, 2)), [4, 5])
