"""CTC loss: enumerated sums, torch's own loss, gradients, extremes; both backends."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles_ctc import collapsed, onsets, weighted_sum

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import BackendError, InputError  # noqa: E402
from speechalign.kernels.ctc_scaled import (  # noqa: E402
    DONE,
    UNDERFLOW,
    likely_tilt,
    occupy_scaled,
    scratch_size,
)
from speechalign.losses import ctc_loss  # noqa: E402
from speechalign.losses.ctc import _occupy, _spread, weighted_ctc  # noqa: E402

BACKENDS = ("numba", "torch")
each_backend = pytest.mark.parametrize("backend", BACKENDS)


def losses_and_gradient(log_probs, *rest, dtype=None, **options):
    """Losses (B,) and the gradient of their sum, as arrays."""
    scores = torch.as_tensor(log_probs, dtype=dtype).detach().clone().requires_grad_()
    losses = ctc_loss(scores, *map(torch.as_tensor, rest), reduction="none", **options)
    (gradient,) = torch.autograd.grad(losses.sum(), scores)
    assert losses.dtype == gradient.dtype == scores.dtype
    return losses.detach().numpy(), gradient.numpy()


def problem(batch, frames, labels, columns, *, seed=0, blank=0, dtype=torch.float64):
    """Random log-probabilities and targets of full length."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, frames, columns, generator=generator, dtype=torch.float64)
    targets = torch.randint(1, columns, (batch, labels), generator=generator)
    targets = torch.where(targets == blank, 0, targets)
    lengths = torch.full((batch,), frames), torch.full((batch,), labels)
    return logits.log_softmax(2).to(dtype), targets, *lengths


@st.composite
def small_problems(draw):
    columns = draw(st.integers(2, 4))
    blank = draw(st.integers(0, columns - 1))
    label = st.sampled_from([v for v in range(columns) if v != blank])
    targets = draw(st.lists(label, max_size=3))
    frames = draw(st.integers(1, 5 if columns == 4 else 6))
    score = st.sampled_from([-math.inf, *np.linspace(-3, 1, 9).tolist()])
    row = st.lists(score, min_size=columns, max_size=columns)
    scores = draw(st.lists(row, min_size=frames, max_size=frames))
    return np.array(scores), targets, blank


