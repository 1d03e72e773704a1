"""The feature front end of CMU Sphinx: noise-reduced MFCC and their differences.

The steps and constants are those that the embedded acoustic model was trained with (its
``feat.params``), so that they are no choice of ours. One thing differs: the signal is shifted so
that frame t is centred in ``[160 t, 160 (t + 1))``. Sphinx centres it 125 samples later and is
7.8 ms early for it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.kernels.filterbank import apply_filters, mel_spaced, triangular_filters
from speechalign.models.speakers import loud_frames

SAMPLE_RATE = 16000
STRIDE = 160
DIFFERENCES = 3
"""Frames on either side that the differences of a frame depend on."""
_WINDOW = 410
_FFT = 512
_LEAD = (_WINDOW - STRIDE) // 2
_FILTERS = 25
_CEPSTRA = 13
_LOWEST_HZ, _HIGHEST_HZ = 130.0, 6800.0
_LIFTER = 22
_PRE_EMPHASIS = 0.97
_BLOCK = 1024  # frames handled at once


def sphinx_features(samples: np.ndarray) -> np.ndarray:
    """Compute the three feature streams of a recording.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Samples in [-1, 1] at 16 kHz.

    Returns
    -------
    ndarray, shape (3, 13, T), float32
        Those of its cepstra, `feature_streams` of `sphinx_cepstra`, for T = ceil(N / 160) frames.
    """
    return feature_streams(sphinx_cepstra(samples))


def feature_streams(cepstra: np.ndarray) -> np.ndarray:
    """Add first and second differences to cepstra.

    Parameters
    ----------
    cepstra : ndarray, shape (T, 13), float32 or float64
        Of each frame.

    Returns
    -------
    ndarray, shape (3, 13, T), float32
        Cepstra, their first and their second differences.

    Notes
    -----
    c[t+2] - c[t-2], and (c[t+3] - c[t-1]) - (c[t+1] - c[t-3]), the first and the last frame
    repeated.
    """
    around = np.pad(cepstra, ((3, 3), (0, 0)), "edge")
    delta = around[5:-1] - around[1:-5]
    second = (around[6:] - around[2:-4]) - (around[4:-2] - around[:-6])
    streams = np.stack([cepstra, delta, second]).transpose(0, 2, 1)
    return np.ascontiguousarray(streams, np.float32)


def sphinx_cepstra(samples: np.ndarray) -> np.ndarray:
    """Compute the cepstra of a recording, less their mean.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Samples in [-1, 1] at 16 kHz.

    Returns
    -------
    ndarray, shape (T, 13), float64
        For T = ceil(N / 160) frames: `raw_cepstra` less their mean over `loud_frames`.
    """
    cepstra = raw_cepstra(samples)
    cepstra -= cepstra[loud_frames(cepstra)].mean(axis=0)
    return cepstra


def raw_cepstra(samples: np.ndarray) -> np.ndarray:
    """Compute the cepstra of a recording.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Samples in [-1, 1] at 16 kHz.

    Returns
    -------
    ndarray, shape (T, 13), float64
        For T = ceil(N / 160) frames.

    Notes
    -----
    16-bit amplitudes; pre-emphasis 0.97; both ends mirrored, or the end samples repeated where
    there are too few; Hamming window of 410 samples every 160; power spectrum of 512 points; 25
    triangular mel filters from 130 to 6800 Hz; noise removal (`_remove_noise`); logarithm; 13
    coefficients of an orthonormal DCT-II; sine lifter 22.

    References
    ----------
    .. [1] S. Davis and P. Mermelstein, "Comparison of parametric representations for monosyllabic
       word recognition in continuously spoken sentences", IEEE Trans. ASSP 28(4), 1980.
    .. [2] C. Kim and R. Stern, "Power-normalized cepstral coefficients (PNCC) for robust speech
       recognition", ICASSP 2012, for the noise removal.
    """
    frames = -(-len(samples) // STRIDE)
    hamming = 0.54 - 0.46 * np.cos(2 * np.pi * np.arange(_WINDOW) / (_WINDOW - 1))
    cepstra = np.empty((frames, _CEPSTRA))
    filters, dct = _mel_filters(), _dct()
    tracked = None
    for begin in range(0, frames, _BLOCK):
        end = min(begin + _BLOCK, frames)
        sound = _emphasised(samples, begin, end)
        windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW)[::STRIDE]
        spectrum = np.fft.rfft(windows * hamming, _FFT)
        energies = apply_filters(spectrum.real**2 + spectrum.imag**2, filters)
        tracked = _tracked_from(energies[0]) if tracked is None else tracked
        _remove_noise(energies, tracked)
        cepstra[begin:end] = apply_filters(np.log(energies + 1e-4), dct)
    return cepstra


def _emphasised(samples: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Return the samples that frames ``[begin, end)`` see, with high frequencies emphasised."""
    count = len(samples)
    tail = (-(-count // STRIDE) - 1) * STRIDE + _WINDOW - _LEAD - count
    first = begin * STRIDE - _LEAD
    places = np.arange(first, first + (end - begin - 1) * STRIDE + _WINDOW)
    if count > max(_LEAD, tail):
        places = np.abs(places)
        places = np.where(places < count, places, 2 * (count - 1) - places)
    places = np.clip(places, 0, count - 1)
    scaled = samples[places] * np.float32(32768)
    before = samples[places - 1] * np.float32(32768)
    before[places == 0] = 0.0
    return scaled - np.float32(_PRE_EMPHASIS) * before


def _mel_filters() -> np.ndarray:
    """Return the triangular filters, shape (25, 257), edges rounded to the nearest bin."""
    bin_hz = SAMPLE_RATE / _FFT
    edges = np.floor(mel_spaced(_LOWEST_HZ, _HIGHEST_HZ, _FILTERS + 2) / bin_hz + 0.5) * bin_hz
    heights = 2 / (edges[2:] - edges[:-2])
    return triangular_filters(edges, SAMPLE_RATE, _FFT) * heights[:, None]


def _dct() -> np.ndarray:
    """Return the liftered orthonormal DCT-II, shape (13, 25)."""
    order = np.arange(_CEPSTRA)[:, None]
    basis: np.ndarray = np.cos(np.pi * order * (np.arange(_FILTERS) + 0.5) / _FILTERS)
    basis *= np.where(order == 0, np.sqrt(1 / _FILTERS), np.sqrt(2 / _FILTERS))
    basis *= 1 + _LIFTER / 2 * np.sin(order * np.pi / _LIFTER)
    return basis


def _tracked_from(first: np.ndarray) -> np.ndarray:
    """Return what `_remove_noise` tracks before the first frame, whose energies are given."""
    return np.stack([first, first / 20.0, first / 20.0, np.zeros_like(first)])


@njit(cache=True, nogil=True)
def _remove_noise(energies: np.ndarray, tracked: np.ndarray) -> None:
    """Scale each filter's energy down where it does not rise above a slowly tracked floor.

    The rows of ``tracked`` are P, N, F and K below, from before the first frame to the last one.

    Per filter, frame by frame: power P <- 0.7 P + 0.3 x; noise N follows P slowly up (0.995) and
    fast down (0.5); signal s = max(P - N, 1), with its own floor F tracked alike and its peak K
    decaying by 0.85; what lies under 0.85 K is masked to 0.2 K. The gain max(s, F) / P, within
    [1/20, 20], is averaged over 4 filters on either side.
    """
    frames, filters = energies.shape
    power, noise, floor, peak = tracked
    gain = np.empty(filters)
    for t in range(frames):
        for f in range(filters):
            power[f] = 0.7 * power[f] + 0.3 * energies[t, f]
            noise[f] = _track(noise[f], power[f])
            signal = max(power[f] - noise[f], 1.0)
            floor[f] = _track(floor[f], signal)
            unmasked = signal
            peak[f] *= 0.85
            if signal < 0.85 * peak[f]:
                signal = 0.2 * peak[f]
            peak[f] = max(peak[f], unmasked)
            signal = max(signal, floor[f])
            ratio = signal / power[f] if power[f] > 0 else 1.0
            gain[f] = min(max(ratio, 0.05), 20.0)
        for f in range(filters):
            low, high = max(0, f - 4), min(filters, f + 5)
            energies[t, f] *= gain[low:high].mean()


@njit(cache=True, nogil=True, inline="always")
def _track(floor: float, value: float) -> float:
    """Follow a lower envelope: slowly up, fast down."""
    if value >= floor:
        return 0.995 * floor + 0.005 * value
    return 0.5 * floor + 0.5 * value
