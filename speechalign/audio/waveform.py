"""Waveform: one channel of samples, chosen from several or mixed, and resampled."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import soxr

from speechalign.audio.channels import ChannelLevels, Mix
from speechalign.checks import check_samples
from speechalign.errors import InputError, wrong_type


@dataclass(frozen=True, eq=False)
class Waveform:
    """Samples of one channel, and where they come from.

    Parameters
    ----------
    samples : ndarray, shape (N,), floating
        Finite; full scale is 1. Kept as float32.
    sample_rate : int
        Hz, of ``samples``.
    channels : int
        How many channels the recording has.
    channel : int or None
        Which of them this is, counted from 0; None for a mix of all.
    source_rate : int or None
        Hz, of the recording; None for ``sample_rate``.
    mix : Mix or None
        How several channels were mixed.

    Raises
    ------
    InputError
        ``samples`` is empty, of another type or shape, or has a value that is not finite.
    """

    samples: np.ndarray
    sample_rate: int
    channels: int = 1
    channel: int | None = None
    source_rate: int | None = None
    mix: Mix | None = None

    def __post_init__(self) -> None:
        check_samples(self.samples)
        if self.samples.dtype != np.float32:
            object.__setattr__(self, "samples", self.samples.astype(np.float32))
        if self.source_rate is None:
            object.__setattr__(self, "source_rate", self.sample_rate)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.sample_rate


def one_channel(
    blocks: Iterable[np.ndarray],
    channels: int,
    source_rate: int,
    *,
    channel: int | None,
    sample_rate: int | None,
    name: str,
    first: int = 0,
    expected: int = 0,
) -> Waveform:
    """Choose a channel of samples, or mix all, and resample; block by block.

    Parameters
    ----------
    blocks : Iterable[ndarray], shape (n, C), float32
        The samples in order.
    channels, source_rate : int
        C, and Hz.
    channel, sample_rate : int or None
        As in `read_waveform`.
    name : str
        What the recording is called in messages.
    first : int
        Number of the first sample, for messages.
    expected : int
        How many samples there should be, so that room is made for them once; 0 if unknown.

    Returns
    -------
    Waveform
        Samples, and what was done to get them.

    Raises
    ------
    InputError
        There is no such channel, no sample, or one that is not finite.
    """
    if channel is not None and not isinstance(channel, int | np.integer):
        raise wrong_type("channel", "the number of a channel, counted from 0", channel)
    if channel is not None and not 0 <= channel < channels:
        raise InputError(
            f"{name}: channel: expected 0 to {channels - 1}, as the recording has {channels} "
            f"channel{'s' * (channels > 1)}; got {channel}"
        )
    mixing = channels > 1 and channel is None
    levels = ChannelLevels(channels, source_rate)
    kept = slice(None) if mixing else slice(channel or 0, (channel or 0) + 1)
    rate = sample_rate or source_rate
    resample = None
    if rate != source_rate:
        resample = soxr.ResampleStream(
            source_rate, rate, channels if mixing else 1, dtype="float32", quality="HQ"
        )
    found = _Rows(expected * rate // source_rate + 1, channels if mixing else 1)
    position = first
    for block in blocks:
        samples = np.ascontiguousarray(block[:, kept])
        check_samples(samples.mean(axis=1), name=f"{name}: samples", first=position)
        position += len(block)
        if mixing:
            levels.add(block)
        found.append(resample.resample_chunk(samples) if resample else samples)
    if resample and position > first:
        found.append(resample.resample_chunk(samples[:0], last=True))
    samples = found.rows
    if len(samples) == 0:
        raise InputError(
            f"{name}: the stretch from {first / source_rate:.4f} to {position / source_rate:.4f} s "
            f"has no sample at {rate} Hz; give a longer one"
        )
    if not mixing:
        return Waveform(np.ascontiguousarray(samples[:, 0]), rate, channels, channel, source_rate)
    mix = levels.mix()
    samples = samples @ np.array(mix.weights, np.float32)
    return Waveform(samples, rate, channels, channel, source_rate, mix)


class _Rows:
    """Buffer of rows that grows at its end, so that parts and whole are not in memory together.

    Memory that is reserved and not written takes no room.
    """

    def __init__(self, expected: int, columns: int) -> None:
        self._rows = np.empty((expected, columns), np.float32)
        self._count = 0

    def append(self, rows: np.ndarray) -> None:
        """Add (n, C) rows."""
        end = self._count + len(rows)
        if end > len(self._rows):
            more = (max(end, 3 * len(self._rows) // 2), self._rows.shape[1])
            self._rows.resize(more, refcheck=False)
        self._rows[self._count : end] = rows
        self._count = end

    @property
    def rows(self) -> np.ndarray:
        """All rows so far, (N, C)."""
        return self._rows[: self._count]
