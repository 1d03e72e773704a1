"""Align with a CTC model: of characters, of pieces of words, or of phones with pronunciations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from speechalign.aligners.confidence import item_confidences
from speechalign.aligners.ctc_boundaries import cell_levels, label_times, measure_levels
from speechalign.aligners.ctc_evidence import judge_labels, label_margins, reading_posteriors
from speechalign.aligners.long_form import emit_together
from speechalign.aligners.misfits import (
    find_readings,
    in_order_of_text,
    read_words,
    with_loud_pauses,
)
from speechalign.aligners.phone_evidence import Judgement
from speechalign.aligners.posteriors import Posterior
from speechalign.aligners.result import AlignedUtterance, Search
from speechalign.aligners.sound_extent import Kind, cover_sound
from speechalign.aligners.steps import begin_step
from speechalign.alignment import Interval, Margins
from speechalign.audio.waveform import Waveform
from speechalign.emissions import Emissions
from speechalign.errors import AlignmentError, InputError
from speechalign.frames import FrameGrid
from speechalign.graphs.ctc_variants import ctc_variant_graph, variant_labels
from speechalign.graphs.ctc_words import ctc_word_graph, with_star
from speechalign.graphs.misfits import Misfit, Penalties
from speechalign.kernels import forward_backward, viterbi
from speechalign.kernels.ctc import CtcPath, ctc_viterbi
from speechalign.models import CtcModel
from speechalign.pronunciation.spelling import load_speller
from speechalign.text.word import NOISE, Pronunciation, Reading, Token, Word
from speechalign.vocabulary import Piece

OVERLAP = 1.0
"""Seconds that a chunk of a long recording hears on either side, and throws away."""

# Readings and confidences are found in windows of so many items, with context on either side, and
# boundaries in windows of so many labels, so that memory stays bounded.
_WINDOW, _CONTEXT = 48, 6
_LABELS = 256
# For confidences: the factor on scores, because neighbouring frames are not independent, and the
# prior of a word that is not said. Both were chosen on synthetic speech with words replaced.
_SCALE = 0.5
_NOT_SAID = math.log(0.05)
# Items that another account of the audio may leave out in a row.
_MAX_JUMP = 4
# Nats a frame that noise tokens lose against the best label, so that they leave silence to the
# blank and words their own labels; chosen as the odds in `phones` (tools/tune_noise.py).
_NOISE_PENALTY = 0.1
# Nats: about a quarter of those of phones, as so much less is at stake a word; not tuned yet.
MISFIT_PENALTIES = Penalties(
    skip=-10.0,
    skip_more=-1.0,
    insertion=-10.0,
    jump=-25.0,
    filler=-4.0,
    sound=0.3,
    chance=8.0,
    word=1.0,
    beam=60.0,
)
_MEMORY = 256 * 2**20
_SEAM = 0.1  # seconds of audio that a window of labels hears beyond them
_ANY = "spn"  # the phone of what cannot be read, as in the dictionary's noise


@dataclass(frozen=True)
class _Item:
    """A spoken word, or what stands between two: readings, and the number of its word if any."""

    word: int | None
    readings: tuple[Reading, ...]


@dataclass(frozen=True)
class _Known:
    """What is known of the labels of words, and of items: times, shape (K, 2), and posteriors."""

    times: np.ndarray
    margins: Sequence[tuple[Margins | None, Margins | None]]
    judged: Sequence[Judgement]
    pronunciations: Sequence[tuple[Pronunciation, ...] | None]


class CtcAligner:
    """A CTC model with what spells for it; safe to use from several threads at once.

    Parameters
    ----------
    model : CtcModel
        Scores its symbols and a blank.
    language : str
        Of the text.
    speaker_labels : str or None
        As `Aligner` has it.
    allow : Sequence of {"skips", "repeats", "insertions", "fillers"}
        As `Aligner` has it. A filler is any sound.
    posteriors : Sequence of {"intervals", "phone-confidence", "n-best"}
        As `Aligner` has it.

    Raises
    ------
    InputError
        The model's vocabulary has no blank, or it does not read the language.
    """

    def __init__(
        self,
        model: CtcModel,
        *,
        language: str,
        speaker_labels: str | None = None,
        allow: Sequence[Misfit] = (),
        posteriors: Sequence[Posterior] = (),
    ) -> None:
        if model.vocabulary.blank is None:
            raise InputError(f"{model.name}: expected a vocabulary with a blank, as CTC has one")
        self.model = model
        self.allow = allow
        self.posteriors = posteriors
        self._blank = model.vocabulary.blank
        self._star = len(model.vocabulary)  # the column that with_star appends
        self._speller = load_speller(model, language=language, speaker_labels=speaker_labels)

    def emit(self, waveforms: Sequence[Waveform]) -> list[Emissions]:
        """Score recordings for `align`, in batches if the model takes any."""
        return emit_together(self.model, waveforms, overlap=OVERLAP)

    def align(
        self, waveform: Waveform, text: str, *, emissions: Emissions | None = None
    ) -> AlignedUtterance:
        """Find the times of words and labels of a transcript, as `Aligner.align` says.

        Notes
        -----
        The Viterbi path over the labels, blanks between them, is exact however long the recording;
        emissions are made in chunks (`emit_together`). Of several pronunciations, the one that the
        best path takes is meant. What the model cannot read is one label that stands for any
        sound, of the mean probability of all labels (`with_star`). A noise token is whatever the
        text does not explain, and is stretched over all sound between its neighbours
        (`cover_sound`).

        The confidence of a word is its posterior on the frames that the path gives it, where one
        word in twenty may be left out or be another sound: an estimate of the probability that it
        was said. Scores are scaled down for it, because neighbouring frames are not independent. It
        is None for words of which nothing can be read. Boundaries lie between labels, where the
        spectrum changes (`label_times`).
        """
        transcript = words = self._speller.words(text)
        items = self._items(words)
        if all(piece.label is None for item in items if item.word is not None
               for reading in item.readings for piece in reading):  # fmt: skip
            raise InputError(
                f"transcript: {words[0].label!r} and all other words have nothing that "
                f"{self.model.name} can read; romanise them, or choose a model of their language"
            )
        if emissions is None:
            (emissions,) = self.emit([waveform])
        read: Sequence[int | None] = range(len(words))
        if self.allow:
            read = self._read(emissions, items)
            noise = Word("", (NOISE,), "noise", readings=(((Piece(None, 0, 0),),),))
            words = tuple(read_words(words, read, noise))
            items = self._items(words)
        readings = [min(item.readings, key=len) for item in items]
        self._check_length(readings, len(emissions[0]), waveform.duration)
        noisy = [item.word is not None and words[item.word].source == "noise" for item in items]
        begin_step("searching", 0.8)
        path = self._path(emissions, readings, noisy)
        if any(len(item.readings) > 1 for item in items):
            readings = self._chosen(emissions, items, readings, path)
            path = self._path(emissions, readings, noisy)
        spans = _label_spans(path, readings)
        confidences = self._confidences(emissions, readings, spans)
        times = _times(emissions.grid, items, readings, spans, waveform)
        if any(noisy):
            sounds = [
                noise
                for noise, item, reading in zip(noisy, items, readings)
                for _ in reading
                if item.word is not None
            ]
            times = _over_sound(times, sounds, waveform)
        known = self._known(emissions, items, readings, noisy, spans, times, waveform)
        said, untranscribed = in_order_of_text(
            transcript, read, self._timed(words, items, readings, confidences, known)
        )
        if "insertions" in self.allow:
            untranscribed = with_loud_pauses(said, untranscribed, waveform)
        return AlignedUtterance.of(
            said,
            waveform,
            log_likelihood=path.score / (100 * waveform.duration),
            unit=self.model.unit,
            untranscribed=untranscribed,
            search=Search("beam" if self.allow else "full", certified=not self.allow),
        )

    def _read(self, emissions: Emissions, items: Sequence[_Item]) -> list[int | None]:
        """Find which words are read, where text and audio need not fit."""
        scores = with_star(emissions[0], blank=self._blank)
        spoken = [item for item in items if item.word is not None]
        between = [] if self._speller.separator is None else [self._speller.separator]
        variants = [
            [self._labels(reading) + between * (n + 1 < len(spoken)) for reading in item.readings]
            for n, item in enumerate(spoken)
        ]
        return find_readings(
            scores,
            scores.max(axis=1),
            ctc_variant_graph(variants, blank=self._blank),
            [ctc_variant_graph([own], blank=self._blank) for own in variants],
            [item.word for item in spoken if item.word is not None],
            allow=self.allow,
            penalties=MISFIT_PENALTIES,
            fillers=[[self._star]],
        )

    def _items(self, words: Sequence[Word]) -> list[_Item]:
        """Return the spoken words in order, with separators between them where there are such."""
        items: list[_Item] = []
        for number, word in enumerate(words):
            for readings in word.readings:
                if items and self._speller.separator is not None:
                    items.append(_Item(None, ((Piece(self._speller.separator, 0, 0),),)))
                items.append(_Item(number, readings))
        return items

    def _labels(self, reading: Reading) -> list[int]:
        return [self._star if piece.label is None else piece.label for piece in reading]

    def _check_length(self, readings: Sequence[Reading], frames: int, duration: float) -> None:
        """Refuse a transcript that needs more frames than there are."""
        labels = [label for reading in readings for label in self._labels(reading)]
        needed = len(labels) + sum(a == b for a, b in pairwise(labels))
        if needed > frames:
            seconds = needed * self.model.grid.stride / self.model.sample_rate
            raise AlignmentError(
                f"the transcript is longer than the audio can hold: its {len(labels)} "
                f"{self.model.unit} need at least {seconds:.2f} s, the audio lasts "
                f"{duration:.2f} s; check that they belong together"
            )

    def _path(
        self, emissions: Emissions, readings: Sequence[Reading], noisy: Sequence[bool]
    ) -> CtcPath:
        """Find the best path through one reading of each item, some of which are noise.

        Noise is any sound and any silence, in one more column: the best of all less a penalty, so
        that it takes what the text does not explain.
        """
        labels = np.array(
            [
                self._star + 1 if noise else label
                for reading, noise in zip(readings, noisy)
                for label in self._labels(reading)
            ],
            np.int64,
        )
        log_probs, normalised = emissions[0], emissions.normalised
        if (labels >= self._star).any():
            best = log_probs.max(axis=1, keepdims=True) - log_probs.dtype.type(_NOISE_PENALTY)
            log_probs = np.append(with_star(log_probs, blank=self._blank), best, axis=1)
            normalised = False
        return ctc_viterbi(
            log_probs, labels, blank=self._blank, normalised=normalised, memory_budget=_MEMORY
        )

    def _chosen(
        self,
        emissions: Emissions,
        items: Sequence[_Item],
        readings: Sequence[Reading],
        path: CtcPath,
    ) -> list[Reading]:
        """Choose the reading of each item that fits best, near where the path has the item."""
        spans = _item_spans(_label_spans(path, readings), readings)
        chosen: list[Reading] = []
        for inner, outer, frames in _windows(spans, len(emissions[0])):
            variants = [[self._labels(r) for r in item.readings] for item in items[outer]]
            graph = ctc_variant_graph(variants, blank=self._blank)
            scores = with_star(emissions[0][frames], blank=self._blank)
            found = variant_labels(graph, viterbi(scores, graph).arcs, blank=self._blank)
            for number in range(inner.start, inner.stop):
                labels = found[number - outer.start]
                chosen.append(next(r for r in items[number].readings if self._labels(r) == labels))
        return chosen

    def _confidences(
        self, emissions: Emissions, readings: Sequence[Reading], label_spans: np.ndarray
    ) -> list[float | None]:
        """Say of each item how sure it is; None where nothing of it can be read."""
        spans = _item_spans(label_spans, readings)
        confidences: list[float | None] = []
        for inner, outer, frames in _windows(spans, len(emissions[0])):
            labels = [self._labels(reading) for reading in readings[outer]]
            graph = ctc_word_graph(
                labels,
                blank=self._blank,
                star=self._star,
                skip_weight=_NOT_SAID,
                max_jump=_MAX_JUMP,
            )
            scaled = emissions[0][frames] * emissions[0].dtype.type(_SCALE)
            posteriors = forward_backward(with_star(scaled, blank=self._blank), graph).posteriors
            positions = np.zeros(len(scaled), np.int64)
            for i, (begin, end) in enumerate((spans[outer] - frames.start).tolist()):
                positions[begin:end] = 2 * i + 1
                positions[end:] = 2 * i + 2
            found = item_confidences(posteriors, positions)
            confidences += [
                found[number - outer.start]
                if any(piece.label is not None for piece in readings[number])
                else None
                for number in range(inner.start, inner.stop)
            ]
        return confidences

    def _known(
        self,
        emissions: Emissions,
        items: Sequence[_Item],
        readings: Sequence[Reading],
        noisy: Sequence[bool],
        spans: np.ndarray,
        times: np.ndarray,
        waveform: Waveform,
    ) -> _Known:
        """Return the times of labels, and what was asked for of the posteriors."""
        sizes = [len(reading) for reading in readings]
        labels = np.array([label for reading in readings for label in self._labels(reading)])
        spoken = np.repeat([item.word is not None for item in items], sizes)
        noise = np.repeat(noisy, sizes)
        count = int(spoken.sum())
        margins: list[tuple[Margins | None, Margins | None]] = [(None, None)] * count
        judged = [Judgement()] * count
        pronunciations: list[tuple[Pronunciation, ...] | None] = [None] * len(items)
        if self.posteriors:
            scores = with_star(emissions[0], blank=self._blank)
        if "intervals" in self.posteriors:
            margins = [
                (None, None) if sound else pair
                for pair, sound in zip(
                    label_margins(
                        *(scores, emissions.grid, labels, spans, spoken, times, waveform),
                        blank=self._blank,
                    ),
                    noise[spoken],
                )
            ]
        if "phone-confidence" in self.posteriors:
            found = judge_labels(
                *(scores, labels, spans, spoken & ~noise & (labels < self._star)),
                blank=self._blank,
                symbols=self._star,
                scale=_SCALE,
            )
            judged = [judgement for judgement, own in zip(found, spoken) if own]
        if "n-best" in self.posteriors:
            pronunciations = list(
                reading_posteriors(
                    scores,
                    [[self._labels(reading) for reading in item.readings] for item in items],
                    _item_spans(spans, readings),
                    [*self.model.vocabulary.symbols, _ANY],
                    blank=self._blank,
                    scale=_SCALE,
                )
            )
        return _Known(times, margins, judged, pronunciations)

    def _timed(
        self,
        words: Sequence[Word],
        items: Sequence[_Item],
        readings: Sequence[Reading],
        confidences: Sequence[float | None],
        known: _Known,
    ) -> list[Word]:
        """Return the words with the times and confidences of their items."""
        words = list(words)
        tokens: list[list[Token]] = [[] for _ in words]
        certain: list[list[tuple[float, int]]] = [[] for _ in words]
        said: list[list[tuple[Pronunciation, ...]]] = [[] for _ in words]
        rows = zip(known.times.tolist(), known.margins, known.judged)
        for item, reading, confidence, ways in zip(
            items, readings, confidences, known.pronunciations
        ):
            if item.word is None:
                continue
            label = words[item.word].label
            word = words[item.word]
            if word.choices:
                words[item.word] = word.chosen(word.readings[0].index(reading))
            if ways is not None:
                said[item.word].append(ways)
            for piece in reading:
                (start, end), margins, judged = next(rows)
                if piece.label is not None and piece.label == self._speller.separator:
                    continue  # between the words of a reading
                interval = Interval(
                    start,
                    end,
                    self._symbol(piece, label),
                    judged.posterior,
                    *margins,
                    goodness=judged.goodness,
                )
                tokens[item.word].append(Token(interval, piece.start, piece.end))
            if confidence is not None:
                certain[item.word].append((confidence, len(reading)))
        timed = []
        for word, parts, own, found in zip(words, tokens, certain, said):
            weight = sum(length for _, length in own)
            sure = sum(c * length for c, length in own) / weight if own else None
            first, last = parts[0].interval, parts[-1].interval
            edges = first.start_margins, last.end_margins
            span = Interval(first.start, last.end, word.label, sure, *edges)
            word = replace(word, span=span, pronunciations=tuple(found))
            if self.model.unit == "phones":
                timed.append(replace(word, phones=tuple(part.interval for part in parts)))
            else:
                timed.append(replace(word, tokens=tuple(parts)))
        return timed

    def _symbol(self, piece: Piece, label: str) -> str:
        """Return the symbol of the model, or the user's characters where it has none."""
        if piece.label is not None:
            return self.model.vocabulary.symbols[piece.label]
        return _ANY if self.model.unit == "phones" else label[piece.start : piece.end]


