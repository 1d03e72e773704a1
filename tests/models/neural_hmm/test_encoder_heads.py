"""Networks on a pretrained encoder, on small encoders of the real classes; and torch's network."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from small_neural_hmm import SIZES, STACKED, neural_hmm, noise, random_net

from speechalign.errors import BackendError, InputError
from speechalign.models import load_model
from speechalign.models.neural_hmm.config import NetConfig
from speechalign.models.neural_hmm.folder import save
from speechalign.models.neural_hmm.log_mel import log_mel, state_of_frames

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")


from speechalign.models.neural_hmm import encoder as module  # noqa: E402
from speechalign.models.neural_hmm.encoder import load_encoder  # noqa: E402
from speechalign.models.neural_hmm.torch_net import (  # noqa: E402
    TorchPhoneNet,
    for_training,
    for_use,
)

KINDS = ("whisper", "wav2vec2", "hubert", "wavlm")


@pytest.fixture(scope="module")
def made(tiny):
    """Return what makes a model with a random head on a small encoder of a kind."""
    models = {}

    def get(kind):
        if kind not in models:
            encoder = load_encoder(tiny(kind))
            config = NetConfig(**SIZES, encoder_width=encoder.facts.width)
            models[kind] = neural_hmm(random_net(config), encoder.facts).with_encoder(encoder)
        return models[kind]

    return get


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("samples", [1, 319, 321, 16000])
def test_every_frame_is_scored(made, kind, samples):
    found = made(kind).emit(noise(samples)[None], np.array([samples]))[0]
    assert found.shape == (-(-samples // 160), 18)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("kind", KINDS)
def test_silence_is_scored(made, kind):
    samples = np.zeros((1, 8000), np.float32)
    assert np.isfinite(made(kind).emit(samples, np.array([8000]))[0]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", [30.0, 1.6])
def test_a_state_is_where_its_sound_is(made, kind, piece, monkeypatch):
    """Another sound changes the states at its time the most, in a recording cut into pieces too."""
    encoder = made(kind).encoder
    plain = noise(48000, seed=1)
    whole = encoder.encode(plain)
    monkeypatch.setattr(module, "_PIECE", piece)
    monkeypatch.setattr(module, "_CONTEXT", 0.3)
    before = encoder.encode(plain)
    assert before.shape == whole.shape
    for begin in (8000, 16000, 32000, 47000):
        changed = plain.copy()
        changed[begin : begin + 320] = noise(320)
        moved = np.abs(encoder.encode(changed) - before)[:, : encoder.facts.width // 2].sum(axis=1)
        frame = state_of_frames(encoder.grid, 300, len(before))[begin // 160 + 1]
        assert abs(int(moved.argmax()) - int(frame)) <= 2, begin


def test_whisper_hears_a_recording_at_its_own_length(made, tiny):
    """The states are those of the encoder whose positions end where the recording does."""
    from transformers import WhisperModel

    encoder = made("whisper").encoder
    network = WhisperModel.from_pretrained(tiny("whisper")).encoder.eval()
    features = encoder._extractor(
        noise(16000), sampling_rate=16000, return_tensors="pt", padding="do_not_pad"
    ).input_features
    network.config.max_source_positions = 50
    network.embed_positions = torch.nn.Embedding.from_pretrained(
        network.embed_positions.weight[:50]
    )
    with torch.inference_mode():
        hidden = network(features, output_hidden_states=True)
    expected = torch.cat([hidden.hidden_states[1], hidden.last_hidden_state], -1)[0].numpy()
    assert encoder.encode(noise(16000)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_load_options(made, tiny, tmp_path, kind):
    """A saved head finds its encoder where it was, or where it is told, and refuses another."""
    save(made(kind), tmp_path / "saved", texts={})
    samples, lengths = noise(8000)[None], np.array([8000])
    expected = made(kind).emit(samples, lengths)[0]
    loaded = load_model(tmp_path / "saved")
    assert loaded.content_hash == made(kind).content_hash
    assert loaded.emit(samples, lengths)[0] == pytest.approx(expected, abs=1e-5)
    moved = shutil.copytree(tiny(kind), tmp_path / "moved")
    told = load_model(tmp_path / "saved", encoder=moved, offline=True, device="cpu")
    assert told.emit(samples, lengths)[0] == pytest.approx(expected, abs=1e-5)
    other = KINDS[KINDS.index(kind) - 1]
    with pytest.raises(InputError, match=rf"was trained on .*\({kind}, .*got .*{other}"):
        load_model(tmp_path / "saved", encoder=tiny(other))


def test_another_encoder_of_the_same_size_is_refused(made, tiny, tmp_path):
    from safetensors.torch import load_file, save_file

    save(made("whisper"), tmp_path / "saved", texts={})
    other = shutil.copytree(tiny("whisper"), tmp_path / "other")
    weights = load_file(other / "model.safetensors")
    weights["model.encoder.conv2.weight"] *= -1
    save_file(weights, other / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"\(other weights\); name the folder of that encoder"):
        load_model(tmp_path / "saved", encoder=other)


def test_an_encoder_with_fewer_layers_is_refused(made, tmp_path):
    model = made("whisper")
    save(neural_hmm(model.net, replace(model.facts, layers=(1, 3))), tmp_path / "saved", texts={})
    with pytest.raises(InputError, match=r"was trained on .*: layers: expected numbers from 1 "):
        load_model(tmp_path / "saved")


def test_an_encoder_that_is_gone(made, tiny, tmp_path):
    gone = shutil.copytree(tiny("whisper"), tmp_path / "gone")
    model = made("whisper")
    facts = load_encoder(gone).facts
    save(neural_hmm(model.net, facts), tmp_path / "saved", texts={})
    shutil.rmtree(gone)
    with pytest.raises(BackendError, match=r"its encoder is not at .*gone any more; name its fold"):
        load_model(tmp_path / "saved")
    with pytest.raises(InputError, match=r"its encoder .* is not loaded; load the model with"):
        neural_hmm(model.net, facts).log_posteriors(noise(100))


def test_an_encoder_that_is_not_on_the_hub(made, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    model = made("whisper")
    facts = replace(model.facts, source="org/none")
    save(neural_hmm(model.net, facts), tmp_path / "saved", texts={})
    with pytest.raises(BackendError, match=r"needs the encoder org/none, or --encoder with its f"):
        load_model(tmp_path / "saved", offline=True)


def test_encoders_that_are_none(tiny, tmp_path):
    with pytest.raises(InputError, match=r"there is no such folder; name the folder of a Hugging"):
        load_encoder(tmp_path / "none")
    with pytest.raises(InputError, match=r"got a folder without config.json"):
        load_encoder(tmp_path)
    with pytest.raises(InputError, match=r"layers: expected numbers from 1 to 2 .* got \[3\]"):
        load_encoder(tiny("whisper"), layers=[3])


@pytest.mark.parametrize("sizes", [SIZES, STACKED, {**SIZES, "encoder_width": 6}])
def test_the_network_of_torch_is_that_of_numpy(sizes):
    """With recordings of two lengths in a batch; there and back."""
    config = NetConfig(**sizes)
    width = config.encoder_width
    torch.manual_seed(0)
    trained = TorchPhoneNet(config, 5).eval()
    used = for_use(trained)
    again = for_training(used).eval()
    lengths = (31, 17)
    mels = np.zeros((2, 31, 20), np.float32)
    states = np.random.default_rng(0).normal(size=(2, 16, 6)).astype(np.float32)
    cells = np.arange(31) // 2
    for b, length in enumerate(lengths):
        mels[b, :length] = log_mel(noise(160 * length, seed=b), 20)
    inside = torch.arange(31) < torch.tensor(lengths)[:, None]
    extra = [torch.from_numpy(states), torch.from_numpy(np.stack([cells, cells]))] if width else []
    with torch.inference_mode():
        together = again(torch.from_numpy(mels), inside, *extra).log_softmax(-1).numpy()
    for b, length in enumerate(lengths):
        arguments = (states[b], cells[:length]) if width else ()
        alone = used.log_posteriors(mels[b, :length], *arguments)
        assert together[b, :length] == pytest.approx(alone, abs=1e-5)
