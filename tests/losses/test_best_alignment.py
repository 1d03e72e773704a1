import math

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from oracles_warping import path_costs, soft_minimum  # noqa: E402

from speechalign.errors import InputError  # noqa: E402
from speechalign.losses import best_alignment_loss, soft_dtw, soft_dtw_divergence  # noqa: E402
from speechalign.losses.embeddings import pairwise  # noqa: E402

MOVES = ["plain", "skip", "dtw"]
each_move = pytest.mark.parametrize("moves", MOVES)
each_backend = pytest.mark.parametrize("backend", ["numba", "torch"])


def pair(frames, tokens, seed=0):
    """One utterance of float64 embeddings of width 3, and its lengths."""
    generator = torch.Generator().manual_seed(seed)
    speech = torch.randn(1, frames, 3, generator=generator, dtype=torch.float64)
    text = torch.randn(1, tokens, 3, generator=generator, dtype=torch.float64)
    return speech, text, torch.tensor([frames]), torch.tensor([tokens])


@given(
    st.integers(1, 6), st.integers(1, 5), st.sampled_from(MOVES), st.booleans(),
    st.sampled_from(["squared", "euclidean", "cosine"]), st.sampled_from([0.0, 0.4]),
    st.sampled_from(["numba", "torch"]), st.integers(0, 3),
)  # fmt: skip
def test_all_alignments(frames, tokens, moves, free_ends, distance, gamma, backend, seed):
    arguments = pair(frames, tokens, seed)
    found = best_alignment_loss(
        *arguments, distance=distance, moves=moves, free_ends=free_ends, gamma=gamma,
        backend=backend,
    ).item()  # fmt: skip
    apart = pairwise(*arguments[:2], distance)[0].numpy()
    costs = path_costs(apart, moves, free_ends)
    wanted = soft_minimum(costs, gamma) if gamma else min(costs, default=math.inf)
    # Whether alignments that begin and end anywhere exist is told by the lengths too.
    assert found == pytest.approx(wanted / frames)


def test_distances():
    a, b = torch.tensor([[[3.0, 0.0]]]), torch.tensor([[[0.0, 4.0], [3.0, 0.0]]])
    assert pairwise(a, b, "squared").tolist() == [[[25.0, 0.0]]]
    assert pairwise(a, b, "euclidean").tolist() == [[[5.0, 0.0]]]
    assert pairwise(a, b, "cosine").tolist() == [[[1.0, 0.0]]]


@each_move
@each_backend
def test_stretched_text_is_no_distance_away(moves, backend):
    _, text, _, tokens = pair(1, 4)
    speech = text.repeat_interleave(torch.tensor([1, 3, 2, 1]), dim=1)
    found = best_alignment_loss(speech, text, torch.tensor([7]), tokens, moves=moves,
                                backend=backend)  # fmt: skip
    assert found.item() == pytest.approx(0, abs=1e-15)
    moved = best_alignment_loss(speech + 0.1, text, torch.tensor([7]), tokens, moves=moves,
                                backend=backend)  # fmt: skip
    assert moved.item() > 0.01


@each_backend
def test_more_moves_are_not_dearer(backend):
    arguments = pair(9, 4)
    plain, *others = (
        best_alignment_loss(*arguments, moves=moves, backend=backend) for moves in MOVES
    )
    ends = best_alignment_loss(*arguments, free_ends=True, backend=backend)
    assert all(other <= plain + 1e-12 for other in [*others, ends])
    assert ends < 0.9 * plain


@pytest.mark.parametrize(
    ("moves", "gamma", "fits"),
    [("plain", 0.0, 4), ("skip", 0.0, 7), ("plain", 0.3, 4), ("skip", 0.3, 7), ("dtw", 0.0, 99)],
)
@each_backend
def test_text_longer_than_speech(moves, gamma, fits, backend):
    for tokens in range(1, 10):
        speech, *rest = pair(4, tokens)
        speech.requires_grad_()
        loss = best_alignment_loss(speech, *rest, moves=moves, gamma=gamma, backend=backend)
        loss.backward()
        assert (loss.item() < math.inf) == (tokens <= fits)
        assert speech.grad.any() == (tokens <= fits)
        assert speech.grad.isfinite().all()


