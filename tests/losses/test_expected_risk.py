"""Expected risk against the sum over everything a model may say, and its gradient."""

import math

import numpy as np
import oracles_paths
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
from speechalign.errors import InputError  # noqa: E402
from speechalign.losses import expected_risk_loss  # noqa: E402
from speechalign.losses.risk import distinct, expected_risk  # noqa: E402


def random_log_probs(seed, batch=2, frames=4, vocabulary=3):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, frames, vocabulary, generator=generator, dtype=torch.float64)
    return logits.log_softmax(-1)


LENGTHS = torch.tensor([4, 3])
TARGETS = torch.tensor([[0, 2, 0], [2, 9, 9]])
TARGET_LENGTHS = torch.tensor([3, 1])


def risk_of(log_probs, **options):
    options = {"blank": 1, "seed": 0, "reduction": "none"} | options
    return expected_risk_loss(log_probs, TARGETS, LENGTHS, TARGET_LENGTHS, **options)


def exact(log_probs, blank, target, separator=None, scale=None):
    """Return the expected errors, and where a scale is given those by weights of hypotheses."""
    hypotheses = {}
    for path, probability in oracles_paths.every_path(log_probs):
        said = tuple(oracles_paths.collapse(path, blank))
        hypotheses.setdefault(said, []).append(probability)
    weights = {said: math.fsum(p) ** (scale or 1.0) for said, p in hypotheses.items()}
    errors = {
        said: oracles_paths.distance(
            oracles_paths.words(target, separator), oracles_paths.words(said, separator)
        )
        for said in hypotheses
    }
    return math.fsum(weights[s] * errors[s] for s in weights) / math.fsum(weights.values())


@pytest.mark.parametrize("weights", ["hypotheses", "paths"])
@pytest.mark.parametrize("separator", [None, 0])
def test_everything_drawn(weights, separator):
    log_probs = random_log_probs(0)
    found = risk_of(log_probs, weights=weights, separator=separator, samples=3000, temperature=3.0)
    for b in range(2):
        target = TARGETS[b, : TARGET_LENGTHS[b]].tolist()
        expected = exact(log_probs[b, : LENGTHS[b]], 1, target, separator)
        assert found[b].item() == pytest.approx(expected, abs=1e-12)


def test_scale():
    log_probs = random_log_probs(1)
    found = risk_of(log_probs, scale=0.4, samples=3000)
    expected = exact(log_probs[0], 1, TARGETS[0].tolist(), scale=0.4)
    assert found[0].item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("weights", ["hypotheses", "paths"])
@pytest.mark.parametrize("samples", [4, 40])
def test_gradient(weights, samples):
    log_probs = random_log_probs(2).requires_grad_()
    found = risk_of(log_probs, weights=weights, samples=samples, scale=0.7)
    (gradient,) = torch.autograd.grad(found.sum(), log_probs)
    assert gradient.abs().max() > 0.01
    assert torch.autograd.gradcheck(
        lambda x: risk_of(x, weights=weights, samples=samples, scale=0.7), log_probs
    )


def test_gradient_by_score():
    scores = torch.tensor([-1.0, -2.0, -0.5, -3.0], dtype=torch.float64, requires_grad=True)
    errors, utterances = np.array([2, 0, 1, 5]), np.array([0, 0, 0, 1])
    risk = expected_risk(scores, errors, utterances, batch=2, scale=0.5)
    p = (0.5 * scores[:3]).softmax(0).detach()
    mean = (p * torch.tensor([2.0, 0.0, 1.0])).sum()
    torch.testing.assert_close(risk, torch.tensor([mean, 5.0], dtype=torch.float64))
    risk.sum().backward()
    expected = 0.5 * p * (torch.tensor([2.0, 0.0, 1.0]) - mean)
    torch.testing.assert_close(scores.grad, torch.tensor([*expected, 0.0], dtype=torch.float64))


def test_distinct():
    rows = np.array([[1, 2], [1, 2], [2, 1], [1, 2], [1, 2], [2, 1]])
    assert distinct(np.array([0, 0, 0, 1, 1, 1]), rows).tolist() == [0, 2, 3, 5]


