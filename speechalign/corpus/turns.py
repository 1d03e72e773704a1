"""Turns of speakers, from RTTM files or TextGrids with a tier for each speaker.

RTTM is NIST's format of diarisation (https://github.com/usnistgov/SCTK, "RT-09 evaluation plan",
appendix A): a line ``SPEAKER recording channel start duration <NA> <NA> name <NA> <NA>`` for each
turn, of any number of recordings. Other types of lines, and comments (``;;``), do not count.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from speechalign.alignment import Interval
from speechalign.corpus.tiers import choose_tiers
from speechalign.errors import FormatError, InputError
from speechalign.files.names import composed
from speechalign.files.reading import lines, read_text
from speechalign.files.textgrid import read_textgrid

_LATE = 0.5  # seconds that a turn may end after its recording
_SHOWN = 3


@dataclass(frozen=True)
class SpeakerTurns:
    """The turns of the speakers of recordings.

    Parameters
    ----------
    source : Path
        Where they come from, for messages.
    recordings : Mapping[str, Sequence[Interval]]
        By the name of the recording, each turn with its speaker as the label. Turns of several
        speakers may overlap.
    """

    source: Path
    recordings: Mapping[str, Sequence[Interval]]

    def find(self, recording: str) -> Sequence[Interval] | None:
        """Return the turns of a recording of a corpus, by its name or the last part of it."""
        for name in (recording, recording.rpartition("/")[2]):
            if name in self.recordings:
                return self.recordings[name]
        return None

    def of(self, recording: str, duration: float) -> Sequence[Interval]:
        """Return the turns of a recording, which must be its own.

        Raises
        ------
        InputError
            There are none, or one lies behind the end of the recording.
        """
        turns = self.find(recording)
        if turns is None:
            raise InputError(
                f"{self.source}: no turns of the recording {recording!r}, only of {self._names()}; "
                "correct the names there"
            )
        last = max((turn.end for turn in turns), default=0.0)
        if last > duration + _LATE:
            raise InputError(
                f"{self.source}: somebody speaks until {last:.2f} s in {recording!r}, which ends "
                f"at {duration:.2f} s; these are the turns of another recording"
            )
        return turns

    def check(self, recordings: Sequence[str]) -> None:
        """Raise InputError where none of the recordings of a corpus has turns."""
        if recordings and all(self.find(name) is None for name in recordings):
            raise InputError(
                f"{self.source}: turns of {self._names()}, and the corpus has only "
                f"{_few(recordings)}; correct the names there"
            )

    def hash(self, recording: str) -> str:
        """Return a hash of the turns of a recording."""
        turns = [(t.start, t.end, t.label) for t in self.find(recording) or ()]
        return hashlib.sha256(repr(turns).encode("utf-8", "backslashreplace")).hexdigest()

    def _names(self) -> str:
        return _few(list(self.recordings)) or "no recording"


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(repr, sorted(names)[:_SHOWN])) + more


def read_turns(path: str | os.PathLike[str]) -> SpeakerTurns:
    """Read who speaks when.

    Parameters
    ----------
    path : path-like
        An RTTM file; a TextGrid with a tier for each speaker, in whose intervals with text that
        speaker talks; or a folder with files of either kind, in which a TextGrid is named after its
        recording.

    Returns
    -------
    SpeakerTurns
        Of all recordings.

    Raises
    ------
    InputError
        There is no such file, or a folder without any.
    FormatError
        A file is damaged: the message names the line.
    """
    path = Path(path)
    files = [path]
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in (".rttm", ".textgrid"))
        if not files:
            raise InputError(f"{path}: no .rttm and no .TextGrid in it; name a file of turns")
    recordings: dict[str, list[Interval]] = {}
    for file in files:
        try:
            if file.suffix.lower() == ".textgrid":
                name = file.with_suffix("").relative_to(path if path.is_dir() else file.parent)
                found = {name.as_posix(): _tiers(file)}
            else:
                found = _rttm(file)
        except OSError as error:
            raise InputError(f"{file}: cannot be read: {error.strerror}") from None
        for recording, turns in found.items():
            recordings.setdefault(composed(recording), []).extend(turns)
    ordered = {
        name: tuple(sorted(turns, key=lambda t: (t.start, t.end, t.label)))
        for name, turns in recordings.items()
    }
    return SpeakerTurns(path, ordered)


def _rttm(path: Path) -> dict[str, list[Interval]]:
    found: dict[str, list[Interval]] = {}
    for number, line in enumerate(lines(read_text(path)), 1):
        fields = line.split()
        if not fields or line.startswith(";;"):
            continue
        if len(fields) < 8 or not fields[0].isupper():
            raise FormatError(
                f"{path}, line {number}: expected 'SPEAKER recording channel start duration <NA> "
                f"<NA> name', got {line[:60]!r}; is it an RTTM file?"
            )
        if fields[0] != "SPEAKER":
            continue
        try:
            start, duration = float(fields[3]), float(fields[4])
            if not (math.isfinite(start + duration) and start >= 0 and duration >= 0):
                raise ValueError
        except ValueError:
            raise FormatError(
                f"{path}, line {number}: expected a start and a duration in seconds, got "
                f"{fields[3]!r} and {fields[4]!r}"
            ) from None
        turns = found.setdefault(fields[1], [])
        if duration > 0:
            turns.append(Interval(start, start + duration, composed(fields[7])))
    return found


def _tiers(path: Path) -> list[Interval]:
    turns = []
    for speech in choose_tiers(read_textgrid(path), path).speech:
        for mark in speech.tier.marks:
            if mark.text.strip():
                try:
                    turns.append(Interval(mark.start, mark.end, speech.speaker or "unknown"))
                except InputError as error:
                    raise FormatError(f"{path}, {mark.place}: {error}; correct it") from None
    return turns
