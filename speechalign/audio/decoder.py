"""Decoder: frames of a sound file in order, for codecs with and without exact seeking."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from speechalign.errors import InputError

_BLOCK = 1 << 20
# A decoder that starts in the middle of a compressed file needs what came before: an MP3 frame
# refers back by up to 511 bytes (0.5 s at 8 kbit/s), Opus by 80 ms and its resampler by a little.
_RUN_UP = {"MP3": 1.0, "OGG": 1.0}
# The number of frames in an MP3's header may be off by the encoder's padding.
_PADDING = {"MP3": 2 * 1152}


class Decoder:
    """A sound file open in libsndfile, which is read forwards as far as possible.

    Parameters
    ----------
    path : Path
        The file.
    content : bytes or BinaryIO or None
        Its bytes, or a file that holds its sound, where it is not on disk.

    Raises
    ------
    soundfile.SoundFileError, TypeError
        It is no sound file.
    """

    def __init__(self, path: Path, content: bytes | BinaryIO | None = None) -> None:
        self.path = path
        self._content = content
        self._open()

    def _open(self) -> None:
        source: bytes | BinaryIO = os.fsencode(self.path)
        if isinstance(self._content, bytes):
            source = io.BytesIO(self._content)
        elif self._content is not None:
            self._content.seek(0)
            source = self._content
        self.file = _File(source)
        self._next = 0

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def blocks(self, first: int, count: int) -> Iterator[np.ndarray]:
        """Yield frames [first, first + count) as (n, channels) float32.

        Raises
        ------
        InputError
            The file is damaged or ends too early; the message says where.
        """
        last, frames = first + count, self.file.frames
        try:
            self._go_to(first)
            while self._next < last:
                block = self._read(last)
                if len(block) == 0:
                    break
                yield block
        except soundfile.SoundFileError as error:
            raise InputError(
                f"{self.path}: truncated or damaged: decoding stopped after {self._next} of "
                f"{frames} frames ({reason_of(error)}); copy or export the file again"
            ) from None
        if self._next < last - _PADDING.get(self.file.format, 0):
            raise InputError(
                f"{self.path}: truncated: {self._next} of {frames} frames; copy or export the "
                "file again"
            )

    def _go_to(self, frame: int) -> None:
        """Make a frame the next one; a codec that cannot seek is read up to there."""
        if frame == self._next:
            return
        run_up = round(_RUN_UP.get(self.file.format, 0.0) * self.file.samplerate)
        begin = max(0, frame - run_up)
        if self.file.seek_to(begin):
            self._next = begin
        elif self.file.can_seek or frame < self._next:  # A seek that failed leaves it anywhere.
            self.file.close()
            self._open()
        while self._next < frame:
            if len(self._read(frame)) == 0:
                break

    def _read(self, last: int) -> np.ndarray:
        """Read the next frames, ``last`` excluded."""
        wanted = min(_BLOCK, last - self._next)
        block: np.ndarray = self.file.read(wanted, dtype="float32", always_2d=True)
        self._next += len(block)
        return block


class _File(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file that soundfile does not seek in after every read, as some codecs cannot."""

    def seekable(self) -> bool:
        """Return False: only `seek_to` seeks."""
        return False

    @property
    def can_seek(self) -> bool:
        """Return whether libsndfile says that it can seek in this codec."""
        return bool(super().seekable())

    def seek_to(self, frame: int) -> bool:
        """Move to a frame; return whether the codec can."""
        try:
            return self.can_seek and bool(self.seek(frame) == frame)
        except soundfile.SoundFileError:  # DWVW promises what it cannot do.
            return False


def reason_of(error: Exception) -> str:
    """Return what libsndfile says of an error."""
    return str(getattr(error, "error_string", error)).rstrip(". ") or "no reason given"
