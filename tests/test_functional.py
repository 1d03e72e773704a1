"""forced_align and merge_tokens do what torchaudio's do, and what those cannot."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import AlignmentError, InputError
from speechalign.functional import TokenSpan, forced_align, merge_tokens
from speechalign.graphs import ctc_graph
from speechalign.kernels.lattice import viterbi


def random_log_probs(rng, *shape):
    logits = rng.normal(size=shape, scale=2)
    return logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)


@st.composite
def problems(draw):
    """One utterance with a blank anywhere, repeated labels, and sometimes not a frame to spare."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    columns = draw(st.integers(2, 6))
    blank = draw(st.integers(0, columns - 1))
    labels = [v for v in range(columns) if v != blank]
    targets = rng.choice(labels, size=draw(st.integers(1, 12)))
    repeats = int((targets[1:] == targets[:-1]).sum())
    frames = len(targets) + repeats + draw(st.integers(0, 20))
    return random_log_probs(rng, 1, frames, columns), targets[None], blank


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def torchaudio():
    return pytest.importorskip("torchaudio.functional")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("integers", ["int32", "int64"])
@given(problem=problems())
def test_torchaudio_agrees_where_nothing_ties(torch, torchaudio, dtype, integers, problem):
    log_probs, targets, blank = problem
    arguments = (
        torch.from_numpy(log_probs).to(getattr(torch, dtype)),
        torch.from_numpy(targets).to(getattr(torch, integers)),
    )
    theirs, their_scores = torchaudio.forced_align(*arguments, blank=blank)
    ours, our_scores = forced_align(*arguments, blank=blank)
    assert (ours.dtype, our_scores.dtype) == (theirs.dtype, their_scores.dtype)
    assert ours.tolist() == theirs.tolist()
    assert our_scores.tolist() == their_scores.tolist()
    spans = torchaudio.merge_tokens(theirs[0], their_scores[0], blank=blank)
    assert merge_tokens(ours[0], our_scores[0], blank=blank) == [
        TokenSpan(s.token, s.start, s.end, pytest.approx(s.score, rel=1e-5)) for s in spans
    ]


def test_score_is_never_below_that_of_torchaudio_and_above_it_where_scores_tie(torch, torchaudio):
    rng = np.random.default_rng(7)
    above = 0
    for _ in range(300):
        targets = rng.integers(1, 3, size=(1, rng.integers(1, 7)))
        log_probs = rng.integers(-4, 0, size=(1, 14, 3)).astype(np.float32)
        arguments = torch.from_numpy(log_probs), torch.from_numpy(targets)
        theirs = float(torchaudio.forced_align(*arguments)[1].sum())
        paths, scores = forced_align(*arguments)
        assert collapse(paths[0].tolist(), 0) == targets[0].tolist()
        assert float(scores.sum()) == viterbi(log_probs[0], ctc_graph(targets[0], blank=0)).score
        assert float(scores.sum()) >= theirs
        above += float(scores.sum()) > theirs
    assert above > 0


def collapse(columns, blank):
    return [v for v, _ in itertools.groupby(columns) if v != blank]


def ragged_batch(rng):
    targets = rng.integers(1, 5, size=(6, 9))
    written = np.array([9, 1, 4, 4, 7, 2])
    spoken = np.array([40, 33, 12, 40, 25, 5])
    return random_log_probs(rng, 6, 40, 5), targets, spoken, written


def test_batch_is_its_utterances_one_by_one():
    log_probs, targets, spoken, written = ragged_batch(np.random.default_rng(3))
    paths, scores = forced_align(log_probs, targets, spoken, written)
    assert (paths.shape, paths.dtype, scores.dtype) == ((6, 40), np.int64, np.float64)
    for b, (frames, labels) in enumerate(zip(spoken, written)):
        single = forced_align(log_probs[b : b + 1, :frames], targets[b : b + 1, :labels])
        assert paths[b, :frames].tolist() == single[0][0].tolist()
        assert scores[b, :frames].tolist() == single[1][0].tolist()
        tokens = [span.token for span in merge_tokens(paths[b], scores[b])]
        assert tokens == targets[b, :labels].tolist()


