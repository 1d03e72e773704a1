"""What must hold for CTC models of every family, on small networks of the real classes."""

import numpy as np
import pytest
from tiny_models import CTC_FAMILIES

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.emission_chunks import emit_long
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.models import device, load_model

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")

RATE = 16000
GRIDS = {"wav2vec2_bert": (320, 120), "parakeet": (1280, -640)}


@pytest.fixture(scope="module", params=CTC_FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def model(tiny, family):
    return load_model(tiny(family))


def noise(seconds, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.normal(size=round(seconds * RATE))).astype(np.float32)


def emit(model, samples):
    return model.emit(samples[None], np.array([len(samples)]))


def test_batch_is_singles_and_padding_is_not_read(model):
    parts = [noise(1.0), noise(0.7, 1), noise(1.0, 2), noise(0.01, 3)]
    batch = np.full((4, RATE + 500), np.nan, np.float32)
    for row, part in zip(batch, parts):
        row[: len(part)] = part
    together = model.emit(batch, np.array([len(part) for part in parts]))
    assert together.input_lengths[3] == 0
    for b, part in enumerate(parts[:3]):
        alone = emit(model, part)
        assert together.input_lengths[b] == alone.input_lengths[0]
        assert together[b] == pytest.approx(alone[0], abs=2e-4)


def test_batches_of_several_lengths_are_singles(tiny, family, model, monkeypatch):
    monkeypatch.setitem(device._SECONDS, "cpu", 4.0)
    batching = load_model(tiny(family))
    assert batching.batch_seconds == (4.0 if family != "onnx" else 0.0)
    calls = []

    def score(samples, lengths=None):
        calls.append((len(samples), lengths is not None))
        return plain(samples, lengths)

    plain, batching._score = batching._score, score
    parts = [noise(0.1 * n, n) for n in (9, 4, 12, 9, 7, 6)]
    batch = np.full((6, round(1.2 * RATE)), np.nan, np.float32)
    for row, part in zip(batch, parts):
        row[: len(part)] = part
    together = batching.emit(batch, np.array([len(part) for part in parts]))
    # The first layer of this wav2vec2 has a norm over time, so that padding would show.
    assert calls == {
        "onnx": [(1, False)] * 6, "wav2vec2": [*[(1, False)] * 3, (2, False), (1, False)],
    }.get(family, [(4, True), (2, True)])  # fmt: skip
    for b, part in enumerate(parts):
        alone = emit(model, part)
        assert together.input_lengths[b] == alone.input_lengths[0]
        assert together[b] == pytest.approx(alone[0], abs=2e-4)


def test_rows_sum_to_one(model):
    emissions = emit(model, noise(1.0))
    assert emissions.normalised
    assert np.exp(emissions[0]).sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert emissions.vocabulary.blank is not None


def test_the_grid_is_that_of_the_layers(model, family):
    assert (model.grid.stride, model.grid.offset) == GRIDS.get(family, (320, 40))
    seconds = 2.0
    frames = int(emit(model, noise(seconds)).input_lengths[0])
    middles = model.grid.seconds(np.arange(frames) + 0.5)
    assert middles[0] >= 0
    assert seconds - 1.5 * model.grid.stride / RATE <= middles[-1] <= seconds


def test_a_click_is_heard_where_the_grid_says(model):
    """Of what a click changes, the middle moves with it, and lies around it."""
    quiet = noise(2.0)
    before = emit(model, quiet)[0]
    times = model.grid.seconds(np.arange(len(before)) + 0.5)
    found = []
    for at in np.arange(0.5, 1.5, 0.1):
        loud = quiet.copy()
        loud[round(at * RATE) : round(at * RATE) + 80] += 2.0
        change = ((emit(model, loud)[0] - before) ** 2).sum(axis=1)
        # Attention spreads the change over the whole recording, most of it stays near.
        near = np.abs(times - at) < max(0.1, 1.5 * model.grid.stride / RATE)
        found.append(np.average(times[near], weights=change[near] ** 2) - (at + 40 / RATE))
    # A network with random weights hears more to one side; a grid off by two frames shows.
    assert abs(np.median(found)) < max(0.02, 0.6 * model.grid.stride / RATE)


def test_chunks_agree_with_the_whole(model):
    samples = noise(12.0)
    whole = emit(model, samples)
    one = emit_long(model, Waveform(samples, RATE, 1, None, RATE))
    assert one[0] == pytest.approx(whole[0], abs=2e-4)
    parts = emit_long(model, Waveform(samples, RATE, 1, None, RATE), chunk=6.0, overlap=2.0)
    assert parts.log_probs.shape == whole.log_probs.shape
    # Attention reaches over the whole recording, so that chunks are like it and not equal.
    agreement = (parts[0].argmax(axis=1) == whole[0].argmax(axis=1)).mean()
    assert agreement > 0.8


def test_speech_is_aligned_with_all_words(model, examples):
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=RATE)
    text = "Two cups of tea cost $5.50, and the 猫 is free."
    if model.grid.stride > 1000:
        text = "Two cups 猫"
    language = None if model.language == "mul" else "en"
    result = Aligner(model, language=language).align(waveform, text)
    assert [word.interval.label for word in result.words] == text.split()
    unknown = next(word for word in result.words if word.interval.label == "猫")
    sources = ("unknown", "letters") if model.language != "mul" else ("letters", "letters")
    assert (unknown.source, result.words[0].source) == sources
    assert list(result.alignment.tiers) == ["words", model.unit]
    for word in result.words:
        assert all(word.interval.label[t.start : t.end] for t in word.tokens)


def test_description(model):
    facts = model.describe()
    assert model.unit in facts
    assert all(isinstance(value, str) for value in facts.values())
