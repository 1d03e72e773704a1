"""The loops of `lattice_cuda`: one block of threads for each utterance.

Arrays of all N utterances lie end to end; those that end in ``_base`` say where each begins. Row t
of utterance n is row ``frame_base[n] + n + t`` of ``first``, ``last`` and ``cells``, as there are
T + 1 rows for T frames; likewise for the offsets of its S states. The other names are those of
`lattice_numba` and `arc_list.ArcList`.
"""

# numba.cuda is not annotated, and partly made at run time.
# mypy: disable-error-code="no-untyped-call,attr-defined,no-any-return,untyped-decorator"

from __future__ import annotations

import math

import numpy as np
from numba import cuda

from speechalign.kernels.logspace import log_add

# Where an utterance has its first bad number, when it has none.
NOWHERE = np.iinfo(np.int64).max

_log_add = cuda.jit(device=True)(getattr(log_add, "py_func", log_add))


@cuda.jit(device=True)
def _in_window(values: np.ndarray, s: int, first: int, last: int) -> float:
    """Return a state's value, -inf where no path may be in it."""
    if first <= s < last:
        return values[s - first]
    return -math.inf


@cuda.jit(cache=True)
def find_bad(log_probs: np.ndarray, lengths: np.ndarray, where: np.ndarray) -> None:
    """Note the first number of each utterance that is NaN or +inf, counting row by row."""
    b = cuda.blockIdx.x
    columns = log_probs.shape[2]
    for t in range(cuda.blockIdx.y, lengths[b], cuda.gridDim.y):
        for v in range(cuda.threadIdx.x, columns, cuda.blockDim.x):
            if not log_probs[b, t, v] < math.inf:
                cuda.atomic.min(where, b, t * columns + v)


@cuda.jit(cache=True)
def fill_best_paths(
    log_probs: np.ndarray, where: np.ndarray, utterances: np.ndarray, frame_base: np.ndarray,
    state_base: np.ndarray, arc_base: np.ndarray, offsets: np.ndarray, sources: np.ndarray,
    labels: np.ndarray, weights: np.ndarray, first: np.ndarray, last: np.ndarray,
    cells: np.ndarray, start: np.ndarray, final: np.ndarray, rows: np.ndarray,
    choices: np.ndarray, taken: np.ndarray, scores: np.ndarray,
) -> None:  # fmt: skip
    """Fill the arcs taken by, and the score of, the best path of each utterance."""
    n, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    b = utterances[n]
    if where[b] < NOWHERE:
        scores[n] = -math.inf
        return
    frames = frame_base[n + 1] - frame_base[n]
    first = first[frame_base[n] + n :]
    last = last[frame_base[n] + n :]
    cells = cells[frame_base[n] + n :]
    offsets = offsets[state_base[n] + n :]
    sources = sources[arc_base[n] :]
    labels = labels[arc_base[n] :]
    weights = weights[arc_base[n] :]
    final = final[state_base[n] :]
    taken = taken[frame_base[n] :]
    before = rows[0, state_base[n] : state_base[n + 1]]
    after = rows[1, state_base[n] : state_base[n + 1]]
    for s in range(thread, len(before), threads):
        before[s] = start[state_base[n] + s]
        after[s] = -math.inf
    cuda.syncthreads()
    for t in range(frames):
        for s in range(first[t + 1] + thread, last[t + 1], threads):
            best = -math.inf
            choice = 0
            for a in range(offsets[s], offsets[s + 1]):
                score = before[sources[a]] + weights[a] + log_probs[b, t, labels[a]]
                if score > best:
                    best = score
                    choice = a - offsets[s]
            after[s] = best
            choices[cells[t + 1] + s - first[t + 1]] = choice
        cuda.syncthreads()
        # States outside the window keep old scores; no path from them ends in time.
        before, after = after, before
    if thread > 0:
        return
    best = -math.inf
    state = 0
    for s in range(first[frames], last[frames]):
        if before[s] + final[s] > best:
            best = before[s] + final[s]
            state = s
    scores[n] = best
    if best == -math.inf:
        return
    for t in range(frames - 1, -1, -1):
        arc = offsets[state] + choices[cells[t + 1] + state - first[t + 1]]
        taken[t] = arc
        state = sources[arc]


