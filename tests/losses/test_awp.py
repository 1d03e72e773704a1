"""Align With Purpose against every path there is, its gradient, and what must not change it."""

import math
from functools import partial

import numpy as np
import oracles_paths
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
from speechalign.errors import InputError  # noqa: E402
from speechalign.kernels.ctc_sampling import collapse_paths, sample_paths  # noqa: E402
from speechalign.losses import awp_loss  # noqa: E402
from speechalign.losses.awp import gains, ranking_loss, sample_pairs  # noqa: E402
from speechalign.losses.properties import PROPERTIES  # noqa: E402
from speechalign.losses.properties.long_labels import long_labels  # noqa: E402
from speechalign.losses.properties.low_latency import low_latency  # noqa: E402
from speechalign.losses.properties.min_wer import min_wer  # noqa: E402
from speechalign.losses.sampling import _draw  # noqa: E402


def random_log_probs(seed, batch=3, frames=8, vocabulary=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(batch, frames, vocabulary, generator=generator, dtype=torch.float64)
    return logits.log_softmax(-1).to(dtype)


LENGTHS = torch.tensor([8, 5, 7])
TARGETS = torch.tensor([[1, 2, 3], [3, 1, 0], [2, 2, 1]])
TARGET_LENGTHS = torch.tensor([3, 2, 3])
TRANSCRIPTS = {"targets": TARGETS, "target_lengths": TARGET_LENGTHS}


def unchanged(paths, lengths, context):  # noqa: ARG001
    return paths.copy()


def score(log_probs, path):
    return sum(float(log_probs[t, v]) for t, v in enumerate(path)) / len(path)


def delayed_by(path, blank):
    """Return the paths, one for each useful deletion, that come a frame earlier."""
    runs = oracles_paths.runs(path, blank)
    last = runs[-1][1] if runs else 0
    before = (blank, *path)
    return [(*path[:j], *path[j + 1 :], blank) for j in range(last) if path[j] == before[j]]


@pytest.mark.parametrize(("frames", "margin"), [(1, 0.1), (4, 0.0), (4, 0.3), (5, 0.0)])
def test_expected_loss_over_every_path(frames, margin):
    log_probs = random_log_probs(frames, batch=1, frames=frames, vocabulary=3)
    exact = 0.0
    for path, probability in oracles_paths.every_path(log_probs[0]):
        better = delayed_by(path, 1)
        for edited in better:
            difference = score(log_probs[0], path) - score(log_probs[0], edited)
            exact += probability / len(better) * max(0.0, margin + difference)
    samples = 20_000
    length = torch.tensor([frames])
    pairs = sample_pairs(log_probs, length, low_latency, blank=1, seed=0, samples=samples)
    gained = gains(log_probs, length, pairs)
    found = ranking_loss(gained, pairs.kept, margin=margin)
    spread = torch.where(pairs.kept, (margin - gained).relu(), 0.0).std() / samples**0.5
    assert found.item() == pytest.approx(exact, abs=4 * spread.item() + 1e-12)
    at_once = awp_loss(
        log_probs, length, low_latency, blank=1, seed=0, samples=samples, margin=margin
    )
    assert at_once == found


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_pairs_and_gains(name):
    log_probs = random_log_probs(1)
    pairs = sample_pairs(
        log_probs, LENGTHS, PROPERTIES[name], blank=0, seed=1, samples=30, **TRANSCRIPTS
    )
    gained = gains(log_probs, LENGTHS, pairs)
    assert pairs.kept.any()
    assert not pairs.kept.all()
    for b, length in enumerate(LENGTHS):
        for n in range(30):
            path, improved = (x[b, n, :length].tolist() for x in (pairs.paths, pairs.improved))
            assert pairs.kept[b, n] == (path != improved)
            expected = score(log_probs[b], improved) - score(log_probs[b], path)
            assert gained[b, n].item() == pytest.approx(expected, abs=1e-12)
    expected = (torch.where(pairs.kept, (0.1 - gained).clamp(min=0), 0.0)).mean(1)
    losses = {
        reduction: awp_loss(
            log_probs, LENGTHS, PROPERTIES[name], blank=0, seed=1, samples=30, margin=0.1,
            reduction=reduction, **TRANSCRIPTS,
        )
        for reduction in ("none", "mean", "sum")
    }  # fmt: skip
    torch.testing.assert_close(losses["none"], expected)
    torch.testing.assert_close(losses["mean"], expected.mean())
    torch.testing.assert_close(losses["sum"], expected.sum())


@pytest.mark.parametrize("name", sorted(PROPERTIES))
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_gradient(name, margin):
    log_probs = random_log_probs(2).requires_grad_()
    pairs = sample_pairs(
        log_probs, LENGTHS, PROPERTIES[name], blank=0, seed=2, samples=9, **TRANSCRIPTS
    )

    def loss(log_probs):
        return ranking_loss(
            gains(log_probs, LENGTHS, pairs), pairs.kept, margin=margin, reduction="none"
        )

    assert loss(log_probs).min() > 0
    assert torch.autograd.gradcheck(loss, log_probs)


def test_only_edited_frames_have_a_gradient():
    log_probs = random_log_probs(3).requires_grad_()
    pairs = sample_pairs(log_probs, LENGTHS, low_latency, blank=0, seed=0, samples=2)
    (gains(log_probs, LENGTHS, pairs)).sum().backward()
    frames = torch.arange(8) < LENGTHS[:, None]
    edited = ((pairs.paths != pairs.improved) & pairs.kept[..., None]).any(1) & frames
    assert edited.any()
    assert not edited[frames].all()
    assert not log_probs.grad[~edited].any()
    assert log_probs.grad[edited].any(-1).all()


@pytest.mark.parametrize("margin", [0.0, 1.0])
def test_nothing_improved(margin):
    log_probs = random_log_probs(4).requires_grad_()
    loss = awp_loss(log_probs, LENGTHS, unchanged, blank=0, seed=0, margin=margin)
    loss.backward()
    assert loss == 0
    assert not log_probs.grad.any()


def test_pairs_in_order_by_the_margin_cost_nothing():
    gained = torch.tensor([[0.5, 0.1, -1.0]], dtype=torch.float64, requires_grad=True)
    kept = torch.tensor([[True, True, False]])
    loss = ranking_loss(gained, kept, margin=0.25)
    loss.backward()
    assert loss.item() == pytest.approx(0.15 / 3)
    assert gained.grad.tolist() == [[0.0, -1 / 3, 0.0]]


@pytest.mark.parametrize("name", sorted(PROPERTIES))
def test_padding_and_batch(name):
    log_probs = random_log_probs(5)
    padded = torch.full((3, 11, 4), math.nan, dtype=torch.float64)
    targets = torch.full((3, 5), 99)
    targets[:, :3] = TARGETS
    for b, length in enumerate(LENGTHS):
        padded[b, :length] = log_probs[b, :length]
    padded.requires_grad_()
    log_probs.requires_grad_()
    options = {"blank": 0, "samples": 6, "reduction": "none"}
    property = PROPERTIES[name]
    loss = awp_loss(log_probs, LENGTHS, property, seed=3, **TRANSCRIPTS, **options)
    longer = awp_loss(
        padded, LENGTHS, property, seed=3, targets=targets, target_lengths=TARGET_LENGTHS, **options
    )
    assert loss.sum() > 0
    assert torch.equal(loss, longer)
    loss.sum().backward()
    longer.sum().backward()
    assert torch.equal(padded.grad[:, :8], log_probs.grad)
    assert not padded.grad[:, 8:].any()
    first = sample_pairs(
        log_probs[:1], LENGTHS[:1], property, blank=0, seed=3, samples=6, targets=TARGETS[:1],
        target_lengths=TARGET_LENGTHS[:1],
    )  # fmt: skip
    all_pairs = sample_pairs(
        log_probs, LENGTHS, property, blank=0, seed=3, samples=6, **TRANSCRIPTS
    )
    assert torch.equal(first.paths[0], all_pairs.paths[0])


def test_float32():
    log_probs = random_log_probs(7, batch=1, frames=2000, vocabulary=6)
    single, double = (
        awp_loss(x, torch.tensor([2000]), low_latency, blank=0, seed=0, samples=20)
        for x in (log_probs.float(), log_probs)
    )
    assert single.dtype == torch.float32
    assert single.item() == pytest.approx(double.item(), rel=1e-4)


def test_no_frames_and_all_blank():
    log_probs = torch.full((2, 4, 3), -math.inf, dtype=torch.float64)
    log_probs[..., 2] = 0.0
    log_probs.requires_grad_()
    for property in (low_latency, long_labels, partial(min_wer, separator=0)):
        loss = awp_loss(
            log_probs, torch.tensor([4, 0]), property, blank=2, seed=0, margin=1.0,
            reduction="none", targets=torch.zeros(2, 0, dtype=torch.int64),
            target_lengths=torch.tensor([0, 0]),
        )  # fmt: skip
        loss.sum().backward()
        assert loss.tolist() == [0.0, 0.0]
        assert not log_probs.grad.any()


def test_what_a_property_leaves_beyond_a_length_is_not_read():
    def careless(paths, lengths, context):
        improved = low_latency(paths, lengths, context)
        improved[np.arange(improved.shape[1]) >= lengths[:, None]] = 99
        return improved

    log_probs = random_log_probs(8)
    loss, other = (
        awp_loss(log_probs, LENGTHS, property, blank=0, seed=0)
        for property in (low_latency, careless)
    )
    assert loss > 0
    assert loss == other


@pytest.mark.parametrize("temperature", [0.7, 2.0])
def test_drawing_on_a_device_is_drawing_on_the_cpu(temperature):
    log_probs = random_log_probs(9, frames=8, vocabulary=6)
    log_probs[0, :, 1:3] = -math.inf
    log_probs[1, 5:] = math.nan
    lengths = LENGTHS.numpy()
    drawn = _draw(
        log_probs, torch.arange(8) < LENGTHS[:, None], 50, np.random.default_rng(3), temperature
    )
    expected = sample_paths(log_probs.numpy(), lengths, 50, seed=3, temperature=temperature)
    assert drawn.dtype == torch.int64
    np.testing.assert_array_equal(drawn.numpy(), expected)


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3)])
def test_no_frames_or_no_utterances(shape):
    lengths = torch.zeros(shape[0], dtype=torch.int64)
    loss = awp_loss(torch.zeros(shape), lengths, low_latency, blank=0, seed=0, reduction="none")
    assert loss.tolist() == [0.0] * shape[0]


