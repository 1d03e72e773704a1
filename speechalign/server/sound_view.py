"""Views of a sound file for the page: WAV, peaks of the waveform, spectrogram tiles.

Everything is read in stretches, so that a recording of hours shows as soon as one of seconds.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
import soxr

from speechalign.audio.sound_file import Sound

WAV_HEADER = 44
TILE_COLUMNS, TILE_ROWS = 512, 256
LEVELS = 12
"""Levels of zoom of the spectrogram: a tile of level L has ``2 ** L`` columns a second."""

# Longest stretch, seconds, whose peaks are taken from the samples; for longer ones, those of 5 ms
# are kept.
_CLOSE, _PEAKS_PER_SECOND = 60.0, 200
# Praat's spectrogram: up to 8 kHz, windows of 5 ms, 6 dB an octave of pre-emphasis, 70 dB of range.
_TOP_RATE, _WINDOW, _EMPHASIS, _RANGE = 16000, 0.005, 0.97, 70.0
_NOTHING = 1e-12  # the power of digital silence, which is white even where all is silent
_BLOCK_SECONDS = 20.0


class SoundView:
    """A sound file as the page shows it: one channel, at the rate of the file.

    Parameters
    ----------
    path : Path
        The sound file.
    channel : int or None
        The channel that was aligned; None for the mix of all.

    Raises
    ------
    InputError
        It cannot be read.
    """

    def __init__(self, path: Path, channel: int | None) -> None:
        self._path, self._channel = path, channel
        self._lock = Lock()
        with Sound(path) as sound:
            self.info = sound.info

    @cached_property
    def _weights(self) -> np.ndarray | None:
        """Weights of the channels in the mix; None where one channel is taken."""
        if self.info.channels == 1 or self._channel is not None:
            return None
        with Sound(self._path) as sound:
            mix = sound.decode().mix
        assert mix is not None
        return np.array(mix.weights, np.float32)

    def samples(self, first: int, last: int) -> np.ndarray:
        """Read samples [first, last), (N,) float32."""
        rate = self.info.sample_rate
        last = min(last, self.info.frames)
        if not 0 <= first < last:
            return np.zeros(0, np.float32)
        start, end = first / rate, last / rate
        with Sound(self._path) as sound:
            if self._weights is None:
                return sound.waveform(channel=self._channel or 0, start=start, end=end).samples
            mixed = np.zeros(last - first, np.float32)
            for channel, weight in enumerate(self._weights):
                if weight:
                    one = sound.waveform(channel=channel, start=start, end=end)
                    mixed += weight * one.samples
        return mixed

    def _stretches(self) -> Iterator[np.ndarray]:
        step = round(_BLOCK_SECONDS * self.info.sample_rate)
        for first in range(0, self.info.frames, step):
            yield self.samples(first, first + step)

    @property
    def wav_size(self) -> int:
        """Bytes of the whole as a WAV file of 16 bits."""
        return WAV_HEADER + 2 * self.info.frames

    def wav(self, begin: int, end: int) -> Iterator[bytes]:
        """Yield bytes [begin, end) of the whole as a WAV file."""
        if begin < WAV_HEADER:
            yield wav_header(self.info.frames, self.info.sample_rate)[begin:end]
        first = max(0, begin - WAV_HEADER) // 2
        last = -(-max(0, end - WAV_HEADER) // 2)
        step = round(_BLOCK_SECONDS * self.info.sample_rate)
        for block in range(first, last, step):
            data = as_int16(self.samples(block, min(block + step, last))).tobytes()
            at = WAV_HEADER + 2 * block
            yield data[max(0, begin - at) : end - at]

    def peaks(self, start: float, end: float, count: int) -> np.ndarray:
        """Return the lowest and highest sample of each of ``count`` equal parts of a stretch.

        Parameters
        ----------
        start, end : float
            Seconds.
        count : int
            How many parts, C.

        Returns
        -------
        ndarray, shape (C, 2), int8
            Full scale is 127; 0 beyond the ends of the file.
        """
        if end - start <= _CLOSE:
            rate = self.info.sample_rate
            first = max(0, int(start * rate))
            samples = self.samples(first, int(np.ceil(end * rate)))
            lows = highs = samples
        else:
            rate, first = _PEAKS_PER_SECOND, max(0, int(start * _PEAKS_PER_SECOND))
            kept = self._kept_peaks[first : int(np.ceil(end * rate))]
            lows, highs = kept[:, 0], kept[:, 1]
        found = np.zeros((count, 2), np.int8)
        edges = np.linspace(start * rate, end * rate, count + 1).astype(np.int64) - first
        begins = edges[:-1]
        usable = (begins >= 0) & (begins < len(lows))
        if usable.any():
            last = min(max(int(edges[-1]), int(begins[usable][-1]) + 1), len(lows))
            at = begins[usable]
            low = np.minimum.reduceat(lows[:last], at)
            high = np.maximum.reduceat(highs[:last], at)
            both = np.stack([low, high], 1).astype(np.float64)
            scale = 1.0 if lows.dtype == np.int8 else 127.0
            found[usable] = np.clip(np.rint(both * scale), -127, 127)
        return found

    @property
    def _kept_peaks(self) -> np.ndarray:
        with self._lock:
            return self._all_peaks

    @cached_property
    def _all_peaks(self) -> np.ndarray:
        """Lowest and highest sample of every 5 ms, (N, 2) int8."""
        size = self.info.sample_rate / _PEAKS_PER_SECOND
        found = []
        for samples in self._stretches():
            at = (np.arange(int(np.ceil(len(samples) / size))) * size).astype(np.int64)
            pair = np.minimum.reduceat(samples, at), np.maximum.reduceat(samples, at)
            found.append(np.clip(np.rint(np.stack(pair, 1) * 127), -127, 127).astype(np.int8))
        return np.concatenate(found)

    def spectrogram(self, level: int, number: int) -> bytes:
        """Draw a tile of the spectrogram.

        Parameters
        ----------
        level : int
            From 0, the coarsest, to ``LEVELS - 1``.
        number : int
            Which tile of the level, from 0.

        Returns
        -------
        bytes
            A grey PNG of 512 columns and 256 rows, 0 to 8 kHz (or half the sample rate, where that
            is less) from the bottom up; loud is dark.
        """
        columns = 2**level
        start = number * TILE_COLUMNS / columns
        power = self._power(start, columns, TILE_COLUMNS)
        grey = np.clip((10 * np.log10(power + _NOTHING) - self._loudest) / _RANGE + 1, 0, 1)
        rows = np.ascontiguousarray(255 - np.rint(255 * grey).astype(np.uint8).T[::-1])
        return png(rows)

    @property
    def top(self) -> float:
        """The highest frequency of the spectrogram, Hz."""
        return min(_TOP_RATE, self.info.sample_rate) / 2

    @cached_property
    def _loudest(self) -> float:
        """Decibels of the loudest of some stretches of half a second."""
        places = np.linspace(0, max(0.0, self.info.duration - 0.5), 24)
        loud = max(float(self._power(start, 100, 50).max()) for start in places)
        return float(max(10 * np.log10(loud + _NOTHING), 10 * np.log10(_NOTHING) + _RANGE))

    def _power(self, start: float, columns: int, count: int) -> np.ndarray:
        """Return the power of ``count`` columns of a spectrogram, (count, 256)."""
        rate = min(_TOP_RATE, self.info.sample_rate)
        hop, width = rate / columns, max(16, round(_WINDOW * rate))
        source = self.info.sample_rate
        first = round(start * source)
        samples = self.samples(max(0, first), round((start + count / columns) * source))
        if source != rate and len(samples):
            samples = soxr.resample(samples, source, rate)
        samples = np.append(samples[:1], samples[1:] - _EMPHASIS * samples[:-1])
        padded = np.zeros(round(count * hop) + 2 * width, np.float32)
        padded[width // 2 : width // 2 + len(samples)] = samples[: len(padded) - width // 2]
        # Where columns are far apart, the mean of some windows between them.
        several = max(1, min(8, int(hop / width)))
        at = np.arange(count * several) * (hop / several)
        frames = padded[at.astype(np.int64)[:, None] + np.arange(width)] * np.hanning(width)
        power = np.abs(np.fft.rfft(frames, 2 * TILE_ROWS)[:, :TILE_ROWS]) ** 2
        mean: np.ndarray = power.reshape(count, several, TILE_ROWS).mean(axis=1)
        return mean


def wav_header(frames: int, rate: int) -> bytes:
    """Return the header of a WAV file of one channel and 16 bits."""
    size = 2 * frames
    form = struct.pack("<HHIIHH", 1, 1, rate, 2 * rate, 2, 16)
    return b"RIFF%sWAVEfmt %s%sdata%s" % (
        struct.pack("<I", 36 + size), struct.pack("<I", 16), form, struct.pack("<I", size)
    )  # fmt: skip


def as_int16(samples: np.ndarray) -> np.ndarray:
    """Return samples as 16 bits, little endian."""
    found: np.ndarray = np.clip(np.rint(samples * 32767), -32768, 32767).astype("<i2")
    return found


def png(rows: np.ndarray) -> bytes:
    """Encode a grey picture, (H, W) uint8."""

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    height, width = rows.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)  # no filter
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(lines.tobytes(), 3))
        + chunk(b"IEND", b"")
    )
