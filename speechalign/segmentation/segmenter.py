"""Segmenter: find the stretches of a recording in which somebody speaks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from speechalign.alignment import Interval
from speechalign.audio.sources import as_waveform
from speechalign.models import Model, load_model
from speechalign.segmentation.intervals import Limits, speech_intervals
from speechalign.segmentation.phones import PhoneDetector
from speechalign.segmentation.silero import SileroDetector

if TYPE_CHECKING:
    from speechalign.audio.sources import Audio

LABEL = "[speech]"
"""Label of a segment whose words are not known: a noise token of transcripts."""


@runtime_checkable
class SpeechDetector(Protocol):
    """Interface of speech detectors.

    ``sample_rate`` is in Hz; ``step`` is the length of a frame, seconds.
    """

    name: str
    sample_rate: int
    step: float

    def probabilities(self, samples: np.ndarray) -> np.ndarray:
        """Return the probability of speech in each frame, (T,) float64, of (N,) float32 samples."""


class Segmenter:
    """Find the stretches of recordings in which somebody speaks.

    Parameters
    ----------
    detector : str, Path, Model or SpeechDetector
        ``silero``, or an HMM of phones: a name or folder that `speechalign.load_model` takes, or
        the model.
    limits : Limits
        How long segments and pauses may be.

    Raises
    ------
    InputError
        No such model, or the model has no silence.
    BackendError
        A package that the detector needs is missing.

    Examples
    --------
    >>> from speechalign.segmentation import Segmenter
    >>> segments = Segmenter("english-sphinx").find("talk.flac")  # doctest: +SKIP
    >>> [(segment.start, segment.end) for segment in segments]  # doctest: +SKIP
    [(0.31, 4.87), (5.6, 11.02)]
    """

    def __init__(
        self,
        detector: str | Path | Model | SpeechDetector = "english-sphinx",
        limits: Limits | None = None,
    ) -> None:
        self.detector = _loaded(detector)
        self.limits = limits or Limits()

    def find(
        self, audio: Audio, *, sample_rate: int | None = None, channel: int | None = None
    ) -> tuple[Interval, ...]:
        """Find the segments of one recording.

        Parameters
        ----------
        audio : path, binary file, ndarray, Tensor or Waveform
            As `speechalign.Aligner.align` takes it.
        sample_rate : int or None
            Hz, of an array or tensor; None for the others.
        channel : int or None
            Channel to take, counted from 0; None for a mix of all.

        Returns
        -------
        tuple of Interval
            In order and without overlap, to the millisecond, each labelled ``[speech]``; its
            confidence is the mean probability of speech in it.

        Raises
        ------
        InputError
            The audio cannot be read.
        """
        waveform = as_waveform(
            audio,
            sample_rate=sample_rate,
            channel=channel,
            target_rate=self.detector.sample_rate,
        )
        step = self.detector.step
        probabilities = self.detector.probabilities(waveform.samples)
        spans = speech_intervals(probabilities, step, waveform.duration, self.limits)
        return tuple(
            Interval(
                round(start, 3),
                min(round(end, 3), waveform.duration),
                LABEL,
                float(np.mean(_frames(probabilities, start, end, step))),
            )
            for start, end in spans
        )


def _frames(values: np.ndarray, start: float, end: float, step: float) -> np.ndarray:
    """Return the frames of a segment, one at least."""
    first = min(int(start / step), len(values) - 1)
    return values[first : max(first + 1, round(end / step))]


def _loaded(detector: str | Path | Model | SpeechDetector) -> SpeechDetector:
    if isinstance(detector, str) and detector == SileroDetector.name:
        return SileroDetector()
    if isinstance(detector, str | Path):
        return PhoneDetector(load_model(detector))
    if isinstance(detector, SpeechDetector):
        return detector
    return PhoneDetector(detector)
