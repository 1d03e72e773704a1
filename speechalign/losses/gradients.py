"""The backward half of losses whose forward pass has found the gradient already."""

from __future__ import annotations

import torch
from torch import Tensor


@torch.library.custom_op("speechalign::scaled_gradient", mutates_args=())
def scaled_gradient(gradient: Tensor, by_loss: Tensor) -> Tensor:
    """Multiply each utterance's gradient (B, T, V) by what comes back for its loss (B,).

    It has no derivative of its own, so that differentiating twice raises instead of being wrong.
    """
    return gradient * by_loss.to(gradient.dtype)[:, None, None]


@scaled_gradient.register_fake
def _(gradient: Tensor, by_loss: Tensor) -> Tensor:  # noqa: ARG001
    return torch.empty_like(gradient)
