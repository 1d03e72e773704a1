"""Align with an encoder-decoder model: the best path through its attention to a given text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from speechalign.aligners.ctc_boundaries import lasting
from speechalign.aligners.result import AlignedUtterance
from speechalign.alignment import Interval
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError
from speechalign.kernels.ctc import ctc_viterbi
from speechalign.kernels.dtw import dtw
from speechalign.models import Attention, AttentionModel
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
        Of log-posteriors with a pause, the most probable path is taken on which each token lasts
        for a frame at least, with pauses between any two. Otherwise the path of dynamic time
        warping through the attention weights gives each token a first frame [1]_; where they are
        log-probabilities, it is the most probable monotone path. A token then lasts until the next
        one, so that words have no pauses between them. The confidence of a word is a logistic of
        the probabilities of its tokens, given the recording and the words before, and of the
        posteriors on its frames, or else the geometric mean of these probabilities.

        References
        ----------
        .. [1] A. Radford et al., "Robust speech recognition via large-scale weak supervision",
           Proc. ICML, 2023; word times as in the code released with it.
        """
        words = self._normalise(text, lambda _: False)
        attention = self.model.attend(
            waveform.samples, [word.label for word in words], language=self._language
        )
        if attention.confidence is None:
            edges, heard = _warped(attention), None
        else:
            edges, heard = best_path(attention)
        seconds = np.clip(self.model.grid.seconds(edges.astype(np.float64)), 0, waveform.duration)
        times = lasting(seconds, waveform.duration).tolist()
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
            own = slice(at, at + len(pieces))
            sure = float(attention.log_probs[own].mean())
            if attention.confidence is not None and heard is not None:
                offset, by_text, by_sound = attention.confidence
                score = offset + by_text * sure + by_sound * float(heard[own].mean())
                sure = -float(np.logaddexp(0.0, -score))
            span = Interval(spans[0][0], spans[-1][1], word.label, min(1.0, float(np.exp(sure))))
            source: Source = "noise" if word.spoken == (NOISE,) else "letters"
            aligned.append(replace(word, source=source, choices=(), span=span, tokens=tokens))
            at += len(pieces)
        log_likelihood = float(attention.log_probs.sum()) / (100 * waveform.duration)
        return AlignedUtterance.of(aligned, waveform, log_likelihood=log_likelihood, unit="tokens")


def _warped(attention: Attention) -> np.ndarray:
    """Return first frame, and the one after the last, of each token, by dynamic time warping."""
    path = dtw(-attention.weights)
    firsts = path.columns[np.flatnonzero(np.diff(path.rows, prepend=-1))]
    return np.stack([firsts[:-1], firsts[1:]], axis=1)


def best_path(attention: Attention) -> tuple[np.ndarray, np.ndarray]:
    """Find the most probable path through log-posteriors with a pause.

    Parameters
    ----------
    attention : Attention
        With a ``confidence``.

    Returns
    -------
    edges : ndarray, shape (L, 2), int64
        First frame of each token, and the one after its last.
    posteriors : ndarray, shape (L,), float64
        Mean log-posterior of each token in its frames.

    Raises
    ------
    AlignmentError
        There are more tokens than frames.
    """
    pause, frames = len(attention.weights) - 1, attention.weights.shape[1]
    if pause > frames:
        raise AlignmentError(
            f"the transcript is longer than the audio can hold: its {pause} tokens need a frame "
            f"each, and there are {frames}"
        )
    posteriors = np.ascontiguousarray(attention.weights.T)
    positions = ctc_viterbi(posteriors, np.arange(pause), blank=pause).positions
    edges = np.empty((pause, 2), np.int64)
    heard = np.empty(pause)
    for token in range(pause):
        on = np.flatnonzero(positions == 2 * token + 1)
        edges[token] = on[0], on[-1] + 1
        heard[token] = posteriors[on, token].mean()
    return edges, heard
