"""What a speech LLM is given that it cannot use, or hardly."""

import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")
pytest.importorskip("peft", reason="needs peft")

import tiny_models  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402
from small_llm import language_model, letter_encoder  # noqa: E402

from speechalign.errors import BackendError, InputError  # noqa: E402
from speechalign.losses import matching_loss  # noqa: E402
from speechalign.models.speech_llm.config import SpeechLlmConfig  # noqa: E402
from speechalign.models.speech_llm.folder import join, load, save  # noqa: E402


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    return {
        "letters": letter_encoder(folder / "letters"),
        "wav2vec2": tiny_models.wav2vec2(folder / "wav2vec2"),
        "whisper": tiny_models.whisper(folder / "whisper"),
        "lm": language_model(folder / "lm"),
    }


def joined(parts, encoder="letters", **options):
    torch.manual_seed(0)
    options = {"hidden": 16, "stack": 4} | options
    return join(parts[encoder], parts["lm"], SpeechLlmConfig(**options)).eval()


def noise(samples):
    return (0.1 * np.random.default_rng(0).normal(size=samples)).astype(np.float32)


def read(model, samples, tokens):
    """What the model says of one recording and its transcript."""
    rows = torch.from_numpy(samples)[None], torch.tensor([len(samples)])
    return model(*rows, torch.tensor([tokens], dtype=torch.int64), torch.tensor([len(tokens)]))


@pytest.mark.parametrize("encoder", ["letters", "wav2vec2", "whisper"])
def test_hardly_any_samples(parts, encoder):
    """The shortest recordings have no frame in a network of samples, one in the others."""
    model = joined(parts, encoder)
    found = read(model, noise(20), [3, 4])
    assert found.cross_entropy.isfinite().all()
    assert found.speech_lengths.item() == (encoder != "wav2vec2")
    assert len(model.transcribe(noise(20), most_tokens=3).split()) <= 3


@pytest.mark.parametrize("keep", [False, True])
def test_nothing_but_blanks(parts, monkeypatch, keep):
    """Compression that keeps no blanks leaves nothing of silence."""
    model = joined(parts, compress="even", keep_blanks=keep)
    score = model.encoder.net.score

    def blank(states):
        return torch.full_like(score(states), -9.0).index_fill(2, torch.tensor([0]), 0.0)

    monkeypatch.setattr(model.encoder.net, "score", blank)
    found = read(model, noise(8000), [3, 4])
    assert found.speech_lengths.item() == keep
    assert found.cross_entropy.isfinite().all()
    matched = matching_loss(found.speech, found.text, found.speech_lengths, torch.tensor([2]))
    assert matched.isfinite() == keep
    found.cross_entropy.sum().backward()
    assert len(model.transcribe(noise(8000), most_tokens=3).split()) <= 3
    if not keep:
        with pytest.raises(InputError, match="samples: speech-llm hears nothing in the recording"):
            model.attend(noise(8000), ["the"], language="en")


def test_text_longer_than_speech(parts):
    found = read(joined(parts), noise(1600), [3, 4, 5] * 12)
    assert found.speech_lengths.item() < 36
    assert found.cross_entropy.isfinite().all()


def test_int32_is_taken_as_int64(parts):
    model = joined(parts)
    rows = torch.from_numpy(noise(8000))[None], torch.tensor([8000])
    text = torch.tensor([[3, 4]]), torch.tensor([2])
    found = model(*rows, *text).cross_entropy
    short = model(rows[0], *(x.int() for x in (rows[1], *text))).cross_entropy
    torch.testing.assert_close(short, found, rtol=0, atol=0)
    with pytest.raises(InputError, match="targets: expected int32 or int64, got float32"):
        model(*rows, text[0].float(), text[1])


