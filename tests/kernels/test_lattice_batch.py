"""A batch is its utterances one by one, on every backend; what is wrong with one is said of it."""

import re

import numpy as np
import pytest
from lattice_problems import make_graph
from numba import cuda

from speechalign.errors import AlignmentError, InputError
from speechalign.kernels import forward_backward, forward_backward_batch, viterbi, viterbi_batch

BACKENDS = [
    "numba",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not cuda.is_available(), reason="no GPU, and NUMBA_ENABLE_CUDASIM=1 is not set"
        ),
    ),
]
pytestmark = pytest.mark.parametrize("backend", BACKENDS)
searches = pytest.mark.parametrize("search", [viterbi_batch, forward_backward_batch])


def chain(states, *, columns=3, seed=0):
    """Return a graph that needs states - 1 frames at least, with random weights."""
    rng = np.random.default_rng(seed)
    arcs = rng.permutation([(s, s + d) for s in range(states) for d in (0, 1) if s + d < states])
    start, final = np.full(states, -np.inf), np.full(states, -np.inf)
    start[0] = final[-1] = 0.0
    labels, positions = rng.integers(columns, size=(2, len(arcs)))
    return make_graph(*arcs.T, labels, rng.normal(size=len(arcs)), positions, start, final)


def batch(*, dtype=np.float64):
    """Return scores that are NaN beyond the lengths, the lengths, and the graphs."""
    log_probs = np.random.default_rng(1).normal(size=(4, 6, 3)).astype(dtype)
    lengths = np.array([6, 1, 4, 5])
    for b, length in enumerate(lengths):
        log_probs[b, length:] = np.nan
    return log_probs, lengths, [chain(states, seed=states) for states in (3, 1, 5, 2)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("jobs", [1, 3])
def test_batch_is_its_utterances(backend, dtype, jobs):
    log_probs, lengths, graphs = batch(dtype=dtype)
    paths = viterbi_batch(log_probs, lengths, graphs, backend=backend, jobs=jobs)
    for b, path in enumerate(paths):
        alone = viterbi(log_probs[b, : lengths[b]], graphs[b])
        assert path.arcs.tolist() == alone.arcs.tolist()
        assert path.arcs.dtype == np.int64
        assert path.score == alone.score
    assert len(paths) == 4


@pytest.mark.parametrize("by", ["arc", "label", "position"])
@pytest.mark.parametrize("jobs", [1, 3])
def test_posteriors_of_a_batch_are_those_of_its_utterances(backend, by, jobs):
    log_probs, lengths, graphs = batch()
    found = forward_backward_batch(log_probs, lengths, graphs, by=by, backend=backend, jobs=jobs)
    for b, occupation in enumerate(found):
        alone = forward_backward(log_probs[b, : lengths[b]], graphs[b], by=by)
        np.testing.assert_allclose(occupation.posteriors, alone.posteriors, atol=1e-12)
        assert occupation.score == pytest.approx(alone.score, abs=1e-12)
    assert len(found) == 4


@searches
def test_order_of_the_batch_changes_nothing(backend, search):
    log_probs, lengths, graphs = batch()
    found = search(log_probs, lengths, graphs, backend=backend)
    turned = search(log_probs[::-1], lengths[::-1], graphs[::-1], backend=backend)
    for first, second in zip(found, turned[::-1]):
        for name, value in vars(first).items():
            np.testing.assert_array_equal(getattr(second, name), value)


@searches
def test_lengths_may_be_int32(backend, search):
    log_probs, lengths, graphs = batch()
    found = search(log_probs, lengths, graphs, backend=backend)
    for a, b in zip(search(log_probs, lengths.astype(np.int32), graphs, backend=backend), found):
        assert a.score == b.score


@searches
def test_empty_batch(backend, search):
    assert search(np.zeros((0, 5, 2)), np.zeros(0, np.int64), [], backend=backend) == []


@searches
def test_tensor_with_a_history(backend, search):
    torch = pytest.importorskip("torch")
    log_probs, lengths, graphs = batch()
    tensor = torch.tensor(log_probs, requires_grad=True)
    for ours, same in zip(
        search(log_probs, lengths, graphs, backend=backend),
        search(tensor, lengths, graphs, backend=backend),
    ):
        assert same.score == ours.score


@searches
class TestRefusals:
    def test_first_utterance_without_a_path(self, backend, search):
        log_probs, lengths, graphs = batch()
        lengths[2:] = 3, 0
        message = "utterance 2: log_probs: expected at least 4 frames, got 3"
        with pytest.raises(AlignmentError, match=message):
            search(log_probs, lengths, graphs, backend=backend)

    def test_probability_zero(self, backend, search):
        log_probs, lengths, graphs = batch()
        log_probs[1, 0] = -np.inf
        message = "utterance 1: log_probs: every path of 1 frames has probability zero"
        with pytest.raises(AlignmentError, match=message):
            search(log_probs, lengths, graphs, backend=backend)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_nan_and_inf(self, backend, search, bad):
        log_probs, lengths, graphs = batch()
        log_probs[2, 3, 1] = log_probs[2, 3, 2] = log_probs[3, 0, 0] = bad
        message = f"utterance 2: log_probs[3, 1]: expected a finite value or -inf, got {bad}"
        with pytest.raises(InputError, match=re.escape(message)):
            search(log_probs, lengths, graphs, backend=backend)

    def test_nan_comes_before_too_few_frames(self, backend, search):
        log_probs, lengths, graphs = batch()
        lengths[2] = 1
        log_probs[2, 0, 0] = np.nan
        with pytest.raises(InputError, match=r"utterance 2: log_probs\[0, 0\]"):
            search(log_probs, lengths, graphs, backend=backend)

    def test_label_without_a_column(self, backend, search):
        log_probs, lengths, graphs = batch()
        graphs[3] = chain(2, columns=9, seed=2)
        with pytest.raises(InputError, match=r"utterance 3: .* at least \d columns .*, got 3"):
            search(log_probs, lengths, graphs, backend=backend)

    def test_shape_and_dtype(self, backend, search):
        log_probs, lengths, graphs = batch()
        with pytest.raises(InputError, match=r"shape \(B, T, V\), .*, got \(6, 3\) float64"):
            search(log_probs[0], lengths, graphs, backend=backend)
        with pytest.raises(InputError, match=r"expected .* float32 or float64, got .* float16"):
            search(log_probs.astype(np.float16), lengths, graphs, backend=backend)

    def test_lengths_and_graphs(self, backend, search):
        log_probs, lengths, graphs = batch()
        with pytest.raises(InputError, match=r"input_lengths\[0\]: .* in \[0, 6\], got 7"):
            search(log_probs, lengths + 1, graphs, backend=backend)
        with pytest.raises(
            InputError, match=r"input_lengths: expected shape \(4,\), .* got \(3,\)"
        ):
            search(log_probs, lengths[:3], graphs, backend=backend)
        with pytest.raises(InputError, match=r"graphs: expected 4, .*, got 2"):
            search(log_probs, lengths, graphs[:2], backend=backend)

    def test_no_jobs(self, backend, search):
        with pytest.raises(InputError, match="jobs: expected 1 or more, got 0"):
            search(*batch(), backend=backend, jobs=0)


def test_unknown_kind_of_posterior(backend):
    with pytest.raises(InputError, match="by: expected 'arc', 'label' or 'position', got 'state'"):
        forward_backward_batch(*batch(), by="state", backend=backend)
