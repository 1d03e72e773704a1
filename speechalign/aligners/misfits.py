"""Search for the words of a misfitting text that were said: a beam, before the alignment.

The beam goes through the text with ways off it (`misfit_graph`); what it read is then aligned as
any transcript is, with noise where there is other sound.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np

from speechalign.aligners.sound_extent import long_sounds
from speechalign.alignment import Interval
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError
from speechalign.graphs import Graph
from speechalign.graphs.misfits import OTHER, PAUSE, Misfit, Penalties, misfit_graph
from speechalign.kernels import viterbi
from speechalign.kernels.lattice_beam import best_pieces
from speechalign.text.word import Word

MISFITS: tuple[Misfit, ...] = get_args(Misfit)

Part = tuple[int, int, int]
"""What is read (a word, or a kind of misfit), and frames ``[begin, end)``."""

CERTAIN = 1.0
"""Nats that other sound scores more than all others, where it is steady."""
# Frames beside a row of words in which the next one is looked for, and a beam that keeps all.
_BESIDE, _WIDE = 150, 1e9
_BRIEF = 0.2  # seconds of other sound that are not worth a report
_REPEATED = 2  # words in a row that are a passage when they are said again
# Frames of other sound that are reported; with less, words around take it.
_LEAST = 30

Reading = int | None
"""Number of the word that is read; None for sound that is not in the text."""


def find_readings(
    log_probs: np.ndarray,
    other: np.ndarray,
    pauses: np.ndarray,
    graph: Graph,
    words: Sequence[Graph],
    owners: Sequence[int],
    *,
    allow: Sequence[Misfit],
    penalties: Penalties,
    fillers: Sequence[Sequence[int]] = (),
) -> list[Reading]:
    """Find which words are read, in order of time, and where there is other sound.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log likelihoods of every state.
    other : ndarray, shape (T,), float32 or float64
        The same of sound that is not in the text.
    pauses : ndarray, shape (T,), bool
        Frames in which nobody speaks.
    graph : Graph
        Of the whole text, nearly linear.
    words : Sequence[Graph]
        Of each word of the transcript that is spoken, alone.
    owners : Sequence[int]
        Number of the word of the transcript that each part of the graph belongs to.
    allow : Sequence of {"skips", "repeats", "insertions", "fillers"}
        What may happen.
    penalties : Penalties
        How probable it is.
    fillers : Sequence[Sequence[int]]
        Labels of each filler.

    Raises
    ------
    AlignmentError
        Nothing of the text is read.

    Notes
    -----
    Of the words in a row that the beam reads, those are kept whose sum of evidence is highest: by
    how much they score more than any other sound does, and what it costs to leave a word out; so
    words at an edge which are heard by chance go. A row whose sum is too low is heard by chance as
    a whole. Then the words before and after each row are looked for beside it, where they are read
    less often than it is. Where neither skips nor repeats are allowed, every row is kept.
    """
    numbers = sorted(set(owners))
    free = misfit_graph(
        graph,
        np.searchsorted(numbers, owners).tolist(),
        any_sound=log_probs.shape[1],
        edge=log_probs.shape[1] + 1,
        allow=allow,
        penalties=penalties,
        fillers=fillers,
    )
    at_edge = np.where(pauses, other, other - penalties.edge)
    scores = np.column_stack([log_probs, other, at_edge]).astype(log_probs.dtype, copy=False)
    found = best_pieces(scores, free.graph, free.pieces, beam=penalties.beam, hub=free.hub)
    passages = _passages(found)
    if not {"skips", "repeats"}.isdisjoint(allow):
        passages = _sure_passages(passages, scores, words, penalties)
    readings: list[Reading] = []
    for passage in passages:
        for piece, *_ in passage:
            owner = None if piece == OTHER else numbers[piece]
            if owner is not None or readings[-1:] != [None]:
                readings.append(owner)
    if all(reading is None for reading in readings):
        raise AlignmentError(
            "nothing of the transcript is heard in the recording; check that they belong together"
        )
    return readings


def _passages(found: Sequence[Part]) -> list[list[Part]]:
    """Cut what was read where the reader leaves the text: words in a row, or other sound alone."""
    passages: list[list[Part]] = [[]]
    for part in found:
        piece, begin, end = part
        own = passages[-1]
        if piece >= 0:
            if own and own[-1][0] != piece - 1:
                passages.append([])
            passages[-1].append(part)
        elif piece == OTHER and end - begin >= _LEAST:
            passages.append([part])
        elif piece != PAUSE:
            passages.append([])
    return [passage for passage in passages if passage]


def _sure_passages(
    passages: Sequence[list[Part]],
    scores: np.ndarray,
    words: Sequence[Graph],
    penalties: Penalties,
) -> list[list[Part]]:
    """Take away the words that are heard by chance; add those that are heard at the edges."""
    if len(passages) == 1:
        return list(passages)
    kept: list[list[Part]] = []
    for passage in passages:
        if passage[0][0] == OTHER:
            kept.append(passage)
            continue
        evidence = [_evidence(part, scores, words) for part in passage]
        first, last = _best_run([own - penalties.skip for own in evidence])
        if sum(evidence[first:last]) >= penalties.chance:
            kept.append(passage[first:last])
        elif passage[-1][2] - passage[0][1] >= _LEAST:
            kept.append([(OTHER, passage[0][1], passage[-1][2])])
    times_read = Counter(piece for passage in kept for piece, *_ in passage)
    for number, passage in enumerate(kept):
        if len(passage) < _REPEATED and all(times_read[piece] > 1 for piece, *_ in passage):
            kept[number] = [(OTHER, passage[0][1], passage[-1][2])]
    times_read = Counter(piece for passage in kept for piece, *_ in passage)
    edges = [[(OTHER, 0, 0)], *kept, [(OTHER, len(scores), len(scores))]]
    for before, passage, after in zip(edges, kept, edges[2:]):
        if passage[0][0] == OTHER:
            continue
        low = before[-1][2] if before[-1][0] != OTHER else before[-1][1]
        high = after[0][1] if after[0][0] != OTHER else after[0][2]
        while (piece := passage[0][0] - 1) >= 0 and times_read[piece] < times_read[piece + 1]:
            begin = max(low, passage[0][1] - _BESIDE)
            part = _heard_in(begin, passage[0][1], piece, scores, words, penalties)
            if part is None or part[2] < passage[0][1] - _LEAST:
                break
            passage.insert(0, part)
            times_read[piece] += 1
        while (piece := passage[-1][0] + 1) < len(words) and (
            times_read[piece] < times_read[piece - 1]
        ):
            end = min(high, passage[-1][2] + _BESIDE)
            part = _heard_in(passage[-1][2], end, piece, scores, words, penalties)
            if part is None or part[1] > passage[-1][2] + _LEAST:
                break
            passage.append(part)
            times_read[piece] += 1
    return kept


def _heard_in(
    begin: int,
    end: int,
    piece: int,
    scores: np.ndarray,
    words: Sequence[Graph],
    penalties: Penalties,
) -> Part | None:
    """Find one word in a stretch; None where other sound scores as much."""
    graph = words[piece]
    free = misfit_graph(
        graph,
        [0] * (int(graph.positions.max() + 1) // 2),
        any_sound=scores.shape[1] - 2,
        edge=scores.shape[1] - 1,
        allow=("insertions",),
        penalties=replace(penalties, insertion=0.0),
    )
    try:
        found = best_pieces(scores[begin:end], free.graph, free.pieces, beam=_WIDE)
    except AlignmentError:  # too short for the word
        return None
    for own, first, last in found:
        if own == 0:
            part = piece, begin + first, begin + last
            if _evidence(part, scores, words) >= 0:
                return part
    return None


def _evidence(part: Part, scores: np.ndarray, words: Sequence[Graph]) -> float:
    """Return by how much a word scores more than other sound."""
    piece, begin, end = part
    path = viterbi(scores[begin:end, :-2], words[piece])
    return path.score - float(scores[begin:end, -2].sum())


def _best_run(values: Sequence[float]) -> tuple[int, int]:
    """Return where the values in a row with the highest sum begin and end."""
    best, highest, begin, total = (0, 0), -math.inf, 0, 0.0
    for number, value in enumerate(values):
        if total < 0:
            begin, total = number, 0.0
        total += value
        if total > highest:
            best, highest = (begin, number + 1), total
    return best


def read_words(words: Sequence[Word], readings: Sequence[Reading], noise: Word) -> list[Word]:
    """Return the words that are read, with a word of noise where there is other sound."""
    return [noise if reading is None else words[reading] for reading in readings]


def in_order_of_text(
    words: Sequence[Word], readings: Sequence[Reading], aligned: Sequence[Word]
) -> tuple[list[Word], list[Interval]]:
    """Sort what was aligned: the words of the text with further readings, and other sound."""
    found: dict[int, list[Word]] = {}
    untranscribed = []
    for reading, word in zip(readings, aligned):
        if reading is None and word.duration < _BRIEF:
            continue  # the way from one passage to another, in a pause
        if reading is None:
            untranscribed.append(replace(word.interval, label="untranscribed", confidence=None))
        else:
            found.setdefault(reading, []).append(word)
    ordered: list[Word] = []
    for number, word in enumerate(words):
        if number not in found:
            skipped = replace(word.chosen(0), variants=(), readings=(), status="skipped")
            ordered.append(skipped)
            continue
        first, *further = found[number]
        ordered += [first, *(replace(again, status="repeated") for again in further)]
    return ordered, untranscribed


def with_loud_pauses(
    words: Sequence[Word], untranscribed: Sequence[Interval], waveform: Waveform
) -> list[Interval]:
    """Return other sound, with what is loud between words: models take music for a pause."""
    spans = sorted((word.start, word.end) for word in words if word.span is not None)
    edges = [(0.0, 0.0), *spans, (waveform.duration, waveform.duration)]
    gaps = [(before[1], after[0]) for before, after in pairwise(edges)]
    sounds = long_sounds(gaps, waveform.samples, waveform.sample_rate)
    joined: list[Interval] = []
    for start, end in sorted([*sounds, *((span.start, span.end) for span in untranscribed)]):
        start, end = max(0.0, start), min(end, waveform.duration)
        if joined and start <= joined[-1].end:
            joined[-1] = replace(joined[-1], end=max(end, joined[-1].end))
        else:
            joined.append(Interval(start, end, "untranscribed"))
    return joined
