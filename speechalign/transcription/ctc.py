"""Transcribe with a CTC model of characters or pieces of words: greedily, or by beam search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from speechalign.errors import InputError
from speechalign.files.reading import read_text
from speechalign.models import CtcModel, Model
from speechalign.models.content import content_hash
from speechalign.pronunciation.spelling import Alphabet, separator
from speechalign.text.ngram import train_backoff_model
from speechalign.transcription.beam_search import LanguageModel, beam_search
from speechalign.transcription.transcript import Transcript, cut_loops

_LONGEST = 30.0  # seconds
_BATCH = 8
_SPECIAL = re.compile(r"<.+>|\[.+\]")
_BEGIN = "▁"  # in front of a piece that begins a word
# Of the n-gram model: symbols in a row, factor on its log-probabilities, gain of each symbol; the
# last two chosen with tools/tune_ngrams.py, on learners and spelled letters.
_ORDER, _WEIGHT, _BONUS = 6, 0.75, 1.0


class CtcTranscriber:
    """A CTC model as a `Transcriber`.

    Parameters
    ----------
    model : Model
        A `CtcModel` of characters or tokens.
    language, beams, prompt, translate, ngrams
        As `load_transcriber` has them.

    Raises
    ------
    InputError
        A model of phones, an option that it lacks, or a text of which nothing can be spelled.
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
        self.model = cast(CtcModel, model)
        if self.model.unit == "phones":
            raise InputError(
                f"{model.name}: writes phones, no words; expected a CTC model of characters or "
                "pieces of words, or Whisper"
            )
        if prompt is not None or translate:
            raise InputError(f"{model.name}: takes no prompt and does not translate; Whisper does")
        if ngrams is not None and beams == 1:
            raise InputError("ngrams: a language model needs a beam; give --beams 16 or more")
        self.longest, self.batch = _LONGEST, _BATCH
        self._beams = beams
        self._language = language or (model.language if len(model.language) == 2 else None)
        self._separator = separator(self.model.vocabulary)
        assert self.model.vocabulary.blank is not None
        self._blank = self.model.vocabulary.blank
        if ngrams is not None and not Path(ngrams).is_file():
            raise InputError(f"{ngrams}: there is no such file; expected a text, a sentence a line")
        self._text = None if ngrams is None else read_text(Path(ngrams))
        self._ngrams = None if self._text is None else self._language_model(self._text, ngrams)

    def transcribe(
        self,
        stretches: Sequence[np.ndarray],
        recordings: Sequence[str],  # noqa: ARG002
    ) -> list[Transcript]:
        """Write down stretches of speech."""
        together = self.batch if hasattr(self.model, "batch_seconds") else 1
        found = []
        for first in range(0, len(stretches), together):
            part = stretches[first : first + together]
            lengths = np.array([len(samples) for samples in part])
            waveforms = np.zeros((len(part), lengths.max()), np.float32)
            for row, samples in zip(waveforms, part):
                row[: len(samples)] = samples
            emissions = self.model.emit(waveforms, lengths)
            for scores, frames in zip(emissions.log_probs, emissions.input_lengths):
                text, repeated = cut_loops(self._decode(scores[:frames]))
                found.append(Transcript(text, self._language, repeated))
        return found

    def settings(self) -> Mapping[str, str]:
        """Return what transcripts depend on."""
        return {
            "content of the model": self.model.content_hash,
            "beams": str(self._beams),
            "n-grams": content_hash(self._text),
        }

    def _decode(self, log_probs: np.ndarray) -> str:
        """Return the text of (T, V) log-probabilities."""
        if not len(log_probs):
            return ""
        if self._beams > 1:
            labels = beam_search(
                log_probs, blank=self._blank, width=self._beams, model=self._ngrams
            )
        else:
            best = log_probs.argmax(axis=1)
            changed = np.append(True, best[1:] != best[:-1])
            labels = best[changed & (best != self._blank)].tolist()
        symbols = self.model.vocabulary.symbols
        text = "".join(
            " " if label == self._separator else symbols[label]
            for label in labels
            if label == self._separator or not _SPECIAL.fullmatch(symbols[label])
        )
        return " ".join(text.replace(_BEGIN, " ").split()).lower()

    def _language_model(self, text: str, source: object) -> LanguageModel:
        """Make an n-gram model of the symbols of a text."""
        begin, end = len(self.model.vocabulary), len(self.model.vocabulary) + 1
        sentences = [labels for line in text.splitlines() if (labels := self._labels(line))]
        if not sentences:
            raise InputError(
                f"{source}: has no line that {self.model.name} can spell; expected a sentence a "
                "line, in its letters"
            )
        rows = [[begin, *labels, end] for labels in sentences]
        ngrams = train_backoff_model(rows, end + 1, order=_ORDER)
        return LanguageModel(ngrams, begin, end, _WEIGHT, _BONUS)

    def _labels(self, line: str) -> list[int]:
        """Return the labels of a line; what the model has no symbol for is left out."""
        if hasattr(self.model, "tokenise"):
            pieces = [piece for word in line.split() for piece in self.model.tokenise(word)]
            return [piece.label for piece in pieces if piece.label is not None]
        alphabet = Alphabet(self.model.vocabulary)
        labels: list[int] = []
        for word in line.split():
            own = [piece.label for piece in alphabet.spell(word) if piece.label is not None]
            if own and labels and self._separator is not None:
                labels.append(self._separator)
            labels += own
        return labels