@cuda.jit(cache=True)
def fill_occupations(
    log_probs: np.ndarray, where: np.ndarray, utterances: np.ndarray, frame_base: np.ndarray,
    state_base: np.ndarray, arc_base: np.ndarray, offsets: np.ndarray, sources: np.ndarray,
    labels: np.ndarray, weights: np.ndarray, first: np.ndarray, last: np.ndarray,
    cells: np.ndarray, start: np.ndarray, final: np.ndarray, targets: np.ndarray,
    leaving_offsets: np.ndarray, leaving: np.ndarray, column_base: np.ndarray,
    column_offsets: np.ndarray, counted: np.ndarray, posterior_base: np.ndarray,
    alphas: np.ndarray, betas: np.ndarray, terms: np.ndarray, posteriors: np.ndarray,
    scores: np.ndarray,
) -> None:  # fmt: skip
    """Fill the posteriors, frame by frame, and the total score of each utterance."""
    n, thread, threads = cuda.blockIdx.x, cuda.threadIdx.x, cuda.blockDim.x
    b = utterances[n]
    if where[b] < NOWHERE:
        scores[n] = -math.inf
        return
    frames = frame_base[n + 1] - frame_base[n]
    width = column_base[n + 1] - column_base[n]
    first = first[frame_base[n] + n :]
    last = last[frame_base[n] + n :]
    cells = cells[frame_base[n] + n :]
    offsets = offsets[state_base[n] + n :]
    sources = sources[arc_base[n] :]
    labels = labels[arc_base[n] :]
    weights = weights[arc_base[n] :]
    targets = targets[arc_base[n] :]
    leaving_offsets = leaving_offsets[state_base[n] + n :]
    leaving = leaving[arc_base[n] :]
    column_offsets = column_offsets[column_base[n] + n :]
    counted = counted[arc_base[n] :]
    posteriors = posteriors[posterior_base[n] :]
    for s in range(first[0] + thread, last[0], threads):
        alphas[cells[0] + s - first[0]] = start[state_base[n] + s]
    cuda.syncthreads()
    for t in range(frames):
        alpha = alphas[cells[t] : cells[t + 1]]
        for s in range(first[t + 1] + thread, last[t + 1], threads):
            total = -math.inf
            for a in range(offsets[s], offsets[s + 1]):
                before = _in_window(alpha, sources[a], first[t], last[t])
                total = _log_add(total, before + weights[a] + log_probs[b, t, labels[a]])
            alphas[cells[t + 1] + s - first[t + 1]] = total
        cuda.syncthreads()
    total = -math.inf
    for s in range(first[frames], last[frames]):
        reached = alphas[cells[frames] + s - first[frames]]
        total = _log_add(total, reached + final[state_base[n] + s])
    if thread == 0:
        scores[n] = total
    if total == -math.inf:
        return
    # Two rows in turns: what one frame leaves is read while the frame before it is worked on.
    beta = betas[frames % 2, state_base[n] : state_base[n + 1]]
    for s in range(first[frames] + thread, last[frames], threads):
        beta[s - first[frames]] = final[state_base[n] + s]
    cuda.syncthreads()
    for t in range(frames - 1, -1, -1):
        alpha = alphas[cells[t] : cells[t + 1]]
        after = betas[(t + 1) % 2, state_base[n] : state_base[n + 1]]
        beta = betas[t % 2, state_base[n] : state_base[n + 1]]
        term = terms[t % 2, arc_base[n] : arc_base[n + 1]]
        for s in range(first[t] + thread, last[t], threads):
            sum_of_s = -math.inf
            for i in range(leaving_offsets[s], leaving_offsets[s + 1]):
                a = leaving[i]
                behind = _in_window(after, targets[a], first[t + 1], last[t + 1])
                through = weights[a] + log_probs[b, t, labels[a]] + behind
                sum_of_s = _log_add(sum_of_s, through)
                term[a] = math.exp(alpha[s - first[t]] + through - total)
            beta[s - first[t]] = sum_of_s
        cuda.syncthreads()
        for k in range(thread, width, threads):
            posterior = 0.0
            for i in range(column_offsets[k], column_offsets[k + 1]):
                if first[t] <= sources[counted[i]] < last[t]:
                    posterior += term[counted[i]]
            posteriors[t * width + k] = posterior
