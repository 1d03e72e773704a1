"""What every loss of (speech, text, speech_lengths, text_lengths) keeps to."""

import inspect
import math
from functools import partial

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import InputError  # noqa: E402
from speechalign.losses import LOSSES  # noqa: E402

ARGUMENTS = ["speech", "text", "speech_lengths", "text_lengths"]
CASES = {
    "best_alignment_loss": [
        {},
        {"distance": "cosine", "moves": "skip"},
        {"distance": "euclidean", "moves": "dtw", "free_ends": True},
        {"gamma": 0.3, "free_ends": True},
        {"gamma": 0.3, "moves": "skip", "distance": "euclidean", "backend": "torch"},
        {"moves": "dtw", "backend": "torch"},
    ],
    "matching_loss": [{}, {"distance": "squared", "temperature": 0.5}],
    "soft_dtw": [{"gamma": 0.5}, {"distance": "cosine", "backend": "torch"}],
    "soft_dtw_divergence": [{"gamma": 0.5}],
    "ot_loss": [
        {"epsilon": 0.5},
        {"distance": "squared", "epsilon": 2.0, "mass_penalty": 1.0, "position": 0.7},
        {"divergence": False, "epsilon": 0.5},
    ],
}
each_case = pytest.mark.parametrize(
    ("name", "options"),
    [pytest.param(n, o, id=f"{n}-{i}") for n, cases in CASES.items() for i, o in enumerate(cases)],
)


def batch(seed=0):
    """Four utterances, the last without text; padding is NaN or inf."""
    generator = torch.Generator().manual_seed(seed)
    speech = torch.randn(4, 6, 3, generator=generator, dtype=torch.float64)
    text = torch.randn(4, 3, 3, generator=generator, dtype=torch.float64)
    speech_lengths, text_lengths = torch.tensor([6, 4, 5, 3]), torch.tensor([3, 3, 1, 0])
    speech[1, 4:] = math.nan
    speech[2, 5:] = math.inf
    text[2, 1:] = math.nan
    text[3] = math.inf
    return speech, text, speech_lengths, text_lengths


def evaluated(loss, speech, text, *lengths):
    """Losses (B,), and the gradients of their sum."""
    leaves = [x.detach().clone().requires_grad_() for x in (speech, text)]
    found = loss(*leaves, *lengths, reduction="none")
    return found.detach(), *torch.autograd.grad(found.sum(), leaves)


def test_all_are_here():
    found = {
        name for name in LOSSES if list(inspect.signature(LOSSES[name]).parameters)[:4] == ARGUMENTS
    }
    assert found == {*CASES, "word_contrastive_loss"}


@each_case
def test_derivative(name, options):
    speech, text, *lengths = batch()
    leaves = [x.nan_to_num(0.0, 0.0, 0.0).requires_grad_() for x in (speech, text)]
    loss = partial(LOSSES[name], reduction="none", **options)
    assert torch.autograd.gradcheck(loss, (*leaves, *lengths))


@each_case
def test_padding_is_not_read_and_gets_no_gradient(name, options):
    speech, text, *lengths = batch()
    found, by_speech, by_text = evaluated(partial(LOSSES[name], **options), speech, text, *lengths)
    assert found.shape == (4,)
    assert found.dtype == speech.dtype
    assert found.isfinite().all()
    assert found[3] == 0
    for gradient in (by_speech, by_text):
        assert gradient.isfinite().all()
        assert gradient[0].any()
        assert not gradient[3].any()
    assert not by_speech[1, 4:].any()
    assert not by_text[2, 1:].any()


@each_case
def test_batch_is_its_singles_in_any_order(name, options):
    arguments = batch()
    loss = partial(LOSSES[name], **options)
    found = evaluated(loss, *arguments)
    for b, (n, m) in enumerate(zip(arguments[2].tolist(), arguments[3].tolist())):
        single = arguments[0][b : b + 1, :n], arguments[1][b : b + 1, :m]
        alone = evaluated(loss, *single, *(x[b : b + 1] for x in arguments[2:]))
        torch.testing.assert_close(alone[0], found[0][b : b + 1])
        torch.testing.assert_close(alone[1][0], found[1][b, :n])
        torch.testing.assert_close(alone[2][0], found[2][b, :m])
    order = torch.tensor([2, 3, 0, 1])
    for a, b in zip(found, evaluated(loss, *(x[order] for x in arguments))):
        torch.testing.assert_close(a[order], b)


