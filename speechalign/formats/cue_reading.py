"""Read the cues of subtitle files, and those of rolling captions once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from speechalign.errors import FormatError, SpeechAlignWarning
from speechalign.files.reading import lines

_CLOCK = r"(?:([0-9]{1,6}):)?([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]{1,3}))?"
_TIMES = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?")
_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)\b")
_NUMBER = re.compile(r"\s*[0-9]+\s*")

# A cue follows the one before without a pause where they are no further apart, seconds; and one
# that is no longer only moves the text up.
_CONTIGUOUS = 0.1
_FLASH = 0.05


@dataclass
class RawCue:
    """A cue as it stands in a file.

    Parameters
    ----------
    place : str
        Where it stands, for messages: ``line 12``.
    start, end : float
        Seconds.
    lines : list[str]
        Its text with markup; blank lines may be among them.
    """

    place: str
    start: float
    end: float
    lines: list[str] = field(default_factory=list)


def read_cues(text: str, path: Path, *, blank_ends: bool) -> list[RawCue]:
    """Split a file into cues.

    Parameters
    ----------
    text : str
        The file's content.
    path : Path
        The file, for messages.
    blank_ends : bool
        Whether an empty line ends a cue (WebVTT), and what follows, up to the next line of
        times, is a name, note or style; otherwise (SubRip) a cue has all lines up to the number
        of the next.

    Raises
    ------
    FormatError
        A line has an arrow where times are expected, and is no pair of times.
    """
    cues: list[RawCue] = []
    inside = False
    for number, line in enumerate(lines(text), 1):
        before = cues[-1].lines if inside else []
        numbered = bool(before) and bool(_NUMBER.fullmatch(before[-1]))
        apart = len(before) > 1 and not before[-2].strip()
        named = blank_ends and apart and before[-2] == ""
        spoken = any(text.strip() for text in before)  # an editor may have emptied a blank line
        times = _TIMES.fullmatch(line)
        if times or ("-->" in line and (not inside or (numbered and apart))):
            if times is None:
                raise FormatError(
                    f"{path}, line {number}: expected 'hh:mm:ss.mmm --> hh:mm:ss.mmm', got "
                    f"{line[:60]!r}"
                )
            if named or (numbered and (apart or not blank_ends)):
                before.pop()
            fields = times.groups()
            cues.append(RawCue(f"line {number}", _seconds(fields[:4]), _seconds(fields[4:])))
            inside = True
        elif inside and blank_ends and (_BLOCK.match(line) if not spoken else not line):
            inside = False
        elif inside:
            cues[-1].lines.append(line)
    return cues


def one_line(text: str) -> str:
    """Join the lines of a text by spaces; white space inside a line stays."""
    return " ".join(line.strip() for line in text.split("\n")).strip()


def clock(time: str) -> float:
    """Return the seconds of ``hh:mm:ss.mmm``; the hours may be missing."""
    found = re.fullmatch(_CLOCK, time)
    assert found is not None
    return _seconds(found.groups())


def _seconds(fields: Sequence[str | None]) -> float:
    hours, minutes, seconds, fraction = fields
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return (whole * 1000 + int((fraction or "0").ljust(3, "0"))) / 1000


def read_once(cues: Sequence[RawCue], path: Path, plain: Callable[[str], str]) -> list[RawCue]:
    """Take lines away that a cue repeats from the cue before it, as rolling captions do.

    Parameters
    ----------
    cues : sequence of RawCue
        In the order of the file.
    path : Path
        The file, for the warning that says how many cues repeated lines.
    plain : callable
        From a line with markup to its text.

    Returns
    -------
    list of RawCue
        Cues with new lines only.

    Notes
    -----
    A cue repeats where its first lines are the last lines of the cue before, which ends when it
    begins, and new lines follow. A cue that has no new line is taken for a repetition only where
    it lasts 50 ms at most, as those that YouTube puts between two others, or where every fourth
    cue at least repeats: somebody may say the same twice.
    """
    shown = [_shown(cue, plain) for cue in cues]
    repeats = [0] * len(cues)
    for n, (before, cue) in enumerate(pairwise(cues), 1):
        if abs(cue.start - before.end) <= _CONTIGUOUS:
            repeats[n] = _repeated(shown[n - 1], shown[n])
    rolling = sum(0 < k < len(found) for k, found in zip(repeats, shown))
    kept: list[RawCue] = []
    for cue, found, k in zip(cues, shown, repeats):
        if 0 < k == len(found) and not (
            cue.end - cue.start <= _FLASH or (rolling >= 2 and 4 * rolling >= len(cues))
        ):
            k = 0
        spoken = [line for line in cue.lines if plain(line).strip()]
        kept.append(RawCue(cue.place, cue.start, cue.end, spoken[k:]))
    changed = sum(len(cue.lines) < len(found) for cue, found in zip(kept, shown))
    if changed:
        warnings.warn(
            f"{path}: {changed} of {len(cues)} cues repeat lines of the cue before, as rolling "
            "captions do; the lines are read once",
            SpeechAlignWarning,
            stacklevel=2,
        )
    return [cue for cue, found in zip(kept, shown) if cue.lines or not found]


def _shown(cue: RawCue, plain: Callable[[str], str]) -> list[str]:
    texts = (" ".join(plain(line).split()) for line in cue.lines)
    return [text for text in texts if text]


def _repeated(before: list[str], after: list[str]) -> int:
    """Return how many of the first lines are the last ones of the cue before."""
    sizes = range(min(len(before), len(after)), 0, -1)
    return next((k for k in sizes if before[-k:] == after[:k]), 0)
