"""A Graph refuses arrays that do not make one."""

from dataclasses import fields, replace

import numpy as np
import pytest

from speechalign.errors import InputError
from speechalign.graphs import Graph


@pytest.fixture
def graph():
    two = np.array([0, 1])
    return Graph(two, two, two, np.zeros(2), two, np.array([0.0, -np.inf]), np.array([-np.inf, 0]))


def test_counts_states_and_arcs(graph):
    assert graph.num_arcs == 2
    assert graph.num_states == 2


def test_no_arcs_and_no_states_are_a_graph():
    none, weightless = np.zeros(0, np.int64), np.zeros(0)
    empty = Graph(none, none, none, weightless, none, weightless, weightless)
    assert (empty.num_states, empty.num_arcs) == (0, 0)


@pytest.mark.parametrize("name", [field.name for field in fields(Graph)])
def test_wrong_dtype_and_shape_name_the_array(graph, name):
    array = getattr(graph, name)
    with pytest.raises(InputError, match=rf"Graph\.{name}: .* got \(2,\) float32"):
        replace(graph, **{name: array.astype(np.float32)})
    with pytest.raises(InputError, match=rf"Graph\.{name}: .* got \(2, 1\)"):
        replace(graph, **{name: array[:, None]})
    with pytest.raises(InputError, match=r"Graph\.\w+: expected \(\d,\) \w+, got \(\d,\) \w+"):
        replace(graph, **{name: array[:1]})


@pytest.mark.parametrize("name", ["weights", "start", "final"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_weights(graph, name, bad):
    with pytest.raises(InputError, match=rf"Graph\.{name}: NaN or \+inf"):
        replace(graph, **{name: np.array([0.0, bad])})


@pytest.mark.parametrize("name", ["sources", "targets"])
@pytest.mark.parametrize("bad", [-1, 2])
def test_states_out_of_range(graph, name, bad):
    with pytest.raises(InputError, match=rf"Graph\.{name}: expected states in \[0, 2\)"):
        replace(graph, **{name: np.array([0, bad])})


@pytest.mark.parametrize("name", ["labels", "positions"])
def test_negative_label_or_position(graph, name):
    with pytest.raises(InputError, match="negative label or position"):
        replace(graph, **{name: np.array([0, -1])})