def test_gradient_is_that_of_the_best_path():
    speech = torch.tensor([[[0.0], [2.0], [5.0]]], requires_grad=True)
    text = torch.tensor([[[0.5], [4.0]]], requires_grad=True)
    best_alignment_loss(speech, text, torch.tensor([3]), torch.tensor([2])).backward()
    # Frames 0 and 1 have token 0, frame 2 has token 1: 2 (u - v) / 3.
    torch.testing.assert_close(speech.grad.flatten(), torch.tensor([-1.0, 3.0, 2.0]) / 3)
    torch.testing.assert_close(text.grad.flatten(), torch.tensor([-2.0, -2.0]) / 3)


@each_move
@pytest.mark.parametrize("distance", ["squared", "euclidean", "cosine"])
def test_both_backends_have_the_same_gradient(moves, distance):
    speech, text, *lengths = pair(9, 4)
    # Neither is contiguous.
    speech, text = (x.mT.contiguous().mT.requires_grad_() for x in (speech, text))
    options = {"moves": moves, "distance": distance, "free_ends": True}
    numba, plain = (
        torch.autograd.grad(
            best_alignment_loss(speech, text, *lengths, backend=backend, **options), [speech, text]
        )
        for backend in ("numba", "torch")
    )
    torch.testing.assert_close(numba, plain)


@pytest.mark.parametrize(("gamma", "op"), [(0.0, "path_slopes"), (1.0, "known_slope")])
def test_loss_cannot_be_differentiated_twice(gamma, op):
    speech, *rest = pair(5, 3)
    speech.requires_grad_()
    loss = best_alignment_loss(speech, *rest, gamma=gamma)
    (first,) = torch.autograd.grad(loss, speech, create_graph=True)
    with pytest.raises(RuntimeError, match=op):
        torch.autograd.grad(first.sum(), speech)


@pytest.mark.parametrize("code", [0, 1, 2])
def test_sums_along_a_path_are_an_operator(code):
    speech, text, *_ = pair(4, 2)
    firsts = torch.tensor([[0, 0, 1, 1]])
    arguments = speech.requires_grad_(), text, firsts, firsts + 1, code
    torch.library.opcheck(torch.ops.speechalign.path_sums.default, arguments)


@each_backend
def test_soft_dtw_is_the_soft_minimum(backend):
    arguments = pair(4, 3)
    wanted = soft_minimum(path_costs(pairwise(*arguments[:2], "squared")[0], "dtw"), 0.7)
    found = soft_dtw(*arguments, gamma=0.7, backend=backend)
    assert found.item() == pytest.approx(wanted)
    dearer = best_alignment_loss(*arguments, moves="dtw", backend=backend) * 4
    assert found < dearer


@each_backend
def test_divergence_is_least_where_both_are_equal(backend):
    speech, text, frames, tokens = pair(5, 3)
    same = soft_dtw_divergence(speech, speech, frames, frames, backend=backend)
    assert same.item() == pytest.approx(0)
    assert soft_dtw(speech, speech, frames, frames, backend=backend) < 0
    assert soft_dtw_divergence(speech, text, frames, tokens, backend=backend) > 0.1


def test_options_are_checked():
    arguments = pair(4, 2)
    with pytest.raises(InputError, match="moves: expected 'plain', 'skip' or 'dtw', got 'left'"):
        best_alignment_loss(*arguments, moves="left")
    with pytest.raises(InputError, match="gamma: expected a finite number of at least 0, got -1"):
        best_alignment_loss(*arguments, gamma=-1)
    with pytest.raises(InputError, match="backend: expected 'auto'"):
        best_alignment_loss(*arguments, backend="cpu")
    with pytest.raises(InputError, match="gamma: expected a finite number above 0, got 0"):
        soft_dtw(*arguments, gamma=0)
