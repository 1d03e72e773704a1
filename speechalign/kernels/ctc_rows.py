"""Rows of CTC Viterbi scores, carried over frames without storing a choice.

A row holds one score for each state of the text at one moment. States come in pairs: pair p is the
blank before target p (state 2p) and target p itself (state 2p + 1), so that each of the two is an
array of its own and one step is the same arithmetic for every pair, whatever the data:

    blank[p]' = log_probs[t, blank]  + max(blank[p], label[p - 1])
    label[p]' = log_probs[t, y[p]]   + max(label[p], blank[p], label[p - 1] + penalty[p])

with a penalty that forbids the skip between equal targets. A tile of at most `TILE` pairs stays in
the first-level cache for a whole block of frames; only the last label of the tile to its left has
to be handed over, because dependencies run from left to right. All rows of a tile lie in one
scratch array at offsets known to the compiler, without which it guards every loop against overlap.
The emissions that a tile needs are gathered for four frames at a time, in loops of their own.

Impossible is `FLOOR` here, finite so that nothing becomes NaN; scores are float32, rebased every
block of frames by `advance`'s ``shift``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

Text = tuple[np.ndarray, np.ndarray, np.ndarray]
Row = tuple[np.ndarray, np.ndarray]
Work = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

FLOOR = np.float32(-1e30)
DEAD = -1e29
TILE = 512
MARGIN = 16
BLOCK = 32
NARROW = 512
"""Up to so many columns, whole rows of emissions are copied, unless the text is short."""

# Offsets in the scratch array, in float32.
_LABEL = 0
_BLANK = _LABEL + TILE
_NEXT_LABEL = _BLANK + TILE
_NEXT_BLANK = _NEXT_LABEL + TILE
_PENALTY = _NEXT_BLANK + TILE
_EMIT_0 = _PENALTY + TILE
_EMIT_1 = _EMIT_0 + TILE
_EMIT_2 = _EMIT_1 + TILE
_EMIT_3 = _EMIT_2 + TILE
_PEAK = _EMIT_3 + TILE
_SCRATCH = _PEAK + MARGIN


@njit(cache=True, nogil=True)
def pairs_of(targets: np.ndarray, vocabulary: int) -> Text:
    """Arrange a text in pairs.

    Returns
    -------
    labels, penalties, earliest : ndarray, shape (L + 1 + MARGIN,), int32, float32 and int64
        Column that each target reads, V after the last; what skipping into it costs; the fewest
        frames after which it can be reached.
    """
    count = len(targets)
    labels = np.full(count + 1 + MARGIN, vocabulary, np.int32)
    penalties = np.zeros(count + 1 + MARGIN, np.float32)
    earliest = np.empty(count + 1 + MARGIN, np.int64)
    frames = 0
    for p in range(count):
        labels[p] = targets[p]
        frames += 1
        if p > 0 and targets[p] == targets[p - 1]:
            penalties[p] = FLOOR
            frames += 1
        earliest[p] = frames
    earliest[count:] = frames + 1
    return labels, penalties, earliest


@njit(cache=True, nogil=True)
def scratch(vocabulary: int, count: int) -> Work:
    """Return room for the rows of a tile, its emissions, those of a block, labels to its left."""
    narrow = vocabulary <= NARROW and vocabulary <= 4 * (count + MARGIN)
    columns = vocabulary + 1 if narrow else 0
    return (
        np.empty(_SCRATCH, np.float32),
        np.empty(TILE, np.complex128),
        np.empty(BLOCK // 4 * columns, np.complex128),
        np.empty(BLOCK, np.float32),
    )


@njit(cache=True, nogil=True)
def advance(
    log_probs: np.ndarray,
    begin: int,
    end: int,
    text: Text,
    blank: int,
    ceiling: np.float32,
    row: Row,
    lo: int,
    hi: int,
    reach: int,
    shift: np.float32,
    work: Work,
) -> tuple[bool, int, np.float32]:
    """Carry a row over at most `BLOCK` frames, from pairs lo .. hi to pairs lo .. reach, in place.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Emissions, of which frames [begin, end) are read.
    text : (labels, penalties, earliest)
        What `pairs_of` returned.
    ceiling : float32
        Value that no emission may exceed.
    row : (blanks, labels)
        Scores, each of shape (P,), float32; ``shift`` is taken off them first.
    work : (cells, picked, fours, left)
        What `scratch` returned.

    Returns
    -------
    legal, end_of_pairs, peak
        Whether every emission read was a number up to the ceiling; one more than the last pair
        written, lo plus a multiple of `MARGIN`; and the highest score in the row.
    """
    labels, penalties = text[0], text[1]
    cells, picked, fours, left = work
    picked_singly = picked.view(np.float32)
    narrow = len(fours) > 0
    legal = True
    if narrow:
        legal = _interleave(log_probs, begin, end, ceiling, cells, fours.view(np.float32))
    else:
        for t in range(begin, end):
            legal &= log_probs[t, blank] <= ceiling
    for i in range(len(left)):
        left[i] = FLOOR
    for i in range(MARGIN):
        cells[_PEAK + i] = FLOOR
    first = lo
    while first <= reach:
        pairs = min(TILE, (reach - first + MARGIN) // MARGIN * MARGIN)
        # Views from here on: an index with an offset of unknown sign keeps loops from vectorising.
        here = labels[first : first + pairs]
        blanks = row[0][first : first + pairs]
        targets = row[1][first : first + pairs]
        _load(blanks, targets, penalties[first : first + pairs], shift, cells)
        if narrow:
            _gather_narrow(fours, 0, here, picked)
        for t in range(begin, end, 4):
            if narrow:
                _separate(picked_singly, cells, pairs)
                if t + 4 < end:  # Early, so that these narrow writes are done when read widely.
                    group = (t + 4 - begin) // 4 * (log_probs.shape[1] + 1)
                    _gather_narrow(fours, group, here, picked)
            else:
                # Pairs that no path is in yet need not be read: a path moves up one a frame.
                readable = min(reach, hi + t - begin + 4) - first + 1
                legal &= _gather_wide(log_probs, t, end, here, readable, ceiling, cells)
            _four_rows(cells, pairs, log_probs, t, end, blank, left, t - begin)
        if (end - begin) % 2 == 1:
            _copy_back(cells, pairs)
        _store(blanks, targets, cells)
        first += pairs
    peak = cells[_PEAK]
    for i in range(_PEAK + 1, _PEAK + MARGIN):
        peak = max(peak, cells[i])
    return legal, first, peak


@njit(cache=True, nogil=True)
def _load(
    blanks: np.ndarray,
    targets: np.ndarray,
    penalties: np.ndarray,
    shift: np.float32,
    cells: np.ndarray,
) -> None:
    for p in range(len(blanks)):
        cells[_BLANK + p] = blanks[p] - shift
        cells[_LABEL + p] = targets[p] - shift
        cells[_PENALTY + p] = penalties[p]


@njit(cache=True, nogil=True)
def _store(blanks: np.ndarray, targets: np.ndarray, cells: np.ndarray) -> None:
    for p in range(len(blanks)):
        blanks[p] = cells[_BLANK + p]
        targets[p] = cells[_LABEL + p]
    for p in range(0, len(blanks), MARGIN):
        for i in range(MARGIN):
            a = cells[_BLANK + p + i]
            b = cells[_LABEL + p + i]
            high = a if a > b else b
            peak = cells[_PEAK + i]
            cells[_PEAK + i] = high if high > peak else peak


@njit(cache=True, nogil=True)
def _copy_back(cells: np.ndarray, pairs: int) -> None:
    for p in range(pairs):
        cells[_BLANK + p] = cells[_NEXT_BLANK + p]
    for p in range(pairs):
        cells[_LABEL + p] = cells[_NEXT_LABEL + p]


@njit(cache=True, nogil=True)
def _interleave(
    log_probs: np.ndarray,
    begin: int,
    end: int,
    ceiling: np.float32,
    cells: np.ndarray,
    fours: np.ndarray,
) -> bool:
    """Copy the frames so that four successive values of a column lie side by side."""
    vocabulary = log_probs.shape[1]
    legal = True
    for group in range((end - begin + 3) // 4):
        t = begin + 4 * group
        legal &= _copy_row(log_probs[t], ceiling, cells, _EMIT_0)
        legal &= _copy_row(log_probs[min(t + 1, end - 1)], ceiling, cells, _EMIT_1)
        legal &= _copy_row(log_probs[min(t + 2, end - 1)], ceiling, cells, _EMIT_2)
        legal &= _copy_row(log_probs[min(t + 3, end - 1)], ceiling, cells, _EMIT_3)
        out = fours[4 * group * (vocabulary + 1) : 4 * (group + 1) * (vocabulary + 1)]
        for v in range(vocabulary):
            out[4 * v] = cells[_EMIT_0 + v]
            out[4 * v + 1] = cells[_EMIT_1 + v]
            out[4 * v + 2] = cells[_EMIT_2 + v]
            out[4 * v + 3] = cells[_EMIT_3 + v]
        for i in range(4):
            out[4 * vocabulary + i] = FLOOR
    return legal


@njit(cache=True, nogil=True, inline="always")
def _copy_row(emissions: np.ndarray, ceiling: np.float32, cells: np.ndarray, offset: int) -> bool:
    illegal = np.int32(0)
    for v in range(len(emissions)):
        x = np.float32(emissions[v])
        illegal |= np.int32(not x <= ceiling)
        cells[offset + v] = x if x > FLOOR else FLOOR
    return bool(illegal == 0)


@njit(cache=True, nogil=True)
def _gather_narrow(fours: np.ndarray, group: int, labels: np.ndarray, picked: np.ndarray) -> None:
    for p in range(len(labels)):
        picked[np.uintp(p)] = fours[np.uintp(group + labels[np.uintp(p)])]


@njit(cache=True, nogil=True)
def _separate(picked: np.ndarray, cells: np.ndarray, pairs: int) -> None:
    for p in range(pairs):
        cells[_EMIT_0 + p] = picked[4 * p]
        cells[_EMIT_1 + p] = picked[4 * p + 1]
        cells[_EMIT_2 + p] = picked[4 * p + 2]
        cells[_EMIT_3 + p] = picked[4 * p + 3]


@njit(cache=True, nogil=True)
def _gather_wide(
    log_probs: np.ndarray,
    t: int,
    end: int,
    labels: np.ndarray,
    readable: int,
    ceiling: np.float32,
    cells: np.ndarray,
) -> bool:
    pairs = len(labels)
    vocabulary = log_probs.shape[1]
    two = min(t + 1, end - 1)
    three = min(t + 2, end - 1)
    four = min(t + 3, end - 1)
    some = max(0, min(readable, pairs))
    while some > 0 and labels[some - 1] == vocabulary:
        some -= 1
    for p in range(some):
        v = np.uintp(labels[np.uintp(p)])
        cells[_EMIT_0 + p] = log_probs[t, v]
        cells[_EMIT_1 + p] = log_probs[two, v]
        cells[_EMIT_2 + p] = log_probs[three, v]
        cells[_EMIT_3 + p] = log_probs[four, v]
    for p in range(some, pairs):
        cells[_EMIT_0 + p] = FLOOR
        cells[_EMIT_1 + p] = FLOOR
        cells[_EMIT_2 + p] = FLOOR
        cells[_EMIT_3 + p] = FLOOR
    illegal = np.int32(0)
    for p in range(pairs):
        a = cells[_EMIT_0 + p]
        b = cells[_EMIT_1 + p]
        c = cells[_EMIT_2 + p]
        d = cells[_EMIT_3 + p]
        illegal |= np.int32(not a <= ceiling) | np.int32(not b <= ceiling)
        illegal |= np.int32(not c <= ceiling) | np.int32(not d <= ceiling)
        cells[_EMIT_0 + p] = a if a > FLOOR else FLOOR
        cells[_EMIT_1 + p] = b if b > FLOOR else FLOOR
        cells[_EMIT_2 + p] = c if c > FLOOR else FLOOR
        cells[_EMIT_3 + p] = d if d > FLOOR else FLOOR
    return bool(illegal == 0)


@njit(cache=True, nogil=True, inline="always")
def _row(
    cells: np.ndarray,
    pairs: int,
    label: int,
    blank: int,
    next_label: int,
    next_blank: int,
    emit: int,
    of_blank: np.float32,
    left: np.ndarray,
    frame: int,
) -> None:
    previous = left[frame]
    left[frame] = cells[label + pairs - 1]
    for p in range(pairs):
        stay = cells[label + p]
        before = cells[blank + p]
        skip = previous + cells[_PENALTY + p]
        to_blank = before if before > previous else previous
        to_label = stay if stay > before else before
        to_label = to_label if to_label > skip else skip
        cells[next_blank + p] = to_blank + of_blank
        cells[next_label + p] = to_label + cells[emit + p]
        previous = stay


@njit(cache=True, nogil=True)
def _four_rows(
    cells: np.ndarray,
    pairs: int,
    log_probs: np.ndarray,
    t: int,
    end: int,
    blank: int,
    left: np.ndarray,
    frame: int,
) -> None:
    """Advance a tile over frames t .. t + 3, as far as they go."""
    e = max(np.float32(log_probs[t, blank]), FLOOR)
    _row(cells, pairs, _LABEL, _BLANK, _NEXT_LABEL, _NEXT_BLANK, _EMIT_0, e, left, frame)
    if t + 1 < end:
        e = max(np.float32(log_probs[t + 1, blank]), FLOOR)
        _row(cells, pairs, _NEXT_LABEL, _NEXT_BLANK, _LABEL, _BLANK, _EMIT_1, e, left, frame + 1)
    if t + 2 < end:
        e = max(np.float32(log_probs[t + 2, blank]), FLOOR)
        _row(cells, pairs, _LABEL, _BLANK, _NEXT_LABEL, _NEXT_BLANK, _EMIT_2, e, left, frame + 2)
    if t + 3 < end:
        e = max(np.float32(log_probs[t + 3, blank]), FLOOR)
        _row(cells, pairs, _NEXT_LABEL, _NEXT_BLANK, _LABEL, _BLANK, _EMIT_3, e, left, frame + 3)
