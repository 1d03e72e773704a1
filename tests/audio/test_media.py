"""Media files: where a click is heard, tracks that begin late, and what cannot be read."""

import sys
from fractions import Fraction

import numpy as np
import pytest

from speechalign.audio.sound_file import read_waveform, sound_info
from speechalign.corpus import read_corpus
from speechalign.errors import BackendError, InputError

RATE = 48000
CLICK = 1.25  # seconds


def encode(path, codec, *, late=0.0, rate=RATE):
    """Write 3 s of silence with a click, which begin so late beside a picture track."""
    av = pytest.importorskip("av", reason="needs PyAV")
    samples = np.zeros((1, 3 * rate), np.float32)
    place = round(CLICK * rate)
    samples[0, place : place + 24] = 0.9
    with av.open(str(path), "w") as container:
        picture = None
        if late:
            picture = container.add_stream("mpeg4", rate=10)
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
        stream = container.add_stream(codec, rate=rate, layout="mono")
        if picture is not None:
            for k in range(40):
                image = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
                image.pts, image.time_base = k, Fraction(1, 10)
                container.mux(picture.encode(image))
            container.mux(picture.encode(None))
        size = stream.codec_context.frame_size or 960
        for first in range(0, samples.shape[1], size):
            part = np.ascontiguousarray(samples[:, first : first + size])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = first + round(late * rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def click(path):
    waveform = read_waveform(path)
    return np.abs(waveform.samples).argmax() / waveform.sample_rate


@pytest.mark.parametrize(
    ("name", "codec"),
    [("x.m4a", "aac"), ("x.mp4", "aac"), ("x.webm", "libopus"), ("x.mkv", "flac")],
)
def test_a_click_is_where_it_was(tmp_path, name, codec):
    encode(tmp_path / name, codec)
    assert click(tmp_path / name) == pytest.approx(CLICK, abs=0.001)
    assert sound_info(tmp_path / name).duration == pytest.approx(3.0, abs=0.05)
    stretch = read_waveform(tmp_path / name, start=1.0, end=2.0)
    assert np.abs(stretch.samples).argmax() / RATE == pytest.approx(CLICK - 1.0, abs=0.001)


def test_sound_that_begins_after_the_picture(tmp_path):
    encode(tmp_path / "x.mkv", "flac", late=0.4)
    assert click(tmp_path / "x.mkv") == pytest.approx(CLICK + 0.4, abs=0.002)


def test_a_film_is_a_recording_of_a_corpus(tmp_path):
    encode(tmp_path / "film.mp4", "aac")
    (tmp_path / "film.lab").write_text("click")
    (found,) = read_corpus(tmp_path)
    assert (found.problem, found.audio.name) == (None, "film.mp4")


def test_what_only_looks_like_media(tmp_path):
    pytest.importorskip("av", reason="needs PyAV")
    (tmp_path / "x.mp4").write_text("no film")
    with pytest.raises(InputError, match=r"x\.mp4: not a media file that can be read: .*; export"):
        read_waveform(tmp_path / "x.mp4")


def test_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "x.m4a").write_text("sound")
    with pytest.raises(BackendError, match=r"x\.m4a: reading it needs PyAV; pip install 'speechal"):
        read_waveform(tmp_path / "x.m4a")
