"""Training a CTC model: splits, batches, losses, resuming, several processes, and what stops it."""

import json
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("safetensors", reason="needs safetensors")
pytest.importorskip("tensorboard", reason="needs tensorboard")
yaml = pytest.importorskip("yaml", reason="needs pyyaml")
from recipes.steps.train_ctc import PhoneTrainer, read_training  # noqa: E402
from recipes.trainer.feature_store import FEATURES, INDEX, FeatureStore  # noqa: E402
from recipes.trainer.objective import Augmentation, Objective  # noqa: E402
from recipes.trainer.trainer import joined_processes  # noqa: E402
from speechalign.errors import InputError  # noqa: E402
from speechalign.models.ctc.conv_ctc import load  # noqa: E402
from speechalign.models.ctc.conv_net import ConvCTCConfig, ConvCTCNet  # noqa: E402

MELS = 8
PHONES = ["AA", "B", "K", "S"]
NETWORK = {"mels": MELS, "stem_channels": 8, "channels": 12, "blocks": 2, "kernel": 5}
SETTINGS = {
    "steps": 6,
    "batch_seconds": 3.0,
    "learning_rate": 0.01,
    "warmup": 2,
    "validate_every": 3,
    "network": NETWORK,
    "augmentation": {"mels": 2},
}


def write_store(folder, utterances, *, seed=0, spoil=None):
    """Write a split: each phone is a tone of its own, 8 vectors long."""
    generator = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    first = 0
    with (folder / FEATURES).open("wb") as file, (folder / INDEX).open("w") as index:
        for n in range(utterances):
            phones = generator.integers(0, len(PHONES), 2 + n % 4)
            features = generator.normal(0, 0.3, (8 * len(phones), MELS))
            features[np.arange(len(features)), np.repeat(phones, 8)] += 3
            if n == spoil:
                features[3, 3] = np.nan
            file.write(features.astype(np.float16).tobytes())
            entry = {
                "id": f"u{n}", "speaker": "s", "text": "", "audio": "", "first": first,
                "frames": len(features),
                "words": [[PHONES[p] for p in word] for word in np.split(phones, [1, 3])],
            }  # fmt: skip
            index.write(json.dumps(entry) + "\n")
            first += len(features)
    return FeatureStore(folder, mels=MELS)


@pytest.fixture
def stores(tmp_path):
    return write_store(tmp_path / "f/train", 40), write_store(tmp_path / "f/dev", 6, seed=1)


@pytest.fixture
def settings(tmp_path):
    def write(**changes):
        path = tmp_path / "settings.yaml"
        path.write_text(yaml.safe_dump(SETTINGS | changes))
        return read_training(path)

    return write


def weights(trainer):
    return {name: value.clone() for name, value in trainer.model.net.state_dict().items()}


def test_an_epoch_has_every_utterance_once_in_batches_of_the_size(stores):
    train, _ = stores
    batches = train.batches(1.0, seed=1, epoch=0)
    assert sorted(i for batch in batches for i in batch) == list(range(40))
    for batch in batches:
        assert max(train.entries[i].frames for i in batch) * len(batch) <= 100
    assert batches == train.batches(1.0, seed=1, epoch=0)
    assert batches != train.batches(1.0, seed=1, epoch=1)
    assert batches != train.batches(1.0, seed=2, epoch=0)


def test_a_batch_is_padded_with_zeros(stores):
    train, _ = stores
    batch = train.batch([0, 3], {phone: i for i, phone in enumerate(PHONES)})
    assert batch.features.shape == (2, 40, MELS)
    assert batch.lengths.tolist() == [16, 40]
    assert not batch.features[0, 16:].any()
    assert batch.target_lengths.tolist() == [2, 5]
    assert [PHONES[i] for i in batch.targets[1]] == train.entries[3].phones
    assert batch.words.tolist() == [[0, 1, 0, 0, 0], [0, 1, 1, 2, 2]]


def test_features_that_do_not_fit_their_index(stores, tmp_path):
    del stores
    path = tmp_path / "f" / "train" / FEATURES
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(InputError, match=r"run compute_features\.py again"):
        FeatureStore(tmp_path / "f" / "train", mels=MELS)
    with pytest.raises(InputError, match=r"missing; run compute_features\.py"):
        FeatureStore(tmp_path / "f" / "test", mels=MELS)


