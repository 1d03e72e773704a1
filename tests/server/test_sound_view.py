"""Peaks, tiles and WAV against the samples themselves."""

import io
import zlib

import numpy as np
import pytest
import soundfile

from speechalign.server.sound_view import SoundView

RATE = 16000


def png_rows(content):
    """Return the pixels of a grey PNG without filters."""
    data = content[content.index(b"IDAT") + 4 :]
    rows = np.frombuffer(zlib.decompressobj().decompress(data), np.uint8).reshape(256, 513)
    assert not rows[:, 0].any()
    return rows[:, 1:]


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    samples = np.random.default_rng(0).normal(0, 0.1, (RATE * 150, 1)).clip(-1, 1)
    soundfile.write(path, samples, RATE)
    return path


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_the_whole_is_a_wav_of_the_samples(tmp_path, rate):
    samples = np.random.default_rng(0).integers(-9000, 9000, 30 * rate + 7).astype(np.int16)
    soundfile.write(tmp_path / "a.flac", samples, rate)
    view = SoundView(tmp_path / "a.flac", None)
    content = b"".join(view.wav(0, view.wav_size))
    found, found_rate = soundfile.read(io.BytesIO(content), dtype="int16")
    assert found_rate == rate
    assert np.abs(found.astype(int) - samples).max() <= 1


def test_the_mix_is_that_of_the_aligner(tmp_path):
    tone = 0.3 * np.sin(np.arange(RATE) * 0.3)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, -tone], 1), RATE)
    assert np.abs(SoundView(tmp_path / "a.wav", None).samples(0, RATE)).max() > 0.25
    assert np.allclose(SoundView(tmp_path / "a.wav", 1).samples(0, RATE), -tone, atol=1e-4)


@pytest.mark.parametrize(("start", "end"), [(1.0, 2.0), (0.0, 0.01), (149.5, 151.0), (0.0, 150.0)])
def test_peaks_are_the_lowest_and_highest_samples(noise, start, end):
    count = 40
    found = SoundView(noise, None).peaks(start, end, count)
    samples, _ = soundfile.read(noise)
    edges = np.linspace(start, end, count + 1) * RATE
    for (low, high), first, last in zip(found, edges.astype(int), edges[1:].astype(int)):
        part = 127 * samples[first : max(last, first + 1)]
        if len(part) == 0:
            assert (low, high) == (0, 0)
        elif last <= len(samples):
            assert low == pytest.approx(part.min(), abs=1)
            assert high == pytest.approx(part.max(), abs=1)


@pytest.mark.parametrize("level", [0, 4, 7, 10])
def test_a_tone_is_one_line_of_the_spectrogram(tmp_path, level):
    tone = 0.3 * np.sin(2 * np.pi * 3000 * np.arange(RATE * 4) / RATE)
    tone[: RATE * 2] = 0
    soundfile.write(tmp_path / "a.wav", tone, RATE)
    view = SoundView(tmp_path / "a.wav", None)
    seconds = 512 / 2**level
    rows = png_rows(view.spectrogram(level, int(2.5 // seconds)))
    column = rows[:, int((2.5 % seconds) / seconds * 512)]
    assert column.argmin() == pytest.approx(255 - 3000 / 8000 * 256, abs=4)
    if seconds <= 2:
        assert (png_rows(view.spectrogram(level, 0)) == 255).all()


def test_silence_is_white(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    rows = png_rows(SoundView(tmp_path / "a.wav", None).spectrogram(4, 0))
    assert (rows == 255).all()