def test_half_precision(parts):
    """The language model may be in it; what hears may not, unless torch casts by itself."""
    model = joined(parts, train=("adapter", "lm.lora"))
    whole = read(model, noise(8000), [3, 4]).cross_entropy.item()
    with torch.autocast("cpu", torch.bfloat16):
        assert read(model, noise(8000), [3, 4]).cross_entropy.item() == pytest.approx(whole, 0.05)
    model.lm.bfloat16()
    found = read(model, noise(8000), [3, 4])
    assert found.speech.dtype == found.text.dtype == torch.float32
    assert found.cross_entropy.item() == pytest.approx(whole, 0.05)
    found.cross_entropy.sum().backward()
    assert model.adapter.widen.weight.grad.any()
    assert len(model.transcribe(noise(8000), most_tokens=3).split()) <= 3
    assert model.attend(noise(8000), ["the"], language="en").log_probs.dtype == np.float64
    with pytest.raises(InputError, match="encoder: expected float32 weights, got float16"):
        read(model.half(), noise(8000), [3, 4])


def test_more_than_the_language_model_reads(parts):
    model = joined(parts, stack=1)
    with pytest.raises(InputError, match=r"reads 256 rows and tokens at once, got 301 and more"):
        model.transcribe(noise(6 * 16000))
    with pytest.raises(InputError, match=r"reads 256 rows and tokens at once"):
        read(model, noise(5 * 16000), [3, 4] * 4)
    # What room there is for the text is used.
    assert model.transcribe(noise(5 * 16000), no_repeat=0) is not None


def test_arguments(parts):
    model = joined(parts)
    with pytest.raises(InputError, match=r"targets\[0, 1\]: expected a token in \[0, 9\), got 400"):
        read(model, noise(8000), [3, 400])
    for option, value in [("beams", 0), ("no_repeat", -1), ("most_tokens", 0)]:
        with pytest.raises(InputError, match=f"{option}: expected an integer from"):
            model.transcribe(noise(8000), **{option: value})


def test_an_encoder_that_comes_with_the_package(parts, tmp_path):
    config = SpeechLlmConfig(hidden=16, stack=4, compress="even")
    model = join("english-ctc-small", parts["lm"], config).eval()
    assert "AH" in model.encoder.vocabulary or "ah" in model.encoder.vocabulary
    save(model, tmp_path / "m", encoder="english-ctc-small", lm=parts["lm"])
    again = load(tmp_path / "m", device="cpu", offline=True)
    wanted = read(model, noise(8000), [3]).cross_entropy
    torch.testing.assert_close(read(again, noise(8000), [3]).cross_entropy, wanted)
    with pytest.raises(InputError, match="english-sphinx: expected an encoder of speech, got"):
        join("english-sphinx", parts["lm"], config)


def test_names_on_the_hub(parts, tmp_path, monkeypatch):
    """What is in the cache is used, and nothing is fetched that may not be."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    commit = "0123456789abcdef0123456789abcdef01234567"
    for name in ("wav2vec2", "lm"):
        home = tmp_path / f"models--org--{name}"
        shutil.copytree(parts[name], home / "snapshots" / commit)
        (home / "refs").mkdir()
        (home / "refs" / "main").write_text(commit)
    config = SpeechLlmConfig(hidden=16)
    save(
        join("org/wav2vec2", "org/lm", config, offline=True), tmp_path / "m",
        encoder="org/wav2vec2", lm="org/lm",
    )  # fmt: skip
    assert load(tmp_path / "m", device="cpu", offline=True).config == config
    with pytest.raises(BackendError, match=r"org/none: .*not in the cache and may not be fetched"):
        join("org/none", "org/lm", config, offline=True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match=r"org/none: .*not in the cache and may not be fetched"):
        join("org/wav2vec2", "org/none", config)


@pytest.mark.parametrize("part", ["wav2vec2", "lm"])
def test_weights_that_lack_some(parts, tmp_path, part):
    shutil.copytree(parts[part], tmp_path / part)
    path = tmp_path / part / "model.safetensors"
    weights = load_file(path)
    lost = next(name for name in weights if "layers.0" in name)
    save_file({k: v for k, v in weights.items() if k != lost}, path, metadata={"format": "pt"})
    with pytest.raises(InputError, match=f"{part}: the weights lack {lost}"):
        join(*(({**parts, part: tmp_path / part})[n] for n in ("wav2vec2", "lm")),
             SpeechLlmConfig())  # fmt: skip
