"""Stretches of a recording that a transcriber hears at once: speech between pauses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.audio.sound_file import Sound
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.segmentation import Segmenter
from speechalign.transcription import Transcriber

_WINDOW = 300.0  # seconds of a long recording that are in memory at once
_APART = 2.0  # seconds of silence that are never heard with the speech around
_MARGIN = 2.0  # seconds that stretches are shorter than what the model hears at once


@dataclass(frozen=True)
class Stretch:
    """A stretch of a recording, seconds, with its samples and the segments of speech in it."""

    start: float
    end: float
    samples: np.ndarray
    speech: Sequence[tuple[float, float]] = ()

    @property
    def span(self) -> tuple[float, float]:
        """Start and end to the millisecond, as they are written."""
        return round(self.start, 3), round(self.end, 3)

    def parts(self) -> list[Stretch]:
        """Return each segment of speech as a stretch; none where it is a single one."""
        if len(self.speech) < 2:
            return []
        rate = len(self.samples) / (self.end - self.start)
        edges = [[round((t - self.start) * rate) for t in span] for span in self.speech]
        return [
            Stretch(*span, self.samples[low:high]) for span, (low, high) in zip(self.speech, edges)
        ]


def longest_stretch(transcriber: Transcriber) -> float:
    """Return how long stretches are at most, seconds."""
    return transcriber.longest - _MARGIN


def given_stretches(
    sound: Sound, members: Sequence[Utterance], transcriber: Transcriber
) -> Iterator[Stretch]:
    """Yield the stretches that a corpus gives.

    Raises
    ------
    InputError
        One is longer than what the model hears at once, or the sound cannot be read.
    """
    rate = transcriber.model.sample_rate
    for member in members:
        end = sound.info.duration if member.end is None else member.end
        if end - member.start > transcriber.longest:
            raise InputError(
                f"{sound.path}: the stretch from {member.start:.2f} to {end:.2f} s is longer "
                f"than the {transcriber.longest:g} s that {transcriber.model.name} "
                "hears at once; cut it: speechalign segment --longest 28"
            )
        heard = sound.waveform(
            sample_rate=rate, channel=member.channel, start=member.start, end=end
        )
        yield Stretch(member.start, end, heard.samples)


def speech_stretches(
    sound: Sound, channel: int | None, transcriber: Transcriber, segmenter: Segmenter
) -> Iterator[Stretch]:
    """Yield stretches with speech, reading a window of the recording at a time.

    A recording that the model hears at once is a single stretch; others are cut at pauses.
    """
    rate, duration = transcriber.model.sample_rate, sound.info.duration
    longest = longest_stretch(transcriber)
    first = 0.0
    while first < duration:
        last = min(duration, first + _WINDOW)
        heard = sound.waveform(sample_rate=rate, channel=channel, start=first, end=last)
        speech = segmenter.find(heard.samples, sample_rate=rate)
        if duration <= transcriber.longest:
            if speech:
                spans = [(s.start, s.end) for s in speech]
                yield Stretch(0.0, duration, heard.samples, spans)
            return
        joined = _joined([(s.start, s.end) for s in speech], longest)
        # What touches the end of the window goes on in the next one.
        cut = last < duration and bool(joined) and joined[-1][-1][1] > last - first - _APART
        whole = joined[:-1] if cut and joined[-1][0][0] > 0 else joined
        for spans in whole:
            start, end = spans[0][0], spans[-1][1]
            samples = heard.samples[round(start * rate) : round(end * rate)]
            spans = [(first + a, first + b) for a, b in spans]
            yield Stretch(first + start, first + end, samples, spans)
        first = first + joined[-1][0][0] if len(whole) < len(joined) else last


def _joined(
    speech: Sequence[tuple[float, float]], longest: float
) -> list[list[tuple[float, float]]]:
    """Join segments to stretches as long as a model hears at once, with no long pause inside."""
    found: list[list[tuple[float, float]]] = []
    for start, end in speech:
        if found and end - found[-1][0][0] <= longest and start - found[-1][-1][1] < _APART:
            found[-1].append((start, end))
        else:
            found.append([(start, end)])
    return found
