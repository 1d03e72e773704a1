"""Sentences as sound with word times: synthesised by eSpeak NG, or recorded."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from speechalign import Alignment, Interval, SpeechAlignError, read_alignment, write_alignment
from speechalign.audio.sound_file import read_waveform
from speechalign.errors import InputError
from speechalign.espeak import speak
from speechalign.links import is_punctuation

SAMPLE_RATE = 16_000

_PAUSES = frozenset({".", ",", ";", ":", "!", "?", "…", "..."})
_CLITIC = re.compile(r"['’][^\W\d]{1,2}|n['’]t", re.IGNORECASE)
_ELISION = re.compile(r"\w+['’]")
_ELIDING = ("ca", "fr", "it")


@dataclass(frozen=True)
class Side:
    """Source of the speech for one side of a gold set.

    Parameters
    ----------
    language : str
        Code of eSpeak NG, and name of the folder.
    voices : tuple of str
        Voices, one of which speaks each sentence; empty for the language's default voice.
    recordings : Path or None
        Folder with ``NNN.wav`` and ``NNN.TextGrid``, in place of a voice.
    """

    language: str
    voices: tuple[str, ...] = ()
    recordings: Path | None = None

    def voice(self, name: str) -> str:
        """Return the voice of a sentence, which depends on its name only."""
        if self.recordings is not None:
            return "recording"
        voices = self.voices or (self.language,)
        return voices[zlib.crc32(f"{self.language} {name}".encode()) % len(voices)]


def units(tokens: Sequence[str], language: str) -> list[list[int]]:
    """Group the tokens that form one spoken word; leave out punctuation."""
    found: list[list[int]] = []
    joined = False  # whether the next token continues the last word
    for i, token in enumerate(tokens):
        if is_punctuation(token):
            joined = False
            continue
        follows = bool(found) and found[-1][-1] == i - 1
        if follows and (joined or _CLITIC.fullmatch(token)):
            found[-1].append(i)
        else:
            found.append([i])
        joined = language.startswith(_ELIDING) and _ELISION.fullmatch(token) is not None
    return found


def say(folder: Path, name: str, tokens: Sequence[str], side: Side) -> None:
    """Write sound, transcript and TextGrid of a sentence, unless they exist."""
    sound = sound_file(folder, name, side)
    grid = folder / "textgrids" / f"{name}.TextGrid"
    if grid.exists():  # The TextGrid is written last.
        return
    sound.parent.mkdir(parents=True, exist_ok=True)
    grid.parent.mkdir(parents=True, exist_ok=True)
    spoken = units(tokens, side.language)
    words = ["".join(tokens[i] for i in unit) for unit in spoken]
    labels = [" ".join(tokens[i] for i in unit) for unit in spoken]
    try:
        if side.recordings is None:
            text = _with_pauses(tokens, spoken, words)
            speech = speak(text, voice=side.voice(name))
            samples = soxr.resample(speech.samples, speech.sample_rate, SAMPLE_RATE, quality="HQ")
            alignment = speech.alignment
            said = _said(alignment.tiers["words"], text.split())
        else:
            samples, alignment = _recorded(side.recordings, name)
            said = list(range(len(words)))
        words_tier = _labelled(alignment.tiers["words"], said, labels)
    except SpeechAlignError as error:
        raise InputError(f"{side.language}, sentence {name}: {error}") from None
    duration = len(samples) / SAMPLE_RATE
    tiers = {**alignment.tiers, "words": words_tier}
    write_text(sound.with_suffix(".lab"), " ".join(words) + "\n")
    temporary = sound.with_suffix(".tmp")
    soundfile.write(temporary, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    temporary.replace(sound)
    write_alignment(
        Alignment({k: list(_within(tier, duration)) for k, tier in tiers.items()}, duration), grid
    )


def sound_file(folder: Path, name: str, side: Side) -> Path:
    """Return the path of the sound of a sentence."""
    return folder / "wavs" / name / f"{name}_{side.voice(name)}.wav"


def _with_pauses(tokens: Sequence[str], units: Sequence[list[int]], words: Sequence[str]) -> str:
    """Return the words, each with the following punctuation mark if that makes a pause."""
    ends = [unit[0] for unit in units[1:]] + [len(tokens)]
    return " ".join(
        word + "".join(t for t in tokens[unit[-1] + 1 : end] if t in _PAUSES)[:1]
        for word, unit, end in zip(words, units, ends)
    )


def _said(intervals: Sequence[Interval], spoken: Sequence[str]) -> list[int]:
    """Return for each interval the position of its word in the text; words may have none."""
    found = []
    position = 0
    for interval in intervals:
        position = spoken.index(interval.label, position)
        found.append(position)
        position += 1
    return found


def _recorded(folder: Path, name: str) -> tuple[np.ndarray, Alignment]:
    grid = folder / f"{name}.TextGrid"
    sounds = [p for p in sorted(folder.glob(f"{name}.*")) if p.suffix not in (".TextGrid", ".lab")]
    if len(sounds) != 1 or not grid.exists():
        raise InputError(
            f"{folder}: expected one sound file {name}.* and {grid.name}; speechalign align writes "
            "it from the sound and a transcript"
        )
    return read_waveform(sounds[0], sample_rate=SAMPLE_RATE).samples, read_alignment(grid)


def _labelled(
    intervals: Sequence[Interval], said: Sequence[int], labels: Sequence[str]
) -> list[Interval]:
    """Label each interval with its tokens; a word without interval joins the previous one."""
    if len(said) != len(intervals):
        raise InputError(f"expected times of {len(said)} words, got {len(intervals)}")
    begins = [0, *said[1:]]
    return [
        Interval(interval.start, interval.end, " ".join(labels[begin:end]))
        for interval, begin, end in zip(intervals, begins, [*begins[1:], len(labels)])
    ]


def _within(intervals: Sequence[Interval], duration: float) -> Iterator[Interval]:
    """Yield the intervals cut at the end of the recording: resampling may lose a sample."""
    for interval in intervals:
        if interval.start < duration:
            yield Interval(interval.start, min(interval.end, duration), interval.label)


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    temporary.replace(path)