def test_it_learns(stores, settings, tmp_path):
    training = settings(steps=80, validate_every=40, learning_rate=0.03)
    trainer = PhoneTrainer(training, *stores, tmp_path / "out", initial=None)
    trainer.out.mkdir()
    trainer.run()
    log = [json.loads(line) for line in (trainer.out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log if line["split"] == "dev"] == [40, 80]
    losses = [line["ctc"] for line in log if line["split"] == "train"]
    assert np.mean(losses[-5:]) < 0.3 * np.mean(losses[:5])
    assert log[-1]["per"] < 0.5
    assert load(trainer.out / "model").phones == tuple(PHONES)
    assert list((trainer.out / "tensorboard").iterdir())


LOSSES = {
    "ctc:label_priors": {"prior_scale": 0.5},
    "awp:low_latency": {"weight": 0.3, "samples": 2, "falls": True},
    "awp:min_wer": {"weight": 0.3, "most_edits": 1},
}


def test_killed_and_resumed_is_uninterrupted(stores, settings, tmp_path, monkeypatch):
    monkeypatch.setattr("recipes.trainer.objective.PRIOR_STEPS", 2)
    training = settings(losses=LOSSES)
    whole = PhoneTrainer(training, *stores, tmp_path / "whole", initial=None)
    whole.out.mkdir()
    whole.run()

    killed = PhoneTrainer(training, *stores, tmp_path / "killed", initial=None)
    killed.out.mkdir()
    monkeypatch.setattr(killed, "batch", fail_at(killed.batch, 5))
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    torch.manual_seed(99)
    resumed = PhoneTrainer(training, *stores, tmp_path / "killed", initial=None)
    resumed.resume()
    assert resumed.step_count == 3
    resumed.run()
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(resumed)[name]), name
    lines = [(t.out / "log.jsonl").read_text().splitlines() for t in (whole, resumed)]
    trained = [[line for line in log if '"train"' in line] for log in lines]
    assert trained[0] == trained[1]


def fail_at(function, last):
    def call(step):
        if step == last:
            raise KeyboardInterrupt
        return function(step)

    return call


def test_a_gradient_that_is_no_number_stops_the_run_with_the_utterances_of_the_batch(
    stores, settings, tmp_path
):
    trainer = PhoneTrainer(settings(), *stores, tmp_path, initial=None)
    before = weights(trainer)
    trainer.model.net.head.weight.register_hook(lambda gradient: gradient * torch.nan)
    ids = " ".join(trainer.batch(0).ids)
    with pytest.raises(InputError, match=rf"step 0: the gradient is nan; utterances: {ids};"):
        trainer.step()
    assert all(torch.equal(value, before[name]) for name, value in weights(trainer).items())


def test_nan_stops_the_run_with_the_utterances_of_the_batch(settings, tmp_path):
    stores = write_store(tmp_path / "f/train", 8, spoil=2), write_store(tmp_path / "f/dev", 2)
    trainer = PhoneTrainer(settings(batch_seconds=100.0), *stores, tmp_path, initial=None)
    with pytest.raises(InputError, match=r"step 0: .*nan.*utterances: .*u2"):
        trainer.step()


def test_transcripts_too_long_for_their_frames_are_counted_and_left_out(stores, settings, tmp_path):
    trainer = PhoneTrainer(
        settings(network=NETWORK | {"dropout": 0}), *stores, tmp_path, initial=None
    )
    net = trainer.model.net
    features = torch.randn(2, 24, MELS)
    lengths = torch.tensor([24, 24])
    targets = torch.tensor([[1, 2] + [0] * 18, [1, 2] * 10])
    objective = Objective(net, {"ctc": {}}, augmentation=Augmentation(0, 1, 0), blank=0)
    objective.train()
    words = torch.zeros_like(targets)
    losses = objective(features, lengths, targets, torch.tensor([2, 20]), words)
    assert losses.infeasible == 1
    alone = objective(features[:1], lengths[:1], targets[:1], torch.tensor([2]), words[:1])
    assert alone.infeasible == 0
    assert losses.total.item() == pytest.approx(alone.total.item() / 2, rel=1e-5)
    losses.total.backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.parameters())


def test_training_goes_on_and_says_how_many_did_not_fit(stores, settings, tmp_path, capsys):
    train, dev = stores
    train.entries[3] = replace(train.entries[3], words=(tuple(PHONES) * 9,))
    trainer = PhoneTrainer(
        settings(steps=9, batch_seconds=100.0), train, dev, tmp_path, initial=None
    )
    trainer.run()
    assert "9 times an utterance had more labels than frames" in capsys.readouterr().err
    assert all(value.isfinite().all() for value in weights(trainer).values())