@given(small_problems(), st.sampled_from([0.0, 0.3, -0.2]))
def test_equals_the_enumerated_sum(problem, delay_penalty):
    scores, targets, blank = problem
    frames = len(scores)

    def weigh(row):
        if collapsed(row, blank) != tuple(targets):
            return None
        return delay_penalty * sum(frames // 2 - t for t in onsets(row, blank))

    total, shares = weighted_sum(scores, weigh)
    for backend in BACKENDS:
        losses, gradient = losses_and_gradient(
            scores[None], np.array([targets], np.int64).reshape(1, -1), [frames], [len(targets)],
            blank=blank, delay_penalty=delay_penalty, backend=backend,
        )  # fmt: skip
        np.testing.assert_allclose(losses, [-total], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(gradient[0], -shares, atol=1e-12)


@each_backend
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_through_log_softmax_it_is_the_loss_of_torch(backend, reduction):
    torch.manual_seed(1)
    logits = torch.randn(4, 30, 6, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(1, 6, (4, 7))
    lengths = torch.tensor([30, 22, 14, 9]), torch.tensor([7, 5, 0, 1])
    log_probs = logits.log_softmax(2)
    ours = ctc_loss(log_probs, targets, *lengths, blank=0, reduction=reduction, backend=backend)
    torchs = torch.nn.functional.ctc_loss(
        log_probs.transpose(0, 1), targets, *lengths, reduction=reduction
    )
    torch.testing.assert_close(ours, torchs)
    weights = torch.randn_like(ours)
    ours, torchs = (
        torch.autograd.grad(x, logits, weights, retain_graph=True)[0] for x in (ours, torchs)
    )
    torch.testing.assert_close(ours, torchs)


@each_backend
def test_derivatives(backend):
    log_probs, targets, *_ = problem(3, 7, 3, 4)
    lengths = torch.tensor([7, 4, 6]), torch.tensor([3, 0, 2])
    loss = functools.partial(ctc_loss, blank=0, reduction="none", backend=backend)
    scores = (1.7 * log_probs).requires_grad_()  # Not normalised.
    assert torch.autograd.gradcheck(lambda x: loss(x, targets, *lengths), scores)
    delayed = functools.partial(loss, delay_penalty=0.4)
    assert torch.autograd.gradcheck(lambda x: delayed(x, targets, *lengths), scores)
    torch.library.opcheck(_occupy, (scores, targets, *lengths, 0, 0.1, 0.2, backend))
    losses, posteriors = _occupy(scores, targets, *lengths, 0, 0.0, 0.0, backend)
    arguments = (losses.detach(), posteriors.detach(), targets, *lengths, 0, 4)
    torch.library.opcheck(_spread, arguments)


@each_backend
def test_a_second_derivative_raises(backend):
    log_probs, *rest = problem(1, 5, 2, 3)
    log_probs.requires_grad_()
    loss = ctc_loss(log_probs, *rest, blank=0, backend=backend)
    (gradient,) = torch.autograd.grad(loss, log_probs, create_graph=True)
    with pytest.raises(RuntimeError, match="no autograd formula"):
        gradient.square().sum().backward()


@each_backend
def test_priors_are_taken_out_of_the_scores(backend):
    log_probs, *rest = problem(2, 8, 3, 4)
    log_priors = torch.tensor([0.7, 0.1, 0.1, 0.1]).log().requires_grad_()
    loss = functools.partial(losses_and_gradient, blank=0, backend=backend)
    found = loss(log_probs, *rest, log_priors=log_priors, prior_scale=0.3)
    wanted = loss(log_probs - 0.3 * log_priors.detach(), *rest)
    for a, b in zip(found, wanted):
        np.testing.assert_allclose(a, b)
    for a, b in zip(loss(log_probs, *rest, log_priors=log_priors, prior_scale=0.0),
                    loss(log_probs, *rest)):  # fmt: skip
        np.testing.assert_array_equal(a, b)
    assert abs(found[0] - loss(log_probs, *rest, log_priors=log_priors)[0]).max() > 0.1


def test_priors_get_no_gradient():
    log_probs, *rest = problem(1, 5, 2, 3)
    log_priors = torch.zeros(3, requires_grad=True)
    ctc_loss(log_probs.requires_grad_(), *rest, blank=0, log_priors=log_priors).backward()
    assert log_priors.grad is None


@each_backend
def test_what_fits_exactly_and_what_does_not(backend):
    scores = torch.zeros(4, 5, 3)
    targets = torch.tensor([[1, 1, 2, 0], [1, 1, 2, 2], [1, 1, 0, 0], [0, 0, 0, 0]])
    lengths = [4, 5, 2, 5], [3, 4, 2, 0]
    losses, gradient = losses_and_gradient(scores, targets, *lengths, blank=0, backend=backend)
    np.testing.assert_array_equal(losses, [0, math.inf, math.inf, 0])
    np.testing.assert_array_equal(gradient[0, :4].argmin(axis=1), [1, 0, 1, 2])
    np.testing.assert_array_equal(gradient[3], [[-1, 0, 0]] * 5)
    assert not gradient[[1, 2]].any()
    assert not gradient[0, 4].any()


@each_backend
def test_no_frames(backend):
    losses, gradient = losses_and_gradient(
        torch.zeros(2, 0, 3), torch.tensor([[1], [1]]), [0, 0], [0, 1], blank=0, backend=backend
    )
    np.testing.assert_array_equal(losses, [0, math.inf])
    assert gradient.shape == (2, 0, 3)


@each_backend
def test_an_infeasible_utterance_leaves_the_gradient_of_others(backend):
    log_probs, targets, *_ = problem(2, 6, 3, 4)
    lengths = torch.tensor([6, 2]), torch.tensor([3, 3])
    scores = log_probs.clone().requires_grad_()
    loss = ctc_loss(scores, targets, *lengths, blank=0, backend=backend)
    assert loss.item() == math.inf
    loss.backward()
    alone = log_probs[:1].clone().requires_grad_()
    one = [x[:1] for x in (targets, *lengths)]
    ctc_loss(alone, *one, blank=0, backend=backend).backward()
    torch.testing.assert_close(scores.grad[0] * 2, alone.grad[0])
    assert not scores.grad[1].any()


@each_backend
def test_probability_zero(backend):
    scores = torch.zeros(2, 4, 3)
    scores[0, 2] = -math.inf
    scores[1, :, 2] = -math.inf
    found = losses_and_gradient(scores, [[1, 2], [1, 2]], [4, 4], [2, 2], blank=0, backend=backend)
    np.testing.assert_array_equal(found[0], [math.inf, math.inf])
    assert not found[1].any()


def extreme(kind):
    """Emissions on which sums of probabilities underflow, and targets: (T, V), (L,)."""
    rng = np.random.default_rng(5)
    targets = rng.integers(1, 8, 40)
    scores = rng.normal(size=(120, 8))
    if kind == "blank collapse":
        scores[:, 1:] -= 40
    elif kind == "deep collapse":
        scores[:, 1:] -= 800
    elif kind == "log-likelihoods":
        scores = 300 * scores - 5000
    elif kind == "wrong start, wrong end":
        scores[:60, 1:] -= 60
        scores[60:, 0] -= 3000
    elif kind == "masked columns":
        scores[:, 1:4] = -math.inf
        targets = rng.integers(4, 8, 40)
    return scores, targets


KINDS = ["blank collapse", "deep collapse", "log-likelihoods", "wrong start, wrong end",
         "masked columns"]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("delay_penalty", [0.0, 40.0, -3.0])
def test_underflow(kind, delay_penalty):
    scores, targets = extreme(kind)
    arguments = (scores[None], targets[None], [120], [40])
    numba, plain = (
        losses_and_gradient(*arguments, blank=0, delay_penalty=delay_penalty, backend=backend)
        for backend in BACKENDS
    )
    assert np.isfinite(numba[0]).all()
    np.testing.assert_allclose(numba[0], plain[0], rtol=1e-12)
    np.testing.assert_allclose(numba[1], plain[1], atol=1e-8)
    np.testing.assert_allclose(numba[1].sum(axis=2), -1)


SCRATCH = np.empty(scratch_size(120, 40))


def test_the_underflow_cases_are_such():
    def underflows(kind):
        scores, targets = extreme(kind)
        tilts = (0.0, likely_tilt(scores, targets, 0, 256)[0])
        sums = [occupy_scaled(scores, targets, 0, 0.0, 0.0, tilt, SCRATCH, np.zeros((120, 41)))
                for tilt in tilts]  # fmt: skip
        return sum(status == UNDERFLOW for status, _ in sums)

    assert {kind: underflows(kind) for kind in KINDS} == {
        "blank collapse": 1,
        "deep collapse": 2,
        "log-likelihoods": 2,
        "wrong start, wrong end": 2,
        "masked columns": 0,
    }


def test_the_worth_of_a_tilt_is_what_alignments_lie_below_all_paths():
    """Of constant emissions it is known: T log(rows of any number of labels) - log(those of L)."""
    frames, labels = 4000, 400
    scores = np.full((frames, 3), -2.0)
    scores[:, 0] = -1.0
    targets = np.arange(labels) % 2 + 1
    shares, scratch = np.zeros((frames, labels + 1)), np.empty(scratch_size(frames, labels))
    tilt, worth = likely_tilt(scores, targets, 0, 16)
    status, score = occupy_scaled(scores, targets, 0, 0.0, 0.0, tilt, scratch, shares)
    assert status == DONE
    b, p = np.exp(-1), np.exp(-2)
    growth = np.log(np.linalg.eigvals([[b, p], [b, 2 * p]]).max())
    assert worth == pytest.approx(frames * growth - score, rel=0.01)


def test_any_tilt_gives_the_same_sum():
    scores, targets = extreme("masked columns")
    found = [np.zeros((120, 41)) for _ in range(3)]
    sums = [occupy_scaled(scores, targets, 0, 0.02, 2.0, tilt, SCRATCH, shares)
            for tilt, shares in zip((0.0, 3.0, -3.0), found)]  # fmt: skip
    assert {status for status, _ in sums} == {DONE}
    for (_, score), shares in zip(sums, found):
        assert score == pytest.approx(sums[0][1], rel=1e-12)
        np.testing.assert_allclose(shares, found[0], atol=1e-12)


def test_products_that_overflow_are_done_again():
    scores, targets = extreme("masked columns")
    status, _ = occupy_scaled(scores, targets, 0, 0.5, 2.0, 0.0, SCRATCH, np.zeros((120, 41)))
    assert status == UNDERFLOW
    arguments = (scores[None], targets[None], [120], [40])
    numba, plain = (
        losses_and_gradient(*arguments, blank=0, delay_penalty=0.5, backend=backend)
        for backend in BACKENDS
    )
    np.testing.assert_allclose(numba[0], plain[0], rtol=1e-12)
    np.testing.assert_allclose(numba[1], plain[1], atol=1e-9)


def test_many_labels_on_noise():
    """Rows lie where alignments are only if the weight of entering labels is right."""
    log_probs, *rest = problem(1, 5000, 700, 32)
    scores, targets = log_probs[0].numpy(), rest[0][0].numpy()
    shares, scratch = np.zeros((5000, 701)), np.empty(scratch_size(5000, 700))
    assert occupy_scaled(scores, targets, 0, 0.0, 0.0, 0.0, scratch, shares)[0] == UNDERFLOW
    for samples in (16, 256):
        tilt, worth = likely_tilt(scores, targets, 0, samples)
        assert worth > 900
        assert occupy_scaled(scores, targets, 0, 0.0, 0.0, tilt, scratch, shares)[0] == DONE
    reference = torch.nn.functional.ctc_loss(log_probs.transpose(0, 1), *rest, reduction="sum")
    losses, _ = losses_and_gradient(log_probs, *rest, blank=0)
    np.testing.assert_allclose(losses, [reference.item()], rtol=1e-12)


@pytest.mark.parametrize("collapse", [0.0, 14.0])
def test_long_and_collapsed_in_float32(collapse):
    logits = 3 * problem(1, 5000, 60, 32)[0]
    logits[:, :, 1:] -= collapse
    log_probs = logits.log_softmax(2)
    _, *rest = problem(1, 5000, 60, 32)
    single, double = (
        losses_and_gradient(log_probs, *rest, dtype=dtype, blank=0)
        for dtype in (torch.float32, torch.float64)
    )
    np.testing.assert_allclose(single[0], double[0], rtol=1e-6)
    np.testing.assert_allclose(single[1], double[1], atol=1e-5)
    reference = log_probs.clone().requires_grad_()
    loss = torch.nn.functional.ctc_loss(reference.transpose(0, 1), *rest, reduction="sum")
    np.testing.assert_allclose(double[0], [loss.item()], rtol=1e-10)
    (wanted,) = torch.autograd.grad(loss, reference)
    np.testing.assert_allclose(double[1] + log_probs.exp().numpy(), wanted.numpy(), atol=1e-7)


@each_backend
def test_any_strides(backend):
    log_probs, *rest = problem(3, 9, 4, 5)
    strided = log_probs.transpose(0, 1).contiguous().transpose(0, 1)
    strided_targets = rest[0].T.contiguous().T
    found = losses_and_gradient(strided, strided_targets, *rest[1:], blank=0, backend=backend)
    wanted = losses_and_gradient(log_probs, *rest, blank=0, backend=backend)
    for a, b in zip(found, wanted):
        np.testing.assert_array_equal(a, b)


def test_no_result_depends_on_threads(monkeypatch):
    arguments = problem(5, 40, 6, 7)
    wanted = losses_and_gradient(*arguments, blank=0)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    for a, b in zip(losses_and_gradient(*arguments, blank=0), wanted):
        np.testing.assert_array_equal(a, b)


@each_backend
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_illegal_scores_are_named(backend, value):
    log_probs, *rest = problem(3, 9, 4, 5, blank=2)
    log_probs[1, 6, 2] = value
    with pytest.raises(InputError, match=rf"log_probs\[1, 6, 2\].*-inf, got {value}; check"):
        ctc_loss(log_probs, *rest, blank=2, backend=backend)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_illegal_scores_are_named_where_others_underflow(value):
    scores, targets = extreme("deep collapse")
    scores[100, 0] = value
    with pytest.raises(InputError, match=r"log_probs\[0, 100, 0\]"):
        ctc_loss(*map(torch.as_tensor, (scores[None], targets[None], [120], [40])), blank=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"log_probs": torch.zeros(6, 5)}, r"log_probs: expected shape \(B, T, V\), got \(6, 5\)"),
        ({"log_probs": torch.zeros(2, 6, 5).half()}, r"float32 or float64, got float16; call"),
        ({"targets": torch.tensor([1, 2, 3])}, r"shape \(2, L\), got \(3,\).*pad"),
        (
            {"targets": torch.ones(2, 3)},
            r"targets: .* int32 or int64, got float32; call \.long\(\)",
        ),
        ({"targets": torch.tensor([[1, 2, 3], [1, 5, 3]])}, r"targets\[1, 1\]: label 5 is not a"),
        ({"targets": torch.tensor([[1, 2, 3], [1, -1, 3]])}, r"targets\[1, 1\]: label -1 is not"),
        ({"targets": torch.tensor([[1, 2, 3], [1, 1, 0]])}, r"targets\[1, 2\]: label 0 is the bl"),
        ({"input_lengths": torch.tensor([6, 7])}, r"input_lengths\[1\].* in \[0, 6\], got 7"),
        ({"input_lengths": torch.tensor([6, -1])}, r"input_lengths\[1\].* in \[0, 6\], got -1"),
        ({"input_lengths": torch.tensor([6])}, r"input_lengths: expected shape \(2,\), one length"),
        (
            {"input_lengths": torch.tensor([6.0, 6.0])},
            r"input_lengths: .* int32 or int64, got float32",
        ),
        ({"target_lengths": torch.tensor([3, 4])}, r"target_lengths\[1\].* in \[0, 3\], got 4"),
        ({"blank": 5}, r"blank: expected a column in \[0, 5\), got 5"),
        ({"reduction": "average"}, r"reduction: expected 'mean', 'sum' or 'none', got 'average'"),
        ({"log_priors": torch.zeros(4)}, r"log_priors: expected shape \(5,\), got \(4,\)"),
        ({"backend": "cuda"}, r"backend: expected 'auto', 'numba' or 'torch', got 'cuda'"),
    ],
)
def test_input_errors(change, message):
    arguments = {
        "log_probs": torch.zeros(2, 6, 5),
        "targets": torch.tensor([[1, 2, 3], [3, 2, 1]]),
        "input_lengths": torch.tensor([6, 6]),
        "target_lengths": torch.tensor([3, 3]),
        "blank": 0,
    }
    with pytest.raises(InputError, match=message):
        ctc_loss(**(arguments | change))


def test_numba_reads_host_memory():
    arguments = problem(1, 4, 2, 3)
    with pytest.raises(BackendError, match="got log_probs on meta; say backend='torch'"):
        weighted_ctc(
            arguments[0].to("meta"), *arguments[1:],
            blank=0, delay_penalty=0.0, risk=0.0, backend="numba",
        )  # fmt: skip
