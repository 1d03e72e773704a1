"""Tokens in brackets cover the sound that is there, and leave the words their times."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.sound_extent import cover_sound, inside, long_noise, restored
from speechalign.audio.waveform import Waveform
from speechalign.cli.main import cli

RATE = 16_000


def white(generator):
    return 0.05 * generator.standard_normal(2 * RATE)


def claps(generator):
    sound = np.zeros(2 * RATE)
    for begin in generator.integers(0, len(sound) - 400, 30):
        clap = generator.standard_normal(400) * np.exp(-np.arange(400) / 80)
        sound[begin : begin + 400] += 0.2 * clap
    return sound


def laughter(generator):
    t = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(250 - 40 * t) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 15))
    bursts = np.maximum(0, np.sin(2 * np.pi * 5 * t)) ** 2
    return (0.06 * voice + 0.01 * generator.standard_normal(len(t))) * bursts


def music(generator):
    t = np.arange(RATE // 2) / RATE
    chords = [
        sum(np.sin(2 * np.pi * hertz * t) for hertz in generator.choice([220, 262, 330, 392], 3))
        for _ in range(20)
    ]
    return 0.05 * np.concatenate([chord * np.exp(-3 * t) for chord in chords])


NOISES = {"white": white, "claps": claps, "laughter": laughter, "music": music}


@pytest.fixture(scope="module")
def recordings(request):
    folder = request.config.rootpath / "examples/english"
    return {
        name: (
            soundfile.read(folder / f"{name}.flac", dtype="float32")[0],
            (folder / f"{name}.lab").read_text(encoding="utf-8").strip(),
        )
        for name in ("slt/tea", "slt/harbour", "rms/river")
    }


@pytest.fixture(scope="module", params=["english-sphinx", "english-gmm"])
def aligner(request):
    return Aligner(request.param)


def aligned(aligner, parts, text):
    samples = np.concatenate(parts).astype(np.float32)
    return aligner.align(Waveform(samples, RATE, 1, None, RATE), text)


def noise_between(aligner, recordings, noise, place):
    """Return word times without and with the noise, and the token with its true times."""
    (first, text), (second, others) = recordings["slt/tea"], recordings["slt/harbour"]
    quiet = aligned(aligner, [first, second], f"{text} {others}")
    count = len(aligned(aligner, [first], text).words)
    parts, tokens = [first, second], [text, others]
    parts.insert(place, noise)
    tokens.insert(place, "[noise]")
    found = aligned(aligner, parts, " ".join(tokens))
    before = (0, count, len(quiet.words))[place]
    lasts = len(noise) / RATE
    expected = [
        (word.start + lasts * (k >= before), word.end + lasts * (k >= before))
        for k, word in enumerate(quiet.words)
    ]
    words = [word for word in found.words if word.source != "noise"]
    (token,) = (word for word in found.words if word.source == "noise")
    begin = sum(len(part) for part in parts[:place]) / RATE
    times = [(word.start, word.end) for word in words]
    return np.array(expected), np.array(times), token, (begin, begin + lasts)


@pytest.mark.parametrize("kind", [*NOISES, "speech"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_token_covers_the_sound_and_words_keep_their_times(aligner, recordings, kind, place):
    generator = np.random.default_rng(place)
    noise = recordings["rms/river"][0] if kind == "speech" else NOISES[kind](generator)
    expected, times, token, (begin, end) = noise_between(aligner, recordings, noise, place)
    # How long a word fades into noise is less certain than where it begins.
    off = np.abs(times - expected)
    assert off[:, 0].max() <= 0.05
    assert np.sort(off[:, 1])[-2] <= 0.05
    assert off[:, 1].max() <= 0.1
    covered = min(token.end, end) - max(token.start, begin)
    assert covered > 0.85 * max(token.end - token.start, end - begin)


@pytest.mark.parametrize("kind", ["white", "laughter", "speech"])
def test_the_token_of_a_ctc_model_covers_the_sound(recordings, kind):
    pytest.importorskip("torch", reason="needs torch")
    pytest.importorskip("safetensors", reason="needs safetensors")
    aligner = Aligner("english-ctc-small")
    generator = np.random.default_rng(1)
    noise = recordings["rms/river"][0] if kind == "speech" else NOISES[kind](generator)
    expected, times, token, (begin, end) = noise_between(aligner, recordings, noise, 1)
    off = np.abs(times - expected)
    # Peaks say little of where the words beside the noise end; the others keep their times.
    assert np.mean(off <= 0.05) >= 0.9
    assert off.max() <= 0.3
    covered = min(token.end, end) - max(token.start, begin)
    assert covered > 0.85 * max(token.end - token.start, end - begin)


def test_a_token_without_a_sound_is_short(aligner, recordings):
    samples, text = recordings["slt/tea"]
    plain = aligned(aligner, [samples], text)
    first, *others = text.split()
    found = aligned(aligner, [samples], " ".join([first, "[noise]", *others]))
    words = [word for word in found.words if word.source != "noise"]
    for word, other in zip(words, plain.words, strict=True):
        assert abs(word.start - other.start) <= 0.05
        assert abs(word.end - other.end) <= 0.05
    assert found.words[1].duration < 0.15
    assert found.confidence == pytest.approx(plain.confidence, abs=0.02)


def test_nothing_but_noise(aligner):
    found = aligned(aligner, [music(np.random.default_rng(0))], "[music]")
    (token,) = found.words
    assert token.duration > 9
    assert len(aligned(aligner, [np.zeros(RATE)], "[cough] [door]").words) == 2


def test_the_command(tmp_path, recordings):
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    samples, text = recordings["slt/tea"]
    intro = music(np.random.default_rng(0))
    soundfile.write(corpus / "tea.wav", np.concatenate([intro, samples]), RATE)
    (corpus / "tea.lab").write_text(f"[music] {text}", encoding="utf-8")
    run = CliRunner().invoke(cli, ["align", str(corpus), str(tmp_path / "out"), "--jobs", "1"])
    assert run.exit_code == 0, run.output
    line = json.loads((tmp_path / "out/alignment_manifest.jsonl").read_text(encoding="utf-8"))
    assert line["status"] == "aligned"
    token, first = line["words"][:2]
    assert (token["label"], token["source"]) == ("[music]", "noise")
    assert token["end"] - token["start"] > 9
    assert abs(first["start"] - 10) < 0.3


def test_sound_in_a_pause():
    samples = np.zeros(3 * RATE, np.float32)
    samples[: RATE // 2] = samples[-RATE // 2 :] = 0.1  # words
    samples[RATE : 2 * RATE] = 0.01
    kinds = ["word", "silence", "noise", "silence", "word"]
    times = np.array([0, 0.5, 0.6, 0.63, 2.5, 3])
    found = cover_sound(times, kinds, samples, RATE)
    np.testing.assert_allclose(found, [0, 0.5, 1, 2, 2.5, 3], atol=0.02)
    assert (
        cover_sound(times, ["word", "silence", "word", "silence", "word"], samples, RATE) is times
    )
    samples[RATE : 2 * RATE] = 0.0
    np.testing.assert_array_equal(cover_sound(times, kinds, samples, RATE), times)
    samples[RATE // 2 : RATE // 2 + 800] = 0.05  # The end of the word is no sound of its own.
    np.testing.assert_array_equal(cover_sound(times, kinds, samples, RATE), times)


def test_noise_is_cut_out_and_put_back():
    kinds = ["word", "noise", "silence", "word", "noise"]
    times = np.array([0.0, 1.0, 4.0, 4.1, 5.0, 8.0])
    cut = long_noise(times, kinds, 8 * RATE, RATE)
    assert [(a / RATE, b / RATE) for a, b in cut[:1]] == [(1.3, 3.7)]
    assert cut[1] == (round(5.3 * RATE), 8 * RATE - 1)
    rest = np.flatnonzero(~inside(cut, 8 * RATE))
    assert len(rest) == 8 * RATE - sum(b - a for a, b in cut)
    shorter = np.array([0.0, 1.0, 1.6, 1.7, 2.6, len(rest) / RATE])
    np.testing.assert_allclose(restored(shorter, kinds, cut, RATE), times, atol=1e-3)
    inside_a_word = np.array([0.0, 1.4, 1.6, 1.7, 2.6, len(rest) / RATE])
    assert restored(inside_a_word, kinds, cut, RATE) is None
