"""CTC Viterbi for rows of a padded batch, fully compiled, so that a call costs little.

Whatever is wrong with an utterance becomes a status; `ctc` turns statuses into errors.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from speechalign.kernels.ctc_pruning import FEW
from speechalign.kernels.ctc_rows import BLOCK, NARROW
from speechalign.kernels.ctc_search import FOUND, WIDE, search

EMPTY, UNNORMALISED, BUDGET = range(WIDE + 1, WIDE + 4)

CEILING = np.float32(1e-3)
"""Value that no log-probability may exceed."""
ANY_CEILING = np.float32(1e9)
"""Value that no other score may exceed."""

_PRUNE_FROM = 10**6
_SCRATCH_BYTES = 2**17


@njit(cache=True, nogil=True)
def search_batch(
    log_probs: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    rows: np.ndarray,
    blank: int,
    normalised: bool,
    memory_budget: int,
    positions: np.ndarray,
    labels: np.ndarray,
    scores: np.ndarray,
    totals: np.ndarray,
    statuses: np.ndarray,
) -> bool:
    """Find the best path of some utterances of a batch.

    Parameters
    ----------
    log_probs : ndarray, shape (B, T, V), float32 or float64
        Emissions.
    targets : ndarray, shape (B, L), int64
        Labels in order, C-contiguous.
    input_lengths, target_lengths : ndarray, shape (B,), int64
        Frames and labels of each utterance.
    rows : ndarray, shape (N,), int64
        Numbers of the utterances to align.
    blank, normalised, memory_budget
        As in `ctc_viterbi`.
    positions, labels, scores : ndarray, shape (B, T), int64, int64 and the dtype of log_probs
        Their rows are filled: the state at each frame, the column it reads, and the emission
        there; 0, the blank and 0 beyond the length.
    totals, statuses : ndarray, shape (B,), float64 and int64
        Score of each path; a status of `search`, ``EMPTY`` for no labels, ``UNNORMALISED`` for a
        middle frame that does not sum to one, ``BUDGET`` for too small a budget.

    Returns
    -------
    bool
        Whether all of them have a path.
    """
    all_found = True
    for b in rows:
        frames = input_lengths[b]
        count = target_lengths[b]
        statuses[b], found, totals[b] = _search_row(
            log_probs[b, :frames], targets[b, :count], blank, normalised, memory_budget
        )
        if statuses[b] != FOUND:
            all_found = False
            continue
        for t in range(frames):
            state = found[t]
            column = blank if state % 2 == 0 else targets[b, state // 2]
            positions[b, t] = state
            labels[b, t] = column
            scores[b, t] = log_probs[b, t, column]
        positions[b, frames:] = 0
        labels[b, frames:] = blank
        scores[b, frames:] = 0
    return all_found


@njit(cache=True, nogil=True, inline="always")
def _search_row(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    normalised: bool,
    memory_budget: int,
) -> tuple[int, np.ndarray, float]:
    """Check one utterance and search it: status, positions (T,) and score."""
    frames, vocabulary = log_probs.shape
    count = len(targets)
    nothing = np.empty(0, np.int64)
    if count == 0:
        return EMPTY, nothing, 0.0
    if normalised and frames:
        total = 0.0
        for v in range(vocabulary):
            total += np.exp(log_probs[frames // 2, v])
        if not 0.95 <= total <= 1.05:
            return UNNORMALISED, nothing, 0.0
    block = block_of(vocabulary)
    every, _ = checkpoint_distance(frames, count, block, memory_budget)
    if every == 0:
        return BUDGET, nothing, 0.0
    # Where many columns are left unread, only sums of one bound what is in them.
    work = frames * count * max(1, vocabulary // FEW)
    bounded = work >= _PRUNE_FROM and (normalised or vocabulary <= FEW)
    return search(
        np.ascontiguousarray(log_probs),
        targets,
        blank,
        CEILING if normalised else ANY_CEILING,
        bounded,
        every,
        block,
    )


@njit(cache=True, nogil=True)
def block_of(vocabulary: int) -> int:
    """Return how many frames rows are carried at a time.

    Where columns are read one by one, shorter blocks read fewer that turn out to be out of reach.
    """
    return BLOCK if vocabulary <= NARROW else BLOCK // 2


@njit(cache=True, nogil=True)
def checkpoint_distance(frames: int, labels: int, block: int, budget: int) -> tuple[int, int]:
    """Return how many frames apart rows are saved, and the least bytes that any choice takes.

    The distance is the fastest choice that fits the budget; 0 where none does.
    """
    every = block
    needed = _needed_bytes(frames, labels, every, block)
    # Saving more rows than the cache holds costs more than redoing a wider window.
    while every * every < 2 * labels and needed > 2**22:
        every *= 2
        needed = _needed_bytes(frames, labels, every, block)
    least = needed
    while needed > budget and every < frames:
        every *= 2
        needed = _needed_bytes(frames, labels, every, block)
        least = min(least, needed)
    return (0 if needed > budget else every), least


@njit(cache=True, nogil=True)
def _needed_bytes(frames: int, labels: int, every: int, block: int) -> int:
    """Return what one utterance takes, at most."""
    rows = -(-frames // every)
    inner = every // block * (min(every, labels) + 32) if every > block else 0
    return 8 * (labels + 1) * rows + 8 * inner + 24 * (rows + labels) + 32 * frames + _SCRATCH_BYTES
