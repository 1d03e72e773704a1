"""FrameGrid converts exactly, however long the recording."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.frames import FrameGrid

_GRIDS = st.builds(
    FrameGrid,
    st.sampled_from([8000, 16000, 22050, 44100, 48000]),
    st.integers(1, 2000),
    st.integers(-2000, 2000),
)
# A day at 48 kHz.
_SAMPLES = st.integers(0, 24 * 3600 * 48000)


@given(_GRIDS, _SAMPLES)
def test_seconds_are_the_nearest_float_to_the_exact_time(grid, samples):
    frame = samples // grid.stride
    exact = Fraction(grid.offset + frame * grid.stride, grid.sample_rate)
    assert grid.seconds(frame) == float(exact)


@given(_GRIDS, _SAMPLES)
def test_a_frame_is_found_by_the_time_it_begins(grid, samples):
    frame = samples // grid.stride
    if grid.offset + frame * grid.stride >= 0:
        assert grid.frame_at(grid.seconds(frame)) == frame


@given(_GRIDS, _SAMPLES)
def test_every_sample_time_is_in_the_frame_that_holds_the_sample(grid, sample):
    expected = max(0, (sample - grid.offset) // grid.stride)
    assert grid.frame_at(sample / grid.sample_rate) == expected


@given(_GRIDS, _SAMPLES)
def test_count_is_the_least_that_covers_the_samples(grid, samples):
    count = grid.count(samples)
    assert grid.offset + count * grid.stride >= samples or samples <= grid.offset
    assert count == 0 or grid.offset + (count - 1) * grid.stride < samples


def test_time_before_the_first_frame_is_the_first_frame():
    assert FrameGrid(16000, 160, offset=320).frame_at(0.0) == 0


def test_fraction_of_a_frame_lies_inside_it_and_arrays_go_together():
    grid = FrameGrid(16000, 160, offset=-80)
    assert grid.seconds(0.5) == 0.0
    frames = np.array([0, 1, 2.5])
    assert grid.seconds(frames).tolist() == [grid.seconds(float(t)) for t in frames]


@pytest.mark.parametrize(("rate", "stride"), [(0, 160), (-1, 160), (16000, 0), (16000, -160)])
def test_rate_and_stride_must_be_positive(rate, stride):
    with pytest.raises(InputError, match=f"got {rate} Hz, {stride} samples"):
        FrameGrid(rate, stride)