@pytest.mark.parametrize("blank", [0, 2, 4])
def test_frames_and_labels_beyond_the_lengths_are_not_read(blank):
    log_probs, targets, spoken, written = ragged_batch(np.random.default_rng(4))
    targets = (targets + blank) % 5
    before = forced_align(log_probs, targets, spoken, written, blank)
    spoiled, padded = log_probs.copy(), targets.copy()
    spoiled[np.arange(40) >= spoken[:, None]] = np.nan
    padded[np.arange(9) >= written[:, None]] = -1
    paths, scores = forced_align(spoiled, padded, spoken, written, blank)
    np.testing.assert_array_equal(paths, before[0])
    np.testing.assert_array_equal(scores, before[1])
    beyond = np.arange(40) >= spoken[:, None]
    assert (paths[beyond] == blank).all()
    assert (scores[beyond] == 0).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("integers", [np.int32, np.int64])
def test_arrays_give_arrays_of_the_same_dtypes(dtype, integers):
    log_probs = random_log_probs(np.random.default_rng(0), 2, 9, 4).astype(dtype)
    targets = np.array([[1, 2], [3, 3]], integers)
    paths, scores = forced_align(log_probs, targets)
    assert isinstance(paths, np.ndarray)
    assert (paths.dtype, scores.dtype) == (integers, dtype)
    read = log_probs[np.arange(2)[:, None], np.arange(9), paths]
    assert scores.tolist() == read.tolist()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_tensors(torch, dtype):
    log_probs = torch.from_numpy(random_log_probs(np.random.default_rng(1), 1, 30, 6))
    log_probs = log_probs.to(getattr(torch, dtype))
    targets = torch.tensor([[1, 2, 2, 5]])
    paths, scores = forced_align(log_probs, targets)
    same = forced_align(log_probs.float(), targets)
    assert paths.tolist() == same[0].tolist()
    assert scores.dtype == log_probs.dtype
    assert scores.float().tolist() == same[1].tolist()
    assert merge_tokens(paths[0], scores[0]) == merge_tokens(same[0][0], same[1][0])


def test_tensors_that_are_not_contiguous_and_lengths_of_any_integer_type(torch):
    log_probs = torch.from_numpy(random_log_probs(np.random.default_rng(2), 5, 12, 2))
    targets = torch.tensor([[1, 2], [3, 4]])
    lengths = torch.tensor([11, 12], dtype=torch.int32)
    paths, _ = forced_align(log_probs.permute(2, 1, 0), targets, lengths)
    same, _ = forced_align(log_probs.permute(2, 1, 0).contiguous(), targets, lengths.long())
    assert paths.tolist() == same.tolist()


def test_gradients_flow_through_the_scores(torch):
    log_probs = torch.from_numpy(random_log_probs(np.random.default_rng(5), 2, 6, 3))
    log_probs.requires_grad_()
    paths, scores = forced_align(log_probs, torch.tensor([[1, 2], [2, 2]]), torch.tensor([6, 4]))
    scores.sum().backward()
    expected = torch.nn.functional.one_hot(paths, 3).double()
    expected[1, 4:] = 0
    assert log_probs.grad.tolist() == expected.tolist()


