"""Long recordings: emissions chunk by chunk, one path over all, and where it can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np

from speechalign.aligners.steps import begin_step
from speechalign.audio.batching import padded_batches
from speechalign.audio.waveform import Waveform, read_waveform, sound_info
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.kernels.ctc import ctc_viterbi
from speechalign.vocabulary import Vocabulary

# One word may be heard by chance where the path puts it; three in a row are not.
_ANCHOR_WORDS = 3


class EmittingModel(Protocol):
    """Interface of the acoustic models of `emit_long`."""

    sample_rate: int
    grid: FrameGrid
    vocabulary: Vocabulary
    normalised: bool

    def emit(self, waveforms: np.ndarray, lengths: np.ndarray) -> Emissions:
        """Score (B, N) float32 samples of the given (B,) int64 lengths."""


@dataclass(frozen=True)
class LongWord:
    """When a word of a long recording is said.

    Parameters
    ----------
    start, end : float
        Seconds, from the beginning of its first label's first frame to the end of its last one's.
    anchored : bool
        Whether the model, left to itself, hears this word and its neighbours there too.
    """

    start: float
    end: float
    anchored: bool


@dataclass(frozen=True)
class Drift:
    """A stretch between two anchors, or before the first or after the last.

    Parameters
    ----------
    start, end : float
        Seconds.
    first_word, last_word : int
        Words ``[first_word, last_word)`` lie in it, none where audio is not in the text.
    """

    start: float
    end: float
    first_word: int
    last_word: int


@dataclass(frozen=True)
class LongAlignment:
    """Words of a long recording, and where they rest on the text alone.

    Parameters
    ----------
    words : tuple[LongWord, ...]
        As many as the text has, in order.
    drifts : tuple[Drift, ...]
        Stretches without an anchor that last longer than was allowed, in order of time.
    score : float
        Natural-log probability of the path.
    """

    words: tuple[LongWord, ...]
    drifts: tuple[Drift, ...]
    score: float


def emit_long(
    model: EmittingModel,
    audio: Waveform | str | Path,
    *,
    chunk: float = 30.0,
    overlap: float = 2.0,
    channel: int | None = None,
) -> Emissions:
    """Score a recording of any length in memory that does not grow with the model's.

    Parameters
    ----------
    model : EmittingModel
        Whatever has ``emit``; what it makes of a frame must not depend on sound further away than
        ``overlap``.
    audio : Waveform, str or Path
        Samples at the model's rate; a sound file is read chunk by chunk.
    chunk : float
        Seconds scored at once, rounded to frames.
    overlap : float
        Seconds scored on either side of a chunk and thrown away.
    channel : int or None
        Channel of a sound file, counted from 0; None takes the mean of all.

    Returns
    -------
    Emissions
        Of one recording, shape (1, T, V), as if it had been scored whole.

    Raises
    ------
    InputError
        The rate is not the model's, ``chunk`` is shorter than a frame, ``overlap`` is negative, or
        the sound file cannot be read.
    """
    return emit_together(model, [audio], chunk=chunk, overlap=overlap, channel=channel)[0]


def emit_together(
    model: EmittingModel,
    audio: Sequence[Waveform | str | Path],
    *,
    chunk: float = 30.0,
    overlap: float = 2.0,
    channel: int | None = None,
) -> list[Emissions]:
    """Score several recordings, in batches of similar length if the model takes any.

    Parameters
    ----------
    model : EmittingModel
        As for `emit_long`. Where it has ``batch_seconds``, so much audio is scored at once, padding
        included, and recordings and chunks of recordings are batched by their length.
    audio : Sequence[Waveform, str or Path]
        As for `emit_long`.
    chunk, overlap, channel
        As for `emit_long`.

    Returns
    -------
    list of Emissions
        Of each recording, as `emit_long` returns them, to rounding.

    Raises
    ------
    InputError
        As `emit_long`.
    """
    grid, rate = model.grid, model.sample_rate
    stride = grid.stride
    frames_in, frames_beside = round(chunk * rate / stride), round(overlap * rate / stride)
    if frames_in < 1 or frames_beside < 0:
        raise InputError(
            f"chunk, overlap: expected at least one frame of {1000 * stride / rate:g} ms and no "
            f"negative overlap, got {chunk} s and {overlap} s"
        )
    sizes = [_samples(source, rate) for source in audio]
    parts = [
        part
        for number, size in enumerate(sizes)
        for part in _parts(number, size, grid, frames_in, frames_beside)
    ]
    scores = [np.empty((1, grid.count(n), len(model.vocabulary)), np.float32) for n in sizes]
    done = np.zeros(len(sizes), np.int64)
    expected = np.array([part.end - part.begin for part in parts], np.int64)
    most = getattr(model, "batch_seconds", 0.0) * rate
    for rows in padded_batches(expected, most=most):
        begin_step("scoring", 0.8 * int(done.sum()) / max(1, sum(map(grid.count, sizes))))
        batch = [parts[row] for row in rows.tolist()]
        heard = [_read(audio[part.recording], part, rate, channel) for part in batch]
        lengths = np.array([len(samples) for samples in heard], np.int64)
        waveforms = np.zeros((len(batch), int(lengths.max())), np.float32)
        for waveform, samples in zip(waveforms, heard):
            waveform[: len(samples)] = samples
        emitted = model.emit(waveforms, lengths)
        for b, part in enumerate(batch):
            kept = emitted[b][part.first - part.low : part.last - part.low]
            if len(kept) < part.last - part.first and not part.final:
                raise InputError(
                    f"overlap: expected frames {part.first} to {part.last} from samples "
                    f"{part.begin} to {part.end}, got {len(kept)} of them; give a longer overlap "
                    f"than {overlap} s"
                )
            until = part.first + len(kept)
            scores[part.recording][0, part.first : until] = kept
            done[part.recording] = max(done[part.recording], until)
    return [
        Emissions(found[:, :frames], np.array([frames]), grid, model.vocabulary, model.normalised)
        for found, frames in zip(scores, done.tolist())
    ]


@dataclass(frozen=True)
class _Part:
    """Frames ``[first, last)`` of a recording: samples ``[begin, end)``, from frame ``low`` on.

    ``final`` says that the recording ends there.
    """

    recording: int
    first: int
    last: int
    low: int
    begin: int
    end: int
    final: bool


def _parts(
    recording: int, samples: int, grid: FrameGrid, frames_in: int, frames_beside: int
) -> Iterator[_Part]:
    """Cut a recording of so many samples into chunks of so many frames, with some beside."""
    frames = grid.count(samples)
    for first in range(0, frames, frames_in):
        last = min(first + frames_in, frames)
        low = max(0, first - frames_beside)
        end = min((last + frames_beside) * grid.stride, samples)
        yield _Part(recording, first, last, low, low * grid.stride, end, end == samples)


def _samples(source: Waveform | str | Path, rate: int) -> int:
    """Return how many samples a recording has at a rate."""
    if not isinstance(source, Waveform):
        return round(sound_info(source).duration * rate)
    if source.sample_rate != rate:
        raise InputError(f"audio: expected {rate} Hz, got {source.sample_rate}; resample it")
    return source.samples.size


def _read(source: Waveform | str | Path, part: _Part, rate: int, channel: int | None) -> np.ndarray:
    """Return the samples of a part."""
    if isinstance(source, Waveform):
        return source.samples[part.begin : part.end]
    return read_waveform(
        source,
        sample_rate=rate,
        channel=channel,
        start=part.begin / rate,
        end=None if part.final else part.end / rate,
    ).samples


def align_long(
    emissions: Emissions,
    words: Sequence[Sequence[int]],
    *,
    longest_drift: float = 30.0,
    memory_budget: int = 256 * 2**20,
) -> LongAlignment:
    """Align a whole book chapter with its recording by one exact path.

    Parameters
    ----------
    emissions : Emissions
        Of one recording, by a CTC model.
    words : Sequence[Sequence[int]]
        Labels of each word, in order.
    longest_drift : float
        Seconds without an anchor that are worth reporting.
    memory_budget : int
        Bytes that the search may take beside the emissions.

    Returns
    -------
    LongAlignment
        As many words as came in, and the stretches where nothing but the text holds them.

    Raises
    ------
    AlignmentError
        The recording has fewer frames than the labels need.
    InputError
        There is not one recording, a word has no labels, or the vocabulary has no blank.

    Notes
    -----
    A word is anchored when the model by itself hears the same there: each of its labels is the most
    probable of all at some frame that the path gives it, no other label but the blank is so from
    the word before to the word after, and the same holds for its neighbours, three words in a row
    at least. Where audio and text part, in a skipped page or a stretch that is not in the text,
    anchors are missing, and a drift goes from the last anchor before it to the first one after.
    """
    if len(emissions.input_lengths) != 1:
        raise InputError(
            f"emissions: expected one recording, got {len(emissions.input_lengths)}; align each"
        )
    blank = emissions.vocabulary.blank
    if blank is None:
        raise InputError("emissions: expected a CTC model, whose vocabulary has a blank")
    for number, word in enumerate(words):
        if len(word) == 0:
            raise InputError(f"words[{number}]: expected at least one label, got none")
    log_probs, grid = emissions[0], emissions.grid
    targets = np.array([label for word in words for label in word], np.int64)
    path = ctc_viterbi(
        log_probs,
        targets,
        blank=blank,
        normalised=emissions.normalised,
        memory_budget=memory_budget,
    )
    frames = np.flatnonzero(path.positions % 2 == 1)
    tokens = path.positions[frames] // 2
    starts = frames[np.searchsorted(tokens, np.arange(len(targets)))]
    ends = frames[np.searchsorted(tokens, np.arange(len(targets)), side="right") - 1] + 1
    edges = np.append(0, np.cumsum([len(word) for word in words]))
    taken = np.full(len(log_probs), blank)
    taken[frames] = targets[tokens]
    best = log_probs.argmax(axis=1)
    heard = np.zeros(len(targets), np.bool_)
    heard[tokens[best[frames] == targets[tokens]]] = True
    # Heard against the path, which must put a blank between equal labels even if none is heard.
    beside = np.stack([taken, np.append(taken[1:], blank), np.append(blank, taken[:-1])])
    against = np.append(0, np.cumsum((best != blank) & (best != beside).all(axis=0)))
    before = np.append(0, ends[edges[1:-1] - 1])
    after = np.append(starts[edges[1:-1]], len(log_probs))
    agreed = np.logical_and.reduceat(heard, edges[:-1]) & (against[before] == against[after])
    anchored = _in_a_row(agreed, _ANCHOR_WORDS)
    aligned = tuple(
        LongWord(grid.seconds(int(starts[first])), grid.seconds(int(ends[last - 1])), bool(anchor))
        for (first, last), anchor in zip(pairwise(edges), anchored)
    )
    drifts = _drifts(aligned, grid.seconds(len(log_probs)), longest_drift)
    return LongAlignment(aligned, drifts, path.score)


def _in_a_row(found: np.ndarray, least: int) -> np.ndarray:
    """Keep what is true in runs of at least so many, or everywhere."""
    padded = np.concatenate([[False], found, [False]])
    begins = np.flatnonzero(~padded[:-1] & padded[1:])
    ends = np.flatnonzero(padded[:-1] & ~padded[1:])
    kept = np.zeros(len(found), np.bool_)
    for begin, end in zip(begins, ends):
        kept[begin:end] = end - begin >= min(least, len(found))
    return kept


def _drifts(words: Sequence[LongWord], duration: float, longest: float) -> tuple[Drift, ...]:
    """Return the stretches between anchors that last longer than allowed."""
    drifts = []
    before, last_anchor = 0.0, -1
    for number, word in enumerate((*words, LongWord(duration, duration, True))):
        if word.anchored:
            if word.start - before > longest:
                drifts.append(Drift(before, word.start, last_anchor + 1, number))
            before, last_anchor = word.end, number
    return tuple(drifts)
