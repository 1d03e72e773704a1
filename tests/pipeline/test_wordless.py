"""Music in a transcribed stretch: words stay with their neighbours, and music has none."""

import numpy as np
import pytest

from speechalign.alignment import Interval
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.pipeline.wordless import speech_segments
from speechalign.segmentation import Segmenter

RATE = 16000
PAUSE = np.zeros(RATE // 2, np.float32)


def chord(seconds):
    """Return a chord that stays: more like the vowel of "two" than that is."""
    t = np.arange(seconds * RATE) / RATE
    return sum(0.05 * np.sin(2 * np.pi * hz * t) for hz in (262, 330, 392))


def beats(seconds):
    """Return a melody of plucked notes, with a drum."""
    found, drum = np.zeros(seconds * RATE), np.random.default_rng(0).normal(size=RATE // 10)
    for k, first in enumerate(range(0, seconds * RATE, 3 * RATE // 10)):
        t = np.arange(min(RATE, len(found) - first)) / RATE
        hz = 262 * 2 ** ((5 * k % 8) / 12)
        note = sum(np.sin(2 * np.pi * hz * h * t) / h for h in range(1, 9))
        found[first : first + len(t)] += 0.04 * np.exp(-3 * t) * note
        own = drum[: len(t)]
        found[first : first + len(own)] += 0.1 * np.exp(-40 * np.arange(len(own)) / RATE) * own
    return found


@pytest.fixture(scope="module")
def river(examples):
    text = "A heron waits by the river, as patient as a stone."
    return read_waveform(examples / "rms/river.flac", sample_rate=RATE).samples, text


@pytest.fixture(scope="module")
def tea(examples):
    text = "Two cups of tea cost $5.50, and the view is free."
    return read_waveform(examples / "slt/tea.flac", sample_rate=RATE).samples, text


def segments(aligner, text, *parts):
    pieces = [piece for part in parts for piece in (part, PAUSE)]
    waveform = Waveform(np.concatenate(pieces).astype(np.float32), RATE)
    speech = [(s.start, s.end) for s in Segmenter(aligner.model).find(waveform)]
    return waveform, speech_segments(waveform, text, speech, aligner)


@pytest.mark.parametrize("music", [chord, beats])
def test_music_has_no_words(aligner, river, tea, music):
    text = f"{river[1]} {tea[1]}"
    waveform, found = segments(aligner, text, river[0], music(15), tea[0])
    assert [one.label for one in found] == [river[1], tea[1]]
    first, last = found
    begin = (len(river[0]) + 2 * len(PAUSE)) / RATE + 15
    assert first.start == 0
    assert first.end == pytest.approx(len(river[0]) / RATE, abs=0.3)
    assert last.start == pytest.approx(begin, abs=0.3)
    assert last.end == waveform.duration
    alone = aligner.align(*tea, sample_rate=RATE).words
    samples = waveform.samples[round(last.start * RATE) :]
    for one, other in zip(aligner.align(samples, tea[1], sample_rate=RATE).words, alone):
        assert last.start + one.start - begin == pytest.approx(other.start, abs=0.03)


def test_a_word_between_music_stays_there(aligner, river, tea):
    free = aligner.align(*tea, sample_rate=RATE).words[-1]
    word = tea[0][round(free.start * RATE) - 800 :]
    text = f"{river[1]} free. {tea[1]}"
    _, found = segments(aligner, text, river[0], beats(8), word, beats(8), tea[0])
    assert [one.label for one in found] == [river[1], "free.", tea[1]]
    at = (len(river[0]) + 2 * len(PAUSE)) / RATE + 8
    assert at - 0.3 < found[1].start < found[1].end < at + len(word) / RATE + 0.3


def test_a_stretch_stays_whole(aligner, river, tea):
    text = f"{river[1]} {tea[1]}"
    for pause in (0, 5):
        waveform, found = segments(aligner, text, river[0], np.zeros(pause * RATE), tea[0])
        assert found == [Interval(0.0, waveform.duration, text)]
    waveform, found = segments(aligner, river[1] * 40, river[0])  # cannot be said so fast
    assert found == [Interval(0.0, waveform.duration, river[1] * 40)]
    assert [one.label for one in segments(aligner, "", chord(5))[1]] == [""]
