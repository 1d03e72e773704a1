"""Whisper with its real weights: from a recording of 40 s to words with times."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.audio.waveform import read_waveform
from speechalign.cli.main import cli
from speechalign.formats import read_alignment
from speechalign.kernels.edit_distance import edit_distance
from speechalign.models import load_model
from speechalign.pipeline.score_transcripts import plain_words

RATE = 16000
NAMES = ("slt/harbour", "rms/river", "slt/tea")


@pytest.fixture
def said(examples):
    """Return samples and text of each example."""
    return [
        (
            read_waveform(examples / f"{name}.flac", sample_rate=RATE).samples,
            (examples / f"{name}.lab").read_text().strip(),
        )
        for name in NAMES
    ]


@pytest.mark.usefixtures("loaded_once")
def test_a_long_recording_becomes_words_where_they_are_said(said, aligner, whisper_base, tmp_path):
    seconds = np.arange(15 * RATE) / RATE
    music = sum(0.05 * np.sin(2 * np.pi * hz * seconds) for hz in (262, 330, 392))
    pieces, alone, at = [], [], 0.0
    for samples, text in said:
        for word in aligner.align(samples, text, sample_rate=RATE).words:
            alone.append((plain_words(word.label), at + word.start, at + word.end))
        pieces += [samples, np.zeros(RATE // 2)]
        at += len(samples) / RATE + 0.5
        if len(pieces) == 4:
            pieces += [np.zeros(3 * RATE), music, np.zeros(3 * RATE)]
            at += 21
    (tmp_path / "talks").mkdir()
    soundfile.write(tmp_path / "talks" / "talk.wav", np.concatenate(pieces), RATE)
    out = tmp_path / "out"
    done = CliRunner().invoke(
        cli, ["transcribe", str(tmp_path / "talks"), str(whisper_base), str(out), "--align"]
    )
    assert done.exit_code == 0, done.output
    assert "segments by language: en " in done.stderr
    lines = [json.loads(line) for line in (out / "transcripts.jsonl").read_text().splitlines()]
    assert all(line["log_prob"] > -0.5 for line in lines)
    words = read_alignment(out / "talk.TextGrid").tiers["words"]
    words = [w for w in words if plain_words(w.label)]
    numbers = {}
    rows = [
        np.array([numbers.setdefault(tuple(label), len(numbers)) for label in labels])
        for labels in ([label for label, *_ in alone], [plain_words(w.label) for w in words])
    ]
    edits = edit_distance(*rows)
    assert len(words) == len(alone)  # none in the music
    assert edits.distance <= 3  # it writes "2", "harbor" and "The heron"
    right = [(a, b) for a, b in edits.pairs.tolist() if rows[0][a] == rows[1][b]]
    apart = [
        abs(x - y) for a, b in right for x, y in zip(alone[a][1:], (words[b].start, words[b].end))
    ]
    assert np.mean(apart) < 0.02


def test_the_probability_of_a_text_is_that_of_its_tokens(said, whisper_base):
    import torch

    model = load_model(whisper_base)
    samples = said[2][0]
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
