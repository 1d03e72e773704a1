"""Boundaries in seconds: where the spectrum changes, and medians under its weight."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.aligners.phone_boundaries import boundary_medians, keep_apart, spectral_change
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.graphs import HmmUnit, hmm_graph
from speechalign.kernels import forward_backward

_GRID = FrameGrid(16000, 160)
_CELLS = FrameGrid(16000, 80, offset=-80)


def sound(rate, samples, resonance):
    """A buzz of 110 Hz with one resonance, in Hz."""
    n = np.arange(samples)
    harmonics = np.arange(110, 7500, 110)
    gains = 0.02 + np.exp(-(((harmonics - resonance) / 300) ** 2))
    waves = np.sin(2 * np.pi * harmonics[:, None] * n / rate + harmonics[:, None])
    return 0.02 * (gains[:, None] * waves).sum(axis=0)


@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("switch", [0.2, 0.2011, 0.2024, 0.2037, 0.205])
def test_change_peaks_where_one_sound_becomes_another(rate, switch):
    at = round(switch * rate)
    total = round(0.45 * rate)
    samples = np.where(
        np.arange(total) < at, sound(rate, total, 500), sound(rate, total, 2500)
    ).astype(np.float32)
    change, grid = spectral_change(samples, rate)
    assert (grid.sample_rate, grid.stride) == (rate, rate // 200)
    change[:4] = change[-4:] = 0.0  # the buzz itself begins and ends there
    peak = int(np.argmax(change))
    # Half a cell, and half a sample for the rounding of the switch.
    assert abs(grid.seconds(peak + 0.5) - switch) <= 0.0025 + 0.5 / rate
    assert change[peak] > 4 * np.median(change)


@pytest.mark.parametrize("samples", [1, 79, 80, 81, 200, 201, 1234])
def test_change_of_any_recording_has_cells_over_all_of_it(samples):
    signal = np.random.default_rng(samples).normal(size=samples).astype(np.float32) / 10
    change, grid = spectral_change(signal, 16000)
    assert np.isfinite(change).all()
    assert change.min() >= 0
    assert change[0] == change[-1] == 0
    assert grid.seconds(0) <= 0
    assert grid.seconds(len(change)) * 16000 >= samples


def test_digital_silence_does_not_change():
    # Not even by rounding: a weight of 1e-30 is still a weight where there is no other.
    speech = np.random.default_rng(0).normal(size=4000).astype(np.float32) / 10
    change, _ = spectral_change(np.concatenate([speech, np.zeros(4000, np.float32)]), 16000)
    assert (change[5:45] > 0).all()
    assert (change[57:] == 0).all()


def test_delay_of_whole_cells_shifts_the_change():
    signal = np.random.default_rng(0).normal(size=8000).astype(np.float32) / 10
    before, _ = spectral_change(signal, 16000)
    after, _ = spectral_change(np.concatenate([signal[::-1][:240], signal]), 16000)
    np.testing.assert_allclose(after[13:-5], before[10:-5], atol=1e-9)


def test_rate_too_low_for_the_highest_band():
    with pytest.raises(InputError, match="sample_rate: expected at least 15200 Hz, got 8000"):
        spectral_change(np.zeros(4000, np.float32), 8000)


def step(frames, at):
    return (np.arange(frames) >= at).astype(np.float64)


@given(st.integers(1, 19), st.integers(0, 2**32 - 1))
def test_certain_boundary_is_the_edge_of_its_frame(at, seed):
    change = np.random.default_rng(seed).uniform(size=42)
    weighted, plain = boundary_medians(step(20, at)[:, None], _GRID, change, _CELLS)
    assert plain[0] == pytest.approx(_GRID.seconds(at), abs=1e-12)
    assert _GRID.seconds(at - 0.5) <= weighted[0] <= _GRID.seconds(at + 0.5)


def test_certain_boundary_moves_to_the_change_within_its_frame():
    for cell in (20, 21):
        change = np.zeros(42)
        change[cell] = 3.0
        weighted, _ = boundary_medians(step(20, 10)[:, None], _GRID, change, _CELLS)
        assert _CELLS.seconds(cell) <= weighted[0] <= _CELLS.seconds(cell + 1)


@st.composite
def distributions(draw):
    """Random distributions of K boundaries over T frames, and a random change."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames, boundaries = draw(st.integers(2, 30)), draw(st.integers(1, 4))
    mass = rng.gamma(0.2, size=(frames, boundaries))
    begun = np.cumsum(mass, axis=0) / mass.sum(axis=0)
    begun[-1] = 1.0
    return begun, rng.gamma(0.5, size=2 * frames + 2)


@given(distributions())
def test_medians_equal_those_of_a_fine_grid(problem):
    begun, change = problem
    moments = np.linspace(0, _GRID.seconds(len(begun)), 200 * len(begun) + 1)
    middle = (moments[:-1] + moments[1:]) / 2
    cell = np.floor(middle / 0.005 + 1).astype(int)  # cell 0 ends at 0 s
    frames = _GRID.seconds(np.arange(len(begun)) + 0.5)
    found = boundary_medians(begun, _GRID, change, _CELLS)
    for k in range(begun.shape[1]):
        mass = np.diff(np.interp(moments, frames, begun[:, k]))
        if begun[0, k] < 0.499:
            # What lies before the first middle is at the first middle, and has no extent.
            plain = np.searchsorted(begun[0, k] + np.cumsum(mass), 0.5)
            assert found[1, k] == pytest.approx(moments[plain], abs=1e-4)
        weights = mass * change[cell] ** 2
        if weights.sum() > 1e-6:
            passed = np.cumsum(weights) / weights.sum()
            low, high = np.searchsorted(passed, [0.5 - 1e-6, 0.5 + 1e-6])
            assert moments[low] - 1e-4 <= found[0, k] <= moments[high + 1] + 1e-4


