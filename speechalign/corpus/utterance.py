"""Utterance: one stretch of one recording, and what was said in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from speechalign.audio.sound_file import Sound
    from speechalign.audio.waveform import Waveform


@dataclass(frozen=True)
class Utterance:
    """A stretch of a recording with its transcript.

    Parameters
    ----------
    id : str
        Unique in the corpus: ``SPEAKER/x``, or ``SPEAKER/x#2`` for the second of a recording.
    recording : str
        Where the result goes: a relative path with ``/`` and without suffix. Utterances of one
        recording share it, and end up in one file.
    audio : Path
        The sound file; with ``content``, what messages call it.
    text : str
        What was said, as the user wrote it.
    speaker : str or None
        Who said it.
    start : float
        Where the utterance begins in the sound file, seconds.
    end : float or None
        Where it ends, seconds; None for the end of the file.
    channel : int or None
        Channel to use, counted from 0; None leaves the choice to the reader.
    segmented : bool
        Whether the corpus gave ``start`` and ``end``, so that they are worth a tier of their own.
    tiers_left_out : tuple[str, ...]
        Tiers of its TextGrid that were taken for no utterances because of their names.
    problem : str or None
        Why it cannot be aligned, in words for the user; None when nothing is known to be wrong.
    content : bytes or None
        The bytes of the sound file, where it lies in a table or an archive; None to read ``audio``.
    """

    id: str
    recording: str
    audio: Path
    text: str
    speaker: str | None = None
    start: float = 0.0
    end: float | None = None
    channel: int | None = None
    segmented: bool = False
    tiers_left_out: tuple[str, ...] = ()
    problem: str | None = None
    content: bytes | None = field(default=None, repr=False)

    def sound(self) -> Sound:
        """Open the sound file.

        Raises
        ------
        InputError
            As `speechalign.audio.sound_file.Sound` says.
        """
        from speechalign.audio.sound_file import Sound  # Not needed to list a corpus.

        return Sound(self.audio, self.content)

    def waveform(self, sample_rate: int) -> Waveform:
        """Read what was said, resampled to ``sample_rate`` Hz.

        Raises
        ------
        InputError
            As `speechalign.audio.sound_file.read_waveform` says.
        """
        with self.sound() as sound:
            return sound.waveform(
                sample_rate=sample_rate, channel=self.channel, start=self.start, end=self.end
            )
