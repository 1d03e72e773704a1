"""Viterbi and forward-backward against enumeration, and under changes that must not matter."""

import math
from dataclasses import replace

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lattice_problems import columns_of, make_graph, path_score, problems, solvable_problems

from speechalign.errors import AlignmentError, InputError
from speechalign.graphs import HmmUnit, hmm_graph
from speechalign.kernels import forward_backward, lattice_numba, viterbi

_WHATEVER = ("arc", "label", "position")


def no_path_either_way(log_probs, graph):
    for search in (viterbi, forward_backward):
        with pytest.raises(AlignmentError, match=r"frames|no path leads"):
            search(log_probs, graph)


@given(problems())
def test_viterbi_finds_the_path_that_enumeration_finds(problem):
    log_probs, graph = problem
    best = oracles.best_path(log_probs, graph)
    if best is None:
        no_path_either_way(log_probs, graph)
        return
    path = viterbi(log_probs, graph)
    assert path.arcs.dtype == np.int64
    assert tuple(path.arcs.tolist()) == best.arcs
    assert path.score == best.score


@given(problems(), st.sampled_from(_WHATEVER))
def test_forward_backward_sums_what_enumeration_sums(problem, by):
    log_probs, graph = problem
    total = oracles.total_score(log_probs, graph)
    if total == -math.inf:
        no_path_either_way(log_probs, graph)
        return
    occupation = forward_backward(log_probs, graph, by=by)
    columns, width = columns_of(graph, by, log_probs.shape[1])
    assert occupation.score == pytest.approx(total, abs=1e-9)
    np.testing.assert_allclose(
        occupation.posteriors, oracles.posteriors(log_probs, graph, columns, width), atol=1e-12
    )


@given(solvable_problems(), st.sampled_from(_WHATEVER))
def test_random_scores_agree_with_enumeration(problem, by):
    log_probs, graph = problem
    best = oracles.best_path(log_probs, graph)
    path = viterbi(log_probs, graph)
    assert path.score == pytest.approx(best.score, abs=1e-12)
    assert path_score(log_probs, graph, path.arcs) == pytest.approx(path.score, abs=1e-12)
    occupation = forward_backward(log_probs, graph, by=by)
    columns, width = columns_of(graph, by, log_probs.shape[1])
    np.testing.assert_allclose(
        occupation.posteriors, oracles.posteriors(log_probs, graph, columns, width), atol=1e-12
    )
    assert path.score <= occupation.score + 1e-12


@given(problems())
def test_checkpoints_change_nothing(problem):
    log_probs, graph = problem
    log_probs = np.concatenate([log_probs] * 4)  # up to 20 frames: five blocks of four
    try:
        whole = viterbi(log_probs, graph)
    except AlignmentError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lattice_numba, "_BLOCK_BYTES", 1)
        blocks = viterbi(log_probs, graph)
    assert blocks.arcs.tolist() == whole.arcs.tolist()
    assert blocks.score == whole.score


@pytest.mark.parametrize("block_bytes", [1, 7 * 50, 64 * 2**20])
def test_long_path_is_consistent_and_optimal(monkeypatch, block_bytes):
    rng = np.random.default_rng(3)
    states, frames = 50, 131
    chain = [(s, s + d) for s in range(states) for d in (0, 1, 2) if s + d < states]
    chain = rng.permutation(chain)
    labels = rng.integers(9, size=len(chain))
    start, final = np.full(states, -np.inf), np.full(states, -np.inf)
    start[0] = final[-1] = 0.0
    weights = rng.integers(-20, 0, size=len(chain)) / 4
    graph = make_graph(
        chain[:, 0], chain[:, 1], labels, weights, np.zeros(len(chain)), start, final
    )
    log_probs = rng.integers(-20, 0, size=(frames, 9)) / 4
    best = start.copy()
    for t in range(frames):
        scores = best[graph.sources] + graph.weights + log_probs[t, graph.labels]
        best = np.full(states, -np.inf)
        np.maximum.at(best, graph.targets, scores)
    monkeypatch.setattr(lattice_numba, "_BLOCK_BYTES", block_bytes)
    path = viterbi(log_probs, graph)
    assert path.score == best[-1]
    assert path_score(log_probs, graph, path.arcs) == path.score


