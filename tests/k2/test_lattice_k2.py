"""The k2 backend against enumeration and against numba, and where it must refuse."""

import math
from dataclasses import replace

import numpy as np
import oracles
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lattice_problems import columns_of, make_graph, path_score, problems, solvable_problems

from speechalign.errors import AlignmentError, BackendError
from speechalign.graphs import HmmUnit, hmm_graph
from speechalign.kernels import forward_backward, viterbi

# Not "k2" alone, which the folder of this file answers to as well.
pytest.importorskip("k2.version", reason="no k2 here; tools/k2_env.sh makes a place for it")
k2 = pytest.importorskip("k2")
torch = pytest.importorskip("torch")
from speechalign.kernels import lattice_k2  # noqa: E402

_WHATEVER = ("arc", "label", "position")


def ctc_graph(tokens, blank=0):
    """Build the CTC topology of a token sequence by hand."""
    labels = [blank]
    for token in tokens:
        labels += [token, blank]
    states = len(labels)
    arcs = [(states, s, labels[s]) for s in range(min(2, states))]
    for s in range(states):
        arcs += [(s, s, labels[s])]
        if s + 1 < states:
            arcs += [(s, s + 1, labels[s + 1])]
        if s + 2 < states and labels[s + 2] not in (blank, labels[s]):
            arcs += [(s, s + 2, labels[s + 2])]
    start, final = np.full(states + 1, -np.inf), np.full(states + 1, -np.inf)
    start[states] = 0.0
    final[max(0, states - 2) : states] = 0.0
    sources, targets, read = zip(*arcs)
    return make_graph(sources, targets, read, np.zeros(len(arcs)), targets, start, final)


def random_problem(seed, *, states=150, arcs=700, columns=20, frames=120):
    """Make a graph with several starts and finals, loops and parallel arcs, in no order."""
    rng = np.random.default_rng(seed)
    ends = [np.where(rng.random(states) < 0.1, rng.normal(size=states), -np.inf) for _ in range(2)]
    graph = make_graph(
        rng.integers(states, size=arcs),
        rng.integers(states, size=arcs),
        rng.integers(columns, size=arcs),
        np.where(rng.random(arcs) < 0.05, -np.inf, rng.normal(size=arcs)),
        rng.integers(9, size=arcs),
        *ends,
    )
    log_probs = 5 * rng.normal(size=(frames, columns))
    log_probs[rng.random(log_probs.shape) < 0.05] = -np.inf
    return log_probs, graph


def same_path(log_probs, graph):
    path, other = viterbi(log_probs, graph, backend="k2"), viterbi(log_probs, graph)
    assert path.arcs.dtype == np.int64
    assert path.arcs.tolist() == other.arcs.tolist()
    assert path.score == other.score
    return path


