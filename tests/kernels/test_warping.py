import math

import numpy as np
import pytest
from oracles_warping import all_paths, path_costs, soft_minimum

from speechalign.kernels.dtw import dtw
from speechalign.kernels.warping import best_map, soft_cost

SHAPES = [(1, 1), (4, 1), (4, 4), (5, 3), (6, 4), (2, 3), (1, 3), (3, 5)]
shapes = pytest.mark.parametrize(("height", "width"), SHAPES)
free = pytest.mark.parametrize("free_ends", [False, True])


def random_costs(height, width, signed=False):
    drawn = np.random.default_rng(10 * height + width).random((height, width))
    return drawn - 0.5 * signed


def test_how_many_maps_there_are():
    """Each row of 7 has one of 4 columns, in order: 3 steps among 6."""
    assert len(all_paths(7, 4, "plain")) == math.comb(6, 3)


@shapes
@free
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("signed", [False, True])
def test_best_map_is_the_cheapest_of_all(height, width, skip, free_ends, signed):
    costs = random_costs(height, width, signed)
    mapped = best_map(costs, skip=skip, free_ends=free_ends)
    wanted = path_costs(costs, "skip" if skip else "plain", free_ends)
    if not wanted:
        assert (mapped == -1).all()
        return
    rows = np.flatnonzero(mapped >= 0)
    assert costs[rows, mapped[rows]].sum() == pytest.approx(min(wanted))
    steps = np.diff(mapped[rows])
    assert (np.diff(rows) == 1).all()
    assert set(steps) <= ({0, 1, 2} if skip else {0, 1})
    assert (mapped[rows[0]], mapped[rows[-1]]) == (0, width - 1)
    assert free_ends or len(rows) == height


@shapes
@free
@pytest.mark.parametrize("signed", [False, True])
def test_dtw_is_the_cheapest_of_all(height, width, free_ends, signed):
    costs = random_costs(height, width, signed)
    path = dtw(costs, free_rows=free_ends)
    assert path.cost == pytest.approx(min(path_costs(costs, "dtw", free_ends)))
    assert costs[path.rows, path.columns].sum() == pytest.approx(path.cost)
    steps = set(zip(np.diff(path.rows), np.diff(path.columns)))
    assert steps <= {(0, 1), (1, 0), (1, 1)}


@shapes
@free
@pytest.mark.parametrize("moves", ["plain", "skip", "dtw"])
@pytest.mark.parametrize("gamma", [0.05, 2.0])
def test_soft_cost_sums_over_all(height, width, free_ends, moves, gamma):
    costs = random_costs(height, width, signed=True)
    found, occupation = soft_cost(
        costs, gamma, skip=moves == "skip", dtw=moves == "dtw", free_ends=free_ends
    )
    paths = all_paths(height, width, moves, free_ends)
    wanted = soft_minimum(path_costs(costs, moves, free_ends), gamma)
    assert found == pytest.approx(wanted)
    expected = np.zeros_like(costs)
    for path in paths:
        cells = tuple(zip(*path))
        expected[cells] += np.exp((wanted - costs[cells].sum()) / gamma)
    np.testing.assert_allclose(occupation, expected, atol=1e-12)


def test_nothing_has_a_cost():
    """All warpings of 3 by 3 count, and there are as many as Delannoy's number."""
    found, _ = soft_cost(np.zeros((3, 3)), 0.5, skip=False, dtw=True, free_ends=False)
    assert found == pytest.approx(-0.5 * math.log(13))


def test_soft_is_best_where_it_is_cold():
    costs = random_costs(9, 4)
    mapped = best_map(costs, skip=False, free_ends=False)
    found, occupation = soft_cost(costs, 1e-4, skip=False, dtw=False, free_ends=False)
    assert found == pytest.approx(costs[np.arange(9), mapped].sum())
    assert occupation.argmax(axis=1).tolist() == mapped.tolist()


def test_equal_costs_prefer_the_next_column():
    assert best_map(np.zeros((4, 2)), skip=False, free_ends=False).tolist() == [0, 0, 0, 1]
    assert best_map(np.zeros((4, 3)), skip=True, free_ends=False).tolist() == [0, 0, 1, 2]
