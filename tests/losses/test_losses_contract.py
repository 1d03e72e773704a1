"""What every registered loss of (log_probs, targets, input_lengths, target_lengths) keeps to."""

import inspect
import math
import re
import sys
from functools import partial
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign import losses  # noqa: E402
from speechalign.errors import BackendError, InputError  # noqa: E402
from speechalign.graphs import ctc_graph  # noqa: E402
from speechalign.losses import LOSSES  # noqa: E402
from speechalign.losses.properties import PROPERTIES  # noqa: E402

ARGUMENTS = ["log_probs", "targets", "input_lengths", "target_lengths"]


def on_transcripts():
    """Losses that can be called with these arguments and the blank alone."""
    found = []
    for name in LOSSES:
        parameters = inspect.signature(LOSSES[name]).parameters.values()
        needed = {p.name for p in parameters if p.default is p.empty}
        if [p.name for p in parameters][:4] == ARGUMENTS and needed == {*ARGUMENTS, "blank"}:
            found.append(name)
    return found


each_loss = pytest.mark.parametrize("name", on_transcripts())


def batch(seed=0):
    """Three utterances over columns 0 .. 4, of which 0 is the blank, padded with what is illegal.

    Returns log_probs, targets, input_lengths and target_lengths.
    """
    generator = torch.Generator().manual_seed(seed)
    log_probs = torch.randn(3, 8, 5, generator=generator, dtype=torch.float64).log_softmax(2)
    input_lengths, target_lengths = torch.tensor([8, 5, 7]), torch.tensor([3, 2, 0])
    targets = torch.tensor([[1, 1, 3], [2, 4, -7], [99, -7, 0]])
    log_probs[1, 5:] = math.nan
    log_probs[2, 7:] = math.inf
    return log_probs, targets, input_lengths, target_lengths


def evaluated(name, log_probs, *rest, blank=0):
    """Losses (B,) and the gradient of their sum."""
    scores = log_probs.detach().clone().requires_grad_()
    found = LOSSES[name](scores, *rest, blank=blank, reduction="none")
    (gradient,) = torch.autograd.grad(found.sum(), scores)
    assert found.shape == (len(log_probs),)
    assert found.dtype == scores.dtype
    return found.detach(), gradient


def test_some_losses_are_found():
    assert {"ctc_loss", "bayes_risk_ctc_loss", "star_ctc_loss"} <= set(on_transcripts())


@each_loss
def test_derivative(name):
    log_probs, *rest = batch()
    scores = log_probs.nan_to_num(0.0, posinf=0.0).requires_grad_()
    assert torch.autograd.gradcheck(
        partial(LOSSES[name], blank=0, reduction="none"), (scores, *rest)
    )


@each_loss
def test_padding_is_not_read_and_gets_no_gradient(name):
    log_probs, *rest = batch()
    found, gradient = evaluated(name, log_probs, *rest)
    assert found.isfinite().all()
    assert gradient.isfinite().all()
    assert not gradient[1, 5:].any()
    assert not gradient[2, 7:].any()


@each_loss
def test_batch_is_its_singles(name):
    arguments = batch()
    found, gradient = evaluated(name, *arguments)
    for b in range(3):
        frames, labels = int(arguments[2][b]), int(arguments[3][b])
        single = arguments[0][b : b + 1, :frames], arguments[1][b : b + 1, :labels]
        alone = evaluated(name, *single, *(x[b : b + 1] for x in arguments[2:]))
        torch.testing.assert_close(alone[0], found[b : b + 1])
        torch.testing.assert_close(alone[1][0], gradient[b, :frames])


@each_loss
def test_order_of_the_batch(name):
    arguments = batch()
    order = torch.tensor([2, 0, 1])
    found = evaluated(name, *arguments)
    permuted = evaluated(name, *(x[order] for x in arguments))
    for a, b in zip(found, permuted):
        torch.testing.assert_close(a[order], b)


@each_loss
@pytest.mark.parametrize("order", [[4, 2, 0, 1, 3], [1, 0, 2, 3, 4], [3, 4, 1, 0, 2]])
def test_names_of_labels_and_place_of_the_blank(name, order):
    log_probs, targets, *lengths = batch()
    # Column v becomes column order[v].
    order = torch.tensor(order)
    moved = torch.empty_like(log_probs)
    moved[:, :, order] = log_probs
    renamed = torch.where((targets >= 0) & (targets < 5), order[targets.clamp(0, 4)], targets)
    found = evaluated(name, log_probs, targets, *lengths)
    after = evaluated(name, moved, renamed, *lengths, blank=int(order[0]))
    torch.testing.assert_close(after[0], found[0])
    torch.testing.assert_close(after[1][:, :, order], found[1])


@each_loss
def test_reductions(name):
    log_probs, targets, *lengths = batch()
    losses = LOSSES[name](log_probs, targets, *lengths, blank=0, reduction="none")
    total = LOSSES[name](log_probs, targets, *lengths, blank=0, reduction="sum")
    mean = LOSSES[name](log_probs, targets, *lengths, blank=0)
    torch.testing.assert_close(total, losses.sum())
    assert mean.shape == ()
    assert mean.isfinite()


@each_loss
def test_infeasible_targets(name):
    log_probs, targets, input_lengths, target_lengths = batch()
    input_lengths[0] = 3  # 1 1 3 needs four frames.
    found, gradient = evaluated(name, log_probs, targets, input_lengths, target_lengths)
    assert not found.isnan().any()
    assert gradient.isfinite().all()
    assert found[1:].isfinite().all()
    if found[0] == math.inf:
        assert not gradient[0].any()