def same_sums(log_probs, graph, by="arc"):
    """Compare with numba; 1e-6 leaves room for k2's float32 scores of arcs."""
    summed = forward_backward(log_probs, graph, by=by, backend="k2")
    other = forward_backward(log_probs, graph, by=by)
    assert summed.score == pytest.approx(other.score, rel=1e-6, abs=1e-5)
    assert summed.posteriors.dtype == np.float64
    np.testing.assert_allclose(summed.posteriors, other.posteriors, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(summed.posteriors.sum(axis=1), 1.0, atol=1e-9)


@given(problems())
def test_best_path_is_the_one_that_enumeration_finds(problem):
    log_probs, graph = problem
    best = oracles.best_path(log_probs, graph)
    if best is None:
        for search in (viterbi, forward_backward):
            with pytest.raises(AlignmentError) as expected:
                search(log_probs, graph)
            with pytest.raises(AlignmentError) as found:
                search(log_probs, graph, backend="k2")
            assert str(found.value) == str(expected.value)
        return
    path = viterbi(log_probs, graph, backend="k2")
    assert tuple(path.arcs.tolist()) == best.arcs
    assert path.score == best.score


@given(problems(), st.sampled_from(_WHATEVER))
def test_sums_are_those_of_enumeration(problem, by):
    log_probs, graph = problem
    total = oracles.total_score(log_probs, graph)
    if total == -math.inf:
        return  # Refused: see above.
    summed = forward_backward(log_probs, graph, by=by, backend="k2")
    columns, width = columns_of(graph, by, log_probs.shape[1])
    assert summed.score == pytest.approx(total, abs=1e-5)
    np.testing.assert_allclose(
        summed.posteriors, oracles.posteriors(log_probs, graph, columns, width), atol=1e-6
    )


@given(solvable_problems())
def test_random_scores_agree_with_enumeration(problem):
    log_probs, graph = problem
    path = same_path(log_probs, graph)
    assert path.score == pytest.approx(oracles.best_path(log_probs, graph).score, abs=1e-12)
    assert path_score(log_probs, graph, path.arcs) == pytest.approx(path.score, abs=1e-12)
    assert path.score <= forward_backward(log_probs, graph, backend="k2").score + 1e-5


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", range(4))
def test_larger_random_graphs(seed, dtype):
    log_probs, graph = random_problem(seed)
    same_path(log_probs.astype(dtype), graph)
    same_sums(log_probs.astype(dtype), graph)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_posteriors_are_as_exact_as_float32_scores_of_arcs(dtype):
    rng = np.random.default_rng(1)
    log_probs = rng.normal(size=(400, 12)).astype(dtype)
    graph = ctc_graph(rng.integers(1, 12, size=60))
    summed = forward_backward(log_probs, graph, by="label", backend="k2")
    other = forward_backward(log_probs, graph, by="label")
    assert summed.score == pytest.approx(other.score, rel=1e-8)
    np.testing.assert_allclose(summed.posteriors, other.posteriors, atol=1e-6)


class TestCtc:
    @pytest.mark.parametrize("tokens", [[1], [1, 1], [2, 2, 2], [1, 2, 2, 1, 1, 3], []])
    @pytest.mark.parametrize("blank", [0, 3])
    def test_repeats(self, tokens, blank):
        tokens = [(token + blank) % 4 for token in tokens]
        graph = ctc_graph(tokens, blank)
        repeats = int((np.diff(tokens) == 0).sum())
        least = max(1, len(tokens) + repeats)
        rng = np.random.default_rng(len(tokens))
        for frames in (least, least + 1, least + 9):
            log_probs = np.log(rng.dirichlet(np.ones(4), size=frames))
            same_path(log_probs, graph)
            same_sums(log_probs, graph, by="position")
        if least > 1:
            refusal = f"expected at least {least} frames, got {least - 1}"
            with pytest.raises(AlignmentError, match=refusal):
                viterbi(log_probs[: least - 1], graph, backend="k2")

    def test_where_every_path_ties(self):
        same_path(np.zeros((60, 4), np.float32), ctc_graph([1, 2, 2, 3, 1, 1, 1, 2]))

    def test_long_utterance(self):
        rng = np.random.default_rng(0)
        tokens = rng.integers(1, 32, size=120)
        log_probs = 3 * rng.normal(size=(900, 32)).astype(np.float32)
        log_probs[np.sort(rng.choice(900, 120, replace=False)), tokens] += 12
        same_path(log_probs, ctc_graph(tokens))
        same_sums(log_probs, ctc_graph(tokens), by="position")


class TestRounding:
    """Scores that float32 cannot tell apart, and the bound that makes up for it."""

    def test_better_by_less_than_float32_holds(self):
        graph = make_graph([0] * 3, [0] * 3, [0, 1, 2], [0.0, 0.0, 1e-12], [0] * 3, [0.0], [0.0])
        log_probs = np.full((50, 3), -7.0)
        log_probs[::2, 1] += 1e-11
        assert same_path(log_probs, graph).arcs.tolist() == [1, 2] * 25

    def test_offsets_that_float32_loses_the_scores_in(self):
        log_probs, graph = random_problem(7)
        offsets = 1e7 * np.random.default_rng(7).normal(size=(len(log_probs), 1))
        weights, start, final = graph.weights + 3e6, graph.start - 4e6, graph.final + 2e6
        graph = replace(graph, weights=weights, start=start, final=final)
        same_path(log_probs + offsets, graph)
        same_sums(log_probs + offsets, graph)

    def test_nearly_impossible_scores_instead_of_minus_infinity(self):
        log_probs, graph = random_problem(8)
        log_probs[log_probs == -np.inf] = -1e30
        same_path(log_probs, graph)

    @pytest.mark.parametrize("first", [(1e-12, 1e-3), (1e-12, math.inf), (1e-3,)])
    def test_beam_grows_to_the_bound(self, monkeypatch, first):
        # A path of 900 frames of noise: the bound is above these beams, rounding above the lowest.
        rng = np.random.default_rng(9)
        log_probs = rng.normal(size=(900, 8)).astype(np.float32)
        graph = ctc_graph(rng.integers(1, 8, size=100))
        beams = []
        intersection = lattice_k2._intersection
        monkeypatch.setattr(
            lattice_k2, "_intersection",
            lambda problem, beam: beams.append(beam) or intersection(problem, beam),
        )  # fmt: skip
        monkeypatch.setattr(lattice_k2, "_BEAMS", first)
        same_path(log_probs, graph)
        assert tuple(beams[: len(first)]) == first
        grown = beams[len(first) :]
        assert len(grown) == (math.inf not in first)
        assert all(0.1 < beam < 10 for beam in grown)


class TestTensors:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_like_arrays(self, dtype):
        log_probs, graph = random_problem(11, frames=40)
        tensor = torch.tensor(log_probs, dtype=dtype)
        path, score = lattice_k2.best_path(tensor, graph)
        same = viterbi(tensor.numpy(), graph)
        assert path.tolist() == same.arcs.tolist()
        assert score == same.score
        posteriors, _ = lattice_k2.occupation(tensor, graph, graph.labels, 20)
        assert isinstance(posteriors, np.ndarray)
        expected = forward_backward(tensor.numpy(), graph, by="label").posteriors
        np.testing.assert_allclose(posteriors, expected, atol=1e-6)

    def test_any_strides(self):
        log_probs, graph = random_problem(12, frames=40)
        for view in (log_probs[::-1], np.asfortranarray(log_probs), log_probs[::2]):
            same_path(view, graph)

    def test_arguments_are_left_as_they_were(self):
        log_probs, graph = random_problem(13, frames=40)
        for array in (log_probs, *vars(graph).values()):
            array.flags.writeable = False
        viterbi(log_probs, graph, backend="k2")
        forward_backward(log_probs, graph, backend="k2")

    def test_gpu_and_a_k2_without_cuda(self, monkeypatch):
        class OnGpu(torch.Tensor):
            is_cuda = True

        log_probs, graph = random_problem(14, frames=4)
        monkeypatch.setattr(k2, "with_cuda", False)
        with pytest.raises(BackendError, match="this k2 was built without CUDA; install one built"):
            viterbi(torch.tensor(log_probs).as_subclass(OnGpu), graph, backend="k2")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_the_gpu():
    log_probs, graph = random_problem(15)
    path = viterbi(torch.tensor(log_probs, device="cuda"), graph, backend="k2")
    assert path.arcs.tolist() == viterbi(log_probs, graph).arcs.tolist()
    summed = forward_backward(torch.tensor(log_probs, device="cuda"), graph, backend="k2")
    expected = forward_backward(log_probs, graph).posteriors
    np.testing.assert_allclose(summed.posteriors, expected, atol=1e-6)


def loop(states=1, labels=1):
    """Build one state that loops, and states that nothing leads to."""
    start, final = np.full(states, -np.inf), np.full(states, -np.inf)
    start[0] = final[0] = 0.0
    many = np.zeros(labels)
    return make_graph(many, many, np.arange(labels), many, many, start, final)


@pytest.mark.parametrize("search", [viterbi, forward_backward])
class TestRefusals:
    """What k2 would not refuse itself, but answer wrongly or die of."""

    def test_more_frames_than_sixteen_bits_count(self, search):
        with pytest.raises(BackendError, match="at most 65535 frames, got 65536; align shorter"):
            search(np.zeros((65535, 1), np.float32), loop(), backend="k2")

    def test_more_states_than_sixteen_bits_count(self, search):
        with pytest.raises(BackendError, match="at most 65535 states, got 65536"):
            search(np.zeros((1, 1)), loop(65534), backend="k2")

    def test_more_labels_than_sixteen_bits_count(self, search):
        with pytest.raises(BackendError, match="at most 65535 labels, got 65536"):
            search(np.zeros((1, 65535)), loop(labels=65535), backend="k2")

    def test_more_arcs_of_all_frames_than_an_int32_counts(self, search):
        with pytest.raises(BackendError, match=f"at most {2**31 - 1} states or arcs times frames"):
            search(np.zeros((40000, 1), np.float32), loop(60000), backend="k2")

    def test_scores_that_float32_cannot_add(self, search):
        log_probs = np.zeros((3, 2))
        log_probs[1, 1] = -1e38
        with pytest.raises(BackendError, match=r"3 frames with scores down to -1e\+38 overflow it"):
            search(log_probs, loop(labels=2), backend="k2")


def test_as_many_as_sixteen_bits_count():
    frames = 65534
    log_probs = np.random.default_rng(0).normal(size=(frames, 3)).astype(np.float32)
    assert same_path(log_probs, loop(labels=3)).arcs.tolist() == log_probs.argmax(1).tolist()
    labels = 65534
    log_probs = np.zeros((2, labels), np.float32)
    log_probs[:, -1] = 1.0
    assert same_path(log_probs, loop(labels=labels)).arcs.tolist() == [labels - 1] * 2
    assert same_path(np.zeros((2, 1)), loop(65533)).arcs.tolist() == [0, 0]


def test_lattice_that_k2_would_prune(monkeypatch):
    log_probs, graph = random_problem(16)
    bound = graph.num_states * (len(log_probs) + 1)
    monkeypatch.setattr(lattice_k2, "_MOST_STATES", bound // 2)
    with pytest.raises(BackendError, match=rf"at most {bound // 2} states times frames, got \d+;"):
        forward_backward(log_probs, graph, backend="k2")


def test_hidden_markov_models_of_words():
    units = [HmmUnit((v,), (math.log(0.6),), (math.log(0.4),)) for v in range(5)]
    graph = hmm_graph([[[units[1], units[2]], [units[3]]], [[units[4]]]] * 3, silence=units[0])
    log_probs = 30 * np.random.default_rng(5).normal(size=(80, 5))
    same_path(log_probs, graph)
    for by in _WHATEVER:
        same_sums(log_probs, graph, by=by)
