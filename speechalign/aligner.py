"""Align one utterance: a waveform and a transcript in, times of words and phones out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from rich.cells import cell_len, set_cell_size

from speechalign.alignment import Alignment, Interval
from speechalign.boundaries import boundary_medians, keep_apart, spectral_change
from speechalign.errors import AlignmentError, InputError
from speechalign.frames import FrameGrid
from speechalign.kernels import forward_backward, viterbi
from speechalign.lexicon import Lexicon, LexiconWord
from speechalign.models import PhoneModel, PhoneSpan, load_model
from speechalign.waveform import Waveform, read_waveform

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_MODEL = "english-sphinx"
# Boundaries are placed in windows of so many phones, with context, so that memory stays bounded.
_WINDOW, _CONTEXT = 256, 16
_COLUMNS = ("word", "start", "end", "confidence", "phones")


@dataclass(frozen=True)
class AlignedWord:
    """One word of the transcript, with its time.

    Parameters
    ----------
    word : LexiconWord
        The user's word, what is said for it, and where its pronunciation comes from.
    interval : Interval
        When it is said, and with what confidence it is.
    phones : tuple[Interval, ...]
        The pronunciation that fits best; pauses inside the word are gaps.
    """

    word: LexiconWord
    interval: Interval
    phones: tuple[Interval, ...]


@dataclass(frozen=True, repr=False)
class AlignedUtterance:
    """An utterance with the times of its words; plots itself, and shows as a table.

    Parameters
    ----------
    words : tuple[AlignedWord, ...]
        As many as the transcript has.
    duration : float
        Seconds.
    log_likelihood : float
        Of the best path, natural logarithm per frame of 10 ms.
    confidence : float
        Mean confidence of the words, weighted by duration, in [0, 1].
    waveform : Waveform
        What was aligned.
    """

    words: tuple[AlignedWord, ...]
    duration: float
    log_likelihood: float
    confidence: float
    waveform: Waveform

    @property
    def alignment(self) -> Alignment:
        """The tiers ``words`` and ``phones``."""
        return Alignment(
            {
                "words": [word.interval for word in self.words],
                "phones": [phone for word in self.words for phone in word.phones],
            },
            self.duration,
        )

    def plot(self) -> Figure:
        """Draw waveform, spectrogram and tiers; needs the extra ``speechalign[plot]``."""
        from speechalign.viz import plot_alignment

        return plot_alignment(self.alignment, self.waveform)

    def _rows(self) -> list[tuple[str, str, str, str, str]]:
        return [
            (
                word.interval.label,
                f"{word.interval.start:.3f}",
                f"{word.interval.end:.3f}",
                f"{word.interval.confidence:.2f}",
                " ".join(phone.label for phone in word.phones),
            )
            for word in self.words
        ]

    def __repr__(self) -> str:
        rows = [_COLUMNS, *self._rows()]
        widths = [max(cell_len(row[i]) for row in rows) for i in range(len(_COLUMNS))]
        return "\n".join(
            "  ".join(set_cell_size(cell, width) for cell, width in zip(row, widths)).rstrip()
            for row in rows
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{name}</th>" for name in _COLUMNS)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self._rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Aligner:
    """A loaded model with its lexicon; safe to use from several threads at once.

    Parameters
    ----------
    model : str or PhoneModel
        Name of an acoustic model, or the model itself.

    Raises
    ------
    InputError
        No model has this name.
    BackendError
        A package that the model needs is missing.
    """

    def __init__(self, model: str | PhoneModel = DEFAULT_MODEL) -> None:
        self.model = cast(PhoneModel, load_model(model)) if isinstance(model, str) else model
        self.lexicon = Lexicon(self.model)

    def align(self, waveform: Waveform, text: str) -> AlignedUtterance:
        """Find the times of the words and phones of a transcript.

        Parameters
        ----------
        waveform : Waveform
            At the sample rate of the model.
        text : str
            What is said, as written: casing, punctuation, numbers and symbols are kept as labels.

        Returns
        -------
        AlignedUtterance
            As many words as the transcript has; none is left out or has no duration.

        Raises
        ------
        InputError
            The transcript has nothing to say, or the sample rate is not the model's.
        AlignmentError
            The transcript is longer than the recording can hold.

        Notes
        -----
        The Viterbi path over all pronunciations and optional pauses, without a beam, says which
        phones were spoken. Forward-backward over that sequence, with the acoustic scores scaled
        down, gives the distribution of each boundary, which `boundary_medians` turns into a time.

        The confidence of a word compares, frame by frame, the score of the sound that the path puts
        there with that of the best sound of all, and is the logistic function of the mean
        difference, with the model's calibration: an estimate of the probability that this word was
        said, if a random other word were as likely.
        """
        if waveform.sample_rate != self.model.sample_rate:
            raise InputError(
                f"waveform: expected {self.model.sample_rate} Hz for {self.model.name}, got "
                f"{waveform.sample_rate}; read it with sample_rate={self.model.sample_rate}"
            )
        words = self.lexicon.words(text)
        samples = waveform.samples
        emissions = self.model.emit(samples[None], np.array([len(samples)], np.int64))
        log_probs = emissions[0]
        spoken = [variants for word in words for variants in word.variants]
        graph = self.model.graph(spoken)
        try:
            path = viterbi(log_probs, graph)
        except AlignmentError:
            self._check_length(spoken, len(log_probs), waveform.duration)
            raise
        spans = self.model.spans(graph, path.arcs)
        times = self._place(log_probs, emissions.grid, spans, samples)
        scores = log_probs[np.arange(len(log_probs)), graph.labels[path.arcs]]
        deficits = scores - log_probs.max(axis=1)
        owner = [number for number, word in enumerate(words) for _ in word.variants]
        members: list[list[int]] = [[] for _ in words]
        for k, span in enumerate(spans):
            if span.position % 2 == 1:
                members[owner[span.position // 2]].append(k)
        aligned = []
        for word, own in zip(words, members):
            phones = tuple(
                Interval(float(times[k]), float(times[k + 1]), self._phone_label(spans[k].phone))
                for k in own
            )
            frames = np.concatenate([np.arange(spans[k].begin, spans[k].end) for k in own])
            confidence = _sigmoid(self.model.calibration, float(deficits[frames].mean()))
            whole = Interval(phones[0].start, phones[-1].end, word.label, confidence)
            aligned.append(AlignedWord(word, whole, phones))
        durations = np.array([word.interval.duration for word in aligned])
        confidences = np.array([word.interval.confidence for word in aligned])
        return AlignedUtterance(
            tuple(aligned),
            waveform.duration,
            path.score / len(log_probs),
            float(np.average(confidences, weights=durations)),
            waveform,
        )

    def _phone_label(self, phone: str) -> str:
        return "spn" if phone == self.model.noise else phone

    def _place(
        self,
        log_probs: np.ndarray,
        grid: FrameGrid,
        spans: Sequence[PhoneSpan],
        samples: np.ndarray,
    ) -> np.ndarray:
        """Return the time of each boundary, both ends included, shape (len(spans) + 1,)."""
        change, change_grid = spectral_change(samples, self.model.sample_rate)
        ratio = grid.stride // change_grid.stride
        medians = [np.zeros((2, 1))]
        for begin in range(0, len(spans), _WINDOW):
            end = min(begin + _WINDOW, len(spans))
            low, high = max(0, begin - _CONTEXT), min(len(spans), end + _CONTEXT)
            first, last = spans[low].begin, spans[high - 1].end
            graph = self.model.chain([span.phone for span in spans[low:high]])
            scaled = log_probs[first:last] * log_probs.dtype.type(self.model.acoustic_scale)
            passed = np.cumsum(forward_backward(scaled, graph).posteriors, axis=1)
            # Column 2i + 1: item i has begun to be left where the probability falls.
            begun = 1.0 - passed[:, 1:-2:2]
            cells = slice(ratio * first, ratio * last + 2)
            found = boundary_medians(
                begun,
                replace(grid, offset=grid.offset + first * grid.stride),
                change[cells],
                replace(change_grid, offset=change_grid.offset + cells.start * change_grid.stride),
            )
            # Boundary k of the window lies between its items k and k + 1.
            wanted = min(end, len(spans) - 1)
            medians.append(found[:, begin - low : wanted - low])
        duration = len(samples) / self.model.sample_rate
        medians.append(np.full((2, 1), duration))
        # Windows need not agree where they meet; the best path is in order (test_seams_of_windows).
        best = np.append(grid.seconds(np.array([span.begin for span in spans])), duration)
        candidates = np.vstack([np.concatenate(medians, axis=1), best])
        return keep_apart(candidates, grid.stride / grid.sample_rate)

    def _check_length(
        self, spoken: Sequence[Sequence[Sequence[str]]], frames: int, duration: float
    ) -> None:
        """Refuse a transcript whose shortest pronunciation needs more frames than there are."""
        phones = [phone for variants in spoken for phone in min(variants, key=len)]
        needed = self.model.chain(phones).num_states - 1
        if needed > frames:
            raise AlignmentError(
                f"the transcript is longer than the audio can hold: its {len(phones)} phones need "
                f"at least {self.model.grid.seconds(needed):.2f} s, the audio lasts "
                f"{duration:.2f} s; check that they belong together"
            ) from None


def _sigmoid(calibration: tuple[float, float], deficit: float) -> float:
    """Map a mean log-likelihood deficit, at most 0, to a probability."""
    slope, intercept = calibration
    return 1.0 / (1.0 + math.exp(-(slope * deficit + intercept)))


def align(
    audio: str | Path,
    text: str,
    *,
    model: str | PhoneModel = DEFAULT_MODEL,
    channel: int | None = None,
) -> AlignedUtterance:
    """Align one recording with its transcript.

    Parameters
    ----------
    audio : str or Path
        Sound file of any sample rate and channel count.
    text : str
        What is said in it.
    model : str or PhoneModel
        Acoustic model, or its name.
    channel : int or None
        Channel to use, counted from 0; None takes the mean of all.

    Returns
    -------
    AlignedUtterance
        Times of words and phones, with confidence; ``.alignment`` can be written to a file.

    Raises
    ------
    InputError
        The audio cannot be read, or the transcript has nothing to say.
    AlignmentError
        The transcript is longer than the recording can hold.

    Examples
    --------
    >>> import speechalign
    >>> result = speechalign.align("hello.wav", "Hello, world!")  # doctest: +SKIP
    >>> speechalign.write_alignment(result.alignment, "hello.TextGrid")  # doctest: +SKIP
    """
    aligner = Aligner(model)
    waveform = read_waveform(audio, sample_rate=aligner.model.sample_rate, channel=channel)
    try:
        return aligner.align(waveform, text)
    except AlignmentError as error:
        raise AlignmentError(f"{audio}: {error}") from None
