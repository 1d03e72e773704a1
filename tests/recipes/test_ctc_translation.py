"""The non-autoregressive translation model: padding, folders, and what they refuse."""

import json
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("safetensors", reason="needs safetensors")

from recipes.trainer.ctc_translation import (  # noqa: E402
    CtcTranslation,
    CtcTranslationConfig,
    load,
)
from speechalign.errors import InputError  # noqa: E402

CONFIG = CtcTranslationConfig(11, width=16, heads=2, encoder_layers=1, decoder_layers=1, upsample=3)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return CtcTranslation(CONFIG).eval()


def test_frames_are_distributions(model):
    log_probs, frames = model(torch.tensor([[3, 4, 5, 6]]), torch.tensor([4]))
    assert log_probs.shape == (1, 12, 11)
    assert frames.tolist() == [12]
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(1, 12))


def test_a_sentence_alone_is_the_same_as_in_a_batch(model):
    source = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    together, frames = model(source, torch.tensor([4, 2]))
    alone, _ = model(source[1:, :2], torch.tensor([2]))
    torch.testing.assert_close(together[1, : frames[1]], alone[0])


def test_the_order_of_the_source_matters(model):
    lengths = torch.tensor([3])
    a, _ = model(torch.tensor([[3, 4, 5]]), lengths)
    b, _ = model(torch.tensor([[5, 4, 3]]), lengths)
    assert (a - b).abs().max() > 0.01


def test_save_and_load(model, tmp_path):
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.config == CONFIG
    arguments = torch.tensor([[3, 4]]), torch.tensor([2])
    torch.testing.assert_close(again(*arguments)[0], model(*arguments)[0], rtol=0, atol=0)


@pytest.fixture(scope="module")
def hearing():
    torch.manual_seed(0)
    return CtcTranslation(replace(CONFIG, mels=5)).eval()


@pytest.mark.parametrize("frames", [1, 8, 9, 31])
def test_speech_has_a_state_every_80_ms(hearing, frames):
    log_probs, found = hearing(torch.randn(1, frames, 5), torch.tensor([frames]))
    assert log_probs.shape == (1, 3 * -(-frames // 8), 11)
    assert found.tolist() == [log_probs.shape[1]]


def test_speech_alone_is_the_same_as_in_a_batch(hearing):
    features = torch.randn(2, 60, 5)
    features[1, 37:] = torch.nan
    together, frames = hearing(features, torch.tensor([60, 37]))
    alone, _ = hearing(features[1:, :37], torch.tensor([37]))
    torch.testing.assert_close(together[1, : frames[1]], alone[0])


def test_loudness_does_not_matter(hearing):
    features, lengths = torch.randn(1, 30, 5), torch.tensor([30])
    a, b = (hearing(features + shift, lengths)[0] for shift in (0.0, 4.0))
    torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)
    assert (a - hearing(features.flip(1), lengths)[0]).abs().max() > 0.01


def test_save_and_load_what_hears(hearing, tmp_path):
    hearing.save(tmp_path / "m")
    arguments = torch.randn(1, 20, 5), torch.tensor([20])
    again = load(tmp_path / "m")(*arguments)[0]
    torch.testing.assert_close(again, hearing(*arguments)[0], rtol=0, atol=0)


def spoil_kind(folder):
    (folder / "model.json").write_text(json.dumps({"kind": "hmm-gmm", "network": {}}))


def spoil_sizes(folder):
    text = json.dumps({"kind": "ctc-translation", "network": {"pieces": 3, "depth": 4}})
    (folder / "model.json").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "model.json").unlink(), r"model\.json: No such file"),
        (lambda folder: (folder / "model.json").write_text("[]"), r"model\.json: damaged"),
        (spoil_kind, "expected kind 'ctc-translation', got 'hmm-gmm'"),
        (spoil_sizes, "unknown key 'depth'; expected pieces, width"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 99), "safetensors: dam"),
    ],
)
def test_damaged_folders(model, tmp_path, spoil, message):
    model.save(tmp_path / "m")
    spoil(tmp_path / "m")
    with pytest.raises(InputError, match=message):
        load(tmp_path / "m")
