"""Peak-first regularisation: every frame learns from the one after it, so that peaks come early."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from speechalign.errors import InputError
from speechalign.losses.arguments import (
    check_log_probs,
    check_reduction,
    check_scores,
    divergence,
    within,
)


def peak_first_loss(
    log_probs: Tensor,
    input_lengths: Tensor,
    *,
    temperature: float = 10.0,
    reduction: Literal["mean", "sum", "none"] = "mean",
) -> Tensor:
    """Divergence of each frame's distribution from that of the next frame.

    A term to add to `ctc_loss`.

    Parameters
    ----------
    log_probs : Tensor, shape (B, T, V), float32 or float64
        Natural-log probabilities.
    input_lengths : Tensor, shape (B,), int32 or int64
        Frames of each utterance; what lies beyond is never read.
    temperature : float
        Above 0; distributions are softened by it, ``softmax(log_probs / temperature)``.
    reduction : {"mean", "sum", "none"}
        Over the batch; each utterance is a sum over its frames.

    Returns
    -------
    Tensor, shape (B,) or scalar, of the dtype of ``log_probs``
        0 where nothing changes over time.

    Raises
    ------
    InputError
        Wrong shapes or dtypes, NaN among the frames, a temperature that is not above 0.

    Notes
    -----
    ``L = sum_{t < T - 1} KL( q[t+1] || q[t] )``, q the softened distributions [1]_. The gradient
    flows into both frames: whether [1]_ stops it at the later one is not said there.

    References
    ----------
    .. [1] Z. Tian et al., "Peak-first CTC: reducing the peak latency of CTC models by applying
       peak-first regularization", Proc. ICASSP, 2023.

    Examples
    --------
    >>> round(float(peak_first_loss(torch.zeros(1, 5, 3), torch.tensor([5]))), 3)
    0.0
    """
    input_lengths = check_log_probs(log_probs, input_lengths)
    check_reduction(reduction)
    if not 0 < temperature < math.inf:
        raise InputError(f"temperature: expected a number above 0, got {temperature}")
    heard = within(input_lengths.to(log_probs.device), log_probs.shape[1])
    scores = log_probs.where(heard[:, :, None], 0.0)
    check_scores(scores)
    softened = torch.log_softmax(scores / temperature, dim=2)
    losses = (divergence(softened[:, 1:], softened[:, :-1]) * heard[:, 1:]).sum(dim=1)
    return losses if reduction == "none" else getattr(losses, reduction)()
