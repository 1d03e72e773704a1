"""Times read off attention: heads at their lags, pauses, and files of readers."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError, InputError
from speechalign.models import Attention
from speechalign.models.attention_reader import (
    FILE,
    AttentionReader,
    find_reader,
    lagged,
    loudness,
    read_reader,
)
from speechalign.vocabulary import Piece

RATE, STRIDE = 16000, 320
# Two heads: one runs three frames ahead of the sound, the other two behind it.
READER = AttentionReader(
    decoder=(2, 2, 16, 265),
    heads=((0, 1), (1, 0)),
    lags=((-3,), (2,)),
    weights=((1.0,), (1.0,)),
    pause=(-8.0, 0.0),
    confidence=(2.0, 0.0, 1.0),
)


def spoken(frames, stretches, lag):
    """Return attention, shape (L, T), that each token pays to its stretch, so late."""
    attention = np.zeros((len(stretches), frames))
    for row, (first, last) in zip(attention, stretches):
        row[max(0, first + lag) : last + lag] = 0.5
    return attention


def test_heads_are_read_at_their_lags():
    stretches = [(5, 12), (12, 20), (26, 33)]
    attention = np.stack([spoken(40, stretches, -3), spoken(40, stretches, 2)])
    found = READER.read(attention, np.zeros(40 * STRIDE), stride=STRIDE)
    np.testing.assert_allclose(np.exp(found).sum(axis=0), 1.0)
    expected = np.full(40, 3)
    for token, (first, last) in enumerate(stretches):
        expected[first:last] = token
    np.testing.assert_array_equal(found.argmax(axis=0), expected)


@pytest.mark.parametrize("lag", [-9, -2, 0, 3, 9])
def test_a_lag_is_a_shift(lag):
    attention = np.random.default_rng(0).uniform(size=(2, 7))
    found = lagged(attention, [lag])[0]
    for t in range(7):
        there = attention[:, t + lag] if 0 <= t + lag < 7 else 0.0
        np.testing.assert_allclose(found[:, t], np.log(there + 1e-4))


def test_loudness_is_around_the_moment_of_a_frame():
    samples = np.full(20 * STRIDE, 1e-4)
    samples[10 * STRIDE - 160 : 13 * STRIDE - 160] = 0.5
    found = loudness(samples, 20, stride=STRIDE)
    np.testing.assert_array_equal(np.flatnonzero(found > 0.5), [10, 11, 12])
    np.testing.assert_allclose(loudness(30 * samples, 20, stride=STRIDE), found, atol=1e-3)


def test_pauses_are_left_between_words(tiny, monkeypatch):
    from speechalign.models import load_model

    model = load_model(tiny("whisper"))
    posteriors = np.full((4, 50), 0.01)
    posteriors[3] = 0.9
    for row, (first, last) in zip(posteriors, [(5, 10), (10, 18), (30, 40)]):
        row[first:last] = 5.0
    told = Attention(
        np.log(posteriors / posteriors.sum(axis=0)),
        np.full(3, -1.0),
        ((Piece(1, 0, 2), Piece(2, 2, 4)), (Piece(3, 0, 3),)),
        (2.0, 0.0, 1.0),
    )
    monkeypatch.setattr(model, "attend", lambda *_, **__: told)
    sound = Waveform(np.full(RATE, 0.1, np.float32), RATE)
    first, second = Aligner(model, language="en").align(sound, "word too").words
    assert (first.start, first.end) == pytest.approx((0.09, 0.35))
    assert [part.start for part in first.parts] == pytest.approx([0.09, 0.19])
    assert (second.start, second.end) == pytest.approx((0.59, 0.79))
    sure = np.log(5.0 / (5.0 + 0.9 + 0.02))
    assert second.confidence == pytest.approx(1 / (1 + np.exp(-2.0 - sure)))
    short = replace(told, weights=told.weights[:, :2])
    monkeypatch.setattr(model, "attend", lambda *_, **__: short)
    with pytest.raises(AlignmentError, match="longer than the audio can hold: its 3 tokens need"):
        Aligner(model, language="en").align(sound, "word too")


def test_a_reader_in_the_folder_of_a_model_is_used(tiny, tmp_path, examples):
    from speechalign.models import load_model
    from speechalign.models.whisper_attention import decoder_size

    plain = load_model(tiny("whisper"))
    folder = shutil.copytree(tiny("whisper"), tmp_path / "model")
    reader = replace(READER, decoder=decoder_size(plain._network))
    reader.write(folder / FILE)
    model = load_model(folder)
    assert model.reader == reader
    assert model.content_hash != plain.content_hash
    assert "fitted to speech" in model.describe()["attention is read"]
    samples = np.random.default_rng(0).normal(size=RATE).astype(np.float32) / 10
    attention = model.attend(samples, ['"the', "the."], language="en")
    assert [[(p.start, p.end) for p in word] for word in attention.tokens] == [[(0, 4)], [(0, 4)]]
    assert attention.weights.shape == (3, 50)
    np.testing.assert_allclose(np.exp(attention.weights).sum(axis=0), 1.0)
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=RATE)
    result = Aligner(model, language="en").align(waveform, "Two cups of tea, cost $5.50!")
    assert [word.label for word in result.words] == ["Two", "cups", "of", "tea,", "cost", "$5.50!"]

    replace(reader, decoder=(9, 9, 9, 9)).write(folder / FILE)
    with pytest.raises(InputError, match=r"fitted to a decoder .* \(9, 9, 9, 9\)"):
        load_model(folder)
    (folder / FILE).write_text("{}")
    with pytest.raises(InputError, match="not a reader of attention"):
        load_model(folder)


@pytest.mark.parametrize("decoder", [(6, 8, 512, 51865), (4, 6, 384, 51864)])
def test_shipped_readers(decoder, tmp_path):
    reader = find_reader(tmp_path, decoder)
    assert reader is not None
    assert all(layer < decoder[0] and head < decoder[1] for layer, head in reader.heads)
    assert len(reader.heads) == len(reader.lags) == len(reader.weights)
    assert all(len(a) == len(b) for a, b in zip(reader.lags, reader.weights))
    reader.write(tmp_path / "copy.json")
    assert read_reader(tmp_path / "copy.json") == reader
    assert find_reader(tmp_path, (32, 20, 1280, 51866)) is None
    assert json.loads((tmp_path / "copy.json").read_text())["decoder"] == list(decoder)
