"""The best placement of tokens on frames against all placements."""

from itertools import permutations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("scipy", reason="needs scipy")

from speechalign.errors import InputError  # noqa: E402
from speechalign.losses.bipartite import bipartite_loss  # noqa: E402


def best_placement(log_probs, target, blank):
    """Try all of them."""
    best = -np.inf
    for frames in permutations(range(len(log_probs)), len(target)):
        row = np.full(len(log_probs), blank)
        row[list(frames)] = target
        best = max(best, log_probs[np.arange(len(row)), row].sum())
    return -best


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("impossible", [0.0, 0.4])
def test_equals_exhaustive_search(seed, impossible):
    rng = np.random.default_rng(seed)
    T, V, L = rng.integers(1, 6), 4, rng.integers(0, 4)
    blank = int(rng.integers(V))
    log_probs = np.log(rng.dirichlet(np.ones(V), T))
    log_probs[rng.random((T, V)) < impossible] = -np.inf
    target = rng.choice([v for v in range(V) if v != blank], L)
    found = bipartite_loss(
        torch.from_numpy(log_probs)[None], torch.from_numpy(target)[None], torch.tensor([T]),
        torch.tensor([L]), blank=blank, reduction="sum",
    )  # fmt: skip
    wanted = np.inf if T < L else best_placement(log_probs, target, blank)
    assert found.item() == pytest.approx(wanted, abs=1e-12)


def inputs():
    log_probs = torch.randn(
        3, 6, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    ).log_softmax(-1)
    targets = torch.tensor([[1, 2, 2], [3, 1, 1], [2, 2, 2]])
    return log_probs.clone(), targets, torch.tensor([6, 4, 2]), torch.tensor([3, 2, 3])


def test_gradient_and_infeasible_utterance():
    log_probs, *others = inputs()
    log_probs.requires_grad_()

    def feasible(x):
        return bipartite_loss(x, *others, blank=0, reduction="none")[:2]

    assert torch.autograd.gradcheck(feasible, (log_probs,))
    losses = bipartite_loss(log_probs, *others, blank=0, reduction="none")
    losses.sum().backward()
    assert losses[2] == torch.inf
    assert not log_probs.grad[2].any()
    assert not log_probs.grad[1, 4:].any()


def test_order_of_the_target_is_of_no_matter():
    log_probs, targets, *lengths = inputs()
    first = [x[:1] for x in lengths]
    a, b = (
        bipartite_loss(log_probs[:1], y, *first, blank=0)
        for y in (targets[:1], targets[:1].flip(1))
    )
    assert a == b


def test_margin_leaves_out_what_the_model_cannot_place():
    log_probs = torch.tensor([[[0.9, 0.1], [0.9, 0.1]]], dtype=torch.float64).log()
    arguments = torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1])
    whole = bipartite_loss(log_probs, *arguments, blank=0)
    clipped = bipartite_loss(log_probs, *arguments, blank=0, margin=2.0)
    assert whole.item() == pytest.approx(-np.log(0.9) - np.log(0.1))
    assert clipped.item() == pytest.approx(-np.log(0.9))


def test_bad_margin():
    with pytest.raises(InputError, match="margin: expected a positive number, got 0"):
        bipartite_loss(*inputs(), blank=0, margin=0.0)
