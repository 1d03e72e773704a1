"""Whisper with its real weights: from a recording with music to words with times."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.audio.sound_file import read_waveform
from speechalign.cli.main import cli
from speechalign.formats import read_alignment
from speechalign.models import load_model

RATE = 16000
NAMES = ("slt/harbour", "rms/river", "slt/tea")


WRITTEN = (
    "In 1995 the harbor froze, nobody had seen that before.",
    "The heron waits by the river as patient as a stone.",
    "2 cups of tea cost $5.50 and the view is free.",
)
"""What Whisper base writes for each; of these, its own errors are "harbor" and "The heron"."""


@pytest.fixture
def said(examples):
    """Return the samples of each example."""
    return [read_waveform(examples / f"{name}.flac", sample_rate=RATE).samples for name in NAMES]


@pytest.mark.usefixtures("loaded_once")
def test_music_between_sentences_has_no_words_and_moves_none(said, aligner, whisper_base, tmp_path):
    seconds = np.arange(15 * RATE) / RATE
    music = sum(0.05 * np.sin(2 * np.pi * hz * seconds) for hz in (262, 330, 392))
    pause = np.zeros(RATE // 2)
    pieces, alone, at = [], [], 0.0
    for samples, text in zip(said, WRITTEN):
        for word in aligner.align(samples, text, sample_rate=RATE).words:
            alone.append((word.label, at + word.start, at + word.end))
        pieces += [samples, pause]
        if len(pieces) == 4:
            pieces += [music, pause]
        at = sum(map(len, pieces)) / RATE
    (tmp_path / "talks").mkdir()
    soundfile.write(tmp_path / "talks" / "talk.wav", np.concatenate(pieces), RATE)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli, ["transcribe", str(tmp_path / "talks"), str(whisper_base), str(out), "--align"]
    )
    assert done.exit_code == 0, done.output
    assert "segments by language: en 2" in done.stderr
    lines = [json.loads(line) for line in (out / "transcripts.jsonl").read_text().splitlines()]
    assert all(line["log_prob"] > -0.5 for line in lines)
    words = [w for w in read_alignment(out / "talk.TextGrid").tiers["words"] if w.label]
    assert [w.label for w in words] == [label for label, *_ in alone]
    apart = [abs(x - y) for a, b in zip(alone, words) for x, y in zip(a[1:], (b.start, b.end))]
    assert np.mean(apart) < 0.02
    assert max(apart) < 0.1


def test_the_probability_of_a_text_is_that_of_its_tokens(said, whisper_base):
    import torch

    model = load_model(whisper_base)
    samples = said[2]
    ((_, code, found),) = model.generate([samples], [None], groups=["tea"])
    assert code == "en"
    features = model._extractor(samples, sampling_rate=RATE, return_tensors="pt")["input_features"]
    with torch.inference_mode():
        heard = model._network.generate(
            features,
            language="en",
            task="transcribe",
            return_dict_in_generate=True,
            output_logits=True,
        )
    scores = torch.stack(heard.logits)[:, 0].log_softmax(-1)
    best = scores[torch.arange(len(scores)), heard.sequences[0][-len(scores) :]]
    assert found == pytest.approx(float(best.mean()), abs=1e-4)