@pytest.mark.parametrize("weights", ["hypotheses", "paths"])
def test_padding_and_batch(weights):
    log_probs = random_log_probs(3)
    padded = torch.full((2, 6, 3), math.nan, dtype=torch.float64)
    for b, length in enumerate(LENGTHS):
        padded[b, :length] = log_probs[b, :length]
    padded.requires_grad_()
    generator = np.random.default_rng(0)
    found = risk_of(log_probs, weights=weights)
    longer = risk_of(padded, weights=weights, seed=generator)
    assert torch.equal(found, longer)
    longer.sum().backward()
    assert padded.grad.isfinite().all()
    assert not padded.grad[1, 3:].any()
    generator = np.random.default_rng(0)
    for b in range(2):
        one = expected_risk_loss(
            log_probs[b : b + 1], TARGETS[b : b + 1], LENGTHS[b : b + 1],
            TARGET_LENGTHS[b : b + 1], blank=1, seed=generator, weights=weights,
        )  # fmt: skip
        torch.testing.assert_close(one, found[b])
    torch.testing.assert_close(risk_of(log_probs, weights=weights, reduction="mean"), found.mean())
    torch.testing.assert_close(risk_of(log_probs, weights=weights, reduction="sum"), found.sum())


@pytest.mark.parametrize("weights", ["hypotheses", "paths"])
def test_nothing_to_say(weights):
    log_probs = random_log_probs(4, batch=3)
    log_probs[1] = -math.inf
    log_probs[1, :, 0] = 0.0
    log_probs.requires_grad_()
    found = expected_risk_loss(
        log_probs, torch.tensor([[1, 2], [1, 2], [0, 0]]), torch.tensor([0, 4, 1]),
        torch.tensor([2, 2, 0]), blank=0, seed=0, weights=weights, reduction="none",
    )  # fmt: skip
    found.sum().backward()
    assert found[:2].tolist() == [2.0, 2.0]
    assert 0 <= found[2] <= 1
    assert not log_probs.grad[:2].any()
    assert log_probs.grad.isfinite().all()


@pytest.mark.parametrize("weights", ["hypotheses", "paths"])
def test_no_frames_at_all(weights):
    found = expected_risk_loss(
        torch.zeros(2, 0, 3), torch.tensor([[1, 2], [1, 9]]), torch.tensor([0, 0]),
        torch.tensor([2, 1]), blank=0, seed=0, weights=weights, reduction="none",
    )  # fmt: skip
    assert found.tolist() == [2.0, 1.0]


def test_training_lowers_the_errors():
    logits = torch.zeros(2, 4, 3, dtype=torch.float64, requires_grad=True)
    before = exact(logits[0].log_softmax(-1).detach(), 1, TARGETS[0].tolist())
    for step in range(30):
        risk = risk_of(logits.log_softmax(-1), seed=step, reduction="mean")
        (gradient,) = torch.autograd.grad(risk, logits)
        with torch.no_grad():
            logits -= 2 * gradient
    after = exact(logits[0].log_softmax(-1).detach(), 1, TARGETS[0].tolist())
    assert after < before - 0.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weights": "words"}, "weights: expected 'hypotheses' or 'paths', got 'words'"),
        ({"scale": 0.0}, "scale: expected a finite number above 0, got 0.0"),
        ({"separator": 3}, r"separator: expected a column in \[0, 3\), got 3"),
        ({"samples": 0}, "samples: expected at least 1, got 0"),
        ({"temperature": 0.0}, "temperature: expected a finite number above 0"),
        ({"reduction": "max"}, "reduction: expected 'mean', 'sum' or 'none', got 'max'"),
        ({"blank": 0}, r"targets\[0, 0\]: label 0 is the blank"),
    ],
)
def test_bad_arguments(changes, message):
    with pytest.raises(InputError, match=message):
        risk_of(random_log_probs(0), **changes)


def test_bad_values():
    log_probs = random_log_probs(0)
    log_probs[1, 2, 0] = math.nan
    with pytest.raises(InputError, match=r"log_probs\[1, 2, 0\]: expected a finite .* got nan"):
        risk_of(log_probs)
