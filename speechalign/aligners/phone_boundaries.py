"""Boundaries in seconds from the posteriors of a phone sequence and the change of the spectrum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from speechalign.aligners.confidence import boundary_quantiles, credible_margins
from speechalign.aligners.phone_noise import NoiseStates
from speechalign.aligners.steps import begin_step
from speechalign.alignment import Margins
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.graphs import Graph
from speechalign.kernels import forward_backward
from speechalign.kernels.filterbank import apply_filters, mel_spaced, triangular_filters
from speechalign.models import PhoneModel, PhoneSpan
from speechalign.models.spread import Spread

_BANDS = 24
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 7600.0
_FLOOR = 10.0
_SIDE = 4
_BLOCK = 1024  # cells handled at once
# Boundaries are placed in windows of so many phones, with context, so that memory stays bounded.
_WINDOW, _CONTEXT = 256, 16


def place_boundaries(
    model: PhoneModel,
    noise: NoiseStates,
    log_probs: np.ndarray,
    grid: FrameGrid,
    spans: Sequence[PhoneSpan],
    samples: np.ndarray,
    *,
    with_margins: bool,
) -> tuple[np.ndarray, list[Margins | None]]:
    """Find the time of each boundary of a sequence of phones and pauses.

    Parameters
    ----------
    model : PhoneModel
        Model that scored the recording.
    noise : NoiseStates
        Its states of noise.
    log_probs : ndarray, shape (T, V), float32 or float64
        Its log-likelihoods.
    grid : FrameGrid
        Of the T frames.
    spans : Sequence[PhoneSpan]
        Phones and pauses of the best path, K of them.
    samples : ndarray, shape (N,), float32
        The recording.
    with_margins : bool
        Whether credible intervals are needed.

    Returns
    -------
    times : ndarray, shape (K + 1,), float64
        Seconds, both ends of the recording included.
    margins : list of (Margins or None)
        Credible interval of each; None for both ends, and if not asked for.
    """
    change, change_grid = spectral_change(samples, model.sample_rate)
    ratio = grid.stride // change_grid.stride
    medians = [np.zeros((2, 1))]
    margins: list[Margins | None] = [None]
    for begin in range(0, len(spans), _WINDOW):
        begin_step("placing boundaries", 0.7 + 0.3 * begin / len(spans))
        end = min(begin + _WINDOW, len(spans))
        low, high = max(0, begin - _CONTEXT), min(len(spans), end + _CONTEXT)
        first, last = spans[low].begin, spans[high - 1].end
        graph = model.chain(
            [span.phone for span in spans[low:high]],
            positions=[span.position for span in spans[low:high]],
        )
        own = noise.kept(log_probs[first:last], spans[low:high])
        # Boundary k of the window lies between its items k and k + 1.
        inner = slice(begin - low, min(end, len(spans) - 1) - low)
        begun = _begun(own * log_probs.dtype.type(model.acoustic_scale), graph, inner)
        cells = slice(ratio * first, ratio * last + 2)
        here = (
            replace(grid, offset=grid.offset + first * grid.stride),
            change[cells],
            replace(change_grid, offset=change_grid.offset + cells.start * change_grid.stride),
        )
        medians.append(boundary_medians(begun, *here))
        if with_margins:
            margins += boundary_margins(begun, *here, medians[-1][0], model.spread)
    duration = len(samples) / model.sample_rate
    medians.append(np.full((2, 1), duration))
    # Windows need not agree where they meet; the best path is in order (test_seams_of_windows).
    best = np.append(grid.seconds(np.array([span.begin for span in spans])), duration)
    candidates = np.vstack([np.concatenate(medians, axis=1), best])
    times = keep_apart(candidates, grid.stride / grid.sample_rate)
    if len(margins) == 1:
        return times, [None] * len(times)
    moved = (times - candidates[0]).tolist()
    return times, [m and m.after_move(by) for m, by in zip([*margins, None], moved)]


def _begun(scaled: np.ndarray, graph: Graph, items: slice) -> np.ndarray:
    """Return the probability that some items of a chain have been left by each frame, (T, K)."""
    passed = forward_backward(scaled, graph).posteriors
    np.cumsum(passed, axis=1, out=passed)
    # Column 2i + 1: item i has begun to be left where the probability falls.
    found: np.ndarray = 1.0 - passed[:, 1:-2:2][:, items]
    return found


def spectral_change(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, FrameGrid]:
    """Measure how much the spectrum changes at each moment.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Samples in [-1, 1].
    sample_rate : int
        Hz; at least 15200, so that the highest band exists.

    Returns
    -------
    change : ndarray, shape (M,), float64
        Distance between the mean log spectra (24 mel bands) of the 20 ms after and before.
    grid : FrameGrid
        Cell m of 5 ms has its middle where change m was measured.

    Raises
    ------
    InputError
        The sample rate is too low.

    Notes
    -----
    change[m] = || mean(L[m .. m+3]) - mean(L[m-4 .. m-1]) ||_2, with L the log mel spectra of
    12.5 ms Hamming windows every 5 ms, the first and the last repeated; L[m] is centred 2.5 ms
    after the middle of cell m. The first and the last change are 0.
    """
    if sample_rate < 2 * _HIGHEST_HZ:
        raise InputError(
            f"sample_rate: expected at least {2 * _HIGHEST_HZ:.0f} Hz, got {sample_rate}; resample"
        )
    stride, window = sample_rate // 200, sample_rate // 80
    fft = 1 << (2 * window - 1).bit_length()
    count = len(samples) // stride + 1
    hamming = np.hamming(window)
    edges = mel_spaced(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 2)
    filters = triangular_filters(edges, sample_rate, fft)
    change = np.empty(count + 1)
    for begin in range(0, count + 1, _BLOCK):
        end = min(begin + _BLOCK, count + 1)
        low, high = max(0, begin - _SIDE), min(end + _SIDE - 1, count)
        places = np.arange(low * stride, (high - 1) * stride + window) - window // 2
        if len(samples) > window:  # Mirrored at both ends.
            places = np.abs(places)
            places = np.where(places < len(samples), places, 2 * (len(samples) - 1) - places)
        scaled = samples[np.clip(places, 0, len(samples) - 1)] * np.float32(32768)
        frames = np.lib.stride_tricks.sliding_window_view(scaled, window)[::stride]
        spectrum = np.fft.rfft(frames * hamming, fft)
        power = spectrum.real**2 + spectrum.imag**2
        mel = np.log(np.maximum(apply_filters(power, filters), _FLOOR))
        around = mel[np.clip(np.arange(begin - _SIDE, end + _SIDE - 1), low, high - 1) - low]
        means = np.lib.stride_tricks.sliding_window_view(around, _SIDE, axis=0).mean(axis=-1)
        change[begin:end] = np.linalg.norm(means[_SIDE:] - means[:-_SIDE], axis=1)
    change[[0, -1]] = 0.0
    return change, FrameGrid(sample_rate, stride, offset=-stride)


def boundary_medians(
    begun: np.ndarray, grid: FrameGrid, change: np.ndarray, change_grid: FrameGrid
) -> np.ndarray:
    """Find the median of each boundary, with and without regard to the spectral change.

    Parameters
    ----------
    begun : ndarray, shape (T, K), float64
        Probability that boundary k lies before the middle of frame t; it grows with t.
    grid : FrameGrid
        Of the T frames.
    change : ndarray, shape (M,), float64
        Spectral change in each cell of ``change_grid``.
    change_grid : FrameGrid
        Cells finer than the frames.

    Returns
    -------
    ndarray, shape (2, K), float64
        Seconds: the weighted medians, and those of the acoustic model alone.

    Notes
    -----
    The acoustic model gives the distribution p_k of boundary k, linear between the middles of
    frames. It knows sounds, but sees them through a long window; the spectral change is sharp, but
    does not know which of its peaks is wanted. The weighted median is that of
    p_k(t) change(t)^2. The exponent, and the acoustic scale that p_k is made with, were chosen on
    synthetic speech whose boundaries are known (``tools/tune_boundaries.py``).
    """
    middles = grid.seconds(np.arange(len(begun)) + 0.5)
    edges = change_grid.seconds(np.arange(len(change) + 1))
    weights = change**2
    columns = range(begun.shape[1])
    return np.array(
        [
            [
                boundary_quantiles(*_distribution(middles, begun[:, k], edges, factor), [0.5])[0]
                for k in columns
            ]
            for factor in (weights, None)
        ]
    )


def boundary_margins(
    begun: np.ndarray,
    grid: FrameGrid,
    change: np.ndarray,
    change_grid: FrameGrid,
    times: np.ndarray,
    spread: Spread,
) -> list[Margins]:
    """Find the credible intervals of boundaries.

    Parameters
    ----------
    begun, grid, change, change_grid
        As for `boundary_medians`.
    times : ndarray, shape (K,), float64
        Where each boundary was put, seconds.
    spread : Spread
        Of the model.

    Returns
    -------
    list of Margins
        Of the distributions that the weighted medians are of, as `credible_margins` says.
    """
    middles = grid.seconds(np.arange(len(begun)) + 0.5)
    edges = change_grid.seconds(np.arange(len(change) + 1))
    return [
        credible_margins(*_distribution(middles, column, edges, change**2), float(time), spread)
        for column, time in zip(begun.T, times)
    ]


def keep_apart(candidates: np.ndarray, least: float) -> np.ndarray:
    """Choose a time for each boundary such that none comes too close to the next.

    Parameters
    ----------
    candidates : ndarray, shape (C, K), float64
        C times for each of K boundaries, seconds, the preferred ones first. Those of the last row
        are in order and at least ``least`` apart.
    least : float
        Smallest distance between neighbours, seconds.

    Returns
    -------
    ndarray, shape (K,), float64
        Seconds, in order: the first candidates, but where two came too close, both their next.
    """
    columns = np.arange(candidates.shape[1])
    rows = np.zeros_like(columns)
    while True:
        placed: np.ndarray = candidates[rows, columns]
        close = np.flatnonzero(np.diff(placed) < least - 1e-9)
        close = np.union1d(close, close + 1)
        close = close[rows[close] < len(candidates) - 1]
        if close.size == 0:
            return placed
        rows[close] += 1


def _distribution(
    middles: np.ndarray, begun: np.ndarray, edges: np.ndarray, weights: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return moments and the probability that one boundary lies before each; linear in between.

    The model gives that before the middle of each frame; its probability of each cell between
    edges is multiplied by a weight, if there are weights.
    """
    low = int(np.searchsorted(begun, 1e-9))
    high = min(int(np.searchsorted(begun, 1 - 1e-9)), len(begun) - 1)
    low = max(0, min(low, high) - 1)
    times, mass = middles[low : high + 1], begun[low : high + 1]
    if weights is not None:
        first = max(0, int(np.searchsorted(edges, times[0])) - 1)
        last = min(len(edges) - 1, int(np.searchsorted(edges, times[-1])) + 1)
        cuts = edges[first : last + 1]
        weighted = np.diff(np.interp(cuts, times, mass)) * weights[first:last]
        total = weighted.sum()
        if total > 0:
            times, mass = cuts, np.append(0.0, np.cumsum(weighted)) / total
    return times, mass
