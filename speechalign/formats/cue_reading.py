"""Read the cues of subtitle files, and those of rolling captions once."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    """Take text away that a cue repeats from the cue before it, as rolling captions do.

    Parameters
    ----------
    cues : sequence of RawCue
        In the order of the file.
    path : Path
        The file, for the warning that says how many cues repeated text.
    plain : callable
        From a line with markup to its text.

    Returns
    -------
    list of RawCue
        Cues with new lines only.

    Notes
    -----
    A cue repeats where its first lines are the last lines of the cue before, which ends when it
    begins, and new lines follow. Captions that grow word by word, each cue the one before and some
    more, become one cue. Somebody may say the same twice: a cue without any new line is taken for a
    repetition only where two cues and every fourth repeat lines, or where it lasts 50 ms at most
    beside one that does, as those that YouTube puts between two others; and one that grows, where
    two and every fourth do.
    """
    whole = _joined(cues, plain)
    shown = [_shown(cue, plain) for cue in whole]
    repeats = [0, *(_repeated(whole, shown, n) for n in range(1, len(whole)))]
    rolls = [0 < k < len(found) for k, found in zip(repeats, shown)]
    often = _is_often(sum(rolls), whole)
    kept: list[RawCue] = []
    for n, (cue, found, k) in enumerate(zip(whole, shown, repeats)):
        flashes = cue.end - cue.start <= _FLASH and any(rolls[max(0, n - 1) : n + 2])
        if k == len(found) and not (often or flashes):
            k = 0
        lines_with_text = [line for line in cue.lines if plain(line).strip()]
        kept.append(RawCue(cue.place, cue.start, cue.end, lines_with_text[k:]))
    changed = len(cues) - len(whole)
    changed += sum(len(cue.lines) < len(found) for cue, found in zip(kept, shown))
    if changed:
        warnings.warn(
            f"{path}: {changed} of {len(cues)} cues repeat text of the cue before, as rolling "
            "captions do; it is read once",
            SpeechAlignWarning,
            stacklevel=2,
        )
    return [cue for cue, found in zip(kept, shown) if cue.lines or not found]


def _joined(cues: Sequence[RawCue], plain: Callable[[str], str]) -> list[RawCue]:
    """Make one cue of those that grow, where a file has them often."""
    shown = [_shown(cue, plain) for cue in cues]
    texts = [" ".join(found) for found in shown]
    grows = [
        _meet(before, after) and bool(text) and longer.startswith(f"{text} ")
        for before, after, text, longer in zip(cues, cues[1:], texts, texts[1:])
    ]
    grows = [g and not _repeated(cues, shown, n) for n, g in enumerate(grows, 1)]
    if not _is_often(sum(grows), cues):
        return list(cues)
    joined = list(cues[:1])
    for cue, grown in zip(cues[1:], grows):
        if grown:
            first = joined.pop()
            cue = RawCue(first.place, first.start, cue.end, cue.lines)
        joined.append(cue)
    return joined


def _repeated(cues: Sequence[RawCue], shown: Sequence[list[str]], n: int) -> int:
    """Return how many of the first lines of a cue are the last ones of the cue before."""
    before, after = shown[n - 1], shown[n]
    sizes = range(min(len(before), len(after)), 0, -1) if _meet(cues[n - 1], cues[n]) else ()
    return next((k for k in sizes if before[-k:] == after[:k]), 0)


def _meet(before: RawCue, after: RawCue) -> bool:
    return abs(after.start - before.end) <= _CONTIGUOUS


def _is_often(count: int, cues: Sequence[RawCue]) -> bool:
    return count >= 2 and 4 * count >= len(cues)


def _shown(cue: RawCue, plain: Callable[[str], str]) -> list[str]:
    texts = (" ".join(plain(line).split()) for line in cue.lines)
    return [text for text in texts if text]