@each_case
def test_reductions(name, options):
    arguments = batch()
    losses = LOSSES[name](*arguments, reduction="none", **options)
    total = LOSSES[name](*arguments, reduction="sum", **options)
    torch.testing.assert_close(total, losses.sum())
    torch.testing.assert_close(LOSSES[name](*arguments, **options), losses.mean())


@each_case
def test_text_without_speech(name, options):
    speech, text, speech_lengths, text_lengths = batch()
    speech_lengths[1] = 0
    loss = partial(LOSSES[name], **options)
    found, *gradients = evaluated(loss, speech, text, speech_lengths, text_lengths)
    assert found[1] == math.inf
    assert found[[0, 2, 3]].isfinite().all()
    for gradient in gradients:
        assert gradient.isfinite().all()
        assert not gradient[1].any()
    nothing = loss(speech[:, :0], text, torch.zeros(4, dtype=torch.int64), text_lengths,
                   reduction="none")  # fmt: skip
    assert nothing.tolist() == [math.inf, math.inf, math.inf, 0]


@each_case
def test_single_precision(name, options):
    generator = torch.Generator().manual_seed(1)
    speech = torch.randn(1, 300, 16, generator=generator)
    text = torch.randn(1, 40, 16, generator=generator)
    lengths = torch.tensor([300]), torch.tensor([40])
    loss = partial(LOSSES[name], **options)
    single, double = (
        evaluated(loss, speech.to(dtype), text.to(dtype), *lengths)
        for dtype in (torch.float32, torch.float64)
    )
    for a, b in zip(single, double):
        torch.testing.assert_close(a.double(), b, rtol=1e-4, atol=1e-5)


@each_case
def test_autocast_does_not_round(name, options):
    arguments = [x.float() if x.is_floating_point() else x for x in batch()]
    plain = LOSSES[name](*arguments, **options)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(LOSSES[name](*arguments, **options), plain)


@each_case
def test_int32_is_taken_as_int64(name, options):
    speech, text, *lengths = batch()
    loss = partial(LOSSES[name], **options)
    found = evaluated(loss, speech, text, *lengths)
    for a, b in zip(evaluated(loss, speech, text, *(x.int() for x in lengths)), found):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@each_case
def test_wrong_arguments_are_refused(name, options):
    speech, text, speech_lengths, text_lengths = batch()
    loss = partial(LOSSES[name], **options)
    with pytest.raises(InputError, match=r"text: expected embeddings of width 3.*got 2; project"):
        loss(speech, text[:, :, :2], speech_lengths, text_lengths)
    with pytest.raises(InputError, match=r"speech: expected embeddings of shape \(B, length, d\)"):
        loss(speech[0], text, speech_lengths, text_lengths)
    with pytest.raises(InputError, match=r"speech: .*got float16; call .float\(\) on it"):
        loss(speech.half(), text, speech_lengths, text_lengths)
    with pytest.raises(InputError, match=r"text: expected torch.float64, as speech"):
        loss(speech, text.float(), speech_lengths, text_lengths)
    with pytest.raises(InputError, match="text: expected 4 utterances, as in speech, got 3"):
        loss(speech, text[:3], speech_lengths, text_lengths[:3])
    with pytest.raises(InputError, match=r"text_lengths\[0\]: expected a value in \[0, 3\], got 4"):
        loss(speech, text, speech_lengths, torch.tensor([4, 3, 1, 0]))
    with pytest.raises(InputError, match=r"speech\[1, 4, 0\]: expected a finite number, got nan"):
        loss(speech, text, torch.tensor([6, 5, 5, 3]), text_lengths)
    with pytest.raises(InputError, match="distance: expected"):
        LOSSES[name](*batch(), distance="l1")
    with pytest.raises(InputError, match="reduction: expected"):
        loss(*batch(), reduction="median")
