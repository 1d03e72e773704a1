"""Consistency of speech and text embeddings under the best alignment between them."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from speechalign.errors import InputError
from speechalign.losses.arguments import check_reduction, reduced
from speechalign.losses.embeddings import (
    Distance,
    check_distance,
    check_embeddings,
    embeddings,
    pairwise,
)
from speechalign.losses.path_sums import path_sums
from speechalign.losses.warping import (
    Backend,
    Moves,
    best_spans,
    check_moves,
    on_numba,
    soft_costs,
)


def best_alignment_loss(
    speech: Tensor,
    text: Tensor,
    speech_lengths: Tensor,
    text_lengths: Tensor,
    *,
    distance: Distance = "squared",
    moves: Moves = "plain",
    free_ends: bool = False,
    gamma: float = 0.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
    backend: Backend = "auto",
) -> Tensor:
    """Distance of speech from text a frame, under the monotone alignment that makes it least.

    Whatever the lengths: no alignment is given, and none has to be right beforehand.

    Parameters
    ----------
    speech : Tensor, shape (B, N, d), float32 or float64
        Embeddings of frames; those at and beyond a length are never read.
    text : Tensor, shape (B, M, d), of the same dtype
        Embeddings of tokens. Detach what should stay where it is.
    speech_lengths, text_lengths : Tensor, shape (B,), int32 or int64
        Frames and tokens of each utterance.
    distance : {"squared", "euclidean", "cosine"}
        Between a frame and a token; ``cosine`` is one minus the cosine.
    moves : {"plain", "skip", "dtw"}
        ``plain``: every frame has one token, in order, and every token a frame. ``skip``: single
        tokens may go without. ``dtw``: frames may have several tokens, so that the text may be
        longer than the speech.
    free_ends : bool
        Frames before the first token and after the last may have none, and cost nothing, such as
        silence. The distances being positive, as few frames as can be are matched.
    gamma : float
        Temperature of the minimum over alignments: 0 takes the best one; above, the soft minimum,
        whose gradient goes to all alignments by their probability.
    reduction : {"mean", "sum", "none"}
        Over the utterances.
    backend : {"auto", "numba", "torch"}
        What searches. ``auto`` is numba for tensors on the CPU and torch for others.

    Returns
    -------
    Tensor, shape () or (B,)
        In the dtype of the embeddings. 0 for an utterance without text; inf, without gradient,
        where the speech has too few frames for the text.

    Raises
    ------
    InputError
        A shape, dtype, length or option is wrong, the widths differ, or a value is not finite.
    BackendError
        ``backend="numba"`` with tensors that are not on the CPU.

    Notes
    -----
    With D[i, j] the distance of frame i from token j,
    ``c[i, j] = D[i, j] + min(c[i-1, j-1], c[i-1, j])`` and ``loss = c[N, M] / N``; ``skip`` adds
    ``c[i-1, j-2]``, ``dtw`` adds ``c[i, j-1]``, and gamma makes the minimum soft. The gradient is
    that of the distances on the best path, a sub-gradient where paths are as good. O(NMd) time for
    the distances, O(NM) for the search; beyond the distances, O((N + M) d) memory.

    The idea is that of [1]_, whose text does not settle distance, moves and normalisation; those
    are ours.

    References
    ----------
    .. [1] C. Peyser et al., "Improving joint speech-text representations without alignment",
       Proc. Interspeech, 2023.

    Examples
    --------
    >>> import torch
    >>> text = torch.tensor([[[0.0], [1.0]]])
    >>> speech = torch.tensor([[[0.0], [0.0], [0.5], [1.0]]])
    >>> best_alignment_loss(speech, text, torch.tensor([4]), torch.tensor([2]))
    tensor(0.0625)
    """
    check_reduction(reduction)
    check_distance(distance)
    check_moves(moves)
    if not 0 <= gamma < float("inf"):
        raise InputError(f"gamma: expected a finite number of at least 0, got {gamma}")
    if gamma > 0:
        u, v, n, m = embeddings(speech, text, speech_lengths, text_lengths)
        costs = pairwise(u, v, distance)
        sums = soft_costs(
            costs, n.cpu(), m.cpu(), gamma=gamma, moves=moves, free_ends=free_ends, backend=backend
        )
    else:
        # Padding is on no path, so that the rows need not be copied.
        n, m = check_embeddings(speech, text, speech_lengths, text_lengths)
        costs = pairwise(speech.detach(), text.detach(), distance)
        firsts, ends = best_spans(
            costs, n.cpu(), m.cpu(), moves=moves, free_ends=free_ends, backend=backend
        )
        sums = path_sums(
            speech,
            text,
            firsts.to(speech.device),
            ends.to(speech.device),
            distance,
            compiled=on_numba(speech, backend),
        )
    found = sums / n.to(sums.device).clamp(min=1)
    return reduced(found.where(m.to(sums.device) > 0, 0.0), reduction)