def test_state_with_more_incoming_arcs_than_a_byte_counts():
    arcs = 300
    final = [0.0]
    graph = make_graph([0] * arcs, [0] * arcs, [0] * arcs, np.arange(arcs), [0] * arcs, [0], final)
    assert viterbi(np.zeros((3, 1)), graph).arcs.tolist() == [299, 299, 299]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arc_listed_first_wins(dtype):
    # Two parallel arcs, then two ways into the final state; all scores are equal.
    graph = make_graph(
        [0, 0, 2, 1, 2], [1, 1, 3, 3, 3], [0] * 5, [0.0] * 5, [0] * 5,
        [0.0, -np.inf, -np.inf, -np.inf], [-np.inf] * 3 + [0.0],
    )  # fmt: skip
    assert viterbi(np.zeros((2, 1), dtype), graph).arcs.tolist() == [0, 3]


def test_lowest_of_equal_final_states_wins():
    start = [0.0, -np.inf, -np.inf]
    graph = make_graph([0, 0], [2, 1], [0, 0], [0.0] * 2, [0] * 2, start, [0.0] * 3)
    assert viterbi(np.zeros((1, 1)), graph).arcs.tolist() == [1]


@given(solvable_problems(), st.randoms(use_true_random=False))
def test_relabelling_columns_and_states_changes_nothing(problem, random):
    log_probs, graph = problem
    new_column = np.array(random.sample(range(log_probs.shape[1]), log_probs.shape[1]))
    new_state = np.array(random.sample(range(graph.num_states), graph.num_states))
    renamed_probs = np.empty_like(log_probs)
    renamed_probs[:, new_column] = log_probs
    start, final = np.empty_like(graph.start), np.empty_like(graph.final)
    start[new_state], final[new_state] = graph.start, graph.final
    renamed = replace(
        graph,
        sources=new_state[graph.sources],
        targets=new_state[graph.targets],
        labels=new_column[graph.labels],
        start=start,
        final=final,
    )
    path, same = viterbi(log_probs, graph), viterbi(renamed_probs, renamed)
    assert same.arcs.tolist() == path.arcs.tolist()
    assert same.score == path.score
    np.testing.assert_allclose(
        forward_backward(renamed_probs, renamed, by="arc").posteriors,
        forward_backward(log_probs, graph, by="arc").posteriors,
        atol=1e-12,
    )


@given(solvable_problems())
def test_constant_added_to_a_frame_moves_the_score_only(problem):
    log_probs, graph = problem
    shift = np.arange(len(log_probs)) - 1.5
    before, after = viterbi(log_probs, graph), viterbi(log_probs + shift[:, None], graph)
    assert after.arcs.tolist() == before.arcs.tolist()
    assert after.score == pytest.approx(before.score + shift.sum(), abs=1e-9)
    summed, moved = (forward_backward(p, graph) for p in (log_probs, log_probs + shift[:, None]))
    assert moved.score == pytest.approx(summed.score + shift.sum(), abs=1e-9)
    np.testing.assert_allclose(moved.posteriors, summed.posteriors, atol=1e-9)


@given(solvable_problems(), st.sampled_from([0.25, 2.0, 1024.0]))
def test_scaled_scores_have_the_same_best_path(problem, factor):
    log_probs, graph = problem
    scaled = replace(
        graph,
        weights=factor * graph.weights, start=factor * graph.start, final=factor * graph.final,
    )  # fmt: skip
    path, same = viterbi(log_probs, graph), viterbi(factor * log_probs, scaled)
    assert same.arcs.tolist() == path.arcs.tolist()
    assert same.score == factor * path.score


@given(solvable_problems())
def test_reversed_time_reverses_the_answer(problem):
    log_probs, graph = problem
    backwards = replace(
        graph,
        sources=graph.targets, targets=graph.sources, start=graph.final, final=graph.start,
    )  # fmt: skip
    path, mirrored = viterbi(log_probs, graph), viterbi(log_probs[::-1], backwards)
    assert mirrored.score == pytest.approx(path.score, abs=1e-9)
    summed = forward_backward(log_probs, graph, by="arc")
    turned = forward_backward(log_probs[::-1], backwards, by="arc")
    assert turned.score == pytest.approx(summed.score, abs=1e-9)
    np.testing.assert_allclose(turned.posteriors[::-1], summed.posteriors, atol=1e-9)


@pytest.mark.parametrize("by", _WHATEVER)
def test_posteriors_sum_to_one_in_every_frame(by):
    rng = np.random.default_rng(5)
    units = [HmmUnit((v,), (math.log(0.6),), (math.log(0.4),)) for v in range(5)]
    graph = hmm_graph([[[units[1], units[2]], [units[3]]], [[units[4]]]] * 3, silence=units[0])
    log_probs = 30 * rng.normal(size=(80, 5))
    occupation = forward_backward(log_probs, graph, by=by)
    np.testing.assert_allclose(occupation.posteriors.sum(axis=1), 1.0, atol=1e-9)
    assert occupation.posteriors.min() >= 0
    assert viterbi(log_probs, graph).score <= occupation.score


