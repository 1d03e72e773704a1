"""CTC forced alignment as torchaudio spells it, for arrays and tensors and batches of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

import numpy as np

from speechalign.checks import check_lengths
from speechalign.errors import InputError
from speechalign.kernels.ctc import MEMORY_BUDGET, ctc_viterbi_batch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TokenSpan:
    """A token with the frames that say it.

    Parameters
    ----------
    token : int
        Emission column of the token.
    start, end : int
        Frames ``[start, end)``; their number is the length of the span.
    score : float
        Mean natural-log probability of the token over these frames.
    """

    token: int
    start: int
    end: int
    score: float

    def __len__(self) -> int:
        return self.end - self.start


@overload
def forced_align(
    log_probs: np.ndarray,
    targets: np.ndarray,
    input_lengths: np.ndarray | None = ...,
    target_lengths: np.ndarray | None = ...,
    blank: int = ...,
    *,
    normalised: bool = ...,
    memory_budget: int = ...,
    jobs: int | None = ...,
) -> tuple[np.ndarray, np.ndarray]: ...
@overload
def forced_align(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | None = ...,
    target_lengths: Tensor | None = ...,
    blank: int = ...,
    *,
    normalised: bool = ...,
    memory_budget: int = ...,
    jobs: int | None = ...,
) -> tuple[Tensor, Tensor]: ...
def forced_align(
    log_probs: np.ndarray | Tensor,
    targets: np.ndarray | Tensor,
    input_lengths: np.ndarray | Tensor | None = None,
    target_lengths: np.ndarray | Tensor | None = None,
    blank: int = 0,
    *,
    normalised: bool = False,
    memory_budget: int = MEMORY_BUDGET,
    jobs: int | None = None,
) -> tuple[np.ndarray, np.ndarray] | tuple[Tensor, Tensor]:
    """Find the most probable CTC alignment of each label sequence with its emission.

    Parameters
    ----------
    log_probs : ndarray or Tensor, shape (B, T, V), floating
        Natural-log probabilities; -inf marks an impossible label.
    targets : ndarray or Tensor, shape (B, L), int32 or int64
        Labels without blanks; what lies beyond a length is never read.
    input_lengths : ndarray or Tensor, shape (B,), integer, or None
        Frames of each utterance; all T where None.
    target_lengths : ndarray or Tensor, shape (B,), integer, or None
        Labels of each utterance; all L where None.
    blank : int
        Column of the blank.
    normalised : bool
        Whether the probabilities of a frame sum to one, which is then checked, and makes the
        search faster over a large vocabulary. With a wildcard column appended they do not.
    memory_budget : int
        Bytes that the search may take.
    jobs : int or None
        Utterances aligned at a time, each by a thread; as many as there are cores where None.

    Returns
    -------
    paths : ndarray or Tensor, shape (B, T), of the dtype of ``targets``
        Label read at each frame; the blank in frames beyond a length.
    scores : ndarray or Tensor, shape (B, T), of the dtype of ``log_probs``
        Natural-log probability of that label; 0 in frames beyond a length, so that a row sums to
        the score of its path. Gradients flow through it into ``log_probs``.

    Raises
    ------
    InputError
        A shape, dtype, length or label that cannot be used, no labels, NaN or +inf.
    AlignmentError
        An utterance has fewer frames than labels and repeats, or no path of probability above 0;
        the message names it.

    Notes
    -----
    The meaning is that of ``torchaudio.functional.forced_align`` [1]_, with these differences. The
    batch may be of any size, and its utterances of different lengths. The path is always one of the
    best: where scores tie, torchaudio 2.11 may return a worse one, and ours is the one that
    `speechalign.graphs.ctc_graph` describes. Negative labels, NaN and emissions without any
    possible path, which torchaudio lets through, are refused; where it raises RuntimeError, this
    raises InputError (also a ValueError) or AlignmentError. bfloat16 and tensors that are not
    contiguous are welcome. The search runs on the CPU; the results lie where ``log_probs`` does.

    References
    ----------
    .. [1] V. Pratap et al., "Scaling speech technology to 1,000+ languages", JMLR 25, 2024.

    Examples
    --------
    >>> log_probs = np.log([[[0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.2, 0.2, 0.6]]])
    >>> paths, scores = forced_align(log_probs, np.array([[1, 2]]))
    >>> paths.tolist(), np.exp(scores).round(2).tolist()
    ([[1, 0, 2]], [[0.8, 0.6, 0.6]])
    """
    emissions, labels = _array(log_probs, "log_probs"), _array(targets, "targets")
    if emissions.ndim != 3:
        raise InputError(f"log_probs: expected shape (B, T, V), got {emissions.shape}")
    if labels.ndim != 2:
        raise InputError(
            f"targets: expected shape ({len(emissions)}, L), int32 or int64; "
            f"got {labels.shape} {labels.dtype}"
        )
    batch, frames, _ = emissions.shape
    spoken = _lengths(input_lengths, batch, frames, "input_lengths")
    found = ctc_viterbi_batch(
        emissions,
        labels,
        spoken,
        _lengths(target_lengths, batch, labels.shape[1], "target_lengths"),
        blank=blank,
        normalised=normalised,
        memory_budget=memory_budget,
        jobs=jobs,
    )
    paths = found.labels.astype(labels.dtype, copy=False)
    if isinstance(log_probs, np.ndarray):
        return paths, found.scores.astype(log_probs.dtype, copy=False)
    import torch

    columns = torch.from_numpy(paths).to(log_probs.device)
    if not log_probs.requires_grad:
        return columns, torch.from_numpy(found.scores).to(log_probs)
    gathered = log_probs.gather(2, columns.long().unsqueeze(2)).squeeze(2)
    beyond = torch.from_numpy(np.arange(frames) >= spoken[:, None]).to(log_probs.device)
    return columns, gathered.masked_fill(beyond, 0)


def merge_tokens(
    tokens: np.ndarray | Tensor, scores: np.ndarray | Tensor, blank: int = 0
) -> list[TokenSpan]:
    """Merge the frames of one path into tokens, and drop the blanks between them.

    Parameters
    ----------
    tokens : ndarray or Tensor, shape (T,), integer
        Label read at each frame: a row of what `forced_align` returned.
    scores : ndarray or Tensor, shape (T,), floating
        Natural-log probability of each.
    blank : int
        Column of the blank.

    Returns
    -------
    list[TokenSpan]
        In order; the score of each is the mean over its frames, computed in float64.

    Raises
    ------
    InputError
        The shapes are not (T,) and the same.

    Examples
    --------
    >>> for span in merge_tokens(np.array([0, 7, 7, 0, 7]), np.log([0.9, 0.5, 0.5, 0.9, 0.4])):
    ...     print(span.token, span.start, span.end, len(span), round(span.score, 3))
    7 1 3 2 -0.693
    7 4 5 1 -0.916
    """
    labels, values = _array(tokens, "tokens"), _array(scores, "scores")
    if labels.ndim != 1 or labels.shape != values.shape:
        raise InputError(
            f"tokens and scores: expected the same shape (T,), got {labels.shape} and "
            f"{values.shape}; take one row of a batch"
        )
    changes = (np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist()
    return [
        TokenSpan(int(labels[start]), start, end, float(values[start:end].mean(dtype=np.float64)))
        for start, end in zip([0, *changes], [*changes, len(labels)])
        if start < end and labels[start] != blank
    ]


def _array(values: np.ndarray | Tensor, name: str) -> np.ndarray:
    """Return an array or tensor as an array; half precision becomes single, exactly."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float32) if values.dtype == np.float16 else values
    if not hasattr(values, "detach"):
        raise InputError(
            f"{name}: expected an ndarray or a torch.Tensor, got {type(values).__name__}"
        )
    tensor = values.detach().cpu()
    half = tensor.is_floating_point() and tensor.element_size() == 2
    array: np.ndarray = (tensor.float() if half else tensor).numpy()
    return array


def _lengths(lengths: np.ndarray | Tensor | None, batch: int, limit: int, name: str) -> np.ndarray:
    """Return checked lengths (B,) int64; the limit for each where none are given."""
    if lengths is None:
        return np.full(batch, limit, np.int64)
    return check_lengths(_array(lengths, name), batch, limit, name=name)
