"""Log-mel features: what the networks of this family hear, in training and in use."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from speechalign.frames import FrameGrid
from speechalign.kernels.filterbank import apply_filters, mel_spaced, triangular_filters

SAMPLE_RATE, STRIDE = 16000, 160
_WINDOW, _FFT = 400, 512
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 7600.0
_FLOOR = 1e-7  # digital silence gets no lower
_BLOCK = 4096  # frames that are transformed at once


def log_mel(samples: np.ndarray, bands: int = 40) -> np.ndarray:
    """Return the log energies of mel bands, less their mean over the recording.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Samples in [-1, 1] at 16 kHz.
    bands : int
        Triangular filters from 60 to 7600 Hz, equally spaced on the mel scale.

    Returns
    -------
    ndarray, shape (ceil(N / 160), bands), float32
        One row every 10 ms. A Hann window of 25 ms has its middle where that of the frame is; what
        lies around the recording is silence.
    """
    frames = -(-len(samples) // STRIDE)
    window, filters = np.hanning(_WINDOW), _filters(bands)
    before = (_WINDOW - STRIDE) // 2
    found = np.empty((frames, bands), np.float32)
    for first in range(0, frames, _BLOCK):
        last = min(first + _BLOCK, frames)
        begin, end = first * STRIDE - before, (last - 1) * STRIDE - before + _WINDOW
        heard = samples[max(0, begin) : end].astype(np.float64)
        heard = np.pad(heard, (max(0, -begin), max(0, end - len(samples))))
        windows = np.lib.stride_tricks.sliding_window_view(heard, _WINDOW)[::STRIDE]
        spectrum = np.fft.rfft(windows * window, _FFT)
        power = spectrum.real**2 + spectrum.imag**2
        found[first:last] = np.log(apply_filters(power, filters) + _FLOOR)
    found -= found.mean(axis=0, dtype=np.float64).astype(np.float32)
    return found


def state_of_frames(grid: FrameGrid, frames: int, states: int) -> np.ndarray:
    """Return which of an encoder's states lies at the middle of each frame of 10 ms, (T,) int64."""
    middles = STRIDE * np.arange(frames, dtype=np.int64) + STRIDE // 2
    found: np.ndarray = (middles - grid.offset) // grid.stride
    return found.clip(0, states - 1)


@lru_cache
def _filters(bands: int) -> np.ndarray:
    edges = mel_spaced(_LOWEST_HZ, _HIGHEST_HZ, bands + 2)
    return triangular_filters(edges, SAMPLE_RATE, _FFT)
