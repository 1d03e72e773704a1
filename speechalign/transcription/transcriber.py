"""Transcriber: what all kinds of models that write down speech offer, and how one is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from speechalign.errors import InputError
from speechalign.models import Model
from speechalign.registry import Registry
from speechalign.transcription.transcript import Transcript

TRANSCRIBERS = Registry(
    "speechalign.transcribers",
    {
        "attention": "speechalign.transcription.whisper:WhisperTranscriber",
        "ctc": "speechalign.transcription.ctc:CtcTranscriber",
    },
)
"""By the ``aligner`` of a model: a class that is made of the model and options of transcription."""


class Transcriber(Protocol):
    """Interface of transcribers.

    ``longest`` is how many seconds it hears at once, and ``batch`` how many stretches it wants to
    hear together.
    """

    model: Model
    longest: float
    batch: int

    def transcribe(
        self, stretches: Sequence[np.ndarray], recordings: Sequence[str]
    ) -> list[Transcript]:
        """Write down stretches of speech.

        Parameters
        ----------
        stretches : Sequence of ndarray, shape (N,), float32
            At the sample rate of the model, each at most ``longest`` seconds.
        recordings : Sequence[str]
            Names of the recordings that they are of: one recording has one language.
        """

    def settings(self) -> Mapping[str, str]:
        """Return what transcripts depend on, beside recordings and the version."""


def load_transcriber(
    model: Model,
    *,
    language: str | None = None,
    beams: int = 1,
    prompt: str | None = None,
    translate: bool = False,
    ngrams: str | Path | None = None,
) -> Transcriber:
    """Make a transcriber of a model.

    Parameters
    ----------
    model : Model
        Whisper, or a CTC model of characters or pieces of words.
    language : str or None
        ISO 639 code of what is spoken; None to detect it, for a model that reads several.
    beams : int
        Width of the beam search; 1 for greedy.
    prompt : str or None
        Whisper's: text that is told to come before, with names and spellings to expect.
    translate : bool
        Whisper's: write English, whatever is spoken.
    ngrams : str, Path or None
        A CTC model's: a file of text, a sentence a line, in the spelling of the model. An n-gram
        model of it weighs in the beam search.

    Raises
    ------
    InputError
        The model cannot transcribe, does not know the language, or has no such option.
    """
    if model.aligner not in TRANSCRIBERS:
        raise InputError(
            f"{model.name}: aligns, but cannot transcribe; expected Whisper or a CTC model, such "
            "as openai/whisper-base"
        )
    make = cast(Callable[..., Transcriber], TRANSCRIBERS[model.aligner])
    return make(
        model, language=language, beams=beams, prompt=prompt, translate=translate, ngrams=ngrams
    )
