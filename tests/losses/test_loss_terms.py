"""Terms beside a CTC loss: label priors, peak-first, consistency."""

import math
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import InputError  # noqa: E402
from speechalign.losses import consistency_loss, peak_first_loss  # noqa: E402
from speechalign.losses.label_priors import LabelPriors  # noqa: E402


def batch(seed=0, dtype=torch.float64):
    """Log-probabilities (3, 6, 4) and lengths; what lies beyond them is illegal."""
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(3, 6, 4, generator=generator, dtype=dtype).log_softmax(2)
    lengths = torch.tensor([6, 3, 0])
    log_probs[1, 3:] = math.nan
    log_probs[2] = math.inf
    return log_probs, lengths


def divergence(p, q):
    return float((np.exp(p) * (p - q)).sum())


def test_peak_first_is_the_divergence_from_the_next_frame():
    log_probs, lengths = batch()
    losses = peak_first_loss(log_probs, lengths, temperature=2.0, reduction="none")
    for b, frames in enumerate(lengths.tolist()):
        soft = (log_probs[b, :frames] / 2).log_softmax(1).numpy()
        wanted = sum(divergence(soft[t + 1], soft[t]) for t in range(frames - 1))
        assert losses[b].item() == pytest.approx(wanted)
    assert losses[0] > 0.1
    constant = log_probs[:1, :1].expand(1, 9, 4)
    assert peak_first_loss(constant, torch.tensor([9])).item() == pytest.approx(0)


def test_consistency_is_half_the_symmetric_divergence():
    (log_probs, lengths), (other, _) = batch(), batch(1)
    losses = consistency_loss(log_probs, other, lengths, reduction="none")
    for b, frames in enumerate(lengths.tolist()):
        pairs = list(zip(log_probs[b, :frames].numpy(), other[b, :frames].numpy()))
        wanted = sum(divergence(p, q) + divergence(q, p) for p, q in pairs) / 2
        assert losses[b].item() == pytest.approx(wanted)
    assert losses[0] > 0.1
    assert consistency_loss(log_probs, log_probs, lengths).item() == 0


def test_consistency_teaches_each_view_by_the_other():
    """The gradient of KL(q || p) for the logits of p is p - q: none flows into the teacher."""
    (log_probs, lengths), (other, _) = batch(), batch(1)
    views = [x.nan_to_num(0.0, posinf=0.0).log_softmax(2).requires_grad_() for x in
             (log_probs, other)]  # fmt: skip
    loss = consistency_loss(*(v.log_softmax(2) for v in views), lengths, reduction="sum")
    gradients = torch.autograd.grad(loss, views)
    heard = torch.arange(6) < lengths[:, None]
    for gradient, view, teacher in zip(gradients, views, views[::-1]):
        wanted = (view.exp() - teacher.exp()).detach() / 2 * heard[:, :, None]
        torch.testing.assert_close(gradient, wanted)


TERMS = {
    "peak_first": peak_first_loss,
    "consistency": lambda x, lengths, **options: consistency_loss(
        x, 2 * x.detach(), lengths, **options
    ),
}
each_term = pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)


def test_derivative_of_peak_first():
    log_probs, lengths = batch()
    scores = log_probs.nan_to_num(0.0, posinf=0.0).requires_grad_()
    assert torch.autograd.gradcheck(
        partial(peak_first_loss, input_lengths=lengths, reduction="none"), scores
    )


@each_term
def test_padding_is_not_read_and_gets_no_gradient(term):
    log_probs, lengths = batch()
    scores = log_probs.requires_grad_()
    losses = term(scores, lengths, reduction="none")
    (gradient,) = torch.autograd.grad(losses.sum(), scores)
    assert losses.isfinite().all()
    assert gradient.isfinite().all()
    assert not gradient[1, 3:].any()
    torch.testing.assert_close(term(scores, lengths), losses.mean())
    torch.testing.assert_close(term(scores, lengths, reduction="sum"), losses.sum())


@each_term
def test_nan_is_named(term):
    log_probs, lengths = batch()
    log_probs[1, 2, 3] = math.nan
    with pytest.raises(InputError, match=r"log_probs\[1, 2, 3\]: expected a finite value or -inf"):
        term(log_probs, lengths)


def test_probability_zero_is_no_nan():
    log_probs = torch.tensor([[[0.0, -math.inf], [math.log(0.5), math.log(0.5)]]])
    lengths = torch.tensor([2])
    log_probs.requires_grad_()
    assert consistency_loss(log_probs, log_probs, lengths).item() == 0
    late = peak_first_loss(log_probs.flip(1), lengths, temperature=1.0)
    assert late.item() == pytest.approx(math.log(2))
    (gradient,) = torch.autograd.grad(late, log_probs)
    assert gradient.isfinite().all()


def test_term_errors():
    log_probs, lengths = batch()
    with pytest.raises(InputError, match="temperature: expected a number above 0, got 0"):
        peak_first_loss(log_probs, lengths, temperature=0)
    with pytest.raises(InputError, match=r"other: expected the shape and dtype of log_probs"):
        consistency_loss(log_probs, log_probs[:, :5], lengths)


def test_priors_are_the_mean_posterior():
    priors = LabelPriors(4)
    frames = []
    for seed in (0, 1):
        log_probs, lengths = batch(seed, torch.float32)
        priors.update(log_probs.requires_grad_(), lengths)
        frames += [log_probs[b, :n].detach().exp() for b, n in enumerate(lengths.tolist())]
    wanted = torch.cat(frames).double().mean(dim=0).log()
    torch.testing.assert_close(priors.log_priors(), wanted)
    assert not priors.log_priors().requires_grad


def test_priors_have_a_floor():
    priors = LabelPriors(2)
    priors.update(torch.tensor([[[0.0, -math.inf]]]), torch.tensor([1]))
    assert priors.log_priors().tolist() == [0.0, -12.0]
    assert priors.log_priors(floor=-3.0).tolist() == [0.0, -3.0]


def test_priors_errors():
    priors = LabelPriors(4)
    with pytest.raises(InputError, match="no frames were counted; update with a batch first"):
        priors.log_priors()
    with pytest.raises(InputError, match="expected 4 columns as in the batches before, got 3"):
        priors.update(torch.zeros(1, 2, 3), torch.tensor([2]))
    with pytest.raises(InputError, match=r"log_probs\[0, 1, 2\]"):
        priors.update(torch.tensor([[[0.0] * 4, [0, 0, math.nan, 0]]]), torch.tensor([2]))
