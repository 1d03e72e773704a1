"""Rows of CTC Viterbi scores, carried over frames without storing a choice.

A row holds one score for each state of the text at one moment. States come in pairs: pair p is the
blank before target p (state 2p) and target p itself (state 2p + 1), so that each of the two is an
array of its own and one step is the same arithmetic for every pair, whatever the data:

    blank[p]' = log_probs[t, blank]  + max(blank[p], label[p - 1])
    label[p]' = log_probs[t, y[p]]   + max(label[p], blank[p], label[p - 1] + penalty[p])

with a penalty that forbids the skip between equal targets. A tile of at most `TILE` pairs stays in
the first-level cache for a whole block of frames; only the last label of the tile to its left has to
be handed over, because dependencies run from left to right. All rows of a tile lie in one scratch
array at offsets known to the compiler, without which it guards every loop against overlap. The
emissions that a tile needs are gathered for four frames at a time, in loops of their own.

Impossible is `FLOOR` here, finite so that nothing becomes NaN; scores are float32, rebased every
block of frames by `advance`'s ``shift``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FLOOR = np.float32(-1e30)
DEAD = -1e29
TILE = 512
MARGIN = 16
BLOCK = 32
NARROW = 128
"""Up to so many columns, whole rows of emissions are copied, four frames interleaved."""

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
def pairs_of(targets, blank, vocabulary):
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
def scratch(vocabulary):
    """Return room for a tile: its rows, its emissions, those of the block, the labels to its left."""
    columns = vocabulary + 1 if vocabulary <= NARROW else 1
    return (
        np.empty(_SCRATCH, np.float32),
        np.empty(TILE, np.complex128),
        np.empty(BLOCK // 4 * columns, np.complex128),
        np.empty(BLOCK, np.float32),
    )


@njit(cache=True, nogil=True)
def advance(log_probs, begin, end, text, blank, ceiling, row, lo, hi, shift, work):
    """Carry pairs lo .. hi of a row over at most `BLOCK` frames, in place.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Emissions, of which frames [begin, end) are read.
    text : (labels, penalties, earliest)
        What `pairs_of` returned.
    ceiling : float32
        Value that no emission may exceed.
    row : ndarray, shape (2, P), float32
        Scores of the blanks and of the labels; `shift` is taken off them first.
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
    narrow = log_probs.shape[1] <= NARROW
    legal = True
    if narrow:
        legal = _interleave(log_probs, begin, end, ceiling, fours.view(np.float32))
    else:
        for t in range(begin, end):
            legal &= log_probs[t, blank] <= ceiling
    left[:] = FLOOR
    cells[_PEAK : _PEAK + MARGIN] = FLOOR
    first = lo
    while first <= hi:
        pairs = min(TILE, (hi - first + MARGIN) // MARGIN * MARGIN)
        _load(row, penalties, first, pairs, shift, cells)
        here = labels[first : first + pairs]
        for t in range(begin, end, 4):
            if narrow:
                _gather_narrow(fours, (t - begin) // 4 * (log_probs.shape[1] + 1), here, picked)
                _separate(picked.view(np.float32), cells, pairs)
            else:
                legal &= _gather_wide(log_probs, t, end, here, ceiling, cells)
            _four_rows(cells, pairs, log_probs, t, end, blank, left[t - begin :])
        if (end - begin) % 2 == 1:
            _copy_back(cells, pairs)
        _store(row, first, pairs, cells)
        first += pairs
    peak = cells[_PEAK]
    for i in range(_PEAK + 1, _PEAK + MARGIN):
        peak = max(peak, cells[i])
    return legal, first, peak


@njit(cache=True, nogil=True)
def _load(row, penalties, first, pairs, shift, cells):
    for p in range(pairs):
        cells[_BLANK + p] = row[0, first + p] - shift
    for p in range(pairs):
        cells[_LABEL + p] = row[1, first + p] - shift
    for p in range(pairs):
        cells[_PENALTY + p] = penalties[first + p]


@njit(cache=True, nogil=True)
def _store(row, first, pairs, cells):
    for p in range(pairs):
        row[0, first + p] = cells[_BLANK + p]
    for p in range(pairs):
        row[1, first + p] = cells[_LABEL + p]
    for p in range(0, pairs, MARGIN):
        for i in range(MARGIN):
            a = cells[_BLANK + p + i]
            b = cells[_LABEL + p + i]
            high = a if a > b else b
            peak = cells[_PEAK + i]
            cells[_PEAK + i] = high if high > peak else peak


@njit(cache=True, nogil=True)
def _copy_back(cells, pairs):
    for p in range(pairs):
        cells[_BLANK + p] = cells[_NEXT_BLANK + p]
    for p in range(pairs):
        cells[_LABEL + p] = cells[_NEXT_LABEL + p]


@njit(cache=True, nogil=True)
def _interleave(log_probs, begin, end, ceiling, fours):
    """Copy the frames so that four successive values of a column lie side by side."""
    vocabulary = log_probs.shape[1]
    illegal = np.int32(0)
    for group in range((end - begin + 3) // 4):
        t = begin + 4 * group
        one = log_probs[t]
        two = log_probs[min(t + 1, end - 1)]
        three = log_probs[min(t + 2, end - 1)]
        four = log_probs[min(t + 3, end - 1)]
        out = fours[4 * group * (vocabulary + 1) : 4 * (group + 1) * (vocabulary + 1)]
        for v in range(vocabulary):
            a = np.float32(one[v])
            b = np.float32(two[v])
            c = np.float32(three[v])
            d = np.float32(four[v])
            illegal |= np.int32(not a <= ceiling) | np.int32(not b <= ceiling)
            illegal |= np.int32(not c <= ceiling) | np.int32(not d <= ceiling)
            out[4 * v] = a if a > FLOOR else FLOOR
            out[4 * v + 1] = b if b > FLOOR else FLOOR
            out[4 * v + 2] = c if c > FLOOR else FLOOR
            out[4 * v + 3] = d if d > FLOOR else FLOOR
        out[4 * vocabulary :] = FLOOR
    return illegal == 0


@njit(cache=True, nogil=True)
def _gather_narrow(fours, offset, labels, picked):
    table = fours[offset:]
    for p in range(len(labels)):
        picked[p] = table[np.uintp(labels[p])]


@njit(cache=True, nogil=True)
def _separate(picked, cells, pairs):
    for p in range(pairs):
        cells[_EMIT_0 + p] = picked[4 * p]
        cells[_EMIT_1 + p] = picked[4 * p + 1]
        cells[_EMIT_2 + p] = picked[4 * p + 2]
        cells[_EMIT_3 + p] = picked[4 * p + 3]


@njit(cache=True, nogil=True)
def _gather_wide(log_probs, t, end, labels, ceiling, cells):
    one = log_probs[t]
    two = log_probs[min(t + 1, end - 1)]
    three = log_probs[min(t + 2, end - 1)]
    four = log_probs[min(t + 3, end - 1)]
    pairs = len(labels)
    some = pairs
    while some > 0 and labels[some - 1] == len(one):
        some -= 1
    for p in range(some):
        v = np.uintp(labels[p])
        cells[_EMIT_0 + p] = one[v]
        cells[_EMIT_1 + p] = two[v]
        cells[_EMIT_2 + p] = three[v]
        cells[_EMIT_3 + p] = four[v]
    for p in range(some, pairs):
        cells[_EMIT_0 + p] = FLOOR
        cells[_EMIT_1 + p] = FLOOR
        cells[_EMIT_2 + p] = FLOOR
        cells[_EMIT_3 + p] = FLOOR
    illegal = np.int32(0)
    for i in range(4):
        for p in range(pairs):
            x = cells[_EMIT_0 + i * TILE + p]
            illegal |= np.int32(not x <= ceiling)
            cells[_EMIT_0 + i * TILE + p] = x if x > FLOOR else FLOOR
    return illegal == 0


@njit(cache=True, nogil=True, inline="always")
def _row(cells, pairs, label, blank, next_label, next_blank, emit, of_blank, left, frame):
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
def _four_rows(cells, pairs, log_probs, t, end, blank, left):
    """Advance a tile over frames t .. t + 3, as far as they go."""
    e = max(np.float32(log_probs[t, blank]), FLOOR)
    _row(cells, pairs, _LABEL, _BLANK, _NEXT_LABEL, _NEXT_BLANK, _EMIT_0, e, left, 0)
    if t + 1 < end:
        e = max(np.float32(log_probs[t + 1, blank]), FLOOR)
        _row(cells, pairs, _NEXT_LABEL, _NEXT_BLANK, _LABEL, _BLANK, _EMIT_1, e, left, 1)
    if t + 2 < end:
        e = max(np.float32(log_probs[t + 2, blank]), FLOOR)
        _row(cells, pairs, _LABEL, _BLANK, _NEXT_LABEL, _NEXT_BLANK, _EMIT_2, e, left, 2)
    if t + 3 < end:
        e = max(np.float32(log_probs[t + 3, blank]), FLOOR)
        _row(cells, pairs, _NEXT_LABEL, _NEXT_BLANK, _LABEL, _BLANK, _EMIT_3, e, left, 3)
