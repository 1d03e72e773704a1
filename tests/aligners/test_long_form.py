"""Long recordings, with a toy model that hears letters as tones."""

import numpy as np
import pytest
import soundfile

from speechalign.aligners.emission_chunks import emit_long
from speechalign.aligners.long_form import align_long
from speechalign.audio.waveform import Waveform
from speechalign.emissions import Emissions
from speechalign.errors import AlignmentError, InputError
from speechalign.frames import FrameGrid
from speechalign.vocabulary import Vocabulary

RATE, STRIDE = 8000, 160
PITCHES = np.array([600.0, 1000.0, 1400.0, 1800.0, 2200.0])
LETTER = 0.08


class ToneModel:
    """Hears tone n as label n + 1, and nothing as the blank; looks at 20 ms on either side."""

    sample_rate = RATE
    grid = FrameGrid(RATE, STRIDE)
    vocabulary = Vocabulary(["_", "a", "b", "c", "d", "e"], blank="_")
    normalised = True

    def __init__(self) -> None:
        self.longest = 0

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        self.longest = max(self.longest, waveforms.shape[1])
        frames = self.grid.count(int(lengths[0]))
        padded = np.pad(waveforms[0], (STRIDE, 2 * STRIDE))
        windows = np.lib.stride_tricks.sliding_window_view(padded, 3 * STRIDE)[::STRIDE][:frames]
        t = np.arange(3 * STRIDE) / RATE
        waves = np.exp(-2j * np.pi * PITCHES[:, None] * t) * np.hanning(3 * STRIDE)
        levels = np.abs(windows @ waves.T) / (0.25 * 3 * STRIDE)
        logits = np.concatenate([np.full((frames, 1), 4.0), 10.0 * levels], axis=1)
        log_probs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        lengths = np.array([frames], np.int64)
        return Emissions(log_probs[None].astype(np.float32), lengths, self.grid, self.vocabulary)


def speak(words: list[list[int]], rng: np.random.Generator) -> tuple[np.ndarray, list[float]]:
    """Return samples, and when each word begins."""
    pieces, starts, now = [], [], 0.0
    for word in words:
        pause = int(rng.integers(800, 2400))
        pieces.append(np.zeros(pause))
        now += pause / RATE
        starts.append(now)
        for label in word:
            t = np.arange(int(LETTER * RATE)) / RATE
            pieces.append(np.sin(2 * np.pi * PITCHES[label - 1] * t))
            pieces.append(np.zeros(160))
            now += LETTER + 160 / RATE
    return np.concatenate(pieces), starts


def waveform(samples: np.ndarray, rng: np.random.Generator) -> Waveform:
    noisy = samples + 0.05 * rng.normal(size=len(samples))
    return Waveform(noisy.astype(np.float32), RATE, 1, None, RATE)


@pytest.fixture(scope="module")
def chapter() -> tuple[list[list[int]], np.ndarray, list[float]]:
    rng = np.random.default_rng(0)
    words = [rng.integers(1, 6, size=rng.integers(1, 6)).tolist() for _ in range(400)]
    return words, *speak(words, rng)


def test_every_word_comes_out_where_it_was_said(chapter):
    words, samples, starts = chapter
    emissions = emit_long(ToneModel(), waveform(samples, np.random.default_rng(1)))
    found = align_long(emissions, words)
    assert len(found.words) == len(words)
    errors = [word.start - start for word, start in zip(found.words, starts)]
    assert np.abs(errors).max() < 0.045
    assert all(word.anchored for word in found.words)
    assert found.drifts == ()


@pytest.mark.parametrize("chunk", [0.5, 7.3, 1000.0])
def test_chunks_do_not_show(chapter, chunk):
    samples = waveform(chapter[1], np.random.default_rng(1))
    model = ToneModel()
    emissions = emit_long(model, samples, chunk=chunk, overlap=0.1)
    whole = ToneModel().emit(samples.samples[None], np.array([samples.samples.size], np.int64))
    np.testing.assert_allclose(emissions[0], whole[0], atol=1e-5)
    assert model.longest <= (chunk + 0.2) * RATE + STRIDE


def test_a_sound_file_is_read_in_pieces(chapter, tmp_path):
    samples = waveform(chapter[1][: 60 * RATE], np.random.default_rng(1)).samples
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    model = ToneModel()
    from_file = emit_long(model, tmp_path / "a.wav", chunk=5.0, overlap=0.1)
    assert model.longest < 6 * RATE
    whole = ToneModel().emit(samples[None], np.array([samples.size], np.int64))
    np.testing.assert_allclose(from_file[0], whole[0], atol=1e-5)


def test_audio_that_is_not_in_the_text_is_reported(chapter):
    words, samples, starts = chapter
    rng = np.random.default_rng(2)
    cut = round((starts[200] - 0.05) * RATE)
    foreign, _ = speak([rng.integers(1, 6, size=4).tolist() for _ in range(120)], rng)
    both = np.concatenate([samples[:cut], foreign, samples[cut:]])
    found = align_long(emit_long(ToneModel(), waveform(both, rng)), words)
    assert len(found.words) == len(words)
    (drift,) = found.drifts
    assert drift.start <= starts[200] + 1 < starts[200] + len(foreign) / RATE - 1 <= drift.end
    assert drift.first_word <= 201
    assert 199 <= drift.last_word < 240
    after = slice(drift.last_word, None)
    late = [w.start - s - len(foreign) / RATE for w, s in zip(found.words[after], starts[after])]
    assert np.abs(late).max() < 0.045


def test_text_that_is_not_in_the_audio_is_reported(chapter):
    words, samples, starts = chapter
    first, last = round((starts[100] - 0.05) * RATE), round((starts[200] - 0.05) * RATE)
    cut = np.concatenate([samples[:first], samples[last:]])
    rng = np.random.default_rng(3)
    found = align_long(emit_long(ToneModel(), waveform(cut, rng)), words, longest_drift=3.0)
    assert len(found.words) == len(words)
    assert any(drift.first_word <= 110 and drift.last_word >= 190 for drift in found.drifts)
    assert sum(not word.anchored for word in found.words[100:200]) > 60


def test_bad_input():
    rng = np.random.default_rng(4)
    sound = waveform(np.zeros(RATE), rng)
    emissions = emit_long(ToneModel(), sound)
    with pytest.raises(InputError, match=r"words\[1\]: expected at least one label"):
        align_long(emissions, [[1], []])
    with pytest.raises(AlignmentError, match="50"):
        align_long(emissions, [[1] * 60])
    two = Emissions(
        np.repeat(emissions.log_probs, 2, axis=0),
        np.repeat(emissions.input_lengths, 2),
        emissions.grid,
        emissions.vocabulary,
    )
    with pytest.raises(InputError, match="expected one recording, got 2"):
        align_long(two, [[1]])
    with pytest.raises(InputError, match="expected at least one frame"):
        emit_long(ToneModel(), sound, chunk=0.001)
    with pytest.raises(InputError, match="expected 8000 Hz, got 16000"):
        emit_long(ToneModel(), Waveform(np.zeros(9, np.float32), 16000, 1, None, 16000))
