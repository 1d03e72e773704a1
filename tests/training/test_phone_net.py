"""Training of phone networks: they learn, resume to the bit, and keep languages apart."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.errors import InputError  # noqa: E402
from speechalign.frames import FrameGrid  # noqa: E402
from speechalign.models.neural_hmm.config import NetConfig  # noqa: E402
from speechalign.models.neural_hmm.torch_net import TorchPhoneNet, for_use  # noqa: E402
from speechalign.training.frame_store import FrameStore  # noqa: E402
from speechalign.training.phone_net import (  # noqa: E402
    FitOptions,
    LanguageFrames,
    fit,
    frame_accuracy,
    log_posteriors,
    log_prior,
)

BANDS, PHONES = 6, 3
SIZES = {"bands": BANDS, "channels": 8, "hidden": 8, "kernel": 3, "dilations": (1, 2)}
CONFIGS = {
    "network": NetConfig(**SIZES),
    "stacked": NetConfig(**SIZES, stack=2, stem=4),
    "head": NetConfig(**SIZES, encoder_width=5),
}
OPTIONS = FitOptions(epochs=40, batch=4, rate=0.01)


def language(folder, *, first=0, seed=0, states=False, soft=False, copies=1):
    """Make recordings in which each phone is one band, plus noise."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(8, 20, 10)
    store = FrameStore(folder, [(str(n), 160 * int(t)) for n, t in enumerate(lengths)])
    labels = [rng.integers(PHONES, size=t // 4 + 1).repeat(4)[:t] for t in lengths]

    def mels(number):
        return 3 * np.eye(BANDS)[labels[number]] + rng.normal(0, 0.5, (len(labels[number]), BANDS))

    facts = {"stride": 160, "dtype": np.float16}
    name = "labels"
    store.fill(name, lambda n: labels[n], width=1, **(facts | {"dtype": np.uint8}))
    if soft:
        name = "posteriors"
        share = np.log(0.05 + 0.85 * np.eye(PHONES))
        store.fill(name, lambda n: share[labels[n]], width=PHONES, **facts)
    found = [store.fill(f"mels.{k}", mels, width=BANDS, **facts) for k in range(copies + 1)]
    heard = [
        store.fill(
            f"states.{k}", lambda n: np.zeros((len(labels[n]), 5)), stride=320, width=5,
            dtype=np.float16,
        )
        for k in range(copies + 1) if states
    ]  # fmt: skip
    return LanguageFrames(
        "x", first, PHONES, found, heard,
        FrameGrid(16000, 320) if states else None,
        store.array(name), np.arange(10),
    )  # fmt: skip


def trained(config, languages, options, checkpoint, stop=None):
    torch.manual_seed(0)
    net = TorchPhoneNet(config, PHONES * len(languages))
    losses = []

    def report(step, _, loss):
        losses.append(loss)
        if step == stop:
            raise KeyboardInterrupt

    fit(net, languages, options, checkpoint=checkpoint, report=report)
    return net, losses


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("kind", CONFIGS)
def test_a_network_learns_what_it_is_told(tmp_path, kind, soft):
    part = language(tmp_path / "s", states=kind == "head", soft=soft)
    net, losses = trained(CONFIGS[kind], [part], OPTIONS, tmp_path / "c.pt")
    assert len(losses) == 200
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])
    assert frame_accuracy(net, part, 0) > 0.9
    assert frame_accuracy(net, part, 1) > 0.9
    found = log_posteriors(net, part, 0)
    assert np.allclose(np.exp(found).sum(1), 1, atol=1e-4)
    if kind != "head":  # The network in use says the same.
        used = for_use(net).log_posteriors(part.mels[0][0].astype(np.float32))
        assert np.abs(found - used).max() < 0.05


def test_a_run_that_was_cut_short_ends_with_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr("speechalign.training.phone_net._SAVE", 7)
    part, config = language(tmp_path / "s"), CONFIGS["stacked"]
    options = replace(OPTIONS, epochs=4, each_copy=False, tilt=0.5)
    whole, losses = trained(config, [part], options, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        trained(config, [part], options, tmp_path / "cut.pt", stop=9)
    resumed, rest = trained(config, [part], options, tmp_path / "cut.pt")
    assert rest == losses[7:]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    other = replace(options, seed=1)
    with pytest.raises(InputError, match=r"cut\.pt: of a run with other settings"):
        trained(config, [part], other, tmp_path / "cut.pt")
    (tmp_path / "cut.pt").write_bytes(b"x")
    with pytest.raises(InputError, match=r"cut\.pt: damaged"):
        trained(config, [part], options, tmp_path / "cut.pt")


def test_languages_do_not_disturb_each_others_phones(tmp_path):
    one = language(tmp_path / "one", soft=True)
    two = language(tmp_path / "two", first=PHONES, seed=1, soft=True)
    net, _ = trained(CONFIGS["network"], [one, two], OPTIONS, tmp_path / "c.pt")
    assert frame_accuracy(net, one, 0) > 0.9
    assert frame_accuracy(net, two, 0) > 0.9
    assert log_posteriors(net, two, 0).shape[1] == PHONES


def test_the_prior_is_the_share_of_frames(tmp_path):
    part = language(tmp_path / "s", soft=True)
    expected = np.exp(part.targets.rows.astype(np.float64)).sum(0)
    found = log_prior(part.targets)
    assert found == pytest.approx(np.log(expected / expected.sum() + 1e-4), rel=1e-9)


def test_without_recordings_there_is_nothing_to_learn(tmp_path):
    part = replace(language(tmp_path / "s"), chosen=np.arange(0))
    with pytest.raises(InputError, match="no recordings to train on"):
        trained(CONFIGS["network"], [part], OPTIONS, tmp_path / "c.pt")
