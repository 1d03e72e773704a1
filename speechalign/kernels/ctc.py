"""CTC Viterbi: the best alignment of a label sequence, exact, from seconds to hours of speech.

The specialised twin of `viterbi` on ``ctc_graph(targets, blank=blank)``: the same path, ties
included, many times faster (``tools/bench/ctc_align.py``), in memory that does not grow with T x L.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from speechalign.checks import check_lengths
from speechalign.errors import AlignmentError, InputError, SpeechAlignError
from speechalign.kernels import ctc_search
from speechalign.kernels.ctc_pruning import FEW
from speechalign.kernels.ctc_rows import BLOCK, NARROW

MEMORY_BUDGET = 64 * 2**20
"""Bytes that one call may take beside its arguments, unless told otherwise."""

_CEILING = {True: np.float32(1e-3), False: np.float32(1e9)}
_PRUNE_FROM = 10**6
_SCRATCH_BYTES = 2**17


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
    targets : ndarray, shape (L,), int64
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
    return _align(log_probs, targets, blank, normalised, memory_budget, "")


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
) -> list[CtcPath]:
    """Find the most probable CTC alignment of each utterance of a padded batch.

    Parameters
    ----------
    log_probs : ndarray, shape (B, T, V), float32 or float64
        Natural-log probabilities, as `ctc_viterbi` takes them.
    targets : ndarray, shape (B, L), int64
        Labels in order.
    input_lengths, target_lengths : ndarray, shape (B,), int64
        Frames and labels of each utterance; what lies beyond is never read.
    blank, normalised, memory_budget
        As in `ctc_viterbi`; the budget is for the whole call.
    jobs : int, optional
        Utterances aligned at a time, each by a thread; by default as many as there are cores.

    Returns
    -------
    list[CtcPath]
        The alignment of each utterance, over its own frames.

    Raises
    ------
    AlignmentError, InputError
        As from `ctc_viterbi`; the message names the first utterance concerned.
    """
    if log_probs.ndim != 3:
        raise InputError(f"log_probs: expected shape (B, T, V), got {log_probs.shape}")
    if targets.ndim != 2 or len(targets) != len(log_probs):
        raise InputError(f"targets: expected shape ({len(log_probs)}, L), got {targets.shape}")
    for name, lengths, limit in (
        ("input_lengths", input_lengths, log_probs.shape[1]),
        ("target_lengths", target_lengths, targets.shape[1]),
    ):
        check_lengths(lengths, limit, name=name)
        if len(lengths) != len(log_probs):
            raise InputError(f"{name}: expected {len(log_probs)} lengths, got {len(lengths)}")
    jobs = _cores() if jobs is None else jobs
    if jobs < 1:
        raise InputError(f"jobs: expected at least 1, got {jobs}")
    jobs = max(1, min(jobs, len(log_probs)))

    # Longest first, so that no thread is left with a long one while the others are done. Threads
    # share one iterator: a task for each utterance would cost as much as aligning a short one.
    order = iter(np.argsort(-input_lengths * target_lengths, kind="stable").tolist())
    outcomes: dict[int, CtcPath | SpeechAlignError] = {}

    def align_some() -> None:
        for b in order:
            try:
                outcomes[b] = _align(
                    log_probs[b, : input_lengths[b]], targets[b, : target_lengths[b]],
                    blank, normalised, memory_budget // jobs, f"[{b}]",
                )  # fmt: skip
            except SpeechAlignError as error:
                outcomes[b] = error

    if jobs == 1:
        align_some()
    else:
        with ThreadPoolExecutor(jobs) as threads:
            for done in [threads.submit(align_some) for _ in range(jobs)]:
                done.result()
    paths = []
    for b in range(len(log_probs)):
        outcome = outcomes[b]
        if isinstance(outcome, SpeechAlignError):
            raise outcome
        paths.append(outcome)
    return paths


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _align(
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    normalised: bool,
    memory_budget: int,
    utterance: str,
) -> CtcPath:
    """Align one utterance; ``utterance`` follows the names of arguments in messages."""
    if log_probs.ndim != 2:
        raise InputError(f"log_probs{utterance}: expected shape (T, V), got {log_probs.shape}")
    if log_probs.dtype not in (np.float32, np.float64):
        raise InputError(
            f"log_probs{utterance}: expected float32 or float64, got {log_probs.dtype}; convert it"
        )
    if targets.ndim != 1 or targets.dtype != np.int64:
        raise InputError(
            f"targets{utterance}: expected (L,) int64, got {targets.shape} {targets.dtype}"
        )
    frames, vocabulary = log_probs.shape
    labels = len(targets)
    if not 0 <= blank < vocabulary:
        raise InputError(f"blank: expected a column in [0, {vocabulary}), got {blank}")
    if labels == 0:
        raise InputError(f"targets{utterance}: no labels; leave the utterance out")
    if normalised and frames:
        total = float(np.exp(log_probs[frames // 2]).sum())
        if not 0.95 <= total <= 1.05:
            raise InputError(
                f"log_probs{utterance}[{frames // 2}]: probabilities sum to {total:.6g}, not to "
                "one; apply log_softmax, or say normalised=False if such scores are meant"
            )
    # Where columns are read one by one, shorter blocks read fewer that turn out to be out of reach.
    block = BLOCK if vocabulary <= NARROW else BLOCK // 2
    every = _checkpoint_distance(frames, labels, block, memory_budget, utterance)
    # Where many columns are left unread, only sums of one bound what is in them.
    work = frames * labels * max(1, vocabulary // FEW)
    bounded = work >= _PRUNE_FROM and (normalised or vocabulary <= FEW)
    status, positions, score = ctc_search.search(
        np.ascontiguousarray(log_probs), np.ascontiguousarray(targets), blank,
        _CEILING[normalised], bounded, every, block,
    )  # fmt: skip
    if status != ctc_search.FOUND:
        raise _error(status, log_probs, targets, blank, normalised, utterance)
    return CtcPath(positions, score)


def _checkpoint_distance(frames: int, labels: int, block: int, budget: int, utterance: str) -> int:
    """Return how many frames apart rows are saved: the fastest choice that fits the budget."""
    every, needed = block, _needed_bytes(frames, labels, block, block)
    # Saving more rows than the cache holds costs more than redoing a wider window.
    while every * every < 2 * labels and needed > 2**22:
        every *= 2
        needed = _needed_bytes(frames, labels, every, block)
    least = needed
    while needed > budget and every < frames:
        every *= 2
        needed = _needed_bytes(frames, labels, every, block)
        least = min(least, needed)
    if needed > budget:
        raise InputError(
            f"memory_budget: aligning {frames} frames with {labels} labels{utterance and ' of '}"
            f"{utterance} needs at least {least} bytes, more than {budget}; raise the budget"
        )
    return every


def _needed_bytes(frames: int, labels: int, every: int, block: int) -> int:
    """Return what `ctc_search.search` allocates, at most."""
    rows = -(-frames // every)
    inner = every // block * (min(every, labels) + 32) if every > block else 0
    return 8 * (labels + 1) * rows + 8 * inner + 24 * (rows + labels) + 8 * frames + _SCRATCH_BYTES


def _error(
    status: int,
    log_probs: np.ndarray,
    targets: np.ndarray,
    blank: int,
    normalised: bool,
    utterance: str,
) -> AlignmentError | InputError:
    """Say what the search stumbled over."""
    frames, vocabulary = log_probs.shape
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
        for t in range(frames):
            wrong = ~(log_probs[t] <= _CEILING[normalised])
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
