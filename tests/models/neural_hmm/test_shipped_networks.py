"""The models that come with the package, on the example speech, clean and in noise."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from speechalign import read_alignment
from speechalign.aligners.aligner import Aligner
from speechalign.audio.augmentation import add_noise, white_noise
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.cli.main import cli
from speechalign.errors import BackendError
from speechalign.metrics import report
from speechalign.models import load_model

MODELS = ("english", "english-whisper")


@pytest.fixture(scope="module")
def load(request):
    """Return a function: the aligner of a model, with the real encoder where it has one."""
    made = {}

    def get(name):
        if name not in made:
            encoder = request.getfixturevalue("whisper_base") if "whisper" in name else None
            made[name] = Aligner(load_model(name, encoder=encoder))
        return made[name]

    return get


def error(aligner, examples, decibels=None):
    """Return the mean error of word boundaries in ms, and the doubts."""
    pairs = {}
    confidences = []
    for audio in sorted(examples.glob("*/*.flac")):
        waveform = read_waveform(audio, sample_rate=16000)
        if decibels is not None:
            noise = white_noise(len(waveform.samples), np.random.default_rng(0))
            waveform = Waveform(add_noise(waveform.samples, noise, decibels), 16000)
        found = aligner.align(waveform, audio.with_suffix(".lab").read_text(encoding="utf-8"))
        gold = examples.parent / "gold" / audio.relative_to(examples).with_suffix(".TextGrid")
        pairs[audio.stem] = read_alignment(gold), found.alignment
        confidences.append(found.confidence)
    return 1000 * report(pairs, tier="words").pooled.both.mean, confidences


@pytest.mark.parametrize("name", MODELS)
def test_noise_costs_less_than_with_mixtures(load, aligner, examples, name):
    clean, confidences = error(load(name), examples)
    assert clean < 20
    assert min(confidences) > 0.8
    noisy, confidences = error(load(name), examples, 0)
    assert min(confidences) > 0.5
    assert noisy < 0.7 * error(aligner, examples, 0)[0]


@pytest.mark.parametrize("name", MODELS)
def test_a_wrong_transcript_is_noticed(load, examples, name):
    audio = sorted(examples.glob("*/*.flac"))[0]
    wrong = "Completely different words were never said in here"
    found = load(name).align(read_waveform(audio, sample_rate=16000), wrong)
    assert found.confidence < 0.3


def test_german_hears_german_words():
    model = load_model("german")
    assert (model.language, model.phones[0]) == ("de", "sil")
    assert model.describe()["network"].startswith("34")


def test_the_command_takes_the_encoder_and_resumes(examples, tmp_path, whisper_base):
    command = ["align", str(examples), "english-whisper", str(tmp_path / "out")]
    options = ["--encoder", str(whisper_base)]
    times = []
    for _ in range(2):
        ran = CliRunner().invoke(cli, [*command, *options])
        assert ran.exit_code == 0, ran.output
        rows = [
            json.loads(line)
            for line in (tmp_path / "out/alignment_manifest.jsonl").read_text().splitlines()
        ]
        assert [row["status"] for row in rows] == ["aligned"] * 3
        times.append([path.stat().st_mtime_ns for path in sorted(tmp_path.rglob("*.TextGrid"))])
    assert len(times[0]) == 3
    assert times[0] == times[1]  # Nothing was aligned again.


def test_a_missing_encoder_is_named(monkeypatch, tmp_path):
    for package in ("torch", "transformers"):
        pytest.importorskip(package, reason=f"needs {package}")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(BackendError, match=r"needs the encoder openai/whisper-base.*--encoder"):
        load_model("english-whisper")
