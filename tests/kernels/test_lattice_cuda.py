"""The CUDA backend against enumeration and against numba: on a GPU, or in numba's simulator.

NUMBA_ENABLE_CUDASIM=1 python -m pytest tests/kernels/test_lattice_cuda.py
"""

import math
from types import SimpleNamespace

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lattice_problems import columns_of, make_graph, problems, solvable_problems
from numba import config, cuda

from speechalign.errors import AlignmentError, BackendError, InputError
from speechalign.kernels import (
    forward_backward,
    forward_backward_batch,
    lattice_cuda,
    lattice_numba,
    viterbi,
    viterbi_batch,
)

needs_cuda = pytest.mark.skipif(
    not cuda.is_available(), reason="no GPU, and NUMBA_ENABLE_CUDASIM=1 is not set"
)
_KINDS = st.sampled_from(["arc", "label", "position"])


@pytest.fixture(autouse=True, scope="module")
def small_blocks():
    """Leave each thread several states."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lattice_cuda, "_THREADS", 2)
        patch.setattr(lattice_cuda, "_FRAMES_CHECKED", 2)
        yield


def padded(batch, dtype=np.float64):
    """Stack (log_probs, graph) pairs: NaN beyond the lengths, zeros in columns that were added."""
    lengths = np.array([len(log_probs) for log_probs, _ in batch])
    width = max(log_probs.shape[1] for log_probs, _ in batch)
    together = np.full((len(batch), lengths.max(), width), np.nan, dtype)
    for b, (log_probs, _) in enumerate(batch):
        together[b, : len(log_probs)] = 0.0
        together[b, : len(log_probs), : log_probs.shape[1]] = log_probs
    return together, lengths, [graph for _, graph in batch]


def occupations(together, lengths, graphs, by):
    kinds = [columns_of(g, by, together.shape[2]) if g.num_arcs else ([], 0) for g in graphs]
    columns = [np.array(columns, np.int64) for columns, _ in kinds]
    return lattice_cuda.occupations(together, lengths, graphs, columns, [w for _, w in kinds])


@needs_cuda
@settings(max_examples=30)
@given(st.lists(problems(), min_size=1, max_size=4), st.sampled_from([np.float32, np.float64]))
def test_best_paths_are_those_that_enumeration_finds(batch, dtype):
    outcomes = lattice_cuda.best_paths(*padded(batch, dtype))
    assert len(outcomes) == len(batch)
    for (log_probs, graph), outcome in zip(batch, outcomes):
        best = oracles.best_path(log_probs, graph)
        if best is None:
            assert isinstance(outcome, AlignmentError)
        else:
            arcs, score = outcome
            assert tuple(arcs.tolist()) == best.arcs
            assert score == best.score


@needs_cuda
@settings(max_examples=30)
@given(st.lists(problems(), min_size=1, max_size=3), _KINDS)
def test_occupations_sum_what_enumeration_sums(batch, by):
    together, lengths, graphs = padded(batch)
    for (log_probs, graph), outcome in zip(batch, occupations(together, lengths, graphs, by)):
        total = oracles.total_score(log_probs, graph)
        if total == -math.inf:
            assert isinstance(outcome, AlignmentError)
        else:
            posteriors, score = outcome
            columns, width = columns_of(graph, by, together.shape[2])
            expected = oracles.posteriors(log_probs, graph, columns, width)
            assert score == pytest.approx(total, abs=1e-9)
            np.testing.assert_allclose(posteriors, expected, atol=1e-12)


@needs_cuda
@settings(max_examples=20)
@given(
    st.lists(solvable_problems(), min_size=1, max_size=3),
    _KINDS,
    st.sampled_from([np.float32, np.float64]),
)
def test_random_scores_agree_with_numba(batch, by, dtype):
    together, lengths, graphs = padded(batch, dtype)
    paths = lattice_cuda.best_paths(together, lengths, graphs)
    sums = occupations(together, lengths, graphs, by)
    for b, graph in enumerate(graphs):
        frames = together[b, : lengths[b]]
        arcs, score = lattice_numba.best_path(frames, graph)
        assert paths[b][0].tolist() == arcs.tolist()
        assert paths[b][1] == score
        posteriors, total = lattice_numba.occupation(
            frames, graph, *columns_of(graph, by, together.shape[2])
        )
        np.testing.assert_allclose(sums[b][0], posteriors, atol=1e-12)
        assert sums[b][1] == pytest.approx(total, abs=1e-12)


def chain(states, frames, seed):
    """Return random scores and a graph of states in a row, each of which may skip the next."""
    rng = np.random.default_rng(seed)
    arcs = [(s, s + d) for s in range(states) for d in (0, 1, 2) if s + d < states]
    arcs = rng.permutation(arcs)
    start, final = np.full(states, -np.inf), np.full(states, -np.inf)
    start[0] = final[-1] = 0.0
    labels, positions = rng.integers(6, size=(2, len(arcs)))
    graph = make_graph(*arcs.T, labels, rng.normal(size=len(arcs)), positions, start, final)
    return rng.normal(size=(frames, 6)), graph


@needs_cuda
@pytest.mark.parametrize("threads", [1, 3, 8, 256])
def test_number_of_threads_changes_nothing(monkeypatch, threads):
    monkeypatch.setattr(lattice_cuda, "_THREADS", threads)
    batch = [chain(11, 17, seed=0), chain(17, 9, seed=1), chain(2, 3, seed=2)]
    together, lengths, graphs = padded(batch)
    paths = viterbi_batch(together, lengths, graphs, backend="cuda")
    sums = forward_backward_batch(together, lengths, graphs, by="label", backend="cuda")
    for (log_probs, graph), path, occupation in zip(batch, paths, sums):
        expected = viterbi(log_probs, graph, backend="numba")
        assert path.arcs.tolist() == expected.arcs.tolist()
        assert path.score == expected.score
        expected = forward_backward(log_probs, graph, by="label", backend="numba")
        np.testing.assert_allclose(occupation.posteriors, expected.posteriors, atol=1e-12)
        np.testing.assert_allclose(occupation.posteriors.sum(axis=1), 1.0, atol=1e-12)


@needs_cuda
@pytest.mark.parametrize("arcs", [255, 300])
def test_more_incoming_arcs_than_a_byte_counts(arcs):
    graph = make_graph([0] * arcs, [0] * arcs, [0] * arcs, np.arange(arcs), [0] * arcs, [0], [0])
    path = viterbi(np.zeros((2, 1)), graph, backend="cuda")
    assert path.arcs.tolist() == [arcs - 1] * 2


@needs_cuda
def test_arc_listed_first_and_lowest_final_state_win():
    graph = make_graph(
        [0, 0, 2, 1, 2], [1, 1, 3, 3, 3], [0] * 5, [0.0] * 5, [0] * 5,
        [0.0, -np.inf, -np.inf, -np.inf], [-np.inf] * 3 + [0.0],
    )  # fmt: skip
    assert viterbi(np.zeros((2, 1)), graph, backend="cuda").arcs.tolist() == [0, 3]
    start = [0.0, -np.inf, -np.inf]
    graph = make_graph([0, 0], [2, 1], [0, 0], [0.0] * 2, [0] * 2, start, [0.0] * 3)
    assert viterbi(np.zeros((1, 1)), graph, backend="cuda").arcs.tolist() == [1]


@needs_cuda
def test_errors_of_some_utterances_leave_the_others_alone():
    batch = [chain(4, 5, seed) for seed in range(5)]
    together, lengths, graphs = padded(batch)
    whole = lattice_cuda.best_paths(together, lengths, graphs)
    together[0, 4, 5] = np.nan
    together[2] = -np.inf
    together[4, 0, 0] = np.inf
    lengths[3] = 1
    outcomes = lattice_cuda.best_paths(together, lengths, graphs)
    kinds = [InputError, tuple, AlignmentError, AlignmentError, InputError]
    assert [type(outcome) for outcome in outcomes] == kinds
    assert outcomes[1][0].tolist() == whole[1][0].tolist()
    assert "log_probs[4, 5]: expected a finite value or -inf, got nan" in str(outcomes[0])
    assert "every path of 5 frames has probability zero" in str(outcomes[2])
    assert "expected at least 2 frames, got 1" in str(outcomes[3])
    assert "log_probs[0, 0]: expected a finite value or -inf, got inf" in str(outcomes[4])
    posteriors = occupations(together, lengths, graphs, "arc")
    assert [type(outcome) for outcome in posteriors] == kinds


@needs_cuda
def test_errors_of_a_single_utterance_name_no_number():
    log_probs, graph = chain(4, 1, seed=0)
    for search in (viterbi, forward_backward):
        with pytest.raises(AlignmentError, match=r"^log_probs: expected at least 2 frames, got 1"):
            search(log_probs, graph, backend="cuda")


@needs_cuda
@pytest.mark.parametrize("search", [viterbi_batch, forward_backward_batch])
def test_too_large_for_the_gpu_is_refused_before_anything_is_allocated(monkeypatch, search):
    together, lengths, graphs = padded([chain(40, 300, seed) for seed in range(2)])
    info = SimpleNamespace(free=2**16)
    context = SimpleNamespace(get_memory_info=lambda: info)
    monkeypatch.setattr(cuda, "current_context", lambda: context)
    for allocate in ("to_device", "device_array"):
        monkeypatch.setattr(cuda, allocate, lambda *_: pytest.fail("allocated"))
    message = r"a batch of 2 needs 0\.\d MiB on the GPU, which has 0\.1 MiB free; pass fewer"
    with pytest.raises(BackendError, match=message):
        search(together, lengths, graphs, backend="cuda")


class OnGpu:
    """An array that only the GPU can read."""

    def __init__(self, array):
        self.there = cuda.to_device(array)
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __len__(self):
        return self.shape[0]


@needs_cuda
@pytest.mark.skipif(not config.ENABLE_CUDASIM, reason="for the simulator; see the next test")
@pytest.mark.parametrize("search", [viterbi_batch, forward_backward_batch])
def test_array_on_the_gpu_is_read_there(monkeypatch, search):
    together, lengths, graphs = padded([chain(4, 5, seed) for seed in range(2)])
    expected = search(together, lengths, graphs, backend="numba")
    # The simulator has no as_cuda_array.
    monkeypatch.setattr(cuda, "as_cuda_array", lambda array: array.there, raising=False)
    for backend in ("cuda", "auto"):
        found = search(OnGpu(together), lengths, graphs, backend=backend)
        assert [one.score for one in found] == [one.score for one in expected]


@needs_cuda
@pytest.mark.parametrize("search", [viterbi_batch, forward_backward_batch])
def test_tensor_on_the_gpu(search):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch has no GPU")
    together, lengths, graphs = padded([chain(4, 5, seed) for seed in range(2)])
    expected = search(together, lengths, graphs, backend="numba")
    tensor = torch.tensor(together, device="cuda").transpose(1, 2).contiguous().transpose(1, 2)
    found = search(tensor.requires_grad_(), lengths, graphs)
    scores = [one.score for one in expected]
    assert [one.score for one in found] == pytest.approx(scores, abs=1e-12)


@pytest.mark.skipif(cuda.is_available(), reason="there is a GPU, or the simulator of one")
def test_no_gpu_says_what_to_install():
    log_probs, graph = chain(4, 5, seed=0)
    for search in (viterbi, forward_backward):
        with pytest.raises(BackendError, match=r"found no NVIDIA GPU; .* pip install numba-cuda"):
            search(log_probs, graph, backend="cuda")
