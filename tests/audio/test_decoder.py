"""Codecs in which libsndfile cannot seek."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from speechalign.audio import decoder
from speechalign.audio.sound_file import Sound, read_waveform, sound_info
from speechalign.errors import InputError

RATE = 8000
# Container and codec; the last says that it can seek.
UNSEEKABLE = [
    ("WAV", "GSM610"), ("W64", "GSM610"), ("AIFF", "GSM610"), ("WAV", "G721_32"),
    ("WAV", "NMS_ADPCM_16"), ("AU", "G721_32"), ("AU", "G723_24"), ("AU", "G723_40"),
    ("XI", "DPCM_16"), ("AIFF", "DWVW_16"),
]  # fmt: skip


@pytest.fixture
def noise():
    return (0.2 * np.random.default_rng(0).standard_normal(4 * RATE)).astype("f4")


@pytest.mark.parametrize(("container", "codec"), UNSEEKABLE)
def test_stretches_equal_those_of_the_whole(tmp_path, noise, container, codec, monkeypatch):
    path = tmp_path / "x"
    soundfile.write(path, noise, RATE, format=container, subtype=codec)
    info = sound_info(path, decode=True)
    rate = info.sample_rate  # XI has none and is given 44.1 kHz.
    monkeypatch.setattr(decoder, "_BLOCK", 3000)
    whole = read_waveform(path).samples
    assert len(whole) == info.frames >= len(noise)
    assert np.abs(whole).max() > 0.1
    with Sound(path) as sound:
        for first, last in ((100, 900), (5000, 9500), (9500, 9600), (2000, 5000)):
            part = sound.waveform(start=first / rate, end=last / rate).samples
            np.testing.assert_array_equal(part, whole[first:last])
            again = read_waveform(path, start=first / rate, end=last / rate).samples
            np.testing.assert_array_equal(again, part)


def test_telephone_recordings_without_a_header(tmp_path, noise):
    path = tmp_path / "call.vox"
    soundfile.write(path, noise, RATE, format="RAW", subtype="VOX_ADPCM")
    whole = read_waveform(path).samples
    assert len(whole) == len(noise)
    part = read_waveform(path, start=1.0, end=2.0).samples
    np.testing.assert_array_equal(part, whole[RATE : 2 * RATE])


def test_damage_has_other_words(tmp_path, noise):
    path = tmp_path / "x.flac"
    soundfile.write(path, noise, RATE)
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 :][:500] = bytes(500)
    path.write_bytes(damaged[: len(damaged) // 2] + bytes(500) + damaged[len(damaged) // 2 + 500 :])
    with pytest.raises(InputError, match=r"x\.flac: truncated.*copy or export the file again"):
        read_waveform(path)


def test_a_pipe(tmp_path):
    path = tmp_path / "pipe.wav"
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"got a pipe or device.*save the sound to a file"):
        read_waveform(path)


def test_a_sound_is_opened_twice_and_hashed_once(tmp_path, noise, monkeypatch):
    path = tmp_path / "x.wav"
    soundfile.write(path, noise, RATE)
    opened = []
    monkeypatch.setattr(type(path), "open", _counting(type(path).open, opened))
    monkeypatch.setattr(decoder._File, "__init__", _counting(decoder._File.__init__, opened))
    with Sound(path) as sound:
        sound.waveform(start=0.5)
        sound.waveform(end=0.5)
        assert sound.info.duration == 4.0
        assert sound.sha256 == sound.sha256
    assert len(opened) == 2


def _counting(call, calls):
    def counted(*arguments, **options):
        calls.append(arguments)
        return call(*arguments, **options)

    return counted
