"""Channels that must not simply be averaged."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.audio.sound_file import read_waveform, sound_info
from speechalign.cli.main import cli

RATE = 16_000


@pytest.fixture(scope="module")
def speech(request):
    path = request.config.rootpath / "examples/english/slt/tea.flac"
    return soundfile.read(path, dtype="float32")[0]


def noise(speech, level=0.05, seed=0):
    generator = np.random.default_rng(seed)
    return (level * generator.standard_normal(len(speech))).astype("f4")


def hum(speech):
    return (0.1 * np.sin(2 * np.pi * 50 * np.arange(len(speech)) / RATE)).astype("f4")


CASES = {
    "mean of channels 0 and 1": lambda s: ([s, s], s),
    "mean of channels 0, 1 and 2": lambda s: ([s, 0.5 * s, 0.3 * s], 0.6 * s),
    "channel 0 alone; channel 1 is silent": lambda s: ([s, 0 * s + 0.01], s),
    "channel 1 alone; channel 0 is silent": lambda s: ([noise(s, 1e-7), s], s),
    "mean of channels 0 and 1; channel 1 is inverted, and turned back": lambda s: ([s, -s], s),
    "mean of channels 0 and 1; channel 0 is inverted, and turned back": lambda s: (
        [-0.6 * s, s],
        0.8 * s,
    ),
    "channel 0 alone; channel 1 is only noise": lambda s: ([s, noise(s)], s),
    "channel 1 alone; channel 0 is only noise": lambda s: ([hum(s), s], s),
    "channel 2 alone; channel 1 is silent; channel 0 is only noise": lambda s: (
        [noise(s, 0.3), 0 * s, s],
        s,
    ),
}


@pytest.mark.parametrize("description", CASES)
def test_mixes(tmp_path, speech, description):
    channels, expected = CASES[description](speech)
    path = tmp_path / "x.wav"
    soundfile.write(path, np.stack(channels, 1), RATE, subtype="FLOAT")
    waveform = read_waveform(path)
    assert waveform.mix.description == description
    assert waveform.mix.plain == ("; " not in description)
    np.testing.assert_allclose(waveform.samples, expected, atol=1e-6)
    assert sound_info(path, decode=True).mix == waveform.mix
    assert sound_info(path).mix is None
    assert read_waveform(path, channel=1).mix is None
    slower = read_waveform(path, sample_rate=8000)
    assert slower.mix.weights == waveform.mix.weights


def test_noise_on_all_channels_is_mixed_as_it_is(tmp_path, speech):
    path = tmp_path / "x.wav"
    both = np.stack([noise(speech), noise(speech, seed=1)], 1)
    soundfile.write(path, both, RATE, subtype="FLOAT")
    assert read_waveform(path).mix.plain
    soundfile.write(path, 0 * both, RATE, subtype="FLOAT")
    assert read_waveform(path).mix.plain


def test_two_speakers_are_mixed(tmp_path, speech):
    path = tmp_path / "x.wav"
    soundfile.write(path, np.stack([speech, speech[::-1]], 1), RATE)
    assert read_waveform(path).mix.plain


def test_a_corpus(tmp_path, speech):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    soundfile.write(corpus / "tea.wav", np.stack([speech, -speech], 1), RATE)
    text = "Two cups of tea cost five dollars fifty, and the view is free."
    (corpus / "tea.lab").write_text(text, encoding="utf-8")
    inverted = "mean of channels 0 and 1; channel 1 is inverted, and turned back"
    found = CliRunner().invoke(cli, ["validate", str(corpus)])
    assert inverted in " ".join(found.stdout.split())
    found = CliRunner().invoke(cli, ["align", str(corpus), str(tmp_path / "out"), "-j", "1"])
    assert found.exit_code == 0
    line = json.loads((tmp_path / "out/alignment_manifest.jsonl").read_text(encoding="utf-8"))
    assert (line["status"], line["channel_mix"]) == ("aligned", inverted)
    assert "a channel that is silent, noise or inverted" in found.stderr
