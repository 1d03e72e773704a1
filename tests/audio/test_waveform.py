"""Reading sound files: every format, every way to be broken."""

import hashlib
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from speechalign.audio.sound_file import file_hash, read_waveform, sound_info
from speechalign.audio.waveform import Waveform, one_channel
from speechalign.errors import InputError

RATE = 16_000
FORMATS = {
    "wav": {},
    "flac": {},
    "aiff": {},
    "ogg": {},
    "opus": {"format": "OGG", "subtype": "OPUS"},
    "mp3": {"format": "MP3"},
}
LOSSLESS = ("wav", "flac", "aiff")


def tone(seconds: float, rate: int = RATE, hertz: float = 300.0) -> np.ndarray:
    """Return a tone that swells, so that no two stretches of it are alike."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * t) * (0.1 + 0.9 * t / max(seconds, 1e-9))).astype("f4")


def write(path: Path, samples: np.ndarray, rate: int = RATE, **options: str | float) -> Path:
    soundfile.write(path, samples, rate, **{**FORMATS.get(path.suffix[1:], {}), **options})
    return path


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_read_whole(tmp_path, suffix):
    path = write(tmp_path / f"x.{suffix}", tone(2))
    waveform = read_waveform(path)
    assert (waveform.sample_rate, waveform.source_rate, waveform.channels) == (RATE, RATE, 1)
    assert waveform.channel is None
    assert waveform.samples.dtype == np.float32
    assert waveform.samples.shape == (2 * RATE,)
    assert waveform.duration == 2.0
    tolerance = 1e-4 if suffix in LOSSLESS else 0.05
    # libsndfile's Opus encoder does not get the last 10 ms right.
    np.testing.assert_allclose(waveform.samples[:-200], tone(2)[:-200], atol=tolerance)
    info = sound_info(path, decode=True)
    assert (info.frames, info.sample_rate, info.channels) == (2 * RATE, RATE, 1)
    assert sound_info(path) == info
    assert info.duration == 2.0


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_stretch_equals_the_same_stretch_of_the_whole(tmp_path, suffix):
    rng = np.random.default_rng(3)
    noise = 0.2 * rng.standard_normal(6 * RATE).astype("f4") * (tone(6, hertz=1) > 0)
    path = write(tmp_path / f"x.{suffix}", noise)
    whole = read_waveform(path).samples
    for start, end in ((0.0, 0.5), (0.3, 0.4), (2.123, 3.5), (4.9, None)):
        part = read_waveform(path, start=start, end=end).samples
        expected = whole[round(start * RATE) : None if end is None else round(end * RATE)]
        # Opus below 48 kHz is resampled by libsndfile, which never starts quite alike.
        np.testing.assert_allclose(part, expected, atol=5e-3 if suffix == "opus" else 1e-6)


@given(first=st.integers(0, 999), count=st.integers(1, 1000))
def test_stretches_are_exact_to_the_sample(tmp_path_factory, first, count):
    path = tmp_path_factory.getbasetemp() / "ramp.wav"
    if not path.exists():
        write(path, np.arange(1000, dtype="f4") / 1000, subtype="FLOAT")
    last = min(first + count, 1000)
    part = read_waveform(path, start=first / RATE, end=last / RATE)
    np.testing.assert_array_equal(part.samples, np.arange(first, last, dtype="f4") / 1000)


@pytest.mark.parametrize("rate", [8000, 44_100, 96_000])
def test_any_rate_becomes_the_one_asked_for(tmp_path, rate):
    path = write(tmp_path / "x.wav", tone(1, rate), rate)
    waveform = read_waveform(path, sample_rate=RATE)
    assert (waveform.sample_rate, waveform.source_rate) == (RATE, rate)
    assert waveform.samples.size == RATE
    np.testing.assert_allclose(waveform.samples[500:-500], tone(1)[500:-500], atol=2e-3)


@pytest.mark.parametrize("suffix", FORMATS)
def test_long_files_are_read_block_by_block_as_if_in_one_piece(tmp_path, suffix, monkeypatch):
    rng = np.random.default_rng(4)
    noise = 0.2 * rng.standard_normal(5 * RATE).astype("f4") * (tone(5, hertz=1) > 0)
    path = write(tmp_path / f"x.{suffix}", noise)
    whole = read_waveform(path, sample_rate=8000).samples
    monkeypatch.setattr("speechalign.audio.decoder._BLOCK", 7000)
    blocks = read_waveform(path, sample_rate=8000).samples
    np.testing.assert_allclose(blocks, whole, atol=5e-3 if suffix == "opus" else 1e-6)


def test_channels_are_averaged_or_chosen(tmp_path):
    left, right = tone(1), tone(1, hertz=500)
    path = write(tmp_path / "x.wav", np.stack([left, right], 1), subtype="FLOAT")
    mean = read_waveform(path)
    assert (mean.channels, mean.channel) == (2, None)
    np.testing.assert_allclose(mean.samples, (left + right) / 2, atol=1e-7)
    for channel, expected in enumerate((left, right)):
        chosen = read_waveform(path, channel=channel)
        assert (chosen.channels, chosen.channel) == (2, channel)
        np.testing.assert_array_equal(chosen.samples, expected)
    with pytest.raises(InputError, match=r"x\.wav: channel: expected 0 to 1.* got 2"):
        read_waveform(path, channel=2)
    with pytest.raises(InputError, match=r"channel: expected 0 to 1.* got -1"):
        read_waveform(path, channel=-1)


def test_names_with_spaces_and_letters_of_any_script(tmp_path):
    path = write(tmp_path / "naïve 发音 🎙.wav", tone(1))
    assert read_waveform(path).duration == 1.0


def test_a_name_that_is_not_utf8(tmp_path):
    write(tmp_path / "x.wav", tone(1))
    odd = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.wav")
    os.rename(tmp_path / "x.wav", odd)
    assert read_waveform(odd).duration == 1.0


def test_missing(tmp_path):
    for read in (read_waveform, sound_info):
        with pytest.raises(InputError, match=r"gone\.wav: there is no such file"):
            read(tmp_path / "gone.wav")


def test_a_folder_called_like_a_sound_file(tmp_path):
    (tmp_path / "x.wav").mkdir()
    with pytest.raises(InputError, match=r"x\.wav: expected a sound file, got a folder"):
        read_waveform(tmp_path / "x.wav")


def test_zero_bytes(tmp_path):
    (tmp_path / "x.wav").touch()
    with pytest.raises(InputError, match=r"x\.wav: the file has zero bytes"):
        read_waveform(tmp_path / "x.wav")


@pytest.mark.parametrize("name", ["x.wav", "x.mp3", "x.flac", "x.ogg", "x.raw", "x"])
def test_not_audio(tmp_path, name):
    (tmp_path / name).write_bytes(b"Dear diary, " * 100)
    with pytest.raises(InputError, match=r"not a sound file that can be read.*b'Dear diary, '"):
        read_waveform(tmp_path / name)


@pytest.mark.parametrize("suffix", ["wav", "aiff", "ogg"])
def test_no_samples(tmp_path, suffix):
    path = write(tmp_path / f"x.{suffix}", tone(0))
    with pytest.raises(InputError, match="the file has no samples"):
        read_waveform(path)


@pytest.mark.parametrize("kept", [0.999, 0.7, 0.3])
@pytest.mark.parametrize("suffix", FORMATS)
def test_truncated(tmp_path, suffix, kept):
    rng = np.random.default_rng(1)
    path = write(tmp_path / f"x.{suffix}", 0.1 * rng.standard_normal(6 * RATE).astype("f4"))
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    if (suffix, kept) == ("mp3", 0.999):
        # Less than the padding at the end of an MP3: nothing is missing.
        assert 6 - 2 * 1152 / RATE <= read_waveform(path).duration < 6
        return
    for read in (read_waveform, lambda p: sound_info(p, decode=True)):
        with pytest.raises(InputError, match=f"x.{suffix}: truncated.*copy or export"):
            read(path)


def test_truncated_says_how_much_is_there(tmp_path):
    path = write(tmp_path / "x.wav", tone(1))
    path.write_bytes(path.read_bytes()[: 44 + 2 * 5000 + 1])
    with pytest.raises(InputError, match="truncated: 5000 of 16000 frames"):
        sound_info(path)
    path.write_bytes(path.read_bytes()[:44])
    with pytest.raises(InputError, match="truncated: 0 of 16000 frames"):
        sound_info(path)


def test_truncated_nist_sphere(tmp_path):
    path = write(tmp_path / "x.wav", tone(1), format="NIST")
    assert read_waveform(path).duration == 1.0
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="truncated: 15900 of 16000 frames"):
        read_waveform(path)


def test_a_flac_can_be_read_up_to_where_it_is_damaged(tmp_path):
    path = write(tmp_path / "x.flac", np.random.default_rng(2).uniform(-1, 1, 6 * RATE))
    data = bytearray(path.read_bytes())
    half = len(data) // 2
    data[half : half + 3000] = bytes(3000)
    path.write_bytes(data)
    assert read_waveform(path, end=2.0).duration == 2.0
    with pytest.raises(InputError, match=r"truncated or damaged: .* of 96000 frames"):
        read_waveform(path)


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x7FFF_F000])
def test_a_wav_from_a_pipe_has_no_length_to_fall_short_of(tmp_path, size):
    path = write(tmp_path / "x.wav", tone(1))
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", size)
    path.write_bytes(data)
    assert read_waveform(path).duration == 1.0


def test_a_flac_of_unknown_length(tmp_path):
    path = write(tmp_path / "x.flac", tone(1))
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    with pytest.raises(InputError, match="does not say how long the sound is"):
        read_waveform(path)


def test_an_mp3_whose_length_libsndfile_can_only_guess(tmp_path):
    noise = np.random.default_rng(0).standard_normal(20 * RATE).astype("f4")
    path = write(
        tmp_path / "x.mp3", 0.1 * noise * (tone(20, hertz=0.2) > 0), bitrate_mode="VARIABLE"
    )
    data = path.read_bytes()
    assert b"Xing" in data[:64]
    assert read_waveform(path).duration == 20.0
    audio = data.index(data[:2], 4)  # the first frame holds the Xing header and nothing else
    path.write_bytes(data[audio:])
    assert soundfile.info(path).duration < 19
    with pytest.raises(InputError, match="varying bit rate without a Xing or VBRI header"):
        read_waveform(path)
    tag = b"ID3\4\0\0\0\0\1\0" + bytes(128)
    path.write_bytes(tag + data[audio:])
    with pytest.raises(InputError, match="varying bit rate without a Xing or VBRI header"):
        read_waveform(path)


def test_an_mp3_of_constant_bit_rate_needs_no_header(tmp_path):
    path = tmp_path / "x.mp3"
    write(path, tone(3), bitrate_mode="CONSTANT", compression_level=0.3)
    assert b"Xing" not in path.read_bytes()
    assert read_waveform(path).duration >= 3


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers(tmp_path, value):
    samples = np.stack([tone(1), tone(1)], 1)
    samples[7000, 1] = value
    path = write(tmp_path / "x.wav", samples, subtype="FLOAT")
    with pytest.raises(InputError, match=r"x\.wav: samples\[7000\]: expected a finite"):
        read_waveform(path)
    with pytest.raises(InputError, match="expected a finite"):
        read_waveform(path, sample_rate=8000, channel=1)
    with pytest.raises(InputError, match="expected a finite"):
        sound_info(path, decode=True)
    assert read_waveform(path, channel=0).duration == 1.0
    assert read_waveform(path, end=0.4).duration == 0.4


def test_the_end_may_be_a_little_late(tmp_path):
    path = write(tmp_path / "x.wav", tone(1))
    assert read_waveform(path, start=0.5, end=1.05).duration == 0.5
    with pytest.raises(InputError, match=r"end: expected .* at most the file's 1.000 s, got 1.06"):
        read_waveform(path, end=1.06)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        (-0.1, None, "start: expected at least 0"),
        (1.0, None, "start: expected at least 0 and less than the file's 1.000 s, got 1.0"),
        (float("nan"), None, "start: expected"),
        (0.5, 0.5, "end: expected more than start"),
        (0.5, 0.2, "end: expected more than start"),
        (0.0, float("nan"), "end: expected"),
        (0.0, 1e-9, "has no sample"),
    ],
)
def test_stretches_that_are_none(tmp_path, start, end, message):
    path = write(tmp_path / "x.wav", tone(1))
    with pytest.raises(InputError, match=message):
        read_waveform(path, start=start, end=end)


def test_one_sample_can_vanish_in_resampling(tmp_path):
    path = write(tmp_path / "x.wav", tone(1, 96_000), 96_000)
    assert read_waveform(path, end=1 / 96_000).samples.size == 1
    with pytest.raises(InputError, match="no sample at 8000 Hz"):
        read_waveform(path, end=1 / 96_000, sample_rate=8000)


def test_hash(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 1_000_000)
    assert file_hash(tmp_path / "x") == hashlib.sha256(b"abc" * 1_000_000).hexdigest()
    with pytest.raises(InputError, match="cannot be read"):
        file_hash(tmp_path / "gone")


def test_a_waveform_checks_itself():
    assert Waveform(np.zeros(8000, "f4"), 8000, 1, None, 8000).duration == 1.0
    doubles = Waveform(np.array([0.5, 0.25]), 8000)
    assert (doubles.samples.dtype, doubles.samples.tolist()) == (np.float32, [0.5, 0.25])
    assert (doubles.source_rate, doubles.channels, doubles.channel) == (8000, 1, None)
    with pytest.raises(InputError, match=r"samples: expected shape \(N,\), floating; .* int16"):
        Waveform(np.zeros(5, np.int16), 8000)
    with pytest.raises(InputError, match="samples: expected an ndarray, got list"):
        Waveform([0.0, 0.1], 8000)
    with pytest.raises(InputError, match="expected a finite number"):
        Waveform(np.full(5, np.nan, "f4"), 8000, 1, None, 8000)


@pytest.mark.parametrize("rate", [16000, 8000])
def test_parts_of_a_recording_are_not_held_beside_the_whole(tmp_path, rate):
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, 16000 * 300).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound, 16000)
    tracemalloc.start()
    try:
        found = read_waveform(tmp_path / "a.wav", sample_rate=rate)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found.samples.size == 300 * rate
    assert peak < found.samples.nbytes + 12e6  # and what a block of a million samples takes


def test_more_samples_than_were_expected_are_kept():
    blocks = [np.full((1000, 1), k / 100, np.float32) for k in range(20)]
    found = one_channel(
        iter(blocks), 1, 8000, channel=None, sample_rate=None, name="blocks", expected=1500
    )
    assert found.samples.tolist() == np.concatenate(blocks)[:, 0].tolist()