def test_half_precision_is_for_the_network_alone(stores, settings, tmp_path):
    training = settings(network=NETWORK | {"dropout": 0}, losses=LOSSES, augmentation={"share": 0})
    trainer = PhoneTrainer(training, *stores, tmp_path, initial=None)
    batch = trainer.batch(0)
    fields = (batch.features, batch.lengths, batch.targets, batch.target_lengths, batch.words)
    totals, gradients = [], []
    for half in (False, True):
        torch.manual_seed(3)
        trainer.objective.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            total = trainer.objective(*fields).total
        total.backward()
        assert total.dtype == torch.float32
        totals.append(total.item())
        gradients.append(trainer.model.net.head.weight.grad.flatten())
    assert totals[0] != totals[1] == pytest.approx(totals[0], rel=0.02)
    assert torch.cosine_similarity(*gradients, dim=0) > 0.99


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_training_on_a_gpu(stores, settings, tmp_path):
    trainer = PhoneTrainer(settings(losses=LOSSES), *stores, tmp_path, initial=None)
    trainer.run()
    assert trainer.device.type == "cuda"
    assert load(tmp_path / "model").phones == tuple(PHONES)


def test_an_empty_transcript_says_blank_only(stores, settings, tmp_path):
    trainer = PhoneTrainer(settings(), *stores, tmp_path, initial=None)
    objective = Objective(
        trainer.model.net, {"ctc": {}}, augmentation=Augmentation(0, 1, 0), blank=0
    )
    features, lengths = torch.randn(1, 24, MELS), torch.tensor([24])
    nothing = torch.zeros(1, 0, dtype=torch.int64)
    losses = objective(features, lengths, nothing, torch.tensor([0]), nothing)
    net = trainer.model.net
    log_probs = net.encode(net.normalise(features, lengths), lengths)
    assert losses.total.item() == pytest.approx(-log_probs[0, :, 0].sum().item(), rel=1e-4)


def test_patience_stops_and_keeps_the_best(stores, settings, tmp_path, monkeypatch):
    training = settings(steps=50, validate_every=2, patience=2)
    trainer = PhoneTrainer(training, *stores, tmp_path, initial=None)
    errors = iter([0.5, 0.4, 0.6, 0.45, 0.1])
    kept = {}

    def error_rate(*_, **__):
        kept[trainer.step_count] = weights(trainer)
        return next(errors)

    monkeypatch.setattr("recipes.trainer.ctc_trainer.error_rate", error_rate)
    trainer.run()
    assert trainer.step_count == 8
    for name, value in load(tmp_path / "model").net.state_dict().items():
        assert torch.equal(value, kept[4][name]), name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 3}, "unknown key 'epochs'; expected steps, learning_rate, .*name"),
        ({"network": {"width": 3}}, "network: unknown key 'width'"),
        ({"augmentation": {"warp": 3}}, "unknown key 'warp'"),
    ],
)
def test_unknown_settings(settings, changes, message):
    with pytest.raises(InputError, match=message):
        settings(**changes)


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        (
            {"mse": {}},
            "unknown loss 'mse'; expected ctc, ctc:label_priors, expected_risk, or awp: ",
        ),
        ({"awp:speed": {}}, "unknown loss 'awp:speed'"),
        ({"ctc": {"peak": 1}}, "losses: ctc: unknown key 'peak'; expected weight, "),
        ({"awp:low_latency": {"paths": 3}}, "losses: awp:low_latency: unknown key 'paths'"),
    ],
)
def test_unknown_losses(losses, message):
    net = ConvCTCNet(ConvCTCConfig(**NETWORK), 5)
    with pytest.raises(InputError, match=message):
        Objective(net, losses, augmentation=Augmentation(), blank=0)


def test_a_weight_falls_to_nothing(stores, settings, tmp_path, monkeypatch):
    keywords = {"ctc": {}, "awp:low_latency": {"weight": 0.8, "samples": 2, "falls": True}}
    trainer = PhoneTrainer(settings(losses=keywords, steps=4), *stores, tmp_path, initial=None)
    batch = trainer.batch(0)
    given = batch.features, batch.lengths, batch.targets, batch.target_lengths, batch.words
    weights = []
    for step in range(5):
        found = trainer.objective(*given, step / 4)
        rest = float(found.total.detach()) - found.values["ctc"]
        weights.append(rest / found.values["awp:low_latency"])
    assert weights[::2] == pytest.approx([0.8, 0.4, 0], abs=1e-4)
    assert weights == sorted(weights, reverse=True)
    forward = Mock(wraps=trainer.objective.forward)
    monkeypatch.setattr(trainer.objective, "forward", forward)
    for _ in range(4):
        trainer.step()
    assert [call.args[5] for call in forward.call_args_list] == [0, 0.25, 0.5, 0.75]


