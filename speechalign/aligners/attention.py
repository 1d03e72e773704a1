"""Align with an encoder-decoder model: time warping over its attention to a given text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speechalign.aligners.ctc_boundaries import lasting
from speechalign.aligners.result import AlignedUtterance
from speechalign.alignment import Interval
from speechalign.audio.waveform import Waveform
from speechalign.kernels.dtw import dtw
from speechalign.models import AttentionModel
from speechalign.pronunciation.lexicon import normaliser
from speechalign.text.word import NOISE, Source, Token


class AttentionAligner:
    """A model that listens for a text; safe to use from several threads at once.

    Parameters
    ----------
    model : AttentionModel
        What listens.
    language : str
        Of the text.
    speaker_labels : str or None
        As `Aligner` has it.
    """

    def __init__(
        self, model: AttentionModel, *, language: str, speaker_labels: str | None = None
    ) -> None:
        self.model = model
        self._language = language
        self._normalise = normaliser(language, speaker_labels=speaker_labels)

    def align(self, waveform: Waveform, text: str) -> AlignedUtterance:
        """Find the times of words and tokens of a transcript, as `Aligner.align` says.

        Notes
        -----
        The path of dynamic time warping through the attention weights gives each token a first
        frame [1]_; where they are log-probabilities, it is the most probable monotone path. A token
        lasts until the next one, so that words have no pauses between them. The confidence of a
        word is the geometric mean of the probabilities of its tokens, given the recording and the
        words before.

        References
        ----------
        .. [1] A. Radford et al., "Robust speech recognition via large-scale weak supervision",
           Proc. ICML, 2023; word times as in the code released with it.
        """
        words = self._normalise(text, lambda _: False)
        attention = self.model.attend(
            waveform.samples, [word.label for word in words], language=self._language
        )
        path = dtw(-attention.weights)
        firsts = path.columns[np.flatnonzero(np.diff(path.rows, prepend=-1))]
        edges = np.clip(self.model.grid.seconds(firsts.astype(np.float64)), 0, waveform.duration)
        times = lasting(np.stack([edges[:-1], edges[1:]], axis=1), waveform.duration).tolist()
        aligned = []
        at = 0
        for word, pieces in zip(words, attention.tokens):
            spans = times[at : at + len(pieces)]
            tokens = tuple(
                Token(
                    Interval(start, end, word.label[piece.start : piece.end]),
                    piece.start,
                    piece.end,
                )
                for piece, (start, end) in zip(pieces, spans)
            )
            sure = float(np.exp(attention.log_probs[at : at + len(pieces)].mean()))
            span = Interval(spans[0][0], spans[-1][1], word.label, min(1.0, sure))
            source: Source = "noise" if word.spoken == (NOISE,) else "letters"
            aligned.append(replace(word, source=source, choices=(), span=span, tokens=tokens))
            at += len(pieces)
        log_likelihood = float(attention.log_probs.sum()) / (100 * waveform.duration)
        return AlignedUtterance.of(aligned, waveform, log_likelihood=log_likelihood, unit="tokens")
