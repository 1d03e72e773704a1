"""One path over a long recording and its text, and where it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechalign.aligners.label_rows import joined_spans, spans_of_path
from speechalign.aligners.search import EXACT, Search
from speechalign.emissions import Emissions
from speechalign.errors import InputError
from speechalign.kernels.ctc import ctc_viterbi

# One word may be heard by chance where the path puts it; three in a row are not.
_ANCHOR_WORDS = 3


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
    search : Search
        How the path was found.
    """

    words: tuple[LongWord, ...]
    drifts: tuple[Drift, ...]
    score: float
    search: Search


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
    sizes = [len(word) for word in words]
    spans = joined_spans(spans_of_path(path, len(targets)), sizes)
    first_labels = np.append(0, np.cumsum(sizes))[:-1]
    taken = np.full(len(log_probs), blank)
    taken[frames] = targets[tokens]
    best = log_probs.argmax(axis=1)
    heard = np.zeros(len(targets), np.bool_)
    heard[tokens[best[frames] == targets[tokens]]] = True
    # Heard against the path, which must put a blank between equal labels even if none is heard.
    beside = np.stack([taken, np.append(taken[1:], blank), np.append(blank, taken[:-1])])
    against = np.append(0, np.cumsum((best != blank) & (best != beside).all(axis=0)))
    before = np.append(0, spans[:-1, 1])
    after = np.append(spans[1:, 0], len(log_probs))
    agreed = np.logical_and.reduceat(heard, first_labels) & (against[before] == against[after])
    anchored = _in_a_row(agreed, _ANCHOR_WORDS)
    aligned = tuple(
        LongWord(grid.seconds(begin), grid.seconds(end), anchor)
        for (begin, end), anchor in zip(spans.tolist(), anchored.tolist())
    )
    drifts = _drifts(aligned, grid.seconds(len(log_probs)), longest_drift)
    return LongAlignment(aligned, drifts, path.score, EXACT)


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
