"""Calibration: the bias of a model's times is taken off, whatever the kind of the model."""

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.models import MODELS, load_model
from speechalign.models.calibration import Calibration

FAMILIES = ["wav2vec2", "whisper", "onnx", "torchaudio"]
TEXT = "Two cups of [noise] tea, $5"


@pytest.fixture(params=[*MODELS, *FAMILIES])
def model(request, load_named):
    """Return a model of each kind, once."""
    if request.param in MODELS:
        if request.param == "english-ctc-small":
            pytest.importorskip("torch", reason="needs torch")
        return load_named(request.param)
    return load_model(request.getfixturevalue("tiny")(request.param))


def spans(intervals):
    return np.array([(interval.start, interval.end) for interval in intervals])


@pytest.mark.parametrize("bias", [-0.3, -0.012, 0.012, 0.3])
def test_every_model_can_be_calibrated(model, examples, bias):
    language = "en" if model.language in ("und", "mul", "ipa") else None
    if model.language == "ipa":  # eSpeak NG pronounces English for it
        pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=model.sample_rate)
    plain = Aligner(model, language=language).align(waveform, TEXT)
    calibration = Calibration(model.name, bias, 9)
    moved = Aligner(model, language=language, calibration=calibration).align(waveform, TEXT)
    assert [w.label for w in moved.words] == [w.label for w in plain.words]
    assert moved.confidence == plain.confidence
    tier = moved.unit
    found, wanted = (spans(r.alignment.tiers[tier]) for r in (moved, plain))
    inside = (wanted - bias > 0.1).all(axis=1) & (wanted - bias < waveform.duration - 0.1).all(1)
    assert inside.any()
    np.testing.assert_allclose(found[inside], wanted[inside] - bias, atol=1e-9)
    assert (np.diff(found, axis=1) > 0).all()
    for word in moved.words:
        assert (word.start, word.end) == (word.parts[0].start, word.parts[-1].end)