def _over_sound(times: np.ndarray, noisy: Sequence[bool], waveform: Waveform) -> np.ndarray:
    """Stretch the labels of noise tokens, some rows of (K, 2) times, as `cover_sound` says."""
    kinds: list[Kind] = ["silence"]
    for noise in noisy:
        kinds += ["noise" if noise else "word", "silence"]
    edges = np.concatenate([[0.0], times.ravel(), [waveform.duration]])
    found = cover_sound(edges, kinds, waveform.samples, waveform.sample_rate)
    covered: np.ndarray = found[1:-1].reshape(-1, 2)
    return covered


def _label_spans(path: CtcPath, readings: Sequence[Reading]) -> np.ndarray:
    """Return the frames ``[start, end)`` of each label of a path, shape (L, 2)."""
    frames = np.flatnonzero(path.positions % 2 == 1)
    owners = path.positions[frames] // 2
    labels = np.arange(sum(map(len, readings)))
    starts = frames[np.searchsorted(owners, labels)]
    ends = frames[np.searchsorted(owners, labels, side="right") - 1] + 1
    return np.stack([starts, ends], axis=1)


def _item_spans(label_spans: np.ndarray, readings: Sequence[Reading]) -> np.ndarray:
    """Return the frames ``[start, end)`` of each item, shape (I, 2)."""
    edges = np.append(0, np.cumsum([len(reading) for reading in readings]))
    return np.stack([label_spans[edges[:-1], 0], label_spans[edges[1:] - 1, 1]], axis=1)


