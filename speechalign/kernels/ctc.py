"""CTC Viterbi: the best alignment of a label sequence, exact, from seconds to hours of speech.

The specialised twin of `viterbi` on ``ctc_graph(targets, blank=blank)``: the same path, ties
included, many times faster (``tools/bench/ctc_align.py``), in memory that does not grow with T x L.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from speechalign.checks import check_jobs, check_lengths
from speechalign.errors import AlignmentError, InputError
from speechalign.kernels import ctc_batch, ctc_search
from speechalign.kernels.ctc_batch import search_batch

MEMORY_BUDGET = 64 * 2**20
"""Bytes that one call may take beside its arguments, unless told otherwise."""

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_INTEGERS = (np.dtype(np.int32), np.dtype(np.int64))
# A thread is started for so many frames times labels: about a millisecond of search.
_THREAD_WORK = 10**6


@dataclass(frozen=True)
class CtcPath:
    """The best CTC alignment of an utterance.

    Parameters
    ----------
    positions : ndarray, shape (T,), int64
        Where each frame belongs: ``2l + 1`` to target l, ``2l`` to the blank before it, ``2L`` to
        the blank at the end.
    score : float
        Natural-log probability of the alignment, summed in float64.
    """

    positions: np.ndarray
    score: float


@dataclass(frozen=True)
class CtcPaths:
    """The best CTC alignments of a batch.

    Parameters
    ----------
    positions : ndarray, shape (B, T), int64
        Where each frame belongs, as in `CtcPath`; 0 beyond an utterance's length.
    labels : ndarray, shape (B, T), int64
        Column read at each frame; the blank beyond the length.
    scores : ndarray, shape (B, T), of the dtype of the emissions
        Emission read at each frame; 0 beyond the length.
    totals : ndarray, shape (B,), float64
        Natural-log probability of each alignment.
    """

    positions: np.ndarray
    labels: np.ndarray
    scores: np.ndarray
    totals: np.ndarray


def ctc_viterbi(
    log_probs: np.ndarray,
    targets: np.ndarray,
    *,
    blank: int,
    normalised: bool = True,
    memory_budget: int = MEMORY_BUDGET,
) -> CtcPath:
    """Find the most probable CTC alignment of a label sequence.

    Parameters
    ----------
    log_probs : ndarray, shape (T, V), float32 or float64
        Natural-log probabilities; -inf, like anything under -1e29, marks an impossible label.
    targets : ndarray, shape (L,), int32 or int64
        Labels in order, L >= 1, without blanks.
    blank : int
        Column of the blank.
    normalised : bool
        Rows are log-probabilities, which is checked: on all values read that they do not exceed 0
        (by more than 1e-3), on the middle row that it sums to one (within 0.05). Say False for
        other scores, such as likelihoods or probabilities divided by priors; over a large
        vocabulary it takes longer, because nothing can be pruned.
    memory_budget : int
        Bytes to take at most, beside the arguments and Python itself.

    Returns
    -------
    CtcPath
        The best alignment. Among equals, that of the lattice kernel: at every state the path
        stays rather than steps, and steps rather than skips; it ends in the last label rather than
        in the blank after it.

    Raises
    ------
    AlignmentError
        Fewer frames than labels and repeats need, or every alignment has probability zero.
    InputError
        Wrong shapes or dtypes, no targets, a target that is the blank or no column, NaN, +inf or
        unnormalised values among those read, or a budget too small for the problem.

    Notes
    -----
    With states s = 0 .. 2L, blank and labels in turn,
    ``v[t+1, s] = log_probs[t, y[s]] + max(v[t, s], v[t, s-1], v[t, s-2])``, the last term only from
    one label to a different one. Sums are float32, rebased every 32 frames or less to stay
    small near the best path: it is optimal up to the rounding of such sums, and exactly so
    where they are exact.

    No back-pointers are stored, however small the problem: writing even one byte a cell takes
    longer than the recursion, so there is one regime, and ``memory_budget`` sets how often scores
    are saved. O(TL) time at most; O(L T / K) memory, with K >= 16 frames between two saved rows.
    States that cannot lie on any full path are left out. Large problems are also pruned, exactly:
    see `ctc_search`.

    References
    ----------
    .. [1] A. Graves, S. Fernandez, F. Gomez and J. Schmidhuber, "Connectionist temporal
       classification", Proc. ICML, 2006, section 4.1.
    .. [2] J. A. Grice, R. Hughey and D. Speck, "Reduced space sequence alignment", CABIOS 13(1),
       1997, for the checkpoints.

    Examples
    --------
    >>> log_probs = np.log([[0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]])
    >>> path = ctc_viterbi(log_probs, np.array([1, 2]), blank=0)
    >>> path.positions.tolist(), round(float(np.exp(path.score)), 3)
    ([1, 2, 3], 0.288)
    """
    if log_probs.ndim != 2:
        raise InputError(f"log_probs: expected shape (T, V), got {log_probs.shape}")
    if targets.ndim != 1 or targets.dtype not in _INTEGERS:
        raise InputError(
            f"targets: expected shape (L,), int32 or int64; got {targets.shape} {targets.dtype}"
        )
    lengths = np.array([len(log_probs)]), np.array([len(targets)])
    found = _align(
        log_probs[None], targets[None], *lengths, blank, normalised, memory_budget, 1, named=False
    )
    return CtcPath(found.positions[0], float(found.totals[0]))


def ctc_viterbi_batch(
    log_probs: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    *,
    blank: int,
    normalised: bool = True,
    memory_budget: int = MEMORY_BUDGET,
    jobs: int | None = None,
) -> CtcPaths:
    """Find the most probable CTC alignment of each utterance of a padded batch.

    Parameters
    ----------
    log_probs : ndarray, shape (B, T, V), float32 or float64
        Natural-log probabilities, as `ctc_viterbi` takes them.
    targets : ndarray, shape (B, L), int32 or int64
        Labels in order.
    input_lengths, target_lengths : ndarray, shape (B,), integer
        Frames and labels of each utterance; what lies beyond is never read.
    blank, normalised, memory_budget
        As in `ctc_viterbi`; the budget is for the whole call.
    jobs : int, optional
        Utterances aligned at a time, each by a thread; by default as many as there are cores.
        Batches too small to gain from it take fewer.

    Returns
    -------
    CtcPaths
        The alignment of each utterance.

    Raises
    ------
    AlignmentError, InputError
        As from `ctc_viterbi`; the message names the first utterance concerned.
    """
    if log_probs.ndim != 3:
        raise InputError(f"log_probs: expected shape (B, T, V), got {log_probs.shape}")
    batch = len(log_probs)
    if targets.ndim != 2 or len(targets) != batch or targets.dtype not in _INTEGERS:
        raise InputError(
            f"targets: expected shape ({batch}, L), int32 or int64; "
            f"got {targets.shape} {targets.dtype}"
        )
    input_lengths = check_lengths(input_lengths, batch, log_probs.shape[1], name="input_lengths")
    target_lengths = check_lengths(target_lengths, batch, targets.shape[1], name="target_lengths")
    jobs = check_jobs(jobs) if batch > 1 or jobs is not None else 1
    return _align(
        log_probs, targets, input_lengths, target_lengths, blank, normalised, memory_budget, jobs
    )


def _align(
    log_probs: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray,
    target_lengths: np.ndarray,
    blank: int,
    normalised: bool,
    memory_budget: int,
    jobs: int,
    *,
    named: bool = True,
) -> CtcPaths:
    """Align a batch; ``named`` says whether messages give the number of the utterance."""
    batch, frames, vocabulary = log_probs.shape
    if log_probs.dtype not in _FLOATS:
        where = "[0]" if named else ""
        raise InputError(
            f"log_probs{where}: expected float32 or float64, got {log_probs.dtype}; convert it"
        )
    if not 0 <= blank < vocabulary:
        raise InputError(f"blank: expected a column in [0, {vocabulary}), got {blank}")
    order, jobs = np.arange(batch), min(jobs, batch)
    chunks = iter([order])
    if jobs > 1:
        work = input_lengths * target_lengths
        jobs = max(1, min(jobs, int(work.sum()) // _THREAD_WORK))
        # Longest first, so that no thread is left with a long one while the others are done.
        order = np.argsort(-work, kind="stable")
        # One iterator for all threads: a task for each utterance would cost as much as a short one.
        chunks = iter(list(_chunks(order, jobs)))
    found = CtcPaths(
        np.empty((batch, frames), np.int64),
        np.empty((batch, frames), np.int64),
        np.empty((batch, frames), log_probs.dtype),
        np.empty(batch),
    )
    statuses = np.empty(batch, np.int64)
    text = np.array(targets, np.int64, order="C")

    def align_some() -> bool:
        all_found = True
        for rows in chunks:
            all_found &= search_batch(
                log_probs, text, input_lengths, target_lengths, rows, int(blank), normalised,
                memory_budget // max(1, jobs), found.positions, found.labels, found.scores,
                found.totals, statuses,
            )  # fmt: skip
        return all_found

    if jobs <= 1:
        all_found = align_some()
    else:
        with ThreadPoolExecutor(jobs - 1) as threads:
            others = [threads.submit(align_some) for _ in range(jobs - 1)]
            all_found = align_some()
            all_found &= all([other.result() for other in others])
    if not all_found:
        b = int(np.flatnonzero(statuses)[0])
        raise _error(
            int(statuses[b]), log_probs[b, : input_lengths[b]], targets[b, : target_lengths[b]],
            blank, normalised, memory_budget // max(1, jobs), f"[{b}]" if named else "",
        )  # fmt: skip
    return found


def _chunks(order: np.ndarray, jobs: int) -> Iterator[np.ndarray]:
    """Cut a batch into ever smaller pieces, so that threads end together and are rarely asked."""
    begin = 0
    while begin < len(order):
        end = begin + max(1, (len(order) - begin) // (2 * jobs))
        yield order[begin:end]
        begin = end


def _error(
    status: int,
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    normalised: bool,
    memory_budget: int,
    utterance: str,
) -> AlignmentError | InputError:
    """Say what the search stumbled over; ``utterance`` follows the names of arguments."""
    frames, vocabulary = log_probs.shape
    if status == ctc_batch.EMPTY:
        return InputError(f"targets{utterance}: no labels; leave the utterance out")
    if status == ctc_batch.UNNORMALISED:
        total = float(np.exp(log_probs[frames // 2]).sum())
        return InputError(
            f"log_probs{utterance}[{frames // 2}]: probabilities sum to {total:.6g}, not to one; "
            "apply log_softmax, or say normalised=False if such scores are meant"
        )
    if status == ctc_batch.BUDGET:
        block = ctc_batch.block_of(vocabulary)
        _, least = ctc_batch.checkpoint_distance(frames, len(targets), block, memory_budget)
        return InputError(
            f"memory_budget: aligning {frames} frames with {len(targets)} labels"
            f"{utterance and ' of '}{utterance} needs at least {least} bytes, more than "
            f"{memory_budget}; raise the budget"
        )
    if status == ctc_search.MISLABELLED:
        wrong = (targets == blank) | (targets < 0) | (targets >= vocabulary)
        place = int(np.argmax(wrong))
        reason = "the blank" if targets[place] == blank else f"not in [0, {vocabulary})"
        return InputError(
            f"targets{utterance}[{place}]: label {targets[place]} is {reason}; "
            "leave it out, or check the vocabulary"
        )
    if status == ctc_search.SHORT:
        repeats = int(np.count_nonzero(targets[1:] == targets[:-1]))
        return AlignmentError(
            f"targets{utterance}: {len(targets)} labels and {repeats} repeats need "
            f"{len(targets) + repeats} frames, got {frames}; leave the utterance out, or use a "
            "model with shorter frames"
        )
    if status == ctc_search.ILLEGAL:
        ceiling = ctc_batch.CEILING if normalised else ctc_batch.ANY_CEILING
        for t in range(frames):
            wrong = ~(log_probs[t] <= ceiling)
            if wrong.any():
                v = int(np.argmax(wrong))
                wanted = "a log-probability" if normalised else "a finite value or -inf"
                return InputError(
                    f"log_probs{utterance}[{t}, {v}]: expected {wanted}, got {log_probs[t, v]}; "
                    "check the model that made it"
                )
    read = np.append(np.unique(targets), blank)
    for t in range(frames):
        if log_probs[t, read].max() < -1e29:
            return AlignmentError(
                f"log_probs{utterance}[{t}]: frame {t} gives probability zero to the blank and to "
                "all labels of the text; check the model"
            )
    return AlignmentError(
        f"log_probs{utterance}: every alignment has probability zero; check the model"
    )
