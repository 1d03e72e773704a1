"""Arguments shared by the losses on transcripts: checks, and reduction over a batch."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor

from speechalign.errors import InputError, wrong_type
from speechalign.kernels.ctc_loss import illegal_score

Reduction = Literal["mean", "sum", "none"]


def check_log_probs(log_probs: Tensor, input_lengths: Tensor) -> Tensor:
    """Refuse anything but (B, T, V) float32 or float64 and lengths that fit; return those."""
    check_tensor(log_probs, "log_probs")
    if log_probs.ndim != 3:
        raise InputError(f"log_probs: expected shape (B, T, V), got {tuple(log_probs.shape)}")
    if log_probs.dtype not in (torch.float32, torch.float64):
        raise InputError(
            f"log_probs: expected float32 or float64, got {_dtype(log_probs)}; call .float() on it"
        )
    return check_lengths(input_lengths, "input_lengths", *log_probs.shape[:2])


def check_targets(
    targets: Tensor, target_lengths: Tensor, *, batch: int, num_columns: int, blank: int
) -> tuple[Tensor, Tensor]:
    """Refuse anything but (B, L) labels that are columns other than the blank.

    Returns the labels and their lengths as int64.
    """
    if not 0 <= blank < num_columns:
        raise InputError(f"blank: expected a column in [0, {num_columns}), got {blank}")
    targets = check_integers(targets, "targets")
    if targets.ndim != 2 or len(targets) != batch:
        raise InputError(
            f"targets: expected shape ({batch}, L), got {tuple(targets.shape)}; pad the "
            "transcripts to one length, such as with pad_sequence"
        )
    target_lengths = check_lengths(target_lengths, "target_lengths", *targets.shape)
    wrong = (targets < 0) | (targets >= num_columns) | (targets == blank)
    wrong &= within(target_lengths.to(targets.device), targets.shape[1])
    if wrong.any():
        b, i = torch.nonzero(wrong)[0].tolist()
        found = int(targets[b, i])
        reason = "the blank" if found == blank else f"not a column in [0, {num_columns})"
        raise InputError(
            f"targets[{b}, {i}]: label {found} is {reason}; expected labels of the vocabulary "
            f"without blanks in utterance {b}; check target_lengths and the vocabulary"
        )
    return targets, target_lengths


def check_tensor(values: object, name: str) -> None:
    """Refuse anything but a tensor."""
    if not isinstance(values, Tensor):
        raise wrong_type(name, "a torch.Tensor", values, "convert it with torch.as_tensor")


def check_integers(values: Tensor, name: str) -> Tensor:
    """Refuse anything but a tensor of int32 or int64; return it as int64."""
    check_tensor(values, name)
    if values.dtype not in (torch.int32, torch.int64):
        raise InputError(
            f"{name}: expected int32 or int64, got {_dtype(values)}; call .long() on it"
        )
    return values.long()


def check_scores(scores: Tensor) -> None:
    """Refuse NaN and +inf in (B, T, V), of which the padding has been replaced."""
    legal = scores < math.inf
    if not legal.all():
        b, t, v = torch.nonzero(~legal)[0].tolist()
        raise illegal_score(b, t, v, float(scores[b, t, v]))


def check_reduction(reduction: str) -> None:
    """Refuse anything but the names of reductions."""
    if reduction not in ("mean", "sum", "none"):
        raise InputError(f"reduction: expected 'mean', 'sum' or 'none', got {reduction!r}")


def reduced(losses: Tensor, reduction: Reduction, target_lengths: Tensor | None = None) -> Tensor:
    """Combine the losses (B,) of a batch.

    "mean" is of the losses a target, as in torch; without ``target_lengths``, of the losses.
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if target_lengths is not None:
        losses = losses / target_lengths.to(losses.device).clamp(min=1)
    return losses.mean()


def divergence(p: Tensor, q: Tensor) -> Tensor:
    """Return KL(p || q) over the last dimension of log-probabilities; where p is 0, q may be."""
    possible = p > -math.inf
    difference = p.where(possible, 0.0) - q.where(possible, 0.0)
    return (p.exp() * difference).sum(dim=-1)


def within(lengths: Tensor, limit: int) -> Tensor:
    """Return the mask (B, limit) of what lies within the lengths (B,)."""
    return torch.arange(limit, device=lengths.device) < lengths[:, None]


def check_lengths(lengths: Tensor, name: str, batch: int, limit: int) -> Tensor:
    """Refuse anything but (B,) integers in [0, limit]; return them as int64."""
    lengths = check_integers(lengths, name)
    if lengths.shape != (batch,):
        raise InputError(
            f"{name}: expected shape ({batch},), one length for each utterance; got "
            f"{tuple(lengths.shape)}"
        )
    wrong = (lengths < 0) | (lengths > limit)
    if wrong.any():
        b = int(torch.nonzero(wrong)[0])
        raise InputError(f"{name}[{b}]: expected a value in [0, {limit}], got {int(lengths[b])}")
    return lengths


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).replace("torch.", "")
