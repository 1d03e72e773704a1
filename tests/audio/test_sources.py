"""Files, open files, arrays, tensors and waveforms give the same samples."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechalign.audio.sound_file import read_waveform
from speechalign.audio.sources import as_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import InputError

RATE = 8000


@pytest.fixture
def stereo(tmp_path):
    """A file of two channels, the second silent but for its end, and its samples as int16."""
    rng = np.random.default_rng(0)
    samples = rng.integers(-20000, 20000, (4000, 2)).astype(np.int16)
    samples[:3000, 1] = 0
    path = tmp_path / "two.wav"
    soundfile.write(path, samples, RATE)
    return path, samples


def same(found, wanted):
    np.testing.assert_array_equal(found.samples, wanted.samples)
    assert found.samples.dtype == np.float32
    assert replace(found, samples=wanted.samples).__dict__ == wanted.__dict__


@pytest.mark.parametrize("channel", [None, 0, 1])
@pytest.mark.parametrize("target", [None, 16000])
def test_all_are_the_same(stereo, channel, target):
    path, samples = stereo
    options = {"channel": channel, "target_rate": target}
    wanted = read_waveform(path, sample_rate=target, channel=channel)
    content = path.read_bytes()
    same(as_waveform(path, **options), wanted)
    same(as_waveform(str(path), **options), wanted)
    same(as_waveform(io.BytesIO(content), **options), wanted)
    with path.open("rb") as file:
        same(as_waveform(file, **options), wanted)
    floats = samples / 2.0**15
    for array in (
        samples,
        samples.T,
        samples.astype(np.int32) * 2**16,
        floats,
        floats.astype(np.float32).T,
        np.asfortranarray(samples),
    ):
        same(as_waveform(array, sample_rate=RATE, **options), wanted)


@pytest.mark.parametrize("kind", ["float32", "float64", "int16", "int32"])
def test_tensors(stereo, kind):
    torch = pytest.importorskip("torch", reason="needs torch")
    path, samples = stereo
    scale = {"int16": 1, "int32": 2**16}.get(kind, 2.0**-15)
    tensor = (torch.from_numpy(samples.astype(np.float64).T) * scale).to(getattr(torch, kind))
    same(as_waveform(tensor, sample_rate=RATE), read_waveform(path))
    if tensor.is_floating_point():
        same(as_waveform(tensor.requires_grad_(), sample_rate=np.int64(RATE)), read_waveform(path))


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_tensors_of_half_precision(kind):
    torch = pytest.importorskip("torch", reason="needs torch")
    tensor = torch.tensor([0.5, -0.25, 0.125]).to(getattr(torch, kind))
    assert as_waveform(tensor, sample_rate=RATE).samples.tolist() == [0.5, -0.25, 0.125]


def test_one_channel_may_have_an_axis_of_its_own():
    samples = np.linspace(-0.5, 0.5, 100, dtype=np.float32)
    wanted = Waveform(samples, RATE)
    for array in (samples, samples[None], samples[:, None]):
        same(as_waveform(array, sample_rate=8000.0), wanted)
    same(as_waveform(np.array([[0.5]], np.float32), sample_rate=1), Waveform(np.float32([0.5]), 1))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("length", [2**20 - 1, 2**20, 2**20 + 1])
def test_long_arrays_are_read_in_blocks(channels, length):
    ramp = np.arange(length, dtype=np.float64) / length
    found = as_waveform(np.tile(ramp, (channels, 1)), sample_rate=RATE, channel=0)
    np.testing.assert_array_equal(found.samples, ramp.astype(np.float32))


def test_full_scale():
    extremes = np.array([-(2**15), 2**15 - 1, 0], np.int16)
    found = as_waveform(extremes, sample_rate=RATE).samples
    assert found.tolist() == [-1.0, 1 - 2.0**-15, 0.0]


def test_sound_above_full_scale_is_taken():
    assert as_waveform(np.array([3.0, -3.0]), sample_rate=RATE).samples.tolist() == [3.0, -3.0]


def test_a_waveform_is_resampled():
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / RATE).astype(np.float32)
    waveform = Waveform(tone, RATE, channels=2, channel=1)
    assert as_waveform(waveform) is waveform
    assert as_waveform(waveform, target_rate=RATE) is waveform
    found = as_waveform(waveform, target_rate=16000)
    assert (found.sample_rate, found.source_rate) == (16000, RATE)
    assert (found.channels, found.channel) == (2, 1)
    wanted = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)
    np.testing.assert_allclose(found.samples[200:-200], wanted[200:-200], atol=1e-3)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_open_files_of_any_format(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.sin(np.arange(16000) / 9.0), 16000)
    same(as_waveform(io.BytesIO(path.read_bytes())), read_waveform(path))


def test_what_is_wrong_with_an_open_file(stereo):
    content = stereo[0].read_bytes()
    with pytest.raises(InputError, match="audio: truncated: 2000 of 4000 frames"):
        as_waveform(io.BytesIO(content[:-8000]))
    with pytest.raises(InputError, match="audio: the file has zero bytes"):
        as_waveform(io.BytesIO())
    named = io.BytesIO(b"no sound at all")
    named.name = "notes.wav"
    with pytest.raises(InputError, match=r"notes\.wav: not a sound file that can be read"):
        as_waveform(named)
    with pytest.raises(InputError, match="audio: expected a file opened in binary mode, got str"):
        as_waveform(io.StringIO("RIFF"))


ARRAY = np.zeros(100, np.float32)


@pytest.mark.parametrize(
    ("audio", "options", "message"),
    [
        (ARRAY, {}, "sample_rate: expected the sample rate .* got None; give it, such as sample_"),
        (ARRAY, {"sample_rate": 0}, "sample_rate: expected a positive integer in Hz, got 0"),
        (ARRAY, {"sample_rate": 44.1}, r"sample_rate: expected a positive integer .* got 44\.1"),
        (ARRAY, {"sample_rate": "8000"}, "sample_rate: expected a positive .* got '8000'"),
        (ARRAY, {"sample_rate": np.nan}, "sample_rate: expected a positive .* got nan"),
        ("a.wav", {"sample_rate": 8000}, "sample_rate: expected None, as audio is a str, which"),
        (Path("a.wav"), {}, r"a\.wav: there is no such file"),
        (Waveform(ARRAY, 8000), {"channel": 0}, "channel: expected None, as a Waveform has one"),
        (Waveform(ARRAY, 8000), {"sample_rate": 8000}, "sample_rate: expected None, as .* Wavef"),
        (ARRAY, {"sample_rate": 8000, "channel": 1}, "audio: channel: expected 0 to 0, .*; got 1"),
        (np.zeros((3, 3)), {"sample_rate": 8000}, r"audio: expected shape \(N,\), .* got \(3, 3\)"),
        (np.zeros((1, 2, 9)), {"sample_rate": 8000}, r"audio: expected shape .* got \(1, 2, 9\)"),
        (np.zeros((80, 900)), {"sample_rate": 8000}, r"at most 64 of these; got \(80, 900\)"),
        (np.zeros(()), {"sample_rate": 8000}, r"audio: expected shape .* got \(\)"),
        (np.zeros(0), {"sample_rate": 8000}, r"audio: expected at least one sample, got"),
        (np.zeros((0, 2)), {"sample_rate": 8000}, "audio: expected "),
        (np.zeros(9, np.uint8), {"sample_rate": 8000}, "audio: expected floats with .* got uint8"),
        (np.zeros(9, bool), {"sample_rate": 8000}, "audio: expected floats with full .* got bool"),
        (np.full(9, np.nan), {"sample_rate": 8000}, r"audio: samples\[0\]: expected a finite"),
        (ARRAY - 3e4, {"sample_rate": 8000}, "audio: expected floats with full .* 30000; div"),
        ([0.0, 0.1], {"sample_rate": 8000}, "audio: expected a path, .* an ndarray or .* got list"),
        (None, {}, "audio: expected a path, .* got NoneType"),
    ],
)  # fmt: skip
def test_wrong_arguments(audio, options, message):
    with pytest.raises(InputError, match=message):
        as_waveform(audio, **options)
