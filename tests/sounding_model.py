"""A CTC model for tests: it hears tones, one frequency a symbol, and nothing in silence."""

from __future__ import annotations

import itertools

import numpy as np

from speechalign.audio.waveform import Waveform
from speechalign.emissions import Emissions
from speechalign.frames import FrameGrid
from speechalign.vocabulary import Vocabulary

RATE, STRIDE = 16000, 320
_PEAK = 0.97


class SoundingModel:
    """A symbol is heard in the middle frame of its tone, as CTC models do; else the blank."""

    name, language, licence, sample_rate = "sounding", "en", "none", RATE
    aligner, normalised, noise, pronunciation = "ctc", True, "<noise>", None

    def __init__(self, symbols, *, unit="characters", language="en", dictionary=None):
        self.vocabulary = Vocabulary(symbols, blank=symbols[-1])
        self.grid = FrameGrid(RATE, STRIDE)
        self.unit = unit
        self.language = language
        self.dictionary = dictionary or {}
        self.own_words = frozenset()
        self.phones = symbols[:-1]

    content_hash = "0"

    def describe(self):
        return {}

    def frequency(self, symbol):
        return 500.0 + 150.0 * self.vocabulary.ids([symbol])[0]

    def emit(self, waveforms, lengths):
        count = len(self.vocabulary)
        frames = np.array([self.grid.count(int(n)) for n in lengths])
        log_probs = np.zeros((len(lengths), frames.max(), count), np.float32)
        for b, length in enumerate(lengths):
            heard = self._heard(waveforms[b, :length], frames[b])
            runs = np.flatnonzero(np.diff(heard, prepend=-1, append=-1))
            columns = np.full(frames[b], count - 1)
            for first, last in itertools.pairwise(runs):
                columns[(first + last - 1) // 2] = heard[first]
            rest = (1 - _PEAK) / (count - 1)
            log_probs[b, : frames[b]] = np.log(np.where(np.eye(count)[columns], _PEAK, rest))
        return Emissions(log_probs, frames, self.grid, self.vocabulary)

    def _heard(self, samples, frames):
        """Return the loudest symbol of each frame, the blank where it is quiet."""
        padded = np.pad(samples, (0, frames * STRIDE - len(samples))).reshape(frames, STRIDE)
        times = np.arange(STRIDE) / RATE
        tones = np.stack(
            [np.exp(2j * np.pi * self.frequency(symbol) * times) for symbol in self.phones], axis=1
        )
        level = np.abs(padded @ tones) / STRIDE
        quiet = level.max(axis=1) < 0.02
        return np.where(quiet, len(self.vocabulary) - 1, level.argmax(axis=1))

    def speak(self, *sounds):
        """Return tones: (symbol, seconds); "" is silence, "?" a sound of no symbol."""
        rng = np.random.default_rng(0)
        pieces = []
        for symbol, seconds in sounds:
            times = np.arange(round(seconds * RATE)) / RATE
            frequency = 4800.0 if symbol == "?" else self.frequency(symbol) if symbol else 0.0
            pieces.append(0.3 * np.sin(2 * np.pi * frequency * times))
        samples = np.concatenate(pieces) + 1e-4 * rng.normal(size=sum(map(len, pieces)))
        return Waveform(samples.astype(np.float32), RATE, 1, None, RATE)
