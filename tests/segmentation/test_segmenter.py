"""Segments of real speech, by each detector."""

import numpy as np
import pytest

from speechalign.audio import augmentation
from speechalign.audio.sound_file import read_waveform
from speechalign.errors import InputError
from speechalign.segmentation import Segmenter

RATE = 16000


@pytest.fixture(scope="module", params=["english-sphinx", "silero"])
def segmenter(request):
    if request.param == "silero":
        pytest.importorskip("silero_vad", reason="needs silero-vad")
        pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    return Segmenter(request.param)


@pytest.fixture(scope="module")
def parts(examples):
    """Return the examples' samples."""
    return [read_waveform(p, sample_rate=RATE).samples for p in sorted(examples.rglob("*.flac"))]


def faint(seconds, rng):
    return 1e-3 * augmentation.pink_noise(round(seconds * RATE), rng)


def test_utterances_between_pauses_are_found(segmenter, parts):
    rng = np.random.default_rng(0)
    pieces, truth, at = [], [], 0
    for samples in parts:
        pieces += [faint(1.5, rng), samples]
        at += round(1.5 * RATE)
        truth.append((at / RATE, (at + len(samples)) / RATE))
        at += len(samples)
    whole = np.concatenate([*pieces, faint(2.0, rng)]).astype(np.float32)
    found = segmenter.find(whole, sample_rate=RATE)
    assert len(found) == len(truth)
    for segment, (start, end) in zip(found, truth):
        assert start - 0.3 < segment.start < start + 0.3
        assert end - 0.5 < segment.end < end + 0.3
        assert segment.label == "[speech]"
        assert segment.confidence > 0.5
    noisy = augmentation.add_noise(whole, augmentation.white_noise(len(whole), rng), 15)
    assert len(segmenter.find(noisy, sample_rate=RATE)) == len(truth)


@pytest.mark.parametrize("kind", ["zeros", "white", "pink"])
def test_no_speech_in_what_has_none(segmenter, kind):
    rng = np.random.default_rng(1)
    count = 20 * RATE
    samples = {
        "zeros": np.zeros(count, np.float32),
        "white": 0.05 * augmentation.white_noise(count, rng),
        "pink": 0.05 * augmentation.pink_noise(count, rng),
    }[kind]
    assert segmenter.find(samples, sample_rate=RATE) == ()


def test_a_recording_longer_than_a_block(monkeypatch, parts):
    from speechalign.segmentation import phones

    rng = np.random.default_rng(2)
    whole = np.concatenate([faint(1.0, rng), parts[0], faint(1.0, rng), parts[1], faint(1.0, rng)])
    segmenter = Segmenter()
    once = segmenter.find(whole.astype(np.float32), sample_rate=RATE)
    monkeypatch.setattr(phones, "_BLOCK", 7)
    blocks = segmenter.find(whole.astype(np.float32), sample_rate=RATE)
    assert len(once) == len(blocks) == 2
    for a, b in zip(once, blocks):
        assert abs(a.start - b.start) < 0.1
        assert abs(a.end - b.end) < 0.1


def test_shorter_than_a_frame(segmenter):
    assert segmenter.find(np.zeros(10, np.float32), sample_rate=RATE) == ()


def test_a_model_without_silence_is_refused(tiny):
    with pytest.raises(InputError, match="segments need an HMM of phones with a silence"):
        Segmenter(tiny("torchaudio"))
