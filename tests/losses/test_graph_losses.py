"""Losses over graphs: any graph, stars, late ends; against enumeration."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lattice_problems import problems
from oracles import posteriors, total_score
from oracles_ctc import collapsed, last_end, unblanked, weighted_sum

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import InputError  # noqa: E402
from speechalign.graphs import ctc_graph, ctc_word_graph, with_star  # noqa: E402
from speechalign.losses import (  # noqa: E402
    bayes_risk_ctc_loss,
    ctc_loss,
    graph_loss,
    star_ctc_loss,
)
from speechalign.losses.graph import _total  # noqa: E402


def with_gradient(loss, log_probs, *rest, **options):
    """Losses (B,) and the gradient of their sum, as arrays."""
    scores = torch.as_tensor(log_probs).clone().requires_grad_()
    losses = loss(scores, *rest, **options)
    (gradient,) = torch.autograd.grad(losses.sum(), scores)
    assert losses.dtype == scores.dtype
    return losses.detach().numpy(), gradient.numpy()


@st.composite
def transcripts(draw, highest=0.0):
    columns = draw(st.integers(2, 4))
    blank = draw(st.integers(0, columns - 1))
    label = st.sampled_from([v for v in range(columns) if v != blank])
    targets = draw(st.lists(label, max_size=3))
    frames = draw(st.integers(1, 5))
    score = st.sampled_from([-math.inf, *np.linspace(-3, highest, 9).tolist()])
    row = st.lists(score, min_size=columns, max_size=columns)
    scores = draw(st.lists(row, min_size=frames, max_size=frames))
    return np.array(scores), targets, blank


def arguments(scores, targets):
    """A batch of one."""
    return (
        scores[None],
        torch.tensor([targets], dtype=torch.int64).reshape(1, -1),
        torch.tensor([len(scores)]),
        torch.tensor([len(targets)]),
    )


@given(st.lists(problems(), min_size=2, max_size=2))
def test_any_graphs(drawn):
    frames = max(len(scores) for scores, _ in drawn)
    columns = max(scores.shape[1] for scores, _ in drawn)
    batch = np.full((2, frames, columns), np.nan)
    for b, (scores, _) in enumerate(drawn):
        batch[b, : len(scores), : scores.shape[1]] = scores
        batch[b, : len(scores), scores.shape[1] :] = 0
    lengths = torch.tensor([len(scores) for scores, _ in drawn])
    losses, gradient = with_gradient(graph_loss, batch, [graph for _, graph in drawn], lengths)
    for b, (scores, graph) in enumerate(drawn):
        total = total_score(scores, graph)
        np.testing.assert_allclose(losses[b], -total, atol=1e-12)
        assert not gradient[b, len(scores) :].any()
        if total > -math.inf:
            shares = posteriors(scores, graph, graph.labels, columns)
            np.testing.assert_allclose(gradient[b, : len(scores)], -shares, atol=1e-12)
        else:
            assert not gradient[b].any()


def test_derivatives_of_a_graph():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 6, 5, generator=generator, dtype=torch.float64, requires_grad=True)
    graphs = [
        ctc_graph([1, 1, 2], blank=0),
        ctc_word_graph([[1, 2], [3]], blank=0, star=4, skip_weight=-2.0),
    ]
    lengths = torch.tensor([6, 4])
    assert torch.autograd.gradcheck(lambda x: graph_loss(x, graphs, lengths), scores)
    arrays = [torch.from_numpy(getattr(graphs[0], name)) for name in (
        "sources", "targets", "labels", "weights", "positions", "start", "final")]  # fmt: skip
    one = scores[:1].detach().requires_grad_()
    torch.library.opcheck(_total, (one, lengths[:1], arrays, "auto"))
    (gradient,) = torch.autograd.grad(
        graph_loss(scores, graphs, lengths).sum(), scores, create_graph=True
    )
    with pytest.raises(RuntimeError, match="no autograd formula"):
        gradient.square().sum().backward()


def test_graph_errors():
    graphs = [ctc_graph([3], blank=0)]
    with pytest.raises(InputError, match="graphs: expected 2, one for each utterance, got 1"):
        graph_loss(torch.zeros(2, 4, 4), graphs, torch.tensor([4, 4]))
    with pytest.raises(InputError, match=r"utterance 0: log_probs: expected at least 4 columns"):
        graph_loss(torch.zeros(1, 4, 3), graphs, torch.tensor([4]))


@given(transcripts(highest=1.0), st.sampled_from([0.0, 2.0, -0.7]))
def test_bayes_risk_equals_the_enumerated_sum(problem, risk):
    scores, targets, blank = problem

    def weigh(row):
        ends = -risk * last_end(row, blank) / len(scores)
        return ends if collapsed(row, blank) == tuple(targets) else None

    total, shares = weighted_sum(scores, weigh)
    for backend in ("numba", "torch"):
        losses, gradient = with_gradient(
            bayes_risk_ctc_loss, *arguments(scores, targets),
            blank=blank, risk=risk, reduction="none", backend=backend,
        )  # fmt: skip
        np.testing.assert_allclose(losses, [-total], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(gradient[0], -shares, atol=1e-12)


@pytest.mark.parametrize("risk", [1.0, 5000.0])
def test_bayes_risk_where_sums_underflow(risk):
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(90, 6))
    scores[:, 1:] -= 60
    problem = arguments(scores, rng.integers(1, 6, 40).tolist())
    numba, plain = (
        with_gradient(bayes_risk_ctc_loss, *problem,
                      blank=0, risk=risk, reduction="none", backend=backend)
        for backend in ("numba", "torch")
    )  # fmt: skip
    np.testing.assert_allclose(numba[0], plain[0], rtol=1e-12)
    np.testing.assert_allclose(numba[1], plain[1], atol=1e-9)


def test_no_risk_is_ctc():
    problem = arguments(np.random.default_rng(0).normal(size=(9, 4)), [1, 1, 3])
    scores = torch.as_tensor(problem[0])
    found = bayes_risk_ctc_loss(scores, *problem[1:], blank=0, risk=0.0)
    assert found == ctc_loss(scores, *problem[1:], blank=0)
    assert found < bayes_risk_ctc_loss(scores, *problem[1:], blank=0)


def is_subsequence(targets, row):
    found = iter(row)
    return all(label in found for label in targets)


@given(transcripts(), st.sampled_from([0.0, -0.7]))
def test_star_in_gaps_sums_rows_that_hold_the_targets(problem, star_weight):
    scores, targets, blank = problem

    def weigh(row):
        heard = unblanked(row, blank)
        extra = star_weight * (len(heard) - len(targets))
        return extra if is_subsequence(targets, heard) else None

    total, shares = weighted_sum(scores, weigh)
    losses, gradient = with_gradient(
        star_ctc_loss, *arguments(scores, targets),
        blank=blank, star_weight=star_weight, reduction="none",
    )  # fmt: skip
    np.testing.assert_allclose(losses, [-total], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(gradient[0], -shares, atol=1e-9)


@given(transcripts(), st.sampled_from([0.0, -0.7]))
def test_star_at_edges_sums_over_stretches(problem, star_weight):
    scores, targets, blank = problem
    frames = len(scores)
    total, shares = 0.0, np.zeros_like(scores)
    if not targets:
        total += math.exp(star_weight * frames)
    for begin in range(frames):
        for end in range(begin + 1, frames + 1):
            score, inside = weighted_sum(
                scores[begin:end],
                lambda row: 0.0 if collapsed(row, blank) == tuple(targets) else None,
            )
            mass = math.exp(score + star_weight * (frames - end + begin))
            total += mass
            shares[begin:end] += mass * inside
    losses, gradient = with_gradient(
        star_ctc_loss, *arguments(scores, targets),
        blank=blank, star_at="edges", star_weight=star_weight, reduction="none",
    )  # fmt: skip
    np.testing.assert_allclose(np.exp(-losses), [total], rtol=1e-12)
    np.testing.assert_allclose(gradient[0], -shares / (total or 1), atol=1e-12)


def test_star_does_not_cancel():
    """Where the target has nearly all probability, what is left is still known."""
    scores = torch.tensor([[[-60.0, 0.0, -50.0]]], dtype=torch.float64).expand(1, 2, 3)
    loss = star_ctc_loss(scores, torch.tensor([[2]]), *torch.tensor([[2], [1]]), blank=0)
    assert loss.item() == pytest.approx(50 - math.log(2), abs=1e-9)
    loss = star_ctc_loss(scores, torch.tensor([[1, 2]]), *torch.tensor([[2], [2]]), blank=0,
                         reduction="sum")  # fmt: skip
    assert loss.item() == pytest.approx(50)


@pytest.mark.parametrize("star_at", ["gaps", "edges"])
def test_star_derivative(star_at):
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(2, 6, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    rest = torch.tensor([[1, 1, 3], [2, 0, -9]]), torch.tensor([6, 4]), torch.tensor([3, 1])

    def loss(x):
        return star_ctc_loss(x.log_softmax(2), *rest, blank=0, star_at=star_at, star_weight=-0.3)

    assert torch.autograd.gradcheck(loss, scores)


def test_star_errors():
    problem = torch.zeros(1, 2, 3), torch.tensor([[1]]), torch.tensor([2]), torch.tensor([1])
    with pytest.raises(InputError, match="star_at: expected 'gaps' or 'edges', got 'ends'"):
        star_ctc_loss(*problem, blank=0, star_at="ends")
    with pytest.raises(
        InputError, match=r"star_weight: expected nats a frame, at most 0, got 0\.5"
    ):
        star_ctc_loss(*problem, blank=0, star_weight=0.5)


def test_a_graph_of_words_with_bypasses():
    """A word that the transcript has and the audio has not costs a skip instead of a misfit."""
    heard = np.full((6, 4), 0.02)
    heard[range(6), [0, 1, 0, 0, 3, 0]] = 0.94
    log_probs = with_star(np.log(heard), blank=0)
    strict = ctc_word_graph([[1], [2], [3]], blank=0)
    loose = ctc_word_graph([[1], [2], [3]], blank=0, star=4, skip_weight=-2.0)
    losses, gradient = with_gradient(
        graph_loss, np.stack([log_probs] * 2), [strict, loose], torch.tensor([6, 6])
    )
    assert losses[1] < losses[0] - 1
    assert -gradient[0, :, 2].sum() > 1 - 1e-9
    assert -gradient[1, :, 2].sum() < 0.3
