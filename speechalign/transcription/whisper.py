"""Transcribe with Whisper, through transformers' own generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechalign.errors import InputError
from speechalign.language_codes import short_code
from speechalign.models import Model
from speechalign.models.whisper_attention import WhisperAttention
from speechalign.transcription.transcript import Transcript, cut_loops

_BATCH = {"cpu": 8}  # stretches heard together; on a GPU, 32


class WhisperTranscriber:
    """Whisper as a `Transcriber`.

    Parameters
    ----------
    model : Model
        A `WhisperAttention`.
    language, beams, prompt, translate, ngrams
        As `load_transcriber` has them.

    Raises
    ------
    InputError
        Another kind of model, a language that it does not know, an option that it lacks, or a
        prompt that is too long.
    """

    def __init__(
        self,
        model: Model,
        *,
        language: str | None,
        beams: int,
        prompt: str | None,
        translate: bool,
        ngrams: str | Path | None,
    ) -> None:
        if not isinstance(model, WhisperAttention):
            raise InputError(f"{model.name}: cannot transcribe; expected Whisper or a CTC model")
        if ngrams is not None:
            raise InputError(f"{model.name}: has its own language model; leave out --ngrams")
        if translate and model.language == "en":
            raise InputError(f"{model.name}: knows English only; leave out --translate")
        if language is not None:
            language = short_code(language).partition("-")[0]
            if language not in model.languages:
                raise InputError(
                    f"{model.name}: does not know the language {language!r}; expected one of "
                    f"{' '.join(model.languages)}"
                )
        if prompt:
            model.check_prompt(prompt)
        self.model = model
        self.longest = model.longest
        self.batch = _BATCH.get(model.device, 32)
        self._language, self._beams = language, beams
        self._prompt, self._translate = prompt, translate
        self._spoken: dict[str, str] = {}

    def transcribe(
        self, stretches: Sequence[np.ndarray], recordings: Sequence[str]
    ) -> list[Transcript]:
        """Write down stretches of speech; the first batch with a recording tells its language."""
        known = [self._language or self._spoken.get(name) for name in recordings]
        found = self.model.generate(
            stretches,
            known,
            groups=recordings,
            beams=self._beams,
            prompt=self._prompt,
            translate=self._translate,
        )
        transcripts = []
        for (text, language, log_prob), name in zip(found, recordings):
            self._spoken[name] = language
            kept, repeated = cut_loops(text)
            transcripts.append(Transcript(kept, language, repeated, round(log_prob, 3)))
        return transcripts

    def settings(self) -> Mapping[str, str]:
        """Return what transcripts depend on."""
        return {
            "content of the model": self.model.content_hash,
            "language": self._language or "auto",
            "beams": str(self._beams),
            "prompt": self._prompt or "",
            "translate": str(self._translate),
        }
