"""Waveform: one channel of samples, and reading it from a sound file."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from speechalign.audio.truncation import check_complete
from speechalign.checks import check_samples
from speechalign.errors import InputError

_BLOCK = 1 << 20
# The end of a stretch may lie this far behind the end of the file: transcripts round their times.
_TOLERANCE = 0.05
# A decoder that starts in the middle of a compressed file needs what came before: an MP3 frame
# refers back by up to 511 bytes (0.5 s at 8 kbit/s), Opus by 80 ms and its resampler by a little.
_RUN_UP = {"MP3": 1.0, "OGG": 1.0}
# The number of frames in an MP3's header may be off by the encoder's padding.
_PADDING = {"MP3": 2 * 1152}
_UNKNOWN_FRAMES = 2**62


@dataclass(frozen=True, eq=False)
class Waveform:
    """Samples of one channel, and where they come from.

    Parameters
    ----------
    samples : ndarray, shape (N,), float32
        Finite; full scale is 1.
    sample_rate : int
        Hz, of ``samples``.
    channels : int
        How many channels the file has.
    channel : int or None
        Which of them this is, counted from 0; None for the mean of all.
    source_rate : int
        Hz, of the file.

    Raises
    ------
    InputError
        ``samples`` is empty, not float32, or has a value that is not finite.
    """

    samples: np.ndarray
    sample_rate: int
    channels: int
    channel: int | None
    source_rate: int

    def __post_init__(self) -> None:
        check_samples(self.samples)
        if self.samples.dtype != np.float32:
            raise InputError(f"samples: expected float32, got {self.samples.dtype}; convert them")

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.size / self.sample_rate


@dataclass(frozen=True)
class SoundInfo:
    """Size of a sound file.

    Parameters
    ----------
    frames : int
        Samples in each channel.
    sample_rate : int
        Hz.
    channels : int
        How many.
    """

    frames: int
    sample_rate: int
    channels: int

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


def sound_info(path: str | Path, *, decode: bool = False) -> SoundInfo:
    """Measure a sound file.

    Parameters
    ----------
    path : str or Path
        Any file that libsndfile reads: WAV, FLAC, Ogg Vorbis or Opus, MP3, AIFF, and more.
    decode : bool
        Read every sample, which finds damage that the header does not show, and NaN.

    Returns
    -------
    SoundInfo
        Frames, sample rate and channels.

    Raises
    ------
    InputError
        No such file, a folder, no bytes, not a sound file, cut off, no samples; or, with
        ``decode``, damaged or with samples that are not finite.
    """
    path = Path(path)
    with _open(path) as file:
        info = SoundInfo(file.frames, file.samplerate, file.channels)
        if decode:
            frames = 0
            for block in _blocks(file, path, 0, info.frames):
                check_samples(block.mean(axis=1), name=f"{path}: samples", first=frames)
                frames += len(block)
            info = SoundInfo(frames, info.sample_rate, info.channels)
    return info


def read_waveform(
    path: str | Path,
    *,
    sample_rate: int | None = None,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> Waveform:
    """Read one channel of a sound file, or of a stretch of it.

    Only the stretch is decoded, and a second before it where the codec needs a run-up.

    Parameters
    ----------
    path : str or Path
        Any file that libsndfile reads: WAV, FLAC, Ogg Vorbis or Opus, MP3, AIFF, and more.
    sample_rate : int or None
        Hz to resample to (soxr, HQ); None keeps the file's.
    channel : int or None
        Channel to take, counted from 0; None takes the mean of all.
    start : float
        Where the stretch begins, seconds.
    end : float or None
        Where it ends, seconds; up to 0.05 s after the end of the file means the end of the file,
        as does None.

    Returns
    -------
    Waveform
        Samples, and what was done to get them.

    Raises
    ------
    InputError
        The file is missing, a folder, empty, not a sound file, cut off or damaged; it has no such
        channel or stretch; or a sample is not finite. The message names the file and a remedy.
    """
    path = Path(path)
    with _open(path) as file:
        rate, channels = file.samplerate, file.channels
        if channel is not None and not 0 <= channel < channels:
            raise InputError(
                f"{path}: channel: expected 0 to {channels - 1}, as the file has {channels} "
                f"channel{'s' * (channels > 1)}; got {channel}"
            )
        first, last = _stretch(path, file.frames, rate, start, end)
        samples = _one_channel(file, path, first, last - first, channel, sample_rate)
    if not samples.size:
        raise InputError(
            f"{path}: the stretch from {first / rate:.4f} to {last / rate:.4f} s has no sample at "
            f"{sample_rate or rate} Hz; give a longer one"
        )
    return Waveform(samples, sample_rate or rate, channels, channel, rate)


def audio_hash(path: str | Path) -> str:
    """Hash the bytes of a file.

    Parameters
    ----------
    path : str or Path
        A file of any size; it is read piece by piece.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.

    Raises
    ------
    InputError
        The file cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while piece := file.read(_BLOCK):
                digest.update(piece)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def _open(path: Path) -> soundfile.SoundFile:
    """Open a sound file that has samples and was not cut off."""
    if path.is_dir():
        raise InputError(f"{path}: expected a sound file, got a folder")
    try:
        with path.open("rb") as raw:
            head = raw.read(12)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; check its name and folder") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if not head:
        raise InputError(f"{path}: the file has zero bytes; copy or record it again")
    try:
        file = soundfile.SoundFile(os.fsencode(path))
    except (soundfile.SoundFileError, TypeError) as error:  # TypeError: headerless .raw
        reason = str(getattr(error, "error_string", error)).rstrip(". ")
        raise InputError(
            f"{path}: not a sound file that can be read: {reason} (it begins with {head!r}); "
            "convert it to WAV or FLAC"
        ) from None
    try:
        if file.frames >= _UNKNOWN_FRAMES:
            raise InputError(
                f"{path}: the header does not say how long the sound is, as of a stream that was "
                "never finished; convert it, e.g. ffmpeg -i in.flac out.flac"
            )
        check_complete(path, file.frames)
        if file.frames == 0:
            raise InputError(f"{path}: the file has no samples; record it again or leave it out")
    except InputError:
        file.close()
        raise
    return file


