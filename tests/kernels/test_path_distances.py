import numpy as np
import pytest

from speechalign.kernels.path_distances import (
    COSINE,
    EUCLIDEAN,
    SQUARED,
    path_slopes,
    path_sums,
)


def apart(x, y, distance):
    if distance == SQUARED:
        return ((x - y) ** 2).sum()
    if distance == EUCLIDEAN:
        return np.sqrt(((x - y) ** 2).sum())
    return 1 - x @ y / np.linalg.norm(x) / np.linalg.norm(y)


def problem():
    """Two utterances: a frame has two tokens, one has none; the second utterance has no path."""
    generator = np.random.default_rng(0)
    u, v = generator.normal(size=(2, 4, 5)), generator.normal(size=(2, 3, 5))
    firsts = np.array([[0, 0, 0, 2], [0, 0, 0, 0]])
    ends = np.array([[0, 1, 2, 3], [0, 0, 0, 0]])
    return u, v, firsts, ends


PAIRS = [(1, 0), (2, 0), (2, 1), (3, 2)]


@pytest.mark.parametrize("distance", [SQUARED, EUCLIDEAN, COSINE])
def test_sums_and_slopes(distance):
    u, v, firsts, ends = problem()

    def total():
        return sum(apart(u[0, i], v[0, j], distance) for i, j in PAIRS)

    found = path_sums(u, v, firsts, ends, distance)
    np.testing.assert_allclose(found, [total(), np.inf])
    by_u, by_v = path_slopes(u, v, firsts, ends, distance, np.array([3.0, np.nan]))
    for rows, slopes in ((u, by_u), (v, by_v)):
        for place in np.ndindex(4 if rows is u else 3, 5):
            before = rows[0][place]
            rows[0][place] = before + 1e-6
            higher = total()
            rows[0][place] = before - 1e-6
            slope = (higher - total()) / 2e-6
            rows[0][place] = before
            assert slopes[0][place] == pytest.approx(3 * slope, abs=1e-7)
        assert not slopes[1].any()
    u[0, 0] = v[1] = np.nan  # On no path.
    np.testing.assert_array_equal(path_sums(u, v, firsts, ends, distance), found)


@pytest.mark.parametrize(("distance", "wanted"), [(SQUARED, 0), (EUCLIDEAN, 0), (COSINE, 1)])
def test_rows_of_zeros(distance, wanted):
    zeros, one = np.zeros((1, 1, 3), np.float32), np.ones((1, 1), np.int64)
    assert path_sums(zeros, zeros, one - 1, one, distance) == wanted
    for slopes in path_slopes(zeros, zeros, one - 1, one, distance, np.ones(1)):
        assert slopes.dtype == np.float32
        assert not slopes.any()
