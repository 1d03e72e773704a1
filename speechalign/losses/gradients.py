"""The backward half of losses whose forward pass has found the gradient already."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Context(Protocol):
    """Store of what the backward pass needs; torch declares no type that has ``saved_tensors``."""

    saved_tensors: tuple[Tensor, ...]
    integers: tuple[int, ...]

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Store tensors."""

    def set_materialize_grads(self, value: bool) -> None:
        """Choose whether a missing gradient is handed on as zeros, or as None."""


@torch.library.custom_op("speechalign::scaled_gradient", mutates_args=())
def scaled_gradient(gradient: Tensor, by_loss: Tensor) -> Tensor:
    """Multiply each utterance's gradient (B, T, V) by what comes back for its loss (B,).

    It has no derivative of its own, so that differentiating twice raises instead of being wrong.
    """
    return gradient * by_loss.to(gradient.dtype)[:, None, None]


@scaled_gradient.register_fake
def _(gradient: Tensor, by_loss: Tensor) -> Tensor:  # noqa: ARG001
    return torch.empty_like(gradient)


@torch.library.custom_op("speechalign::known_gradient", mutates_args=())
def known_gradient(scores: Tensor, losses: Tensor, gradient: Tensor) -> Tensor:  # noqa: ARG001
    """Return losses (B,), as a function of scores (B, T, V) with this gradient, of the same shape.

    The sum of the losses changes by ``(gradient * change).sum()`` with the scores.
    """
    return losses.clone()


@known_gradient.register_fake
def _(scores: Tensor, losses: Tensor, gradient: Tensor) -> Tensor:  # noqa: ARG001
    return torch.empty_like(losses)


def _keep_gradient(ctx: Context, inputs: tuple[Tensor, ...], output: Tensor) -> None:  # noqa: ARG001
    ctx.save_for_backward(inputs[0], inputs[2])


def _known_backward(ctx: Context, by_loss: Tensor) -> tuple[Tensor | None, ...]:
    scores, gradient = ctx.saved_tensors
    return _known_slope(scores, gradient, by_loss), None, None


@torch.library.custom_op("speechalign::known_slope", mutates_args=())
def _known_slope(scores: Tensor, gradient: Tensor, by_loss: Tensor) -> Tensor:  # noqa: ARG001
    """Do what `scaled_gradient` does; it depends on the scores, which raises when asked how."""
    return gradient * by_loss.to(gradient.dtype)[:, None, None]


@_known_slope.register_fake
def _(scores: Tensor, gradient: Tensor, by_loss: Tensor) -> Tensor:  # noqa: ARG001
    return torch.empty_like(gradient)


known_gradient.register_autograd(_known_backward, setup_context=_keep_gradient)