def _stretch(
    path: Path, frames: int, rate: int, start: float, end: float | None
) -> tuple[int, int]:
    """First frame, and the one after the last, of a stretch given in seconds."""
    duration = frames / rate
    if not (math.isfinite(start) and 0 <= start < duration):
        raise InputError(
            f"{path}: start: expected at least 0 and less than the file's {duration:.3f} s, "
            f"got {start}"
        )
    if end is None:
        return round(start * rate), frames
    if not (start < end <= duration + _TOLERANCE):
        raise InputError(
            f"{path}: end: expected more than start, {start} s, and at most the file's "
            f"{duration:.3f} s, got {end}"
        )
    return round(start * rate), min(round(end * rate), frames)


def _blocks(file: soundfile.SoundFile, path: Path, first: int, count: int) -> Iterator[np.ndarray]:
    """Yield frames [first, first + count) as (n, channels) float32, or say what is missing."""
    position, last = first, first + count
    try:
        while position < last:
            # soundfile seeks after every read, so that each block needs a run-up of its own.
            run_up = min(position, round(_RUN_UP.get(file.format, 0.0) * file.samplerate))
            file.seek(position - run_up)
            wanted = run_up + min(_BLOCK, last - position)
            block = file.read(wanted, dtype="float32", always_2d=True)[run_up:]
            if len(block) == 0:
                break
            yield block
            position += len(block)
    except soundfile.SoundFileError as error:
        reason = str(getattr(error, "error_string", error)).rstrip(". ")
        raise InputError(
            f"{path}: truncated or damaged: decoding stopped after {position} of {file.frames} "
            f"frames ({reason or 'no reason given'}); copy or export the file again"
        ) from None
    if position < last - _PADDING.get(file.format, 0):
        raise InputError(
            f"{path}: truncated: {position} of {file.frames} frames; copy or export the file again"
        )


def _one_channel(
    file: soundfile.SoundFile,
    path: Path,
    first: int,
    count: int,
    channel: int | None,
    sample_rate: int | None,
) -> np.ndarray:
    """Read, choose or average channels, check and resample, block by block."""
    resample = None
    if sample_rate not in (None, file.samplerate):
        resample = soxr.ResampleStream(
            file.samplerate, sample_rate, 1, dtype="float32", quality="HQ"
        )
    pieces = []
    position = first
    for block in _blocks(file, path, first, count):
        if channel is not None:
            samples = np.ascontiguousarray(block[:, channel])
        elif file.channels == 1:
            samples = block[:, 0]
        else:
            samples = block.mean(axis=1, dtype=np.float32)
        check_samples(samples, name=f"{path}: samples", first=position)
        position += len(block)
        pieces.append(resample.resample_chunk(samples) if resample else samples)
    if resample:
        pieces.append(resample.resample_chunk(np.zeros(0, np.float32), last=True))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