def test_edits_to_the_impossible_do_not_count():
    log_probs = torch.tensor([[[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]]).log().requires_grad_()
    pairs = sample_pairs(log_probs, torch.tensor([3]), low_latency, blank=0, seed=0, samples=20)
    assert (pairs.paths != pairs.improved).any()
    assert not pairs.kept.any()
    assert not gains(log_probs, torch.tensor([3]), pairs).any()
    loss = awp_loss(log_probs, torch.tensor([3]), low_latency, blank=0, seed=0, margin=1.0)
    loss.backward()
    assert loss == 0
    assert not log_probs.grad.any()


def emission(log_probs):
    """Return the mean start and duration of labels in paths drawn from a model, and the paths."""
    batch, frames, _ = log_probs.shape
    lengths = np.full(batch, frames)
    paths = sample_paths(log_probs.numpy(), lengths, 100, seed=9)
    found = collapse_paths(paths.reshape(-1, frames), np.repeat(lengths, 100), blank=0)
    inside = np.arange(found.labels.shape[1]) < found.counts[:, None]
    return found.starts[inside].mean(), (found.ends - found.starts)[inside].mean(), found


def train(property, weight, targets):
    """Fit a table of logits to a transcript, by CTC and by a property."""
    logits = torch.zeros(2, 20, 4)
    logits[:, :, 0] = 1.0
    logits.requires_grad_()
    lengths, target_lengths = torch.tensor([20, 20]), torch.tensor([3, 3])
    for step in range(80):
        log_probs = logits.log_softmax(-1)
        loss = torch.nn.functional.ctc_loss(
            log_probs.transpose(0, 1), targets, lengths, target_lengths
        )
        if weight:
            loss = loss + weight * awp_loss(
                log_probs, lengths, property, blank=0, seed=step, targets=targets,
                target_lengths=target_lengths,
            )  # fmt: skip
        (gradient,) = torch.autograd.grad(loss, logits)
        with torch.no_grad():
            logits -= 20 * gradient
    return emission(logits.detach().log_softmax(-1))


def test_training_moves_the_property():
    targets = torch.tensor([[1, 2, 3], [3, 1, 2]])
    usual_start, usual_length, _ = train(low_latency, 0.0, targets)
    early_start, _, found = train(low_latency, 0.5, targets)
    assert early_start < usual_start - 1
    said = [row[:count].tolist() for row, count in zip(found.labels, found.counts)]
    assert sum(row in targets.tolist() for row in said) > 0.8 * len(said)
    _, long_length, found = train(long_labels, 0.5, targets)
    assert long_length > 1.2 * usual_length
    assert long_length < 4.5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blank": 4}, r"blank: expected a column in \[0, 4\), got 4"),
        ({"samples": 0}, "samples: expected at least 1, got 0"),
        ({"temperature": -1.0}, "temperature: expected a finite number above 0, got -1.0"),
        ({"margin": -0.1}, "margin: expected a finite number of at least 0, got -0.1"),
        ({"margin": math.nan}, "margin: expected a finite number of at least 0, got nan"),
        ({"reduction": "max"}, "reduction: expected 'mean', 'sum' or 'none', got 'max'"),
        ({"property": min_wer}, "min_wer: expected transcripts, got none"),
        (
            {"property": lambda paths, lengths, context: paths[:1]},  # noqa: ARG005
            r"property: expected labels of shape \(15, 8\), int64, got \(1, 8\) int64",
        ),
        (
            {"property": lambda paths, lengths, context: paths + 1},  # noqa: ARG005
            r"property: expected labels in \[0, 4\), got 4 at frame \d of a path of utterance 0",
        ),
    ],
)
def test_bad_arguments(changes, message):
    options = {"property": low_latency, "blank": 0, "seed": 0} | changes
    with pytest.raises(InputError, match=message):
        awp_loss(random_log_probs(0), LENGTHS, options.pop("property"), **options)


