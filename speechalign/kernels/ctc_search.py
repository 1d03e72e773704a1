"""The best CTC path: rows forward with checkpoints, then choices again, block by block, backwards.

No choice is stored on the way forward. The row of scores is kept every so many frames; once the
last state is known, each stretch between two such checkpoints is redone from its end to the left,
only in the window from which the known state can be reached: a path moves up by at most one target
a frame. A long stretch is first cut by checkpoints of its own, within that window.

Pruning is exact: a beam finds some path, and `ctc_pruning` what a state must then have scored.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.kernels.ctc_pruning import FEW, gains_of, limits_of
from speechalign.kernels.ctc_rows import (
    BLOCK,
    DEAD,
    FLOOR,
    MARGIN,
    Row,
    Text,
    Work,
    advance,
    pairs_of,
    scratch,
)

FOUND, MISLABELLED, SHORT, ILLEGAL, IMPOSSIBLE, WIDE = range(6)
_BEAM = np.float32(50.0)
_NO_BEAM = np.float32(1e30)
_NARROW_BEAM = 16
"""A beam this much wider than an eighth of the text, on average, is given up."""
# Offsets in the rows that `_retrace` keeps and in the emissions it reads, in float32.
_TARGETS = BLOCK + 16
_PENALTIES = _TARGETS


@njit(cache=True, nogil=True)
def search(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    ceiling: np.float32,
    bounded: bool,
    every: int,
    block: int,
) -> tuple[int, np.ndarray, float]:
    """Find the best path of one utterance.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Emissions, C-contiguous.
    targets : ndarray, shape (L,), int64
        Labels in order, L >= 1.
    blank : int
        Column of the blank.
    ceiling : float32
        Value that no emission may exceed.
    bounded : bool
        Whether to prune; where V > FEW, rows must be log-probabilities.
    every : int
        Frames between two checkpoints, a multiple of ``block``.
    block : int
        Frames that rows are carried at a time, a multiple of 4, at most `BLOCK`.

    Returns
    -------
    status, positions, score
        ``FOUND`` and, shape (T,), int64, the state at each frame, with its score in float64; or
        ``MISLABELLED``, a target is the blank or no column; ``SHORT``, too few frames for them;
        ``ILLEGAL``, an emission is NaN or above the ceiling; ``IMPOSSIBLE``, no path is left.
    """
    frames = len(log_probs)
    count = len(targets)
    positions = np.empty(frames, np.int64)
    for p in range(count):
        if targets[p] == blank or not 0 <= targets[p] < log_probs.shape[1]:
            return MISLABELLED, positions, 0.0
    text = pairs_of(targets, log_probs.shape[1])
    goal = text[2][count - 1]
    if frames < goal:
        return SHORT, positions, 0.0
    work = scratch(log_probs.shape[1], count)
    row = (np.empty(len(text[0]), np.float32), np.empty(len(text[0]), np.float32))
    saved = np.empty(2 * (count + 1) * (-(-frames // every)), np.float32)
    places = np.empty((-(-frames // every), 3), np.int64)
    limits = np.empty(0)
    none = len(limits)  # Zero, but no literal, for which another version would be compiled.
    if bounded:
        _begin(row)
        status, lo, hi, base = _forward(
            log_probs, blank, ceiling, text, work, none, frames, goal, count, row, none, none,
            every, block, saved, places, _BEAM, limits,
        )  # fmt: skip
        if status == ILLEGAL:
            return status, positions, 0.0
        if status == FOUND:
            state, best = _last_state(row, count, lo, hi)
            if best > DEAD:
                if log_probs.shape[1] > FEW:
                    _walk_back(
                        log_probs, blank, ceiling, text, work, row, every, block, saved,
                        places, state, positions,
                    )  # fmt: skip
                gains = gains_of(log_probs, targets, blank, positions, block)
                if len(gains) > 0:
                    limits = limits_of(gains, frames, base + float(best))
    _begin(row)
    status, lo, hi, base = _forward(
        log_probs, blank, ceiling, text, work, none, frames, goal, count, row, none, none,
        every, block, saved, places, _NO_BEAM, limits,
    )  # fmt: skip
    if status != FOUND:
        return status, positions, 0.0
    state, best = _last_state(row, count, lo, hi)
    if best < DEAD:
        return IMPOSSIBLE, positions, 0.0
    _walk_back(
        log_probs, blank, ceiling, text, work, row, every, block, saved, places, state,
        positions,
    )  # fmt: skip
    return FOUND, positions, _score(log_probs, targets, blank, positions)


@njit(cache=True, nogil=True)
def _forward(
    log_probs: np.ndarray,
    blank: int,
    ceiling: np.float32,
    text: Text,
    work: Work,
    begin: int,
    end: int,
    goal: int,
    last: int,
    row: Row,
    lo: int,
    hi: int,
    every: int,
    block: int,
    saved: np.ndarray,
    places: np.ndarray,
    beam: np.float32,
    limits: np.ndarray,
) -> tuple[int, int, int, float]:
    """Carry a row from frame ``begin`` to ``end``, as far as ``goal`` can be reached from it.

    The row holds pairs lo .. hi, and `FLOOR` to the right of them. ``goal`` is the ``earliest`` of
    the state to end in, ``last`` its pair. Every ``every`` frames the row is saved, and its place
    noted. States ``beam`` below the best, or below the absolute ``limits`` of each block where
    there are any, are dropped.
    """
    earliest = text[2]
    pruning = beam < _NO_BEAM or len(limits) > 0
    shift = np.float32(0.0)
    base = 0.0
    used = 0
    spent = 0
    for t in range(begin, end, block):
        after = min(t + block, end)
        while earliest[lo] < goal - (end - t):
            lo += 1
        if every > 0 and (t - begin) % every == 0:
            number = (t - begin) // every
            # One by one: to assign a tuple takes a second more to compile.
            places[number, 0] = used
            places[number, 1] = lo
            places[number, 2] = hi
            used = _save(row, lo, hi, saved, used)
        reach = min(hi + after - t, last)
        while reach > hi and earliest[reach - 1] >= after:
            reach -= 1
        if lo > reach:
            return IMPOSSIBLE, lo, hi, base
        legal, stop, peak = advance(
            log_probs, t, after, text, blank, ceiling, row, lo, hi, reach, shift, work
        )
        if not legal:
            return ILLEGAL, lo, hi, base
        if peak < DEAD:
            return IMPOSSIBLE, lo, hi, base
        base += float(shift)
        shift = peak
        hi = reach
        if pruning:
            limit = peak - beam
            if len(limits) > 0:
                limit = np.float32(limits[t // block] - base)
            while hi > lo and row[0][hi] < limit and row[1][hi] < limit:
                hi -= 1
            while lo < hi and row[0][lo] < limit and row[1][lo] < limit:
                lo += 1
            _fill(row[0][hi + 1 : stop])
            _fill(row[1][hi + 1 : stop])
            spent += (after - t) * (hi - lo)
            if beam < _NO_BEAM and spent > (after - begin) * (_NARROW_BEAM + last // 8):
                return WIDE, lo, hi, base
    return FOUND, lo, hi, base


@njit(cache=True, nogil=True)
def _save(row: Row, lo: int, hi: int, saved: np.ndarray, used: int) -> int:
    pairs = hi - lo + 1
    if pairs > 0:
        _copy(row[0][lo : hi + 1], saved[used : used + pairs])
        _copy(row[1][lo : hi + 1], saved[used + pairs : used + 2 * pairs])
        used += 2 * pairs
    return used


@njit(cache=True, nogil=True)
def _copy(source: np.ndarray, target: np.ndarray) -> None:
    for i in range(len(source)):
        target[i] = source[i]


@njit(cache=True, nogil=True)
def _fill(target: np.ndarray) -> None:
    for i in range(len(target)):
        target[i] = FLOOR


@njit(cache=True, nogil=True)
def _begin(row: Row) -> None:
    """Make the row before the first frame: in the first blank, having read nothing."""
    _fill(row[0])
    _fill(row[1])
    row[0][0] = 0.0


@njit(cache=True, nogil=True)
def _last_state(row: Row, count: int, lo: int, hi: int) -> tuple[int, np.float32]:
    """Return the better of the last label and the blank after it; the label if they are equal."""
    best = row[1][count - 1] if lo < count <= hi + 1 else FLOOR
    if hi == count and row[0][count] > best:
        return 2 * count, row[0][count]
    return 2 * count - 1, best


@njit(cache=True, nogil=True)
def _walk_back(
    log_probs: np.ndarray,
    blank: int,
    ceiling: np.float32,
    text: Text,
    work: Work,
    row: Row,
    every: int,
    block: int,
    saved: np.ndarray,
    places: np.ndarray,
    state: int,
    positions: np.ndarray,
) -> None:
    """Fill in the positions from the last frame to the first."""
    frames = len(positions)
    rows = np.empty((BLOCK + 1, 2 * _TARGETS), np.float32)
    emissions = np.empty(2 * _PENALTIES, np.float32)
    inner = np.empty((0, 3), np.int64)
    inner_saved = np.empty(0, np.float32)
    if every > block:
        inner = np.empty((every // block, 3), np.int64)
        window = min(every, len(text[0]))
        inner_saved = np.empty(2 * (window + 1) * len(inner), np.float32)
    limits = np.empty(0)
    for number in range(len(places) - 1, -1, -1):
        begin = number * every
        end = min(begin + every, frames)
        if end - begin <= block:
            state = _retrace(
                log_probs, blank, text, begin, end, saved, places[number], state, rows, emissions,
                positions,
            )  # fmt: skip
            continue
        pair = state // 2
        offset, lo, hi = places[number]
        first = max(lo, pair - (end - begin))
        _fill(row[0][first : pair + 1 + MARGIN])
        _fill(row[1][first : pair + 1 + MARGIN])
        for p in range(first, min(hi, pair) + 1):
            row[0][p] = saved[offset + p - lo]
            row[1][p] = saved[offset + hi + 1 - lo + p - lo]
        goal = 0
        if state % 2 == 1:
            goal = text[2][pair]
        elif pair > 0:
            goal = text[2][pair - 1] + 1
        _forward(
            log_probs, blank, ceiling, text, work, begin, end, goal, pair, row, first,
            min(hi, pair), block, block, inner_saved, inner, _NO_BEAM, limits,
        )  # fmt: skip
        for part in range((end - begin - 1) // block, -1, -1):
            since = begin + part * block
            until = min(since + block, end)
            state = _retrace(
                log_probs, blank, text, since, until, inner_saved, inner[part], state, rows,
                emissions, positions,
            )  # fmt: skip


@njit(cache=True, nogil=True)
def _retrace(
    log_probs: np.ndarray,
    blank: int,
    text: Text,
    begin: int,
    end: int,
    saved: np.ndarray,
    place: np.ndarray,
    state: int,
    rows: np.ndarray,
    emissions: np.ndarray,
    positions: np.ndarray,
) -> int:
    """Redo frames [begin, end) from a saved row, and walk back through them from a state.

    The rows of scores of all these frames are kept, so that only the choices on the path are made,
    by the very comparisons that made the scores.
    """
    labels, penalties = text[0], text[1]
    offset, lo, hi = place
    pair = state // 2
    first = max(lo, pair - (end - begin))
    width = pair - first + 1
    padded = -(-width // MARGIN) * MARGIN
    for i in range(min(hi, pair) - first + 1):
        rows[0, _TARGETS + i] = saved[offset + hi + 1 - lo + first - lo + i]
        rows[0, i] = saved[offset + first - lo + i]
    for i in range(max(0, min(hi, pair) - first + 1), padded):
        rows[0, _TARGETS + i] = FLOOR
        rows[0, i] = FLOOR
    for i in range(width):
        emissions[_PENALTIES + i] = penalties[first + i]
    for i in range(width, padded):
        emissions[_PENALTIES + i] = FLOOR
    readable = width if labels[pair] < log_probs.shape[1] else width - 1
    for i in range(readable, padded):
        emissions[i] = FLOOR
    for t in range(begin, end):
        # Further left, the state can no longer be reached in time.
        for i in range(max(0, width - (end - t)), readable):
            emissions[np.uintp(i)] = log_probs[t, np.uintp(labels[np.uintp(first + i)])]
        _keep_row(rows, t - begin, emissions, padded, np.float32(log_probs[t, blank]))
    for t in range(end - 1, begin - 1, -1):
        positions[t] = state
        i = state // 2 - first
        before = rows[t - begin, i]
        previous = rows[t - begin, _TARGETS + i - 1] if i > 0 else FLOOR
        if state % 2 == 0:
            state -= previous > before
        else:
            stay = rows[t - begin, _TARGETS + i]
            skip = previous + penalties[first + i]
            if skip > before and skip > stay:
                state -= 2
            elif before > stay:
                state -= 1
    return state


@njit(cache=True, nogil=True)
def _keep_row(
    rows: np.ndarray, k: int, emissions: np.ndarray, width: int, of_blank: np.float32
) -> None:
    """Make row k + 1 from row k."""
    of_blank = max(of_blank, FLOOR)
    previous = FLOOR
    for i in range(width):
        before = rows[k, i]
        stay = rows[k, _TARGETS + i]
        emission = emissions[i]
        skip = previous + emissions[_PENALTIES + i]
        to_blank = before if before > previous else previous
        to_target = stay if stay > before else before
        to_target = to_target if to_target > skip else skip
        rows[k + 1, i] = to_blank + of_blank
        rows[k + 1, _TARGETS + i] = to_target + (emission if emission > FLOOR else FLOOR)
        previous = stay


@njit(cache=True, nogil=True)
def _score(log_probs: np.ndarray, targets: np.ndarray, blank: int, positions: np.ndarray) -> float:
    total = 0.0
    for t in range(len(positions)):
        label = blank if positions[t] % 2 == 0 else targets[positions[t] // 2]
        total += np.float64(log_probs[t, label])
    return total
