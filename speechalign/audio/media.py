"""Sound of media files that libsndfile does not read, through PyAV: m4a, mp4, mkv, webm, amr ..."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from speechalign.errors import BackendError, InputError

SUFFIXES = (
    ".m4a", ".aac", ".mp4", ".m4v", ".mov", ".mkv", ".mka", ".webm", ".avi", ".wma", ".wmv", ".amr",
    ".3gp", ".ts",
)  # fmt: skip
"""Suffixes of media files, in lower case."""


def sound_of(path: Path, content: bytes | None = None) -> BinaryIO:
    """Decode the first sound track of a media file.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes or None
        Its bytes, where it is not on disk.

    Returns
    -------
    BinaryIO
        A temporary sound file (W64, float32), gone when it is closed. Its time is that of the
        file's other tracks: the delay of the encoder is cut off, and where the sound begins later
        than the picture, or has a hole, there is silence.

    Raises
    ------
    BackendError
        PyAV is missing.
    InputError
        It is no media file, has no sound, or is damaged.
    """
    try:
        import av
    except ImportError:
        raise BackendError(
            f"{path}: reading it needs PyAV; pip install 'speechalign[media]', or convert it to "
            "WAV or FLAC"
        ) from None
    target = tempfile.TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
    try:
        source = str(path) if content is None else io.BytesIO(content)
        with av.open(source, "r") as container:
            if not container.streams.audio:
                raise InputError(f"{path}: has no sound; leave it out")
            stream = container.streams.audio[0]
            rate, channels = stream.rate, stream.channels
            resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
            begin = (container.start_time or 0) / av.time_base
            with soundfile.SoundFile(
                target, "w", rate, channels, format="W64", subtype="FLOAT"
            ) as sink:
                written = 0
                for frame in container.decode(stream):
                    at = None
                    if frame.pts is not None and frame.time_base is not None:
                        at = round((float(frame.pts * frame.time_base) - begin) * rate)
                    for part in resampler.resample(frame):
                        for samples in _placed(part.to_ndarray().T, at, written, rate):
                            sink.write(samples)
                            written += len(samples)
                        at = None
    except av.FFmpegError as error:
        target.close()
        raise InputError(
            f"{path}: not a media file that can be read: {error.strerror}; export it again, or "
            "convert it to WAV or FLAC"
        ) from None
    except BaseException:
        target.close()
        raise
    target.seek(0)
    return target


def _placed(samples: np.ndarray, at: int | None, written: int, rate: int) -> Iterator[np.ndarray]:
    """Yield what brings samples, shape (n, C), to where they belong; time stamps are rounded."""
    gap = 0 if at is None else at - written
    if gap > rate // 100 or (written == 0 and gap > 0):
        yield np.zeros((gap, samples.shape[1]), np.float32)
    elif gap < -(rate // 100) or (written == 0 and gap < 0):
        samples = samples[-gap:]
    if len(samples):
        yield samples
