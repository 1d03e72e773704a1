"""Whisper as a listener, on a small network of the real class."""

import json
import shutil

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import InputError
from speechalign.models import load_model

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")

RATE = 16000
TEXT = "Two cups of tea cost $5.50, and the 猫 is free."


@pytest.fixture(scope="module")
def model(tiny):
    return load_model(tiny("whisper"))


def noise(seconds):
    rng = np.random.default_rng(0)
    return (0.1 * rng.normal(size=round(seconds * RATE))).astype(np.float32)


def test_every_token_has_a_row_of_its_own(model):
    attention = model.attend(noise(3.0), ["the", "猫!"], language="en")
    tokens = sum(map(len, attention.tokens))
    assert attention.weights.shape == (tokens + 1, 150)
    assert attention.log_probs.shape == (tokens,)
    assert (attention.log_probs < 0).all()
    assert [(p.start, p.end) for p in attention.tokens[0]] == [(0, 3)]
    assert {(p.start, p.end) for p in attention.tokens[1]} == {(0, 1), (1, 2)}


def test_log_probs_are_those_of_the_network(model):
    """The probability of a text is that of its tokens one by one."""
    network, tokenizer = model._network, model._tokenizer
    samples = noise(1.0)
    attention = model.attend(samples, ["the", "tea"], language="de")
    features = model._extractor(samples, sampling_rate=RATE, return_tensors="pt")
    tokens = [tokenizer.token_to_id(t) for t in ("<|startoftranscript|>", "<|de|>",
                                                 "<|transcribe|>", "<|notimestamps|>")]  # fmt: skip
    for expected in attention.log_probs.tolist():
        with torch.inference_mode():
            logits = network(features["input_features"], decoder_input_ids=torch.tensor([tokens]))
        text = tokenizer.encode(" the tea").ids
        label = text[len(tokens) - 4]
        found = float(logits.logits[0, -1].log_softmax(-1)[label])
        assert found == pytest.approx(expected, abs=1e-4)
        tokens.append(label)


def test_attention_to_one_place_at_a_time_is_followed(model, monkeypatch):
    aligner = Aligner(model, language="en")
    samples = noise(3.0)
    plain = model.attend(samples, ["the", "the", "the"], language="en")
    weights = np.zeros((4, 150))
    for row, first in enumerate((20, 50, 80, 120)):
        weights[row, first : first + 30] = 1.0
    told = type(plain)(weights, plain.log_probs, plain.tokens)
    monkeypatch.setattr(model, "attend", lambda *_, **__: told)
    result = aligner.align(Waveform(samples, RATE, 1, None, RATE), "the the, the!")
    assert [word.interval.label for word in result.words] == ["the", "the,", "the!"]
    starts = [word.interval.start for word in result.words]
    assert starts[1:] == pytest.approx([1.0 - 0.01, 1.6 - 0.01])
    assert result.words[2].interval.end == pytest.approx(2.4, abs=0.02)


def test_speech_is_aligned_with_all_words(model, examples):
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=RATE)
    result = Aligner(model, language="en").align(waveform, TEXT)
    assert [word.interval.label for word in result.words] == TEXT.split()
    assert list(result.alignment.tiers) == ["words", "tokens"]
    assert all(0 <= word.interval.confidence <= 1 for word in result.words)


def test_facts(model):
    assert (model.grid.stride, model.grid.offset, model.longest) == (320, -160, 30.0)
    assert model.language == "mul"
    assert model.describe()["attention heads"] == "1.0 1.1"


def test_all_heads_of_the_upper_layers_where_none_are_named(tiny, tmp_path):
    folder = shutil.copytree(tiny("whisper"), tmp_path / "small")
    told = json.loads((folder / "generation_config.json").read_text())
    del told["alignment_heads"]
    (folder / "generation_config.json").write_text(json.dumps(told))
    assert load_model(folder).describe()["attention heads"] == "1.0 1.1"


def test_what_is_too_long(model):
    with pytest.raises(InputError, match=r"hears 30 s at once, the recording lasts 30\.1 s; cut"):
        model.attend(noise(30.1), ["the"], language="en")
    with pytest.raises(InputError, match="takes 59 tokens at once, got 60; cut it into segments"):
        model.attend(noise(1.0), ["the"] * 60, language="en")


def test_languages(model, tiny, tmp_path):
    with pytest.raises(InputError, match="has to be told which language is spoken"):
        Aligner(model).align(Waveform(noise(1.0), RATE, 1, None, RATE), "the")
    spoken = Aligner(model, language="deu").align(Waveform(noise(1.0), RATE, 1, None, RATE), "the")
    assert spoken.words[0].interval.label == "the"
    folder = shutil.copytree(tiny("whisper"), tmp_path / "small.en")
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace("<|en|>", "<|xx|>"))
    english = load_model(folder)
    assert english.language == "en"
    with pytest.raises(InputError, match="knows English only, got 'de'"):
        english.attend(noise(1.0), ["the"], language="de")
    assert english.attend(noise(1.0), ["the"], language="en").weights.shape[0] == 2


def test_folders_with_a_fault(tiny, tmp_path):
    folder = shutil.copytree(tiny("whisper"), tmp_path / "small")
    (folder / "tokenizer.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as Whisper"):
        load_model(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"tokenizer\.json: there is no such file"):
        load_model(folder)
    with pytest.raises(InputError, match="expected at least one word, got nothing"):
        Aligner(load_model(tiny("whisper"))).align(Waveform(noise(1), RATE, 1, None, RATE), "")
