"""Detection of truncated sound files, by their headers."""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import BinaryIO

from speechalign.errors import InputError

# Plain PCM, float, A-law, mu-law and WAVE_FORMAT_EXTENSIBLE: each frame takes ``block`` bytes.
_WAV_FIXED_SIZE = {1, 3, 6, 7, 0xFFFE}
# Programs that write WAV into a pipe put a size from here on: "until the end of the file".
_WAV_UNKNOWN_SIZE = 0x7FFF_F000
_OGG_LARGEST_PAGE = 65_307
_MP3_FRAMES_LOOKED_AT = 2000
_MP3_KBITS = {
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def check_complete(file: BinaryIO, path: Path, frames: int) -> None:
    """Refuse a sound file that holds less than its headers promise.

    libsndfile reads such a file as if it were merely shorter, so that the end of the speech would
    be missing without a word. WAV, AIFF and NIST headers count the frames; an Ogg page says how
    many bytes it has. FLAC and MP3 promise a number that libsndfile reports, so that decoding
    shows what is missing; but of an MP3 of varying bit rate without a Xing or VBRI header it
    guesses the length from the first frame, and never reads on.

    Parameters
    ----------
    file : BinaryIO
        A file that libsndfile can open; where it is read from is left anywhere.
    path : Path
        Its name, for messages.
    frames : int
        Its length as libsndfile gives it.

    Raises
    ------
    InputError
        The file was cut off, or its length cannot be known.

    References
    ----------
    .. [1] Microsoft and IBM, "Multimedia programming interface and data specifications 1.0", 1991.
    .. [2] Apple, "Audio Interchange File Format: AIFF", version 1.3, 1989.
    .. [3] S. Pfeiffer, "The Ogg encapsulation format version 0", RFC 3533, 2003, section 6.
    .. [4] ISO/IEC 11172-3:1993, section 2.4.2.3 (frame header).
    """
    promised: int | None = None
    file.seek(0)
    magic = file.read(4)
    if magic in (b"RIFF", b"RIFX", b"FORM"):
        promised = _chunked_frames(file, "<" if magic == b"RIFF" else ">")
    elif magic == b"NIST":
        count = re.search(rb"^sample_count -i (\d+)", file.read(1024), re.MULTILINE)
        promised = int(count[1]) if count else None
    elif magic == b"OggS":
        if _ogg_is_cut(file):
            raise InputError(
                f"{path}: truncated: the last Ogg page is cut off, after {frames} frames; "
                "copy or export the file again"
            )
    elif _mp3_length_is_guessed(file):
        raise InputError(
            f"{path}: an MP3 of varying bit rate without a Xing or VBRI header, of which "
            "only a part can be read; convert it, e.g. ffmpeg -i in.mp3 out.flac"
        )
    if promised is not None and promised > frames:
        raise InputError(
            f"{path}: truncated: {frames} of {promised} frames; copy or export the file again"
        )


def _chunked_frames(file: BinaryIO, order: str) -> int | None:
    """Frames that the header of a WAV or AIFF file promises; None where it does not say."""
    file.seek(12)
    tag, block = 0, 0
    while len(header := file.read(8)) == 8:
        name, size = header[:4], int(struct.unpack(order + "I", header[4:])[0])
        if name == b"data":
            known = tag in _WAV_FIXED_SIZE and block > 0 and size < _WAV_UNKNOWN_SIZE
            return size // block if known else None
        following = file.tell() + size + size % 2
        if name == b"fmt ":
            tag, block = struct.unpack(order + "H10xH", file.read(14))
        elif name == b"COMM":
            return int(struct.unpack(">2xI", file.read(6))[0])
        file.seek(following)
    return None


def _ogg_is_cut(file: BinaryIO) -> bool:
    """Return whether the last page of an Ogg file ends after the file does."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 2 * _OGG_LARGEST_PAGE))
    page = file.read()
    page = page[page.rfind(b"OggS") :]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])


def _mp3_length_is_guessed(file: BinaryIO) -> bool:
    """Return whether this is an MP3 that changes its bit rate and has no header with its length."""
    file.seek(0)
    tag = file.read(10)
    position = 0
    if tag[:3] == b"ID3":  # the size of the tag has seven bits a byte
        position = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0)))
    rates = set()
    for number in range(_MP3_FRAMES_LOOKED_AT):
        file.seek(position)
        header = file.read(4)
        if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
            break
        version = header[1] >> 3 & 3
        kbits, rate = header[2] >> 4, header[2] >> 2 & 3
        if version == 1 or rate == 3 or not 1 <= kbits <= 14:
            break
        if number == 0 and re.search(rb"Xing|Info|VBRI", file.read(192)):
            return False
        rates.add(kbits)
        bits = 1000 * _MP3_KBITS[1 if version == 3 else 2][kbits - 1]
        samples = 1152 if version == 3 else 576
        position += samples // 8 * bits // _MP3_RATES[version][rate] + (header[2] >> 1 & 1)
    return len(rates) > 1