def test_fine_tuning_begins_with_the_weights_and_may_change_the_context(stores, settings, tmp_path):
    first = PhoneTrainer(settings(), *stores, tmp_path, initial=None)
    first.model.save(tmp_path / "model")
    initial = load(tmp_path / "model")
    training = settings(network=NETWORK | {"right_context": 4})
    tuned = PhoneTrainer(training, *stores, tmp_path, initial=initial)
    assert tuned.model.net.config.right_context == 4
    assert torch.equal(tuned.model.net.head.weight, first.model.net.head.weight)
    tuned.save()
    again = PhoneTrainer(training, *stores, tmp_path, initial=load(tmp_path / "model"))
    again.resume()
    first.step()
    first.model.save(tmp_path / "model")
    other = PhoneTrainer(training, *stores, tmp_path, initial=load(tmp_path / "model"))
    with pytest.raises(InputError, match="written by a run that began from another model"):
        other.resume()
    with pytest.raises(InputError, match="expected the initial model's, but for right_context"):
        PhoneTrainer(
            settings(network=NETWORK | {"channels": 16}), *stores, tmp_path, initial=initial
        )


def test_masks_cover_no_more_than_they_may():
    torch.manual_seed(4)
    features = torch.ones(50, 100, MELS)
    masked = Augmentation(frequency_masks=1, mels=3, time_masks=0)(features, torch.full((50,), 100))
    hidden = (masked == 0).all(1).sum(1)
    assert hidden.max() == 2
    assert torch.equal((masked == 0).any(1), (masked == 0).all(1))
    lengths = torch.tensor([100, 40]).repeat(25)
    masked = Augmentation(frequency_masks=0, time_masks=1, share=0.2)(features, lengths)
    hidden = (masked == 0).all(2)
    assert 10 < hidden.sum(1).max() <= 20
    assert not hidden[1::2, 40:].any()


def join(rank, folder, settings_path):
    """Train as one of two processes."""
    rendezvous = f"file://{folder}/rendezvous"
    with joined_processes(init_method=rendezvous, rank=rank, world_size=2):
        stores = [FeatureStore(folder / "f" / name, mels=MELS) for name in ("train", "dev")]
        trainer = PhoneTrainer(read_training(settings_path), *stores, folder / "out", initial=None)
        indices = trainer.batch(rank).ids
        trainer.run()
        counted = trainer.objective.prior_frames
        torch.save((indices, weights(trainer), counted), folder / f"rank{rank}.pt")


def test_two_processes_train_one_model_on_batches_of_their_own(stores, settings, tmp_path):
    training = settings(
        steps=1,
        validate_every=1,
        network=NETWORK | {"dropout": 0},
        augmentation={"frequency_masks": 0, "time_masks": 0},
        losses={"ctc:label_priors": {}},
    )
    (tmp_path / "out").mkdir()
    path = tmp_path / "settings.yaml"
    torch.multiprocessing.spawn(join, (tmp_path, path), nprocs=2)
    (first, ours, counted), (second, theirs, others) = (
        torch.load(tmp_path / f"rank{r}.pt") for r in (0, 1)
    )
    assert not set(first) & set(second)
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name
    for name, value in load(tmp_path / "out" / "model").net.state_dict().items():
        assert torch.equal(value, ours[name]), name
    # One process takes the same step, with the mean of the gradients of both batches.
    alone = PhoneTrainer(training, *stores, tmp_path / "alone", initial=None)
    alone.objective.train()
    batches = stores[0].batches(training.batch_seconds, seed=training.seed, epoch=0)[:2]
    for indices, ids in zip(batches, (first, second)):
        batch = stores[0].batch(indices, alone.symbols)
        assert batch.ids == ids
        fields = (batch.features, batch.lengths, batch.targets, batch.target_lengths, batch.words)
        (alone.objective(*fields).total / 2).backward()
    assert counted == others == alone.objective.prior_frames  # Priors are those of all batches.
    torch.nn.utils.clip_grad_norm_(alone.model.net.parameters(), training.clip)
    alone.optimizer.param_groups[0]["lr"] = training.rate(0)
    alone.optimizer.step()
    for name, value in weights(alone).items():
        assert torch.allclose(value, ours[name], atol=1e-5), name