def test_arguments_are_left_as_they_were():
    units = [HmmUnit((v,), (-0.7,), (-0.7,)) for v in (0, 1)]
    graph = hmm_graph([[[units[1]]]], silence=units[0])
    log_probs = np.random.default_rng(0).normal(size=(6, 2))
    for array in (log_probs, *vars(graph).values()):
        array.flags.writeable = False
    viterbi(log_probs, graph)
    forward_backward(log_probs, graph)


def two_states():
    start, final = [0.0, -np.inf], [-np.inf, 0.0]
    return make_graph([0, 0, 1], [0, 1, 1], [0, 1, 1], [0.0] * 3, [1] * 3, start, final)


@pytest.mark.parametrize("search", [viterbi, forward_backward])
class TestRefusals:
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_nan_and_inf_even_where_no_arc_reads(self, search, bad):
        log_probs = np.zeros((4, 3))
        log_probs[2, 2] = bad
        with pytest.raises(InputError, match=r"log_probs\[2, 2\]: expected a finite value or -inf"):
            search(log_probs, two_states())

    def test_shape_and_dtype(self, search):
        with pytest.raises(InputError, match=r"expected shape \(T, V\), got \(4,\)"):
            search(np.zeros(4), two_states())
        with pytest.raises(InputError, match="expected float32 or float64, got int64"):
            search(np.zeros((4, 2), np.int64), two_states())

    def test_too_few_columns(self, search):
        with pytest.raises(InputError, match=r"at least 2 columns for the labels .*, got 1"):
            search(np.zeros((4, 1)), two_states())

    def test_no_frames(self, search):
        with pytest.raises(AlignmentError, match="expected at least 1 frames, got 0"):
            search(np.zeros((0, 2)), two_states())

    def test_no_states_and_no_arcs(self, search):
        nothing = make_graph(*[[]] * 5, [], [])
        with pytest.raises(AlignmentError, match="graph: no path leads from a start to a final"):
            search(np.zeros((2, 1)), nothing)
        empty_path = make_graph(*[[]] * 5, [0.0], [0.0])
        with pytest.raises(AlignmentError, match="every path of 2 frames has probability zero"):
            search(np.zeros((2, 1)), empty_path)

    def test_final_state_out_of_reach(self, search):
        apart = make_graph([0, 1], [0, 1], [0, 0], [0.0] * 2, [0] * 2, [0, -np.inf], [-np.inf, 0])
        with pytest.raises(AlignmentError, match="graph: no path leads from a start to a final"):
            search(np.zeros((2, 1)), apart)

    def test_fewer_frames_than_states(self, search):
        unit = HmmUnit((0,) * 3, (-0.7,) * 3, (-0.7,) * 3)
        with pytest.raises(AlignmentError, match="expected at least 6 frames, got 5"):
            search(np.zeros((5, 1)), hmm_graph([[[unit, unit]]]))

    def test_every_path_is_impossible(self, search):
        log_probs = np.zeros((4, 2))
        log_probs[3, 1] = -np.inf
        with pytest.raises(AlignmentError, match="every path of 4 frames has probability zero"):
            search(log_probs, two_states())


def test_unknown_kind_of_posterior():
    with pytest.raises(InputError, match="by: expected 'arc', 'label' or 'position', got 'state'"):
        forward_backward(np.zeros((4, 2)), two_states(), by="state")


def test_windows_hold_every_state_of_every_path():
    # The states in a bad order, so that only arcs against the numbering lead on.
    states = 200
    start, final = np.full(states, -np.inf), np.full(states, -np.inf)
    start[-1] = final[0] = 0.0
    down = np.arange(states - 1, 0, -1)
    graph = make_graph(
        np.concatenate([down, np.arange(states)]), np.concatenate([down - 1, np.arange(states)]),
        np.zeros(2 * states - 1), np.zeros(2 * states - 1), np.zeros(2 * states - 1), start, final,
    )  # fmt: skip
    path = viterbi(np.zeros((states + 3, 1)), graph)
    assert len(path.arcs) == states + 3
    with pytest.raises(AlignmentError, match="expected at least 199 frames, got 198"):
        viterbi(np.zeros((198, 1)), graph)
