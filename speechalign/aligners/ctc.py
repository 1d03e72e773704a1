"""Align with a CTC model: of characters, of pieces of words, or of phones with pronunciations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from speechalign.aligners.ctc_boundaries import times_of_labels
from speechalign.aligners.ctc_evidence import (
    judge_labels,
    label_margins,
    reading_confidences,
    reading_posteriors,
)
from speechalign.aligners.ctc_misfits import PENALTIES, find_ctc_readings, steady_blanks
from speechalign.aligners.emission_chunks import emit_together
from speechalign.aligners.label_rows import Item, LabelRow, spans_of_arcs, spans_of_path
from speechalign.aligners.misfits import (
    CERTAIN,
    in_order_of_text,
    read_words,
    with_loud_pauses,
)
from speechalign.aligners.phone_evidence import Judgement
from speechalign.aligners.posteriors import Posterior
from speechalign.aligners.result import AlignedUtterance
from speechalign.aligners.search import EXACT, Search, best_path
from speechalign.aligners.sound_extent import cover_between, loud_at
from speechalign.aligners.spoken_pauses import spoken_blanks
from speechalign.aligners.steps import begin_step
from speechalign.alignment import Interval, Margins
from speechalign.audio.waveform import Waveform
from speechalign.emissions import Emissions
from speechalign.errors import AlignmentError, InputError
from speechalign.graphs.ctc_variants import ctc_variant_graph, variant_labels
from speechalign.graphs.ctc_words import with_star
from speechalign.graphs.misfits import Misfit
from speechalign.kernels.ctc import ctc_viterbi
from speechalign.models import CtcModel
from speechalign.pronunciation.spelling import load_speller
from speechalign.text.word import NOISE, Pronunciation, Reading, Token, Word
from speechalign.vocabulary import Piece

OVERLAP = 1.0
"""Seconds that a chunk of a long recording hears on either side, and throws away."""

# Nats a frame that noise tokens lose against the best label, so that they leave silence to the
# blank and words their own labels; chosen as the odds in `phones` (tools/tune_noise.py).
_NOISE_PENALTY = 0.1
_MEMORY = 256 * 2**20
_ANY = "spn"  # the phone of what cannot be read, as in the dictionary's noise


@dataclass(frozen=True)
class _Scores:
    """Emissions of a recording, and the same with a column for any sound."""

    emissions: Emissions
    blank: int

    @property
    def plain(self) -> np.ndarray:
        """Log-probabilities of the model's symbols, shape (T, V)."""
        return self.emissions[0]

    @cached_property
    def with_star(self) -> np.ndarray:
        """The same with the mean of the labels as a last column, shape (T, V + 1)."""
        return with_star(self.plain, blank=self.blank)


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
        self.penalties = PENALTIES
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
        scores = _Scores(emissions, self._blank)
        read: Sequence[int | None] = range(len(words))
        steady = np.zeros(len(scores.plain), np.bool_)
        if self.allow:
            grid = emissions.grid
            moments = grid.seconds(np.arange(len(scores.plain)) + 0.5)
            loud = loud_at(moments, waveform.samples, waveform.sample_rate)
            if "insertions" in self.allow:
                rate = grid.sample_rate / grid.stride
                steady = steady_blanks(scores.plain, loud, rate, blank=self._blank)
            read = self._read(scores, items, steady, loud)
            noise = Word("", (NOISE,), "noise", readings=(((Piece(None, 0, 0),),),))
            words = tuple(read_words(words, read, noise))
            items = self._items(words)
        self._check_length(items, len(scores.plain), waveform.duration)
        begin_step("searching", 0.8)
        row, score, search = self._search(scores, items, steady)
        confidences = reading_confidences(
            scores.plain, row.rows, row.item_spans, blank=self._blank, star=self._star
        )
        spoken = row.is_spoken
        times = times_of_labels(
            emissions.grid, row.spans[spoken], row.is_first[spoken].tolist(), waveform
        )
        if row.is_noise.any():
            noisy = row.is_noise[spoken].tolist()
            times = cover_between(times, noisy, waveform.samples, waveform.sample_rate)
        known = self._known(scores, row, times, waveform)
        said, untranscribed = in_order_of_text(
            transcript, read, self._timed(words, row, confidences, known)
        )
        if "insertions" in self.allow:
            untranscribed = with_loud_pauses(said, untranscribed, waveform)
        spoken_pauses: tuple[Interval, ...] = ()
        if emissions.normalised and {"insertions", "fillers"}.isdisjoint(self.allow):
            separator, duration = self._speller.separator, waveform.duration
            wordless = [self._blank] if separator is None else [self._blank, separator]
            spoken_pauses = spoken_blanks(emissions, row, duration, wordless=wordless)
        return AlignedUtterance.of(
            said,
            waveform,
            spoken_pauses=spoken_pauses,
            log_likelihood=score / (100 * waveform.duration),
            unit=self.model.unit,
            untranscribed=untranscribed,
            search=Search("beam", certified=False) if self.allow else search,
        )

    def _read(
        self, scores: _Scores, items: Sequence[Item], steady: np.ndarray, loud: np.ndarray
    ) -> list[int | None]:
        """Find which words are read, where text and audio need not fit."""
        spoken = [item for item in items if item.word is not None]
        between = [] if self._speller.separator is None else [self._speller.separator]
        variants = [
            [self._labels(reading) + between * (n + 1 < len(spoken)) for reading in item.readings]
            for n, item in enumerate(spoken)
        ]
        return find_ctc_readings(
            scores.with_star,
            variants,
            [item.word for item in spoken if item.word is not None],
            steady,
            loud,
            blank=self._blank,
            allow=self.allow,
            penalties=self.penalties,
        )

    def _items(self, words: Sequence[Word]) -> list[Item]:
        """Return the spoken words in order, with separators between them where there are such."""
        items: list[Item] = []
        for number, word in enumerate(words):
            for readings in word.readings:
                if items and self._speller.separator is not None:
                    items.append(Item(None, ((Piece(self._speller.separator, 0, 0),),)))
                items.append(Item(number, readings, word.source == "noise"))
        return items

    def _labels(self, reading: Reading) -> list[int]:
        return [self._star if piece.label is None else piece.label for piece in reading]

    def _check_length(self, items: Sequence[Item], frames: int, duration: float) -> None:
        """Refuse a transcript that needs more frames than there are."""
        shortest = (min(item.readings, key=len) for item in items)
        labels = [label for reading in shortest for label in self._labels(reading)]
        needed = len(labels) + sum(a == b for a, b in pairwise(labels))
        if needed > frames:
            seconds = needed * self.model.grid.stride / self.model.sample_rate
            raise AlignmentError(
                f"the transcript is longer than the audio can hold: its {len(labels)} "
                f"{self.model.unit} need at least {seconds:.2f} s, the audio lasts "
                f"{duration:.2f} s; check that they belong together"
            )

    def _search(
        self, scores: _Scores, items: Sequence[Item], steady: np.ndarray
    ) -> tuple[LabelRow, float, Search]:
        """Find the best path through the readings of all items: with its score, and how.

        Noise is any sound and any silence, in one more column: the best of all less a penalty, so
        that it takes what the text does not explain, and more than all where sound is steady.
        """
        noise = [self._star + 1]
        ways = [
            [noise if item.is_noise else self._labels(reading) for reading in item.readings]
            for item in items
        ]
        columns = {label for rows in ways for row in rows for label in row}
        log_probs, normalised = scores.plain, scores.emissions.normalised
        if max(columns) >= self._star:
            log_probs, normalised = scores.with_star, False
        if self._star + 1 in columns:
            best = scores.plain.max(axis=1) - log_probs.dtype.type(_NOISE_PENALTY)
            best[steady] += log_probs.dtype.type(_NOISE_PENALTY + CERTAIN)
            log_probs = np.column_stack([log_probs, best])
        if all(len(rows) == 1 for rows in ways):
            labels = np.array([label for rows in ways for label in rows[0]], np.int64)
            found = ctc_viterbi(
                log_probs, labels, blank=self._blank, normalised=normalised, memory_budget=_MEMORY
            )
            score, search = found.score, EXACT
            spans = spans_of_path(found, len(labels))
            readings = [item.readings[0] for item in items]
        else:
            graph = ctc_variant_graph(ways, blank=self._blank)
            path, search = best_path(log_probs, graph)
            score = path.score
            spans = spans_of_arcs(graph, path.arcs, blank=self._blank)
            said = variant_labels(graph, path.arcs, blank=self._blank)
            readings = [
                item.readings[rows.index(row)] for item, rows, row in zip(items, ways, said)
            ]
        labels = np.array([label for r in readings for label in self._labels(r)], np.int64)
        return LabelRow(items, readings, labels, spans), score, search

    def _known(
        self, scores: _Scores, row: LabelRow, times: np.ndarray, waveform: Waveform
    ) -> _Known:
        """Return the times of labels, and what was asked for of the posteriors."""
        spoken, noise = row.is_spoken, row.is_noise
        count = int(spoken.sum())
        margins: list[tuple[Margins | None, Margins | None]] = [(None, None)] * count
        judged = [Judgement()] * count
        pronunciations: list[tuple[Pronunciation, ...] | None] = [None] * len(row.items)
        if "intervals" in self.posteriors:
            margins = [
                (None, None) if sound else pair
                for pair, sound in zip(
                    label_margins(
                        scores.with_star,
                        *(scores.emissions.grid, row.labels, row.spans, spoken, times, waveform),
                        blank=self._blank,
                    ),
                    noise[spoken],
                )
            ]
        if "phone-confidence" in self.posteriors:
            found = judge_labels(
                *(scores.with_star, row.labels, row.spans),
                spoken & ~noise & (row.labels < self._star),
                blank=self._blank,
                symbols=self._star,
            )
            judged = [judgement for judgement, own in zip(found, spoken) if own]
        if "n-best" in self.posteriors:
            pronunciations = list(
                reading_posteriors(
                    scores.with_star,
                    [[self._labels(reading) for reading in item.readings] for item in row.items],
                    row.item_spans,
                    [*self.model.vocabulary.symbols, _ANY],
                    blank=self._blank,
                )
            )
        return _Known(times, margins, judged, pronunciations)

    def _timed(
        self,
        words: Sequence[Word],
        row: LabelRow,
        confidences: Sequence[float | None],
        known: _Known,
    ) -> list[Word]:
        """Return the words with the times and confidences of their items."""
        words = list(words)
        tokens: list[list[Token]] = [[] for _ in words]
        certain: list[list[tuple[float, int]]] = [[] for _ in words]
        said: list[list[tuple[Pronunciation, ...]]] = [[] for _ in words]
        found = zip(known.times.tolist(), known.margins, known.judged)
        for item, reading, confidence, ways in zip(
            row.items, row.readings, confidences, known.pronunciations
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
                (start, end), margins, judged = next(found)
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
            if confidence is not None and any(piece.label is not None for piece in reading):
                certain[item.word].append((confidence, len(reading)))
        timed = []
        for word, parts, own, ways_said in zip(words, tokens, certain, said):
            weight = sum(length for _, length in own)
            sure = sum(c * length for c, length in own) / weight if own else None
            first, last = parts[0].interval, parts[-1].interval
            edges = first.start_margins, last.end_margins
            span = Interval(first.start, last.end, word.label, sure, *edges)
            word = replace(word, span=span, pronunciations=tuple(ways_said))
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
