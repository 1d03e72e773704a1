"""Emissions of recordings of any length, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from speechalign.aligners.steps import begin_step
from speechalign.audio.batching import padded_batches
from speechalign.audio.sound_file import read_waveform, sound_info
from speechalign.audio.waveform import Waveform
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.vocabulary import Vocabulary


class EmittingModel(Protocol):
    """Interface of the acoustic models of `emit_long`."""

    sample_rate: int
    grid: FrameGrid
    vocabulary: Vocabulary
    normalised: bool

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score (B, N) float32 samples of the given (B,) int64 lengths."""


def emit_long(
    model: EmittingModel,
    audio: Waveform | str | Path,
    *,
    chunk: float = 30.0,
    overlap: float = 2.0,
    channel: int | None = None,
) -> Emissions:
    """Score a recording of any length in memory that does not grow with the model's.

    Parameters
    ----------
    model : EmittingModel
        Whatever has ``emit``; what it makes of a frame must not depend on sound further away than
        ``overlap``.
    audio : Waveform, str or Path
        Samples at the model's rate; a sound file is read chunk by chunk.
    chunk : float
        Seconds scored at once, rounded to frames.
    overlap : float
        Seconds scored on either side of a chunk and thrown away.
    channel : int or None
        Channel of a sound file, counted from 0; None takes the mean of all.

    Returns
    -------
    Emissions
        Of one recording, shape (1, T, V), as if it had been scored whole.

    Raises
    ------
    InputError
        The rate is not the model's, ``chunk`` is shorter than a frame, ``overlap`` is negative, or
        the sound file cannot be read.
    """
    return emit_together(model, [audio], chunk=chunk, overlap=overlap, channel=channel)[0]


def emit_together(
    model: EmittingModel,
    audio: Sequence[Waveform | str | Path],
    *,
    chunk: float = 30.0,
    overlap: float = 2.0,
    channel: int | None = None,
) -> list[Emissions]:
    """Score several recordings, in batches of similar length if the model takes any.

    Parameters
    ----------
    model : EmittingModel
        As for `emit_long`. Where it has ``batch_seconds``, so much audio is scored at once, padding
        included, and recordings and chunks of recordings are batched by their length.
    audio : Sequence[Waveform, str or Path]
        As for `emit_long`.
    chunk, overlap, channel
        As for `emit_long`.

    Returns
    -------
    list of Emissions
        Of each recording, as `emit_long` returns them, to rounding.

    Raises
    ------
    InputError
        As `emit_long`.
    """
    grid, rate = model.grid, model.sample_rate
    stride = grid.stride
    frames_in, frames_beside = round(chunk * rate / stride), round(overlap * rate / stride)
    if frames_in < 1 or frames_beside < 0:
        raise InputError(
            f"chunk, overlap: expected at least one frame of {1000 * stride / rate:g} ms and no "
            f"negative overlap, got {chunk} s and {overlap} s"
        )
    sizes = [_samples(source, rate) for source in audio]
    parts = [
        part
        for number, size in enumerate(sizes)
        for part in _parts(number, size, grid, frames_in, frames_beside)
    ]
    scores = [np.empty((1, grid.count(n), len(model.vocabulary)), np.float32) for n in sizes]
    done = np.zeros(len(sizes), np.int64)
    expected = np.array([part.end - part.begin for part in parts], np.int64)
    most = getattr(model, "batch_seconds", 0.0) * rate
    for rows in padded_batches(expected, most=most):
        begin_step("scoring", 0.8 * int(done.sum()) / max(1, sum(map(grid.count, sizes))))
        batch = [parts[row] for row in rows.tolist()]
        heard = [_read(audio[part.recording], part, rate, channel) for part in batch]
        lengths = np.array([len(samples) for samples in heard], np.int64)
        waveforms = np.zeros((len(batch), int(lengths.max())), np.float32)
        for waveform, samples in zip(waveforms, heard):
            waveform[: len(samples)] = samples
        emitted = model.emit(waveforms, lengths)
        for b, part in enumerate(batch):
            kept = emitted[b][part.first - part.low : part.last - part.low]
            if len(kept) < part.last - part.first and not part.final:
                raise InputError(
                    f"overlap: expected frames {part.first} to {part.last} from samples "
                    f"{part.begin} to {part.end}, got {len(kept)} of them; give a longer overlap "
                    f"than {overlap} s"
                )
            until = part.first + len(kept)
            scores[part.recording][0, part.first : until] = kept
            done[part.recording] = max(done[part.recording], until)
    return [
        Emissions(found[:, :frames], np.array([frames]), grid, model.vocabulary, model.normalised)
        for found, frames in zip(scores, done.tolist())
    ]


@dataclass(frozen=True)
class _Part:
    """Frames ``[first, last)`` of a recording: samples ``[begin, end)``, from frame ``low`` on.

    ``final`` says that the recording ends there.
    """

    recording: int
    first: int
    last: int
    low: int
    begin: int
    end: int
    final: bool


def _parts(
    recording: int, samples: int, grid: FrameGrid, frames_in: int, frames_beside: int
) -> Iterator[_Part]:
    """Cut a recording of so many samples into chunks of so many frames, with some beside."""
    frames = grid.count(samples)
    for first in range(0, frames, frames_in):
        last = min(first + frames_in, frames)
        low = max(0, first - frames_beside)
        end = min((last + frames_beside) * grid.stride, samples)
        yield _Part(recording, first, last, low, low * grid.stride, end, end == samples)


def _samples(source: Waveform | str | Path, rate: int) -> int:
    """Return how many samples a recording has at a rate."""
    if not isinstance(source, Waveform):
        return round(sound_info(source).duration * rate)
    if source.sample_rate != rate:
        raise InputError(f"audio: expected {rate} Hz, got {source.sample_rate}; resample it")
    return source.samples.size


def _read(source: Waveform | str | Path, part: _Part, rate: int, channel: int | None) -> np.ndarray:
    """Return the samples of a part."""
    if isinstance(source, Waveform):
        return source.samples[part.begin : part.end]
    return read_waveform(
        source,
        sample_rate=rate,
        channel=channel,
        start=part.begin / rate,
        end=None if part.final else part.end / rate,
    ).samples
