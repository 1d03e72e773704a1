"""Small graphs with frames to align, drawn by hypothesis: one set for every lattice backend."""

import math

import numpy as np
from hypothesis import strategies as st

from speechalign.graphs import Graph

# Multiples of 1/4 add up without rounding, so that equal scores are equal.
SCORES = st.integers(-6, 4).map(lambda n: n / 4 if n > -6 else -math.inf)


def make_graph(sources, targets, labels, weights, positions, start, final):
    whole = [np.array(values, np.int64) for values in (sources, targets, labels)]
    return Graph(
        *whole,
        np.array(weights, np.float64),
        np.array(positions, np.int64),
        np.array(start, np.float64),
        np.array(final, np.float64),
    )


@st.composite
def problems(draw):
    """Any small graph, however odd, and frames for it."""
    states, columns = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    state, column = st.integers(0, states - 1), st.integers(0, columns - 1)
    arc = st.tuples(state, state, column, SCORES, st.integers(0, 3))
    arcs = draw(st.lists(arc, min_size=draw(st.sampled_from([0, 4, 7])), max_size=9))
    ends = st.lists(SCORES, min_size=states, max_size=states)
    graph = make_graph(*(zip(*arcs) if arcs else [()] * 5), draw(ends), draw(ends))
    frames = draw(st.integers(1, 5))
    row = st.lists(SCORES, min_size=columns, max_size=columns)
    log_probs = draw(st.lists(row, min_size=frames, max_size=frames))
    return np.array(log_probs, draw(st.sampled_from([np.float32, np.float64]))), graph


@st.composite
def solvable_problems(draw):
    """Random scores on a graph that has paths, by construction: a chain with loops and extras."""
    states, columns = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    chain = [(s, s + 1) for s in range(states - 1)] + [(s, s) for s in range(states)]
    state = st.integers(0, states - 1)
    chain += draw(st.lists(st.tuples(state, state), max_size=4))
    order = draw(st.permutations(range(len(chain))))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    start, final = np.full(states, -np.inf), np.full(states, -np.inf)
    start[0], final[-1] = -0.5, -1.5
    graph = make_graph(
        [chain[i][0] for i in order],
        [chain[i][1] for i in order],
        rng.integers(columns, size=len(chain)),
        rng.normal(size=len(chain)),
        rng.integers(4, size=len(chain)),
        start,
        final,
    )
    frames = draw(st.integers(states, states + 3))
    return rng.normal(size=(frames, columns)), graph


def columns_of(graph, by, num_labels):
    if by == "arc":
        return np.arange(graph.num_arcs), graph.num_arcs
    if by == "label":
        return graph.labels, num_labels
    return graph.positions, int(graph.positions.max()) + 1


def path_score(log_probs, graph, arcs):
    """Add up a path's score, after checking that it is one."""
    assert (graph.sources[arcs[1:]] == graph.targets[arcs[:-1]]).all()
    read = log_probs[np.arange(len(arcs)), graph.labels[arcs]].astype(np.float64)
    ends = graph.start[graph.sources[arcs[0]]] + graph.final[graph.targets[arcs[-1]]]
    return (read + graph.weights[arcs]).sum() + ends
