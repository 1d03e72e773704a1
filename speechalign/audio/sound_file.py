"""Sound files: checked once when they are opened, then measured, hashed and read in stretches."""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

import soundfile

from speechalign.audio.channels import ChannelLevels, Mix
from speechalign.audio.decoder import Decoder, reason_of
from speechalign.audio.media import SUFFIXES as MEDIA
from speechalign.audio.media import sound_of
from speechalign.audio.stalls import StalledError, in_time
from speechalign.audio.truncation import check_complete
from speechalign.audio.waveform import Waveform, one_channel
from speechalign.checks import check_samples
from speechalign.errors import InputError

_BLOCK = 1 << 20
# The end of a stretch may lie this far behind the end of the file: transcripts round their times.
_TOLERANCE = 0.05
_UNKNOWN_FRAMES = 2**62

_Result = TypeVar("_Result")


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
    mix : Mix or None
        How several channels are mixed; None for one, and where the file was not decoded.
    """

    frames: int
    sample_rate: int
    channels: int
    mix: Mix | None = None

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


class Sound:
    """A sound file that is open: checked once, then measured, hashed and read in stretches.

    Use it in a ``with`` statement, or close it.

    Parameters
    ----------
    path : str or Path
        Any file that libsndfile reads: WAV, FLAC, Ogg Vorbis or Opus, MP3, AIFF, and more; or, with
        PyAV, a media file with a suffix of `media.SUFFIXES`. With ``content``, what messages call
        it.
    content : bytes or None
        The bytes of the file, where it is not on disk.

    Raises
    ------
    InputError
        No such file, a folder, no bytes, not a sound file, cut off, or no samples; or reading it
        stalled, as `speechalign.audio.stalls.in_time` says, then or later.
    """

    def __init__(self, path: str | Path, content: bytes | None = None) -> None:
        self.path = Path(path)
        self._in_memory = content is not None
        self._stall: StalledError | None = None
        self._in_time(lambda: self._open(path, content))

    def _open(self, path: str | Path, content: bytes | None) -> None:
        if content is None and self.path.is_dir():
            raise InputError(f"{path}: expected a sound file, got a folder")
        if content is None and self.path.exists() and not self.path.is_file():
            raise InputError(
                f"{path}: expected a sound file, got a pipe or device, which can be read once "
                "only; save the sound to a file"
            )
        with ExitStack() as opened:
            try:
                raw: BinaryIO = self.path.open("rb") if content is None else io.BytesIO(content)
                self._bytes = opened.enter_context(raw)
                head = self._bytes.read(12)
            except FileNotFoundError:
                raise InputError(
                    f"{path}: there is no such file; check its name and folder"
                ) from None
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from None
            if not head:
                raise InputError(f"{path}: the file has zero bytes; copy or record it again")
            media = self.path.suffix.lower() in MEDIA
            sound = opened.enter_context(sound_of(self.path, content)) if media else content
            try:
                self._decoder = opened.enter_context(closing(Decoder(self.path, sound)))
            except (soundfile.SoundFileError, TypeError) as error:  # TypeError: headerless .raw
                raise InputError(
                    f"{path}: not a sound file that can be read: {reason_of(error)} (it begins "
                    f"with {head!r}); convert it to WAV or FLAC"
                ) from None
            file = self._decoder.file
            self.info = SoundInfo(file.frames, file.samplerate, file.channels)
            if file.frames >= _UNKNOWN_FRAMES:
                raise InputError(
                    f"{path}: the header does not say how long the sound is, as of a stream that "
                    "was never finished; convert it, e.g. ffmpeg -i in.flac out.flac"
                )
            if not media:
                check_complete(self._bytes, self.path, file.frames)
            if file.frames == 0:
                raise InputError(
                    f"{path}: the file has no samples; record it again or leave it out"
                )
            self._opened = opened.pop_all()

    def _in_time(self, read: Callable[[], _Result]) -> _Result:
        """Call a function that reads the file, unless the file has stalled before."""
        if self._in_memory:
            return read()
        if self._stall is not None:
            raise self._stall
        try:
            return in_time(read, self.path)
        except StalledError as stall:
            self._stall = stall
            raise

    def __enter__(self) -> Sound:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, unless a thread that has stalled still reads it."""
        if self._stall is None:
            self._opened.close()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the bytes of the file, 64 hexadecimal digits."""
        return self._in_time(lambda: _sha256(self._bytes, self.path))

    def decode(self) -> SoundInfo:
        """Read every sample, which finds damage that the header does not show, and NaN.

        Raises
        ------
        InputError
            The file is damaged, or a sample is not finite.
        """
        return self._in_time(self._decode)

    def _decode(self) -> SoundInfo:
        frames = 0
        levels = ChannelLevels(self.info.channels, self.info.sample_rate)
        for block in self._decoder.blocks(0, self.info.frames):
            check_samples(block.mean(axis=1), name=f"{self.path}: samples", first=frames)
            levels.add(block)
            frames += len(block)
        mix = levels.mix() if self.info.channels > 1 else None
        return replace(self.info, frames=frames, mix=mix)

    def waveform(
        self,
        *,
        sample_rate: int | None = None,
        channel: int | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> Waveform:
        """Read one channel of a stretch, as `read_waveform` says."""
        rate = self.info.sample_rate
        first, last = _stretch(self.path, self.info.frames, rate, start, end)

        def read() -> Waveform:
            return one_channel(
                self._decoder.blocks(first, last - first), self.info.channels, rate,
                channel=channel, sample_rate=sample_rate, name=str(self.path), first=first,
                expected=last - first,
            )  # fmt: skip

        return self._in_time(read)


def sound_info(path: str | Path, *, decode: bool = False) -> SoundInfo:
    """Measure a sound file.

    Parameters
    ----------
    path : str or Path
        Any file that libsndfile reads: WAV, FLAC, Ogg Vorbis or Opus, MP3, AIFF, and more.
    decode : bool
        Read every sample, which finds damage that the header does not show, NaN, and channels that
        do not mix.

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
    with Sound(path) as sound:
        return sound.decode() if decode else sound.info


def read_waveform(
    path: str | Path,
    *,
    sample_rate: int | None = None,
    channel: int | None = None,
    start: float = 0.0,
    end: float | None = None,
) -> Waveform:
    """Read one channel of a sound file, or of a stretch of it.

    Only the stretch is decoded, and a second before it where the codec needs a run-up; where the
    codec cannot seek, all that comes before it.

    Parameters
    ----------
    path : str or Path
        Any file that libsndfile reads: WAV, FLAC, Ogg Vorbis or Opus, MP3, AIFF, and more.
    sample_rate : int or None
        Hz to resample to (soxr, HQ); None keeps the file's.
    channel : int or None
        Channel to take, counted from 0; None takes the mean of all, but for those that are silent
        or only noise, and with those turned that would cancel (`ChannelLevels.mix`).
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
    with Sound(path) as sound:
        return sound.waveform(sample_rate=sample_rate, channel=channel, start=start, end=end)


def file_hash(path: str | Path) -> str:
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
    try:
        with Path(path).open("rb") as file:
            return _sha256(file, Path(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _sha256(file: BinaryIO, path: Path) -> str:
    digest = hashlib.sha256()
    try:
        file.seek(0)
        while piece := file.read(_BLOCK):
            digest.update(piece)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


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
