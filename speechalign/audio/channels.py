"""Mixing of channels: silent and noise-only ones excluded, inverted ones flipped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_FRAME = 0.032  # seconds: about a phone, whose level speech changes from one to the next
# A channel this far below the loudest adds nothing: 60 dB.
_SILENT = 1e-3
# Channels this alike but for the sign cancel: their mean has a quarter of their energy or less.
_OPPOSITE = -0.5
# Steady noise keeps its level within 2 dB; the pauses, stops and vowels of speech span 20 and more.
_STEADY, _VARIED = 4.0, 10.0
_QUIETEST = 1e-10  # energy of a frame without sound, -100 dB


@dataclass(frozen=True)
class Mix:
    """Use of each channel.

    Parameters
    ----------
    weights : tuple of float
        Factor on each channel; the sum of the products is the mix.
    description : str
        The same in words, such as ``"channel 0 alone; channel 1 is silent"``.
    plain : bool
        Whether it is the mean of all channels as they are.
    """

    weights: tuple[float, ...]
    description: str
    plain: bool


class ChannelLevels:
    """Levels of the channels of a recording, and how alike these are, gathered block by block.

    Parameters
    ----------
    channels : int
        C.
    sample_rate : int
        Hz.
    """

    def __init__(self, channels: int, sample_rate: int) -> None:
        self._frame = max(1, round(_FRAME * sample_rate))
        self._count = 0
        self._sums = np.zeros(channels)
        self._products = np.zeros((channels, channels))
        self._frames: list[np.ndarray] = []
        self._rest = np.zeros((0, channels))

    def add(self, block: np.ndarray) -> None:
        """Take the next samples, shape (N, C), floating."""
        samples = block.astype(np.float64)
        self._count += len(samples)
        self._sums += samples.sum(axis=0)
        self._products += samples.T @ samples
        samples = np.concatenate([self._rest, samples])
        whole = len(samples) // self._frame * self._frame
        frames = samples[:whole].reshape(-1, self._frame, samples.shape[1])
        # Differences, as hum and rumble change their level slowly and speech is above them.
        self._frames.append((np.diff(frames, axis=1) ** 2).mean(axis=1))
        self._rest = samples[whole:]

    def mix(self) -> Mix:
        """Decide how the channels are mixed.

        Notes
        -----
        Means are taken off. Channels whose level is 60 dB below that of the loudest are left out
        as silent. So are those that are nothing but steady noise, if another is not: the level of
        their frames of 32 ms, after differencing, stays within 4 dB (from the 10th to the 90th
        percentile), that of the other spans at least 10. Of the channels that are left, those
        whose correlation with the loudest is below -0.5 are turned upside down, as with it they
        would cancel. The mix is the mean of these.
        """
        channels = len(self._sums)
        means = self._sums / max(1, self._count)
        covariances = self._products / max(1, self._count) - np.outer(means, means)
        levels = np.sqrt(np.maximum(np.diag(covariances), 0.0))
        silent = levels <= _SILENT * levels.max()
        spans = self._level_spans()
        noisy = ~silent & (spans < _STEADY) & (spans[~silent].max(initial=0.0) >= _VARIED)
        used = ~silent & ~noisy
        if not used.any():
            used = np.ones(channels, np.bool_)
        loudest = int(np.argmax(np.where(used, levels, -1.0)))
        alike = covariances[loudest] / np.maximum(levels[loudest] * levels, np.finfo(float).tiny)
        opposite = used & (alike < _OPPOSITE)
        weights = np.where(used, np.where(opposite, -1.0, 1.0), 0.0) / used.sum()
        return Mix(
            tuple(weights.tolist()),
            _described(used, silent & ~used, noisy & ~used, opposite),
            bool(used.all() and not opposite.any()),
        )

    def _level_spans(self) -> np.ndarray:
        """Return by how much the level of each channel varies, dB, shape (C,)."""
        energies = np.concatenate(self._frames) if self._frames else np.zeros((0, len(self._sums)))
        if len(energies) == 0:
            return np.zeros(len(self._sums))
        low, high = np.percentile(10 * np.log10(np.maximum(energies, _QUIETEST)), [10, 90], axis=0)
        span: np.ndarray = high - low
        return span


def _described(
    used: np.ndarray, silent: np.ndarray, noisy: np.ndarray, opposite: np.ndarray
) -> str:
    mixed = np.flatnonzero(used).tolist()
    first = f"channel {mixed[0]} alone" if len(mixed) == 1 else f"mean of channels {_list(mixed)}"
    parts = [first]
    for which, what in (
        (silent, "silent"),
        (noisy, "only noise"),
        (opposite, "inverted, and turned back"),
    ):
        numbers = np.flatnonzero(which).tolist()
        if numbers:
            noun = "channel" if len(numbers) == 1 else "channels"
            parts.append(f"{noun} {_list(numbers)} {'is' if len(numbers) == 1 else 'are'} {what}")
    return "; ".join(parts)


def _list(numbers: list[int]) -> str:
    *most, last = map(str, numbers)
    return f"{', '.join(most)} and {last}" if most else last