def test_torch_is_imported_for_tensors_only():
    program = (
        "import sys, numpy as np\n"
        "from speechalign.functional import forced_align, merge_tokens\n"
        "paths, scores = forced_align(np.zeros((1, 3, 2)), np.array([[1]]))\n"
        "merge_tokens(paths[0], scores[0])\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_merging():
    tokens = np.array([2, 2, 0, 2, 1, 1, 0, 0])
    scores = np.array([-1.0, -2.0, -9.0, -3.0, -4.0, -6.0, -9.0, -9.0])
    spans = merge_tokens(tokens, scores)
    assert spans == [TokenSpan(2, 0, 2, -1.5), TokenSpan(2, 3, 4, -3.0), TokenSpan(1, 4, 6, -5.0)]
    assert [len(span) for span in spans] == [2, 1, 2]
    assert [s.token for s in merge_tokens(tokens, scores, blank=2)] == [0, 1, 0]
    assert merge_tokens(tokens[:0], scores[:0]) == []
    assert merge_tokens(tokens[-1:], scores[-1:]) == []


@pytest.mark.parametrize("shapes", [((1, 3), (1, 3)), ((3,), (2,)), ((3,), (3, 1))])
def test_merging_needs_one_row(shapes):
    with pytest.raises(InputError, match=r"tokens and scores: expected the same shape \(T,\)"):
        merge_tokens(np.zeros(shapes[0], np.int64), np.zeros(shapes[1]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"log_probs": np.zeros((5, 4))}, r"log_probs: expected shape \(B, T, V\), got \(5, 4\)"),
        ({"log_probs": np.zeros((2, 5, 4), int)}, "float32 or float64, got int64"),
        ({"log_probs": np.full((2, 5, 4), np.nan)}, "expected a finite value or -inf, got nan"),
        ({"log_probs": [[[0.0]]]}, "log_probs: expected an ndarray or a torch.Tensor, got list"),
        ({"targets": np.array([1, 2])}, r"targets: expected shape \(2, L\), .* got \(2,\) int64"),
        ({"targets": np.array([[1, 2]])}, r"targets: expected shape \(2, L\), .* got \(1, 2\)"),
        ({"targets": np.ones((2, 1), np.int16)}, "targets: .* int32 or int64; .* int16"),
        ({"targets": np.array([[1, 2], [1, 0]])}, "blank"),
        ({"targets": np.array([[1, 2], [1, -1]])}, "-1"),
        ({"targets": np.array([[1, 2], [1, 4]])}, "4"),
        ({"input_lengths": np.array([5, 6])}, r"input_lengths\[1\]: .* \[0, 5\], got 6"),
        ({"input_lengths": np.array([5.0, 5.0])}, r"input_lengths: expected shape \(2,\), integer"),
        ({"target_lengths": np.array([2])}, r"target_lengths: expected shape \(2,\)"),
        ({"target_lengths": np.array([2, 0])}, r"targets\[1\]: no labels"),
        ({"targets": np.zeros((2, 0), int)}, r"targets\[0\]: no labels"),
        ({"target_lengths": np.array([2, -1])}, r"target_lengths\[1\]: .* got -1"),
        ({"normalised": True}, r"probabilities sum to 4, not to one"),
        ({"memory_budget": 10}, "memory_budget: .* more than"),
        ({"jobs": 0}, "jobs: expected 1 or more, got 0"),
        ({"blank": -1}, "blank"),
        ({"blank": 4}, "4"),
    ],
)
def test_input_that_cannot_be_used(changes, message):
    arguments = {"log_probs": np.zeros((2, 5, 4)), "targets": np.array([[1, 2], [1, 3]])}
    with pytest.raises(InputError, match=message):
        forced_align(**{**arguments, **changes})
    assert issubclass(InputError, ValueError)


def test_no_path():
    log_probs = np.zeros((2, 4, 4))
    with pytest.raises(AlignmentError, match=r"targets\[1\]: 3 labels and 2 repeats need 5 frames"):
        forced_align(log_probs, np.array([[1, 2, 3], [1, 1, 1]]))
    log_probs[1, 2] = -np.inf
    with pytest.raises(AlignmentError, match=r"log_probs\[1\]\[2\]: .* probability zero"):
        forced_align(log_probs, np.array([[1], [1]]))


@given(problems(), st.sampled_from([1, 2, None]))
def test_path_is_that_of_the_graph(problem, jobs):
    log_probs, targets, blank = problem
    graph = ctc_graph(targets[0], blank=blank)
    columns = graph.labels[viterbi(log_probs[0], graph).arcs].tolist()
    paths, _ = forced_align(
        np.repeat(log_probs, 3, axis=0), np.repeat(targets, 3, axis=0), blank=blank,
        normalised=True, jobs=jobs,
    )  # fmt: skip
    assert paths.tolist() == [columns] * 3


def test_wildcard_column_of_probability_one(torch):
    # What torchaudio's multilingual bundle appends: the rows then sum to two.
    log_probs = random_log_probs(np.random.default_rng(6), 1, 12, 5)
    with_star = torch.from_numpy(np.append(log_probs, np.zeros((1, 12, 1)), axis=2))
    paths, _ = forced_align(with_star, torch.tensor([[5, 1, 2]]))
    assert collapse(paths[0].tolist(), 0) == [5, 1, 2]
