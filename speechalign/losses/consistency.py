"""Consistency of two views of the same utterances, as in CR-CTC."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from speechalign.errors import InputError
from speechalign.losses.arguments import (
    check_log_probs,
    check_reduction,
    check_scores,
    check_tensor,
    divergence,
    within,
)


def consistency_loss(
    log_probs: Tensor,
    other: Tensor,
    input_lengths: Tensor,
    *,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    """Return the divergence of a model's outputs for two views of each utterance.

    A term to add to the mean `ctc_loss` of the views, which were augmented in different ways.

    Parameters
    ----------
    log_probs, other : Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities of the two views.
    input_lengths : Tensor, shape (B,), int32 or int64
        Frames of each utterance; what lies beyond is never read.
    reduction : {"mean", "sum", "none"}
        Over the batch; each utterance is a sum over its frames.

    Returns
    -------
    Tensor, shape (B,) or scalar, of the dtype of ``log_probs``
        0 where the views agree.

    Raises
    ------
    InputError
        Wrong shapes or dtypes, or NaN among the frames.

    Notes
    -----
    ``L = 1/2 sum_t KL( sg(q[t]) || p[t] ) + KL( sg(p[t]) || q[t] )``, where sg stops the gradient
    [1]_.

    References
    ----------
    .. [1] Z. Yao et al., "CR-CTC: consistency regularization on CTC for improved speech
       recognition", Proc. ICLR, 2025.

    Examples
    --------
    >>> import torch
    >>> views = [torch.tensor([[p]]).log() for p in ([0.5, 0.5], [0.25, 0.75])]
    >>> round(float(consistency_loss(*views, torch.tensor([1]))), 3)
    0.137
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    check_tensor(other, "other")
    if other.shape != log_probs.shape or other.dtype != log_probs.dtype:
        raise InputError(
            f"other: expected the shape and dtype of log_probs, {tuple(log_probs.shape)} "
            f"{log_probs.dtype}, got {tuple(other.shape)} {other.dtype}"
        )
    check_reduction(reduction)
    heard = within(input_lengths.to(log_probs.device), log_probs.shape[1])
    views = [scores.where(heard[:, :, None], 0.0) for scores in (log_probs, other)]
    for scores in views:
        check_scores(scores)
    p, q = views
    frames = (divergence(q.detach(), p) + divergence(p.detach(), q)) / 2
    losses = (frames * heard).sum(dim=1)
    return losses if reduction == "none" else getattr(losses, reduction)()
