"""Dynamic time warping against every path of small matrices."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from speechalign.errors import InputError
from speechalign.kernels.dtw import dtw

costs = arrays(
    st.sampled_from([np.float32, np.float64]),
    st.tuples(st.integers(1, 4), st.integers(1, 5)),
    elements=st.integers(-9, 9),
)


def paths(height, width):
    if (height, width) == (1, 1):
        yield [(0, 0)]
    for down, right in ((1, 1), (1, 0), (0, 1)):
        if height > down and width > right:
            for path in paths(height - down, width - right):
                yield [*path, (height - 1, width - 1)]


@given(costs)
def test_no_path_is_cheaper(matrix):
    found = dtw(matrix)
    cells = list(zip(found.rows.tolist(), found.columns.tolist()))
    every = list(paths(*matrix.shape))
    assert cells in every
    assert found.cost == sum(matrix[cell] for cell in cells)
    assert found.cost == min(sum(matrix[cell] for cell in path) for path in every)


@given(costs)
def test_turned_over(matrix):
    found, turned = dtw(matrix), dtw(np.ascontiguousarray(matrix.T))
    assert found.cost == turned.cost
    assert dtw(matrix[::-1, ::-1]).cost == found.cost


@given(st.integers(1, 6), st.integers(1, 6))
def test_ties_go_both_ways_at_once(height, width):
    path = dtw(np.zeros((height, width)))
    assert len(path.rows) == max(height, width)


def test_one_row_reads_all_columns():
    path = dtw(np.array([[1.0, 2.0, 3.0]]))
    assert (path.rows.tolist(), path.columns.tolist(), path.cost) == ([0, 0, 0], [0, 1, 2], 6.0)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros(3), r"costs: expected shape \(N, M\), float32 or float64"),
        (np.zeros((0, 3)), "N and M at least 1; got"),
        (np.zeros((2, 2), np.int64), "int64"),
        (np.array([[0.0, np.inf]]), r"costs\[0, 1\]: expected a finite number, got inf"),
        (np.array([[0.0], [np.nan]]), r"costs\[1, 0\]: expected a finite number, got nan"),
    ],
)
def test_what_cannot_be_warped(matrix, message):
    with pytest.raises(InputError, match=message):
        dtw(matrix)
