"""From probabilities of speech to segments."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import InputError
from speechalign.segmentation.intervals import Limits, speech_intervals

STEP = 0.01


def probabilities(*runs):
    """Return 0.9 in speech and 0.1 in pauses: of so many seconds each, a pause first."""
    counts = [round(seconds / STEP) for seconds in runs]
    return np.repeat([0.1 if n % 2 == 0 else 0.9 for n in range(len(runs))], counts)


def found(*runs, **limits):
    values = probabilities(*runs)
    return np.array(speech_intervals(values, STEP, len(values) * STEP, Limits(**limits)))


def near(spans):
    return pytest.approx(np.array(spans))


def test_each_limit_by_hand():
    runs = (1.0, 2.0, 0.2, 1.0, 0.6, 0.1, 0.6, 1.0, 1.0)
    #       pause 0-1, speech 1-3, 3.2-4.2, 4.8-4.9, 5.5-6.5
    none = {"min_speech": 0.0, "min_pause": 0.0, "padding": 0.0}
    bare = [(1.0, 3.0), (3.2, 4.2), (4.8, 4.9), (5.5, 6.5)]
    assert found(*runs, **none) == near(bare)
    assert found(*runs, **none | {"min_pause": 0.5}) == near([(1.0, 4.2), (4.8, 4.9), (5.5, 6.5)])
    assert found(*runs, **none | {"min_speech": 0.25}) == near([(1.0, 3.0), (3.2, 4.2), (5.5, 6.5)])
    assert found(*runs, **none | {"padding": 0.25}) == near(
        [(0.75, 3.1), (3.1, 4.45), (4.55, 5.15), (5.25, 6.75)]
    )


def test_padding_stays_in_the_recording():
    assert found(0.05, 1.0, 0.02, padding=0.1) == near([(0.0, 1.07)])
    assert found(0.0, 1.0, padding=0.1) == near([(0.0, 1.0)])


def test_no_speech_is_no_segment():
    assert len(found(3.0)) == 0
    assert speech_intervals(np.zeros(0), STEP, 0.0, Limits()) == []


def test_long_speech_is_cut_where_it_is_least_likely():
    values = np.full(2500, 0.9)
    values[1280:1300] = 0.3  # a pause too short to end a segment
    values[600] = 0.0  # one frame is not a stretch
    pieces = speech_intervals(values, STEP, 25.0, Limits(longest=20.0))
    assert np.array(pieces) == near([(0.0, 12.9), (12.9, 25.0)])


@given(
    st.lists(st.floats(0.0, 1.0), min_size=1, max_size=400),
    st.floats(0.0, 0.4),
    st.floats(0.0, 0.6),
    st.floats(0.0, 0.3),
    st.floats(1.0, 3.0),
)
def test_segments_keep_the_limits(values, min_speech, min_pause, padding, longest):
    limits = Limits(min_speech, min_pause, padding, longest)
    values = np.array(values)
    duration = len(values) * STEP - 0.004  # frames end behind the recording
    segments = speech_intervals(values, STEP, duration, limits)
    times = [time for segment in segments for time in segment]
    assert times == sorted(times)
    assert all(0 <= start < end <= duration for start, end in segments)
    assert all(end - start <= longest + 1e-9 for start, end in segments)
    whole = sum(end - start for start, end in segments)
    more = speech_intervals(values, STEP, duration, Limits(min_speech, min_pause, padding, 1e6))
    assert whole == pytest.approx(sum(end - start for start, end in more))  # cuts lose nothing
    for (_, end), (start, _) in pairwise(more):
        assert start - end >= min_pause - 2 * padding - 1e-9


@pytest.mark.parametrize(
    ("name", "value"), [("padding", -0.1), ("longest", 0.5), ("min_pause", float("nan"))]
)
def test_limits_are_checked(name, value):
    with pytest.raises(InputError, match=f"{name}: expected"):
        Limits(**{name: value})
