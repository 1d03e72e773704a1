"""Audio as Python programs have it: a file, an open file, an array, a tensor or a waveform."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias, TypeGuard

import numpy as np
import soundfile

from speechalign.audio.sound_file import Sound, read_waveform
from speechalign.audio.waveform import Waveform, one_channel
from speechalign.errors import InputError, wrong_type

if TYPE_CHECKING:
    from torch import Tensor

    Audio: TypeAlias = str | os.PathLike[str] | BinaryIO | np.ndarray | Tensor | Waveform

_BLOCK = 1 << 20
_MOST_CHANNELS = 64
# Sound above full scale is read as it is; this far above, it was counted in integers.
_LOUDEST = 256.0
_FULL_SCALE = {"int16": 2**15, "int32": 2**31}


def as_waveform(
    audio: Audio,
    *,
    sample_rate: int | None = None,
    channel: int | None = None,
    target_rate: int | None = None,
) -> Waveform:
    """Return one channel of a recording, resampled.

    Parameters
    ----------
    audio : path, binary file, ndarray, Tensor or Waveform
        A sound file, by its name or open; or samples, shape (N,), (N, C) or (C, N), where the
        longer axis is time: floating with full scale 1, or int16 or int32 with theirs.
    sample_rate : int or None
        Hz, of an array or tensor; None for the others, which know theirs.
    channel : int or None
        Channel to take, counted from 0; None for a mix of all, as `read_waveform` makes it.
    target_rate : int or None
        Hz to resample to; None keeps the recording's.

    Returns
    -------
    Waveform
        Samples, and what was done to get them.

    Raises
    ------
    InputError
        The audio is of another type, shape or dtype, it cannot be read, its sample rate is missing
        or given twice, it has no such channel, or a sample is not finite.

    Examples
    --------
    >>> as_waveform(np.zeros((2, 8000), np.int16), sample_rate=8000, target_rate=16000).duration
    1.0
    """
    if _is_samples(audio):
        samples = _array(audio)
        return one_channel(
            _blocks(samples), samples.shape[1], _rate(sample_rate),
            channel=channel, sample_rate=target_rate, name="audio", expected=len(samples),
        )  # fmt: skip
    if not (isinstance(audio, str | os.PathLike | Waveform) or hasattr(audio, "read")):
        raise wrong_type(
            "audio",
            "a path, an open binary file, a Waveform, or an ndarray or torch.Tensor with "
            "sample_rate",
            audio,
        )
    if sample_rate is not None:
        kind = type(audio).__name__
        raise InputError(
            f"sample_rate: expected None, as audio is a {kind}, which has its own; got "
            f"{sample_rate}; leave it out"
        )
    if isinstance(audio, str | os.PathLike):
        return read_waveform(Path(audio), sample_rate=target_rate, channel=channel)
    if isinstance(audio, Waveform):
        if channel is not None:
            raise InputError(
                f"channel: expected None, as a Waveform has one channel only; got {channel}"
            )
        return _resampled(audio, target_rate)
    name, content = str(getattr(audio, "name", "audio")), audio.read()
    if not isinstance(content, bytes):
        raise InputError(
            f"{name}: expected a file opened in binary mode, got {type(content).__name__}; "
            "open it with open(path, 'rb')"
        )
    with Sound(name, content) as sound:
        return sound.waveform(sample_rate=target_rate, channel=channel)


def wav_bytes(samples: np.ndarray | Tensor, sample_rate: int | None) -> bytes:
    """Return samples as the bytes of a WAV file, lossless: for those that go to another process.

    Parameters
    ----------
    samples : ndarray or Tensor, shape (N,), (N, C) or (C, N)
        As for `as_waveform`.
    sample_rate : int or None
        Hz; None is refused.

    Raises
    ------
    InputError
        As for `as_waveform`, but samples that are not finite are found when they are read.
    """
    array = _array(samples)
    subtype = {"int16": "PCM_16", "int32": "PCM_32", "float64": "DOUBLE"}.get(array.dtype.name)
    if subtype is None:
        array, subtype = array.astype(np.float32), "FLOAT"
    file = io.BytesIO()
    soundfile.write(file, array, _rate(sample_rate), subtype, format="WAV")
    return file.getvalue()


def _is_samples(audio: object) -> TypeGuard[np.ndarray | Tensor]:
    return isinstance(audio, np.ndarray) or hasattr(audio, "is_floating_point")


def _array(audio: np.ndarray | Tensor) -> np.ndarray:
    """Return samples as (N, C), of the dtypes that `_blocks` reads."""
    samples = audio
    if not isinstance(samples, np.ndarray):
        samples = samples.detach().cpu()
        if samples.is_floating_point() and samples.element_size() == 2:
            samples = samples.float()
        samples = samples.numpy()
    shape = samples.shape
    if samples.ndim == 1:
        samples = samples[:, None]
    elif samples.ndim == 2 and shape[0] < shape[1]:
        samples = samples.T
    if samples.ndim != 2 or samples.shape[1] > min(_MOST_CHANNELS, max(1, len(samples) - 1)):
        raise InputError(
            f"audio: expected shape (N,), (N, C) or (C, N), with more samples N than channels C "
            f"and at most {_MOST_CHANNELS} of these; got {shape}; give one recording at a time"
        )
    if samples.size == 0:
        raise InputError(f"audio: expected at least one sample, got shape {shape}")
    if samples.dtype.kind != "f" and samples.dtype.name not in _FULL_SCALE:
        raise InputError(
            f"audio: expected floats with full scale 1, int16 or int32; got {samples.dtype}; "
            "convert the samples"
        )
    peak = max(samples.max(), -samples.min()) if samples.dtype.kind == "f" else 0.0
    if peak > _LOUDEST:
        raise InputError(
            f"audio: expected floats with full scale 1, got one of size {peak:g}; divide samples "
            "that were integers by their full scale, such as 32768"
        )
    return samples


def _blocks(samples: np.ndarray) -> Iterator[np.ndarray]:
    """Yield samples (N, C) as float32, piece by piece."""
    scale = np.float32(1 / _FULL_SCALE.get(samples.dtype.name, 1))
    for begin in range(0, len(samples), _BLOCK):
        block = samples[begin : begin + _BLOCK].astype(np.float32)
        yield block if scale == 1 else block * scale


def _rate(sample_rate: object) -> int:
    if sample_rate is None:
        raise InputError(
            "sample_rate: expected the sample rate of the samples in Hz, got None; give it, such "
            "as sample_rate=16000"
        )
    rate = float(sample_rate) if isinstance(sample_rate, Real) else 0.0
    if not (0 < rate < 2**31 and rate.is_integer()):
        raise InputError(f"sample_rate: expected a positive integer in Hz, got {sample_rate!r}")
    return int(rate)


def _resampled(waveform: Waveform, rate: int | None) -> Waveform:
    if rate in (None, waveform.sample_rate):
        return waveform
    found = one_channel(
        _blocks(waveform.samples[:, None]), 1, waveform.sample_rate,
        channel=None, sample_rate=rate, name="audio", expected=waveform.samples.size,
    )  # fmt: skip
    return replace(waveform, samples=found.samples, sample_rate=found.sample_rate)