@given(distributions())
def test_no_change_at_all_leaves_the_plain_medians(problem):
    begun, change = problem
    weighted, plain = boundary_medians(begun, _GRID, 0 * change, _CELLS)
    assert weighted.tolist() == plain.tolist()


@given(distributions(), st.integers(1, 1000))
def test_grid_that_begins_later_moves_everything(problem, frames):
    begun, change = problem
    here = boundary_medians(begun, _GRID, change, _CELLS)
    later = boundary_medians(
        begun,
        FrameGrid(16000, 160, offset=160 * frames),
        change,
        FrameGrid(16000, 80, offset=160 * frames - 80),
    )
    np.testing.assert_allclose(later - 0.01 * frames, here, atol=1e-9)


def test_no_boundaries_and_a_single_frame():
    change = np.ones(4)
    assert boundary_medians(np.zeros((3, 0)), _GRID, change, _CELLS).shape == (2, 0)
    for value in (0.0, 0.3, 1.0):
        medians = boundary_medians(np.array([[value]]), _GRID, change, _CELLS)
        np.testing.assert_array_equal(medians, [[0.005], [0.005]])


@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(0, 30), st.sampled_from([0.1, 4]))
def test_boundaries_of_a_chain_of_phones_are_kept_in_order(seed, phones, spare, contrast):
    rng = np.random.default_rng(seed)
    half = (math.log(0.5),) * 3
    units = [HmmUnit((3 * p, 3 * p + 1, 3 * p + 2), half, half) for p in range(phones)]
    frames = 3 * phones + spare
    graph = hmm_graph([[[unit]] for unit in units])
    log_probs = contrast * rng.normal(size=(frames, 3 * phones))
    passed = np.cumsum(forward_backward(log_probs, graph).posteriors, axis=1)
    begun = 1.0 - passed[:, 1:-2:2]
    medians = boundary_medians(begun, _GRID, rng.gamma(0.3, size=2 * frames + 2), _CELLS)
    assert medians.shape == (2, phones - 1)
    assert (np.diff(medians[1]) >= 0.03 - 1e-9).all()
    placed = keep_apart(medians, 0.01)
    assert (np.diff(placed) >= 0.01 - 1e-9).all()
    assert placed[0] >= 0.025 - 1e-9
    assert placed[-1] <= _GRID.seconds(frames) - 0.025 + 1e-9


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(-30, 30)), max_size=12))
def test_keep_apart_takes_one_of_two_medians_and_no_more_plain_ones_than_it_must(steps):
    plain = np.cumsum([gap for gap, _ in steps]) if steps else np.zeros(0)
    weighted = plain + np.array([shift for _, shift in steps]) / 10
    placed = keep_apart(np.array([weighted, plain]).astype(np.float64).reshape(2, -1), 1.0)
    assert (np.diff(placed) >= 1 - 1e-9).all()
    assert ((placed == plain) | (placed == weighted)).all()
    if (np.diff(weighted) >= 1).all():
        assert placed.tolist() == weighted.tolist()


@given(st.lists(st.tuples(*[st.integers(-30, 30)] * 3, st.integers(1, 5)), max_size=12))
def test_keep_apart_falls_back_as_far_as_it_must(steps):
    candidates = np.array(steps, np.float64).reshape(-1, 4).T / 4
    candidates[3] = np.cumsum(4 * candidates[3])
    candidates[:3] += candidates[3]
    placed = keep_apart(candidates, 1.0)
    assert (np.diff(placed) >= 1 - 1e-9).all()
    assert (placed == candidates).any(axis=0).all()


def test_only_those_that_are_close_go_back_and_one_step_at_a_time():
    candidates = np.array([[1.0, 5.2, 5.6, 9.0], [0.0, 4.8, 5.7, 0.0], [1.0, 4.0, 6.0, 8.0]])
    assert keep_apart(candidates, 0.7).tolist() == [1.0, 4.8, 5.7, 9.0]
    assert keep_apart(candidates, 1.0).tolist() == [1.0, 4.0, 6.0, 9.0]


def test_two_that_come_too_close_both_go_back():
    medians = np.array([[1.0, 5.2, 5.6, 9.0], [1.1, 4.5, 6.5, 9.1]])
    before = medians.copy()
    assert keep_apart(medians, 1.0).tolist() == [1.0, 4.5, 6.5, 9.0]
    np.testing.assert_array_equal(medians, before)


def test_going_back_may_push_a_neighbour_back_too():
    medians = np.array([[3.6, 5.2, 5.6], [2.0, 4.5, 6.5]])
    assert keep_apart(medians, 1.0).tolist() == [2.0, 4.5, 6.5]