@each_loss
def test_all_blank(name):
    log_probs, *rest = batch()
    collapsed = torch.full_like(log_probs, -40.0)
    collapsed[:, :, 0] = 0.0
    found, gradient = evaluated(name, collapsed, *rest)
    assert not found.isnan().any()
    assert gradient.isfinite().all()


@each_loss
def test_single_precision_over_2000_frames(name):
    generator = torch.Generator().manual_seed(3)
    log_probs = (3 * torch.randn(1, 2000, 6, generator=generator)).log_softmax(2)
    targets = torch.randint(1, 6, (1, 150), generator=generator)
    rest = targets, torch.tensor([2000]), torch.tensor([150])
    single, double = (evaluated(name, log_probs.to(dtype), *rest) for dtype in
                      (torch.float32, torch.float64))  # fmt: skip
    torch.testing.assert_close(single[0].double(), double[0], rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(single[1].double(), double[1], rtol=1e-4, atol=1e-5)


@each_loss
def test_int32_is_taken_as_int64(name):
    log_probs, *integers = batch()
    found = evaluated(name, log_probs, *integers)
    for a, b in zip(evaluated(name, log_probs, *(x.int() for x in integers)), found):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


@each_loss
@pytest.mark.parametrize("place", range(4))
def test_anything_but_a_tensor_is_refused(name, place):
    arguments = list(batch())
    for wrong in (arguments[place].tolist(), arguments[place].numpy()):
        found = type(wrong).__name__
        arguments[place] = wrong
        with pytest.raises(
            InputError, match=f"{ARGUMENTS[place]}: .*torch.Tensor, got {found}.*; conv"
        ):
            LOSSES[name](*arguments, blank=0)


@each_loss
@pytest.mark.parametrize("place", [1, 2, 3])
def test_floats_are_no_labels_and_no_lengths(name, place):
    arguments = list(batch())
    arguments[place] = arguments[place].float()
    with pytest.raises(
        InputError, match=f"{ARGUMENTS[place]}: .* int32 or int64, got float32; cal"
    ):
        LOSSES[name](*arguments, blank=0)


@each_loss
def test_wrong_arguments_are_refused(name):
    log_probs, targets, input_lengths, target_lengths = batch()
    loss = partial(LOSSES[name], blank=0)
    with pytest.raises(InputError, match=r"log_probs"):
        loss(log_probs[0], targets, input_lengths, target_lengths)
    with pytest.raises(InputError, match=r"input_lengths\[1\]"):
        loss(log_probs, targets, torch.tensor([8, 9, 7]), target_lengths)
    with pytest.raises(InputError, match=r"targets\[1, 2\]"):
        loss(log_probs, targets, input_lengths, torch.tensor([3, 3, 0]))
    with pytest.raises(InputError, match=r"targets\[0, 2\]"):
        LOSSES[name](log_probs, targets, input_lengths, target_lengths, blank=3)
    log_probs[1, 2] = math.nan
    with pytest.raises(InputError, match=r"log_probs\[1|utterance 1"):
        loss(log_probs, targets, input_lengths, target_lengths)


def first_arguments():
    """Positional arguments by name that a loss takes, for one utterance."""
    log_probs = torch.full((1, 4, 3), 1 / 3).log()
    spans = torch.tensor([[[0, 1], [1, 2]]])
    return {
        "log_probs": log_probs,
        "other": log_probs,
        "targets": torch.tensor([[1, 2]]),
        "input_lengths": torch.tensor([4]),
        "target_lengths": torch.tensor([2]),
        "graphs": [ctc_graph([1, 2], blank=0)],
        "property": PROPERTIES["low_latency"],
        "speech": torch.ones(1, 4, 3),
        "text": torch.ones(1, 2, 3),
        "speech_lengths": torch.tensor([4]),
        "text_lengths": torch.tensor([2]),
        "speech_spans": spans,
        "text_spans": spans,
        "words": torch.tensor([[5, 6]]),
        "word_lengths": torch.tensor([2]),
    }


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"expected_risk_k2_loss"}))
@pytest.mark.parametrize("wrong", [None, "x", 5, [1]])
def test_wrong_types_are_refused_by_every_loss(name, wrong):
    parameters = inspect.signature(LOSSES[name]).parameters.values()
    given = first_arguments()
    options = {p.name: 0 for p in parameters if p.name in ("blank", "seed")}
    places = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
    LOSSES[name](*(given[place] for place in places), **options)
    for place in places:
        arguments = {**given, place: wrong}
        with pytest.raises(InputError, match=f"^{place}: expected .*, got {type(wrong).__name__}"):
            LOSSES[name](*(arguments[other] for other in places), **options)


def test_the_table_of_the_docs_is_complete():
    page = Path(__file__).resolve().parents[2] / "docs" / "losses.md"
    table = re.search(r"^\| loss \| what .*\n\|[-|]+\n((?:\|.*\n)+)", page.read_text("utf-8"), re.M)
    first = [row.split("|")[1] for row in table[1].splitlines()]
    assert sorted(re.findall(r"`(\w+)`", " ".join(first))) == sorted(LOSSES)


def test_names():
    assert losses.ctc_loss is LOSSES["ctc_loss"]
    assert "ctc_loss" in dir(losses)
    with pytest.raises(AttributeError, match="no attribute 'no_loss'"):
        losses.no_loss  # noqa: B018


def test_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "speechalign.losses.ctc")
    with pytest.raises(BackendError, match=r"ctc_loss needs torch; pip install 'speechalign\[to"):
        losses.ctc_loss  # noqa: B018
