"""Where labels begin and end, on sounds whose times are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.aligners.ctc_boundaries import (
    Levels,
    cell_levels,
    label_times,
    lasting,
    measure_levels,
)

RATE = 16000


def sounds(*parts, rate=RATE):
    """Return tones, (Hz, seconds), over a little noise; 0 Hz is silence."""
    pieces = [
        0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
        for hertz, seconds in parts
    ]
    samples = np.concatenate(pieces)
    return (samples + 1e-4 * np.random.default_rng(0).normal(size=len(samples))).astype(np.float32)


def found(samples, cores, begins, rate=RATE):
    cores = np.array(cores)
    levels = measure_levels(cell_levels(samples, rate), cores)
    return label_times(cores, begins, samples, rate, levels)


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_sounds_part_where_the_spectrum_changes(rate):
    samples = sounds((0, 0.3), (500, 0.2), (2000, 0.2), (900, 0.2), (0, 0.3), rate=rate)
    # Labels are heard anywhere within their sounds.
    times = found(samples, [(0.35, 0.35), (0.65, 0.65), (0.75, 0.8)], [True, False, True], rate)
    assert times == pytest.approx(np.array([(0.3, 0.5), (0.5, 0.7), (0.7, 0.9)]), abs=0.012)


def test_pauses_part_words_and_not_labels_of_a_word():
    samples = sounds((500, 0.3), (0, 0.2), (2000, 0.3))
    apart = found(samples, [(0.1, 0.1), (0.6, 0.6)], [True, True])
    assert apart[:, 1][0] == pytest.approx(0.3, abs=0.012)
    assert apart[1, 0] == pytest.approx(0.5, abs=0.012)
    one = found(samples, [(0.1, 0.1), (0.6, 0.6)], [True, False])
    assert one[0, 1] == one[1, 0]


def test_short_closures_are_no_pauses():
    samples = sounds((0, 0.2), (500, 0.3), (0, 0.06), (2000, 0.3), (0, 0.2))
    times = found(samples, [(0.3, 0.3), (0.7, 0.7)], [True, True])
    assert times[0, 1] == times[1, 0]


def test_pauses_show_beside_silence_that_was_cut_in():
    """A room at -50 dB, two seconds of digital silence, and the room again."""
    room = sounds((500, 0.3), (0, 0.2), (2000, 0.3), (0, 0.3))
    room += (3e-3 * np.random.default_rng(1).normal(size=len(room))).astype(np.float32)
    samples = np.concatenate([room, np.zeros(2 * RATE, np.float32)])
    cores = [(0.1, 0.1), (0.6, 0.6)]
    times = found(samples, cores, [True, True])
    assert times.ravel() == pytest.approx([0.0, 0.3, 0.5, 0.8], abs=0.012)
    assert times == pytest.approx(found(room, cores, [True, True]), abs=0.006)


def test_where_no_pause_shows_words_do_not_reach_far():
    noise = (0.1 * np.random.default_rng(0).normal(size=3 * RATE)).astype(np.float32)
    times = found(noise, [(0.5, 0.5), (2.5, 2.5)], [True, True])
    assert times[0, 1] <= 0.76
    assert times[1, 0] >= 2.24
    assert Levels(-40.0, -35.0).quiet == -np.inf
    assert Levels(-60.0, -20.0).quiet == pytest.approx(-52.0)


@given(
    st.lists(st.integers(0, 40), min_size=2, max_size=12).map(sorted),
    st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_any_cores_give_spans_in_order(moments, begins):
    cores = np.array(moments).repeat(2).reshape(-1, 2) * 0.02
    samples = sounds((500, 0.3), (0, 0.2), (1500, 0.31))
    times = found(samples, cores, begins[: len(cores)])
    flat = times.ravel()
    assert (np.diff(flat) >= -1e-12).all()
    assert (times[:, 1] > times[:, 0]).all()
    assert flat[0] >= 0
    assert flat[-1] <= 0.81 + 1e-9


@given(st.lists(st.floats(0, 1), min_size=1, max_size=9), st.floats(0.01, 1.0))
def test_every_span_lasts(edges, duration):
    times = np.minimum(np.array(edges).repeat(2).reshape(-1, 2), duration)
    spans = lasting(np.sort(times, axis=0), duration)
    assert (spans[:, 1] - spans[:, 0] >= min(0.0025, duration / (2 * len(edges))) - 1e-9).all()
    assert (spans[1:, 0] >= spans[:-1, 1] - 1e-9).all()
    assert spans[0, 0] >= 0
    assert spans[-1, 1] <= duration + 1e-9


def test_levels_of_very_short_audio():
    assert cell_levels(np.zeros(3, np.float32), RATE).tolist() == [-100.0]