def test_int32_is_taken_as_int64():
    arguments = {**TRANSCRIPTS, "blank": 0, "seed": 0}
    found = awp_loss(random_log_probs(0), LENGTHS, min_wer, **arguments)
    short = {name: x.int() if torch.is_tensor(x) else x for name, x in arguments.items()}
    assert awp_loss(random_log_probs(0), LENGTHS.int(), min_wer, **short) == found


def test_a_property_may_return_int32():
    def shifted(paths, lengths, context):  # noqa: ARG001
        return np.roll(paths, 1, axis=1)

    def narrow(paths, lengths, context):
        return shifted(paths, lengths, context).astype(np.int32)

    found = [awp_loss(random_log_probs(0), LENGTHS, p, blank=0, seed=0) for p in (shifted, narrow)]
    assert found[0] == found[1]


def test_bad_transcripts():
    with pytest.raises(InputError, match=r"targets\[0, 2\]: label 3 is the blank"):
        awp_loss(random_log_probs(0), LENGTHS, min_wer, blank=3, seed=0, **TRANSCRIPTS)
    with pytest.raises(InputError, match=r"targets: expected shape \(3, L\), got \(2, 3\)"):
        awp_loss(
            random_log_probs(0), LENGTHS, min_wer, blank=0, seed=0, targets=TARGETS[:2],
            target_lengths=TARGET_LENGTHS,
        )  # fmt: skip
    with pytest.raises(InputError, match="targets: give target_lengths as well"):
        awp_loss(random_log_probs(0), LENGTHS, min_wer, blank=0, seed=0, targets=TARGETS)
    with pytest.raises(InputError, match=r"words: expected shape \(3, 3\), that of targets; got"):
        awp_loss(
            random_log_probs(0), LENGTHS, min_wer, blank=0, seed=0, words=TARGETS[:, :2],
            **TRANSCRIPTS,
        )  # fmt: skip
    with pytest.raises(InputError, match="words: expected targets as well"):
        awp_loss(random_log_probs(0), LENGTHS, min_wer, blank=0, seed=0, words=TARGETS)


def test_words_reach_the_property():
    seen = []

    def watching(paths, lengths, context):  # noqa: ARG001
        seen.append(context.words)
        return paths

    words = torch.zeros_like(TARGETS)
    for given in ({}, {"words": words}):
        awp_loss(random_log_probs(0), LENGTHS, watching, blank=0, seed=0, **TRANSCRIPTS, **given)
    assert seen[0] is None
    assert seen[1].tolist() == words.tolist()


def test_bad_values():
    log_probs = random_log_probs(0)
    log_probs[1, 2, 3] = math.nan
    with pytest.raises(InputError, match=r"log_probs\[1, 2, 3\]: expected a finite .* got nan"):
        awp_loss(log_probs, LENGTHS, low_latency, blank=0, seed=0)
    with pytest.raises(
        InputError, match=r"input_lengths\[0\]: expected a value in \[0, 8\], got 9"
    ):
        awp_loss(log_probs, torch.tensor([9, 5, 7]), low_latency, blank=0, seed=0)
    with pytest.raises(InputError, match=r"log_probs: expected .* float16"):
        awp_loss(log_probs.half(), LENGTHS, low_latency, blank=0, seed=0)
