"""Sound without words in a transcribed stretch, such as music: keep the segments of speech."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.alignment import Interval
from speechalign.audio.waveform import Waveform
from speechalign.errors import SpeechAlignError
from speechalign.text.word import Word

Span = tuple[float, float]

# Seconds. Sound that lasts longer is neither one phone (`judgement`), nor a breath between words.
_LONGEST = 1.25
_AROUND = 0.25  # seconds kept beside a word
_PAUSE = 0.3  # seconds between words that may be apart
_STRAY = 3  # words, at most, that sound pulls away from their neighbours
_SHARE = 0.5  # of their confidence that they keep among their neighbours, if they belong there

PHONE_MODELS = {"en": "english-sphinx", "de": "german-gmm"}
"""By language: a model of phones that ships with the package, and aligns fast."""


def speech_segments(
    waveform: Waveform, text: str, speech: Sequence[Span], aligner: Aligner
) -> list[Interval]:
    """Cut sound without words out of a transcribed stretch.

    Parameters
    ----------
    waveform : Waveform
        The stretch.
    text : str
        Its transcript.
    speech : Sequence[tuple[float, float]]
        Where a speech detector hears sound, seconds from the start of the stretch.
    aligner : Aligner
        With a model of phones, for the language of the text.

    Returns
    -------
    list of Interval
        Segments with their words, seconds from the start of the stretch; all of it as a single one
        where there is no such sound, or the text cannot be aligned.

    Notes
    -----
    The text is aligned. A gap between words with more than 1.25 s of sound is cut out but for 0.25
    s at its edges; what a phone lasts beyond 1.25 s is part of the gap. Sound may have pulled away
    up to three words that stand between a gap and a pause or another gap: the text is aligned again
    with the stretch without their place. If they keep half of their confidence, they belong where
    they are then.
    """
    duration = waveform.duration
    whole = [(0.0, duration)]
    try:
        words = _aligned(waveform, text, whole, aligner)
        for first, last in _strays(words, _segments(words, speech, duration), duration):
            others = [*words[:first], *words[last:]]
            kept = _segments(others, speech, duration)
            again = _aligned(waveform, text, kept, aligner)
            if _confidence(again[first:last]) > _SHARE * _confidence(words[first:last]):
                words = again
    except SpeechAlignError:
        return [Interval(0.0, duration, text)]
    segments = _segments(words, speech, duration)
    if segments == whole:
        return [Interval(0.0, duration, text)]
    labels = [" ".join(w.label for w in words if a <= w.start < b) for a, b in segments]
    return [Interval(a, b, own) for (a, b), own in zip(segments, labels)]


def _aligned(
    waveform: Waveform, text: str, kept: Sequence[Span], aligner: Aligner
) -> list[Interval]:
    """Align a text with the kept parts of a stretch; return its words at their times in it."""
    rate = waveform.sample_rate
    starts = np.array([start for start, _ in kept])
    lengths = np.array([end - start for start, end in kept])
    before = np.cumsum(lengths) - lengths
    parts = [waveform.samples[round(start * rate) : round(end * rate)] for start, end in kept]
    found = aligner.align(np.concatenate(parts), text, sample_rate=rate)

    def time(seconds: float, side: Literal["left", "right"]) -> float:
        part = max(0, int(np.searchsorted(before, seconds, side)) - 1)
        return float(seconds - before[part] + starts[part])

    words = [(word, *_extent(word)) for word in found.words]
    return [
        Interval(time(start, "right"), time(end, "left"), word.label, word.confidence)
        for word, start, end in words
    ]


def _extent(word: Word) -> Span:
    """Return start and end of a word without what is too long for a phone."""
    start, end = word.start, word.end
    for number, phone in enumerate(word.phones if word.source != "noise" else ()):
        if phone.duration > _LONGEST:
            if 2 * number < len(word.phones) - 1:
                start = phone.end - _AROUND
            else:
                return start, phone.start + _AROUND
    return start, end


def _segments(words: Sequence[Interval], speech: Sequence[Span], duration: float) -> list[Span]:
    """Return what is left of a stretch without the gaps that hold too much sound."""
    edges = [0.0, *(edge for word in words for edge in (word.start, word.end)), duration]
    kept = [0.0]
    for number, (start, end) in enumerate(zip(edges[::2], edges[1::2])):
        sound = sum(max(0.0, min(end, b) - max(start, a)) for a, b in speech)
        if sound > _LONGEST:
            # Nothing is left before the first word but its edge, nor behind the last one.
            kept += [start + _AROUND * (number > 0), end - _AROUND * (number < len(words))]
    kept.append(duration)
    return [(start, end) for start, end in zip(kept[::2], kept[1::2]) if end > start]


def _strays(
    words: Sequence[Interval], segments: Sequence[Span], duration: float
) -> list[tuple[int, int]]:
    """Return the words ``[first, last)`` beside a gap, so few that they may belong elsewhere."""
    starts = [word.start for word in words]
    gaps = {bisect_left(starts, start) for start, _ in segments if start > 0}
    gaps |= {bisect_left(starts, end) for _, end in segments if end < duration}
    pauses = {k for k in range(1, len(words)) if starts[k] - words[k - 1].end > _PAUSE}
    edges = sorted(gaps | pauses | {0, len(words)})
    return [
        (a, b)
        for a, b in pairwise(edges)
        if b - a <= min(_STRAY, len(words) - 1) and (a in gaps or b in gaps)
    ]


def _confidence(words: Sequence[Interval]) -> float:
    return float(np.mean([word.confidence or 0.0 for word in words]))
