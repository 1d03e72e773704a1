"""The translation model whose attention is read, and the programs that feed, train and read it."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("yaml", reason="needs pyyaml")
pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")

from recipes.steps import train_speech_translation as train  # noqa: E402
from recipes.trainer import speech_translation as translation  # noqa: E402
from speechalign.errors import InputError  # noqa: E402

_PAIRS = """\
the dog sleeps . ||| der Hund schläft .
the cat sleeps . ||| die Katze schläft .
the dog eats . ||| der Hund frisst .
the cat eats ? ||| die Katze frisst ?
"""


@pytest.fixture
def model():
    torch.manual_seed(1)
    config = translation.TranslatorConfig(mels=8, width=16, heads=2, reach=2)
    return translation.Translator(config, 5, 9).eval()


def _run(program, *arguments):
    command = [sys.executable, "-m", f"recipes.steps.{program}", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    folder = tmp_path_factory.mktemp("st")
    (folder / "pairs.txt").write_text(_PAIRS, encoding="utf-8")
    done = _run("speak_features", folder / "features", "--sentences", folder / "pairs.txt",
        "--language", "en-us", "--voices", "en-us,en-us+f3", "--mels", 8,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "features: 4 sentences" in done.stdout
    return folder / "features"


def test_a_batch_is_its_members(model):
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([37, 52, 8])
    padded = torch.full((3, 52, 8), 1e3)
    previous = torch.randint(0, 9, (3, 4), generator=generator)
    single = []
    for b, length in enumerate(lengths):
        padded[b, :length] = torch.randn(int(length), 8, generator=generator)
        encoded, frames = model.encode(padded[b : b + 1, :length], lengths[b : b + 1])
        assert encoded.shape[1] == frames[0] == -(-int(length) // 4)
        single.append(model.decode(previous[b : b + 1], encoded, frames))
    encoded, frames = model.encode(padded, lengths)
    together = model.decode(previous, encoded, frames)
    for b, alone in enumerate(single):
        torch.testing.assert_close(together.logits[b], alone.logits[0], rtol=1e-4, atol=1e-4)
        attention = together.attention[b, :, : frames[b]]
        torch.testing.assert_close(attention, alone.attention[0], rtol=1e-4, atol=1e-4)
        assert not together.attention[b, :, frames[b] :].any()


def test_attention_is_a_distribution(model):
    encoded, frames = model.encode(torch.randn(1, 40, 8), torch.tensor([40]))
    decoded = model.decode(torch.tensor([[1, 5, 6]]), encoded, frames)
    torch.testing.assert_close(decoded.attention.sum(-1), torch.ones(1, 3))


def test_a_token_does_not_see_those_after_it(model):
    encoded, frames = model.encode(torch.randn(1, 40, 8), torch.tensor([40]))
    one = model.decode(torch.tensor([[1, 5, 6]]), encoded, frames)
    other = model.decode(torch.tensor([[1, 5, 7]]), encoded, frames)
    torch.testing.assert_close(one.logits[:, :2], other.logits[:, :2])
    assert not torch.allclose(one.logits[:, 2], other.logits[:, 2])


def test_what_is_expected_on_the_diagonal():
    torch.manual_seed(1)
    config = translation.TranslatorConfig(mels=8, width=16, heads=2, diagonal=60.0)
    model = translation.Translator(config, 5, 9).eval()
    encoded, frames = model.encode(torch.randn(2, 36, 8), torch.tensor([36, 20]))
    previous = torch.tensor([[1, 5, 6, 7, 8], [1, 5, 0, 0, 0]])
    attention = model.decode(previous, encoded, frames).attention
    assert attention[0].argmax(1).tolist() == [0, 2, 4, 6, 8]
    assert attention[1, :2].argmax(1).tolist() == [1, 3]
    assert model.diagonal.requires_grad


def test_the_encoder_does_not_hear_far(model):
    """Two layers of reach 2, and convolutions: nothing beyond 5 frames of 40 ms."""
    features = torch.randn(1, 160, 8)
    changed = features.clone()
    changed[:, 80] += 5
    before, _ = model.encode(features, torch.tensor([160]))
    after, _ = model.encode(changed, torch.tensor([160]))
    moved = (before - after).abs().amax(-1)[0] > 1e-5
    assert moved[20]
    assert not moved[:15].any()
    assert not moved[26:].any()


def test_tokens_spell_rare_words():
    tokens = translation.Tokens.count(["ja ja", "nein ja ein"], min_count=2)
    assert tokens.split("ja nein") == ["▁ja", "▁n", "e", "i", "n"]
    assert [tokens.symbols[n] for n in tokens.encode("ein xja")] == [
        "▁e", "i", "n", "<unk>", "<unk>", "a",
    ]  # fmt: skip
    with pytest.raises(InputError, match="to come first"):
        translation.Tokens(["▁ja"])


def test_features_have_phones_and_translations(features):
    entries = [json.loads(line) for line in (features / "index.jsonl").read_text().splitlines()]
    assert [entry["text"] for entry in entries][3] == "die Katze frisst ?"
    assert entries[0]["words"] == [["ð", "ə"], ["d", "ɑː", "ɡ"], ["s", "l", "iː", "p", "s"]]
    frames = sum(entry["frames"] for entry in entries)
    assert (features / "features.f16").stat().st_size == frames * 8 * 2


def test_what_is_there_is_not_computed_again(features):
    done = _run("speak_features", features, "--cuts", features / "index.jsonl", "--language", "de")
    assert done.returncode == 0
    assert "kept" in done.stdout


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(
        "epochs: 12\nlearning_rate: 0.01\nword_dropout: 0.5\nbatch_seconds: 4\n"
        "network: {mels: 8, width: 16, heads: 2, encoder_layers: 1}\n"
    )
    return path


def test_it_learns_and_its_attention_is_written(features, config, tmp_path):
    done = _run("train_speech_translation", config, tmp_path / "model", features)
    assert done.returncode == 0, done.stderr
    log = [json.loads(line) for line in (tmp_path / "model" / "log.jsonl").read_text().splitlines()]
    log = [line for line in log if line["split"] == "epoch"]
    assert len(log) == 12
    assert log[-1]["token loss"] < 0.8 * log[0]["token loss"]
    assert log[-1]["phone loss"] < 0.8 * log[0]["phone loss"]
    again = _run("train_speech_translation", config, tmp_path / "model", features)
    assert "kept" in again.stdout
    out = tmp_path / "contributions"
    done = _run("collect_contributions", tmp_path / "model" / "model.pt", features, out)
    assert done.returncode == 0, done.stderr
    tokens = (out / "tokens.txt").read_text(encoding="utf-8").splitlines()
    assert tokens[0] == "▁der ▁Hund ▁schläft ▁."
    attention, norms = (np.load(out / kind / "000.npy") for kind in ("attention", "norms"))
    assert attention.shape == norms.shape == (4, attention.shape[1])
    np.testing.assert_allclose(attention.sum(1), 1, rtol=1e-5)
    ratio = norms / attention
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[0], ratio.shape), rtol=1e-4)
    assert (out / ".done").exists()


def test_an_interrupted_run_goes_on_as_if_nothing_had_been(features, config, tmp_path, monkeypatch):
    store = train.FeatureStore(features, mels=8)
    training = dataclasses.replace(train.read_training(config), epochs=4)
    folders = [tmp_path / "whole", tmp_path / "killed"]
    for folder in folders:
        folder.mkdir()
    whole, killed = (train.TranslationTrainer(training, [store], folder) for folder in folders)
    whole.run()
    losses = killed.losses

    def fail(batch):
        if killed.place(killed.step_count)[0] == 2:
            raise KeyboardInterrupt
        return losses(batch)

    monkeypatch.setattr(killed, "losses", fail)
    with pytest.raises(KeyboardInterrupt):
        killed.run()
    resumed = train.TranslationTrainer(training, [store], tmp_path / "killed")
    resumed.resume()
    assert resumed.place(resumed.step_count)[:2] == (2, 0)
    resumed.run()
    for name, value in whole.model.state_dict().items():
        torch.testing.assert_close(resumed.model.state_dict()[name], value, rtol=0, atol=0)
    assert not (tmp_path / "killed" / "checkpoint.pt").exists()


def test_a_checkpoint_of_other_settings_is_refused(features, config, tmp_path):
    store = train.FeatureStore(features, mels=8)
    training = train.read_training(config)
    train.TranslationTrainer(training, [store], tmp_path).save()
    other = dataclasses.replace(training, word_dropout=0.4)
    with pytest.raises(InputError, match="written with other settings"):
        train.TranslationTrainer(other, [store], tmp_path).run()


def test_a_key_that_nobody_reads(tmp_path):
    (tmp_path / "bad.yaml").write_text("epoch: 3\n")
    with pytest.raises(InputError, match=r"bad.yaml: .*'epoch'"):
        train.read_training(tmp_path / "bad.yaml")
    (tmp_path / "bad.yaml").write_text("network: {depth: 3}\n")
    with pytest.raises(InputError, match=r"bad.yaml: network: unknown key 'depth'; expected mels"):
        train.read_training(tmp_path / "bad.yaml")
