"""NMLA: against enumeration, between backends, and where there is little to match."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import InputError  # noqa: E402
from speechalign.losses.nmla import ngram_matches, nmla_loss  # noqa: E402

BACKENDS = ["numba", "torch"]


def batch(rng, B=3, T=5, V=4, L=4, blank=0, dtype=torch.float64):
    log_probs = torch.from_numpy(rng.normal(size=(B, T, V))).to(dtype).log_softmax(-1)
    tokens = np.array([v for v in range(V) if v != blank])
    targets = torch.from_numpy(rng.choice(tokens, (B, L)))
    input_lengths = torch.from_numpy(rng.integers(1, T + 1, B))
    target_lengths = torch.from_numpy(rng.integers(0, L + 1, B))
    return log_probs, targets, input_lengths, target_lengths


def ngrams(y, n):
    return Counter(tuple(y[i : i + n]) for i in range(len(y) - n + 1))


def enumerated_f1(log_probs, target, n, blank, merge):
    """Sum over all paths; slow, obvious."""
    T, V = log_probs.shape
    probs = np.exp(log_probs)
    n = min(n, len(target)) if target else n
    expected, empty = Counter(), 0.0
    for path in product(range(V), repeat=T):
        weight = probs[np.arange(T), path].prod()
        kept = [v for t, v in enumerate(path) if not (merge and t and path[t - 1] == v)]
        y = [v for v in kept if v != blank]
        empty += weight * (not y)
        for gram, count in ngrams(y, n).items():
            expected[gram] += weight * count
    if not target:
        return empty
    wanted = ngrams(target, n)
    matched = sum(min(expected[gram], count) for gram, count in wanted.items())
    return 2 * matched / (sum(expected.values()) + sum(wanted.values()))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("collapse", ["ctc", "simplified"])
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize(("T", "V", "blank"), [(6, 3, 1), (4, 4, 0), (1, 4, 3)])
def test_equals_enumeration(backend, collapse, n, T, V, blank):
    log_probs, targets, frames, labels = batch(np.random.default_rng(n), T=T, V=V, blank=blank)
    found = nmla_loss(
        log_probs, targets, frames, labels,
        n=n, blank=blank, collapse=collapse, reduction="none", backend=backend,
    )  # fmt: skip
    wanted = [
        1 - enumerated_f1(
            log_probs[b, : frames[b]].numpy(), targets[b, : labels[b]].tolist(), n, blank,
            collapse == "ctc",
        )
        for b in range(len(targets))
    ]  # fmt: skip
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("collapse", ["ctc", "simplified"])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_gradient(backend, collapse, n):
    log_probs, targets, frames, labels = batch(np.random.default_rng(7), B=4, L=5)
    log_probs.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda x: nmla_loss(
            x, targets, frames, labels, n=n, blank=0, collapse=collapse, backend=backend
        ),
        (log_probs,),
    )


def test_the_gradient_cannot_be_differentiated():
    log_probs, targets, frames, labels = batch(np.random.default_rng(1))
    log_probs.requires_grad_()
    loss = nmla_loss(log_probs, targets, frames, labels, blank=0)
    (slope,) = torch.autograd.grad(loss, log_probs, create_graph=True)
    with pytest.raises(RuntimeError, match="speechalign"):
        slope.sum().backward()


def test_operator_is_well_formed():
    from speechalign.losses.nmla import _nmla

    log_probs, targets, frames, labels = batch(np.random.default_rng(1))
    log_probs.requires_grad_()
    torch.library.opcheck(_nmla, (log_probs, targets, frames, labels, 2, 0, True, True))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_a_path_that_says_the_target_has_no_loss(backend, n):
    target = [2, 2, 1, 3]
    path = [0, 2, 0, 2, 1, 1, 3, 0]
    log_probs = torch.full((1, 8, 4), -torch.inf)
    log_probs[0, range(8), path] = 0.0
    found = nmla_loss(
        log_probs, torch.tensor([target]), torch.tensor([8]), torch.tensor([4]),
        n=n, blank=0, backend=backend,
    )  # fmt: skip
    assert float(found) == 0.0


def test_order_is_of_no_matter_to_single_tokens_but_to_bigrams():
    log_probs, targets, frames, labels = batch(np.random.default_rng(5), L=3)
    labels[:] = 3
    targets[:] = torch.tensor([1, 2, 3])
    for n, same in ((1, True), (2, False)):
        a, b = (
            nmla_loss(log_probs, y, frames, labels, n=n, blank=0, reduction="none")
            for y in (targets, targets.flip(1))
        )
        assert torch.allclose(a, b, atol=1e-14) is same


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_what_lies_beyond_a_length_is_not_read(backend, n):
    log_probs, targets, frames, labels = batch(np.random.default_rng(9))
    frames[:] = torch.tensor([5, 3, 1])
    labels[:] = torch.tensor([4, 2, 0])
    singles = [
        nmla_loss(
            log_probs[b : b + 1, : frames[b]], targets[b : b + 1, : labels[b]],
            frames[b : b + 1], labels[b : b + 1], n=n, blank=0, backend=backend,
        )
        for b in range(3)
    ]  # fmt: skip
    for b in range(3):
        log_probs[b, frames[b] :] = torch.nan
        targets[b, labels[b] :] = -1
    log_probs.requires_grad_()
    found = nmla_loss(
        log_probs, targets, frames, labels, n=n, blank=0, reduction="none", backend=backend
    )
    assert found.tolist() == [float(single) for single in singles]
    found.sum().backward()
    for b in range(3):
        assert not log_probs.grad[b, frames[b] :].any()
        assert log_probs.grad[b, : frames[b]].isfinite().all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_renaming_the_symbols_changes_nothing(backend):
    log_probs, targets, frames, labels = batch(np.random.default_rng(2))
    order = torch.tensor([2, 0, 3, 1])  # symbol v becomes order[v]
    renamed = torch.empty_like(log_probs)
    renamed[..., order] = log_probs
    a = nmla_loss(log_probs, targets, frames, labels, n=3, blank=0, backend=backend)
    b = nmla_loss(renamed, order[targets], frames, labels, n=3, blank=2, backend=backend)
    assert float(a) == pytest.approx(float(b), abs=1e-14)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_all_blank_matches_nothing(backend, n):
    log_probs = torch.full((2, 6, 3), -torch.inf)
    log_probs[:, :, 0] = 0.0
    log_probs.requires_grad_()
    targets = torch.tensor([[1, 2, 1], [1, 1, 1]])
    found = nmla_loss(
        log_probs, targets, torch.tensor([6, 6]), torch.tensor([3, 0]), n=n, blank=0,
        reduction="none", backend=backend,
    )  # fmt: skip
    assert found.tolist() == [1.0, 0.0]
    found.sum().backward()
    assert log_probs.grad.isfinite().all()


def test_a_target_shorter_than_n_counts_whole():
    log_probs, _, _, _ = batch(np.random.default_rng(3), B=1)
    arguments = torch.tensor([[2, 1]]), torch.tensor([5]), torch.tensor([2])
    two = nmla_loss(log_probs, *arguments, n=2, blank=0)
    assert nmla_loss(log_probs, *arguments, n=4, blank=0) == two


@pytest.mark.parametrize("n", [1, 2, 3])
def test_single_precision_over_two_thousand_frames(n):
    rng = np.random.default_rng(11)
    log_probs, targets, _, _ = batch(rng, B=2, T=2000, V=30, L=300)
    lengths = torch.tensor([2000, 1900]), torch.tensor([300, 280])
    slopes, losses = [], []
    for dtype in (torch.float64, torch.float32):
        x = log_probs.to(dtype, copy=True).requires_grad_()
        loss = nmla_loss(x, targets, *lengths, n=n, blank=0)
        loss.backward()
        losses.append(loss.item())
        slopes.append(x.grad.double())
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    worst = (slopes[1] - slopes[0]).abs().max() / slopes[0].abs().max()
    assert worst < 1e-5


def test_statistics_add_up():
    arguments = batch(np.random.default_rng(4))
    found = ngram_matches(*arguments, n=2, blank=0)
    loss = nmla_loss(*arguments, n=2, blank=0, reduction="none")
    torch.testing.assert_close(1 - found.f1, loss)
    p, r = found.precision, found.recall
    torch.testing.assert_close(2 * p * r / (p + r), found.f1)
    silent = torch.full((1, 2, 3), -torch.inf, dtype=torch.float64)
    silent[..., 0] = 0.0
    nothing = ngram_matches(
        silent, torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1]), n=1, blank=0
    )
    assert (float(nothing.precision), float(nothing.recall), float(nothing.f1)) == (0, 0, 0)


def test_reductions():
    arguments = batch(np.random.default_rng(4))
    each = nmla_loss(*arguments, blank=0, reduction="none")
    assert nmla_loss(*arguments, blank=0, reduction="sum") == each.sum()
    assert nmla_loss(*arguments, blank=0) == each.mean()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 0}, "n: expected at least 1, got 0"),
        ({"collapse": "none"}, "collapse: expected 'ctc' or 'simplified', got 'none'"),
        ({"backend": "k2"}, "backend: expected 'auto', 'numba' or 'torch', got 'k2'"),
        ({"reduction": "max"}, "reduction: expected 'mean', 'sum' or 'none', got 'max'"),
        ({"blank": 4}, r"blank: expected a column in \[0, 4\), got 4"),
        ({"blank": 2}, r"targets\[1, 0\]: label 2 is the blank"),
        ({"targets": torch.tensor([[1], [9]])}, r"targets\[1, 0\]: label 9 is not a col"),
        ({"targets": torch.tensor([1, 2])}, r"targets: expected shape \(2, L\), got"),
        ({"target_lengths": torch.tensor([1, 2])}, r"target_lengths\[1\]: expected .*\[0, 1\]"),
        ({"input_lengths": torch.tensor([3, 4, 5])}, r"input_lengths: expected shape \(2,\)"),
        ({"log_probs": torch.full((2, 3, 4), torch.nan)}, r"log_probs\[0\]\[0, 0\]: .*finite"),
        ({"log_probs": torch.zeros(3, 4)}, r"log_probs: expected shape \(B, T, V\)"),
    ],
)
def test_bad_arguments(change, message):
    arguments = {
        "log_probs": torch.zeros(2, 3, 4).log_softmax(-1),
        "targets": torch.tensor([[1], [2]]),
        "input_lengths": torch.tensor([3, 3]),
        "target_lengths": torch.tensor([1, 1]),
        "blank": 0,
    }
    with pytest.raises(InputError, match=message):
        nmla_loss(**{**arguments, **change})