def _windows(spans: np.ndarray, frames: int) -> Iterator[tuple[slice, slice, slice]]:
    """Yield items to judge, the same with context, and the frames of these and the gaps around."""
    count = len(spans)
    for begin in range(0, count, _WINDOW):
        end = min(begin + _WINDOW, count)
        low, high = max(0, begin - _CONTEXT), min(count, end + _CONTEXT)
        first = int(spans[low - 1, 1]) if low else 0
        last = int(spans[high, 0]) if high < count else frames
        yield slice(begin, end), slice(low, high), slice(first, last)


def _times(
    grid: FrameGrid,
    items: Sequence[_Item],
    readings: Sequence[Reading],
    spans: np.ndarray,
    waveform: Waveform,
) -> np.ndarray:
    """Return start and end, seconds, of each label of a word, shape (K, 2)."""
    spoken = np.repeat([item.word is not None for item in items], [len(r) for r in readings])
    begins = [
        n == 0 for item, r in zip(items, readings) if item.word is not None for n in range(len(r))
    ]
    own = spans[spoken]
    duration, rate = waveform.duration, waveform.sample_rate
    cores = np.stack([grid.seconds(own[:, 0] + 0.5), grid.seconds(own[:, 1] - 0.5)], axis=1)
    cores = np.clip(cores, 0.0, duration)
    levels = measure_levels(cell_levels(waveform.samples, rate), cores)
    block = rate // 100
    times = np.empty_like(cores)
    for begin in range(0, len(cores), _LABELS):
        end = min(begin + _LABELS, len(cores))
        low, high = max(0, begin - 1), min(len(cores), end + 1)
        # Windows see the same cells of audio, so that they agree where they meet.
        first = block * max(0, int((cores[low, 0] - _SEAM) * rate) // block) if low else 0
        last = int((cores[high - 1, 1] + _SEAM) * rate) if high < len(cores) else None
        shift = first / rate
        found = label_times(
            cores[low:high] - shift,
            begins[low:high],
            waveform.samples[first:last],
            rate,
            levels,
        )
        times[begin:end] = found[begin - low : end - low] + shift
    bounded: np.ndarray = np.minimum(times, duration)
    return bounded
