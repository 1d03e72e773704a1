"""Sums of probabilities kept as logarithms."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.kernels.logspace import log_add

_LOGS = st.one_of(st.just(-math.inf), st.floats(-1e5, 1e5))


@given(_LOGS, _LOGS)
def test_equals_numpy_in_either_order(a, b):
    assert log_add(a, b) == log_add(b, a)
    assert log_add(a, b) == pytest.approx(float(np.logaddexp(a, b)), rel=1e-15, abs=1e-15)


@given(_LOGS)
def test_adding_zero_probability_is_exact(a):
    assert log_add(a, -math.inf) == a


def test_nothing_overflows():
    assert log_add(700.0, 700.0) == pytest.approx(700.0 + math.log(2))
    assert log_add(-1e308, 1e308) == 1e308
    assert log_add(-math.inf, -math.inf) == -math.inf
