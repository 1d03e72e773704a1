"""Frame grids: from layers, by trial, and against what real layers hear."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.models.frame_timing import convolution_grid, measured_grid

layer = st.tuples(st.integers(1, 12), st.integers(1, 4))


def count_frames(layers, samples):
    for kernel, stride in layers:
        if samples < kernel:
            return 0
        samples = (samples - kernel) // stride + 1
    return samples


def hears(layers, frame):
    """Return first and last sample of a frame, by going back through the layers."""
    first = last = frame
    for kernel, stride in reversed(layers):
        first, last = first * stride, last * stride + kernel - 1
    return first, last


@given(st.lists(layer, min_size=1, max_size=5), st.integers(0, 20))
def test_cells_share_their_middle_with_the_receptive_field(layers, frame):
    grid = convolution_grid(layers, sample_rate=1000)
    first, last = hears(layers, frame)
    middle = grid.offset + (frame + 0.5) * grid.stride
    assert abs(middle - (first + last + 1) / 2) <= 0.5


@given(st.lists(layer, min_size=1, max_size=5))
def test_trial_finds_the_same(layers):
    found = measured_grid(lambda samples: count_frames(layers, samples), sample_rate=1000)
    assert found == convolution_grid(layers, sample_rate=1000)


@given(st.lists(layer, min_size=1, max_size=4), st.data())
def test_padding_moves_the_grid_by_itself(layers, data):
    padding = [data.draw(st.integers(0, (kernel - 1) // 2)) for kernel, _ in layers]

    def count(samples):
        for (kernel, stride), pad in zip(layers, padding):
            samples = (samples + 2 * pad - kernel) // stride + 1 if samples else 0
            samples = max(0, samples)
        return samples

    grid = convolution_grid(layers, sample_rate=1000, padding=padding)
    found = measured_grid(count, sample_rate=1000)
    assert (found.stride, abs(found.offset - grid.offset) <= 1) == (grid.stride, True)


def test_whisper_hears_around_the_middle():
    # 400 samples of mel window, centred by padding; then kernels of 3, the second in steps of 2.
    grid = convolution_grid([(400, 160), (3, 1), (3, 2)], sample_rate=16000, padding=[200, 1, 1])
    assert grid == FrameGrid(16000, 320, -160)


def test_frames_of_uneven_length_are_refused():
    counts = np.cumsum(np.random.default_rng(0).random(20000) < 0.01)
    with pytest.raises(InputError, match="expected a new frame every so many samples, got one"):
        measured_grid(lambda samples: int(counts[min(samples, 19999)]), sample_rate=1000)
    with pytest.raises(InputError, match=re.escape("is it a CTC model?")):
        measured_grid(lambda _: 1, sample_rate=1000)
