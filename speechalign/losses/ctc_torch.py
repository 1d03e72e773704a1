"""CTC forward-backward in plain torch, for any device: what `kernels.ctc_loss` does on the CPU."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from speechalign.kernels.ctc_loss import illegal_score
from speechalign.losses.arguments import within


def occupation(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    delay_penalty: float,
    risk: float,
) -> tuple[Tensor, Tensor]:
    """Return losses (B,) and posteriors (B, T, L + 1); see `ctc_occupation`.

    In the log domain and float64, all utterances and states at once, one frame after the other.
    """
    batch, frames, _ = log_probs.shape
    device = log_probs.device
    states = torch.arange(2 * targets.shape[1] + 1, device=device)
    labels = torch.full((batch, len(states)), blank, device=device)
    labels[:, 1::2] = targets.where(within(target_lengths, targets.shape[1]), blank)
    spoken = states % 2 == 1
    skips = torch.zeros_like(labels, dtype=torch.bool)
    skips[:, 2:] = spoken[2:] & (labels[:, 2:] != labels[:, :-2])

    last = 2 * target_lengths[:, None]
    read = within(input_lengths, frames)[:, :, None] & (states <= last)[:, None]
    scores = log_probs.gather(2, labels[:, None].expand(-1, frames, -1))
    illegal = read & ~(scores < math.inf)
    if illegal.any():
        b, t, s = torch.nonzero(illegal)[0].tolist()
        raise illegal_score(b, t, int(labels[b, s]), float(scores[b, t, s]))
    scores = scores.double().masked_fill(~read, -math.inf)
    per_frame = risk / input_lengths.clamp(min=1).double()
    scores += ((states == last) * per_frame[:, None])[:, None]
    middle = torch.div(input_lengths, 2, rounding_mode="floor")
    enter = delay_penalty * (middle[:, None] - torch.arange(frames, device=device)).double()
    entered = enter[:, :, None] * spoken

    alphas = [torch.full((batch, len(states)), -math.inf, dtype=torch.float64, device=device)]
    alphas[0][:, 0] = 0.0
    for t in range(frames):
        skipping = _shifted(alphas[-1], 2).masked_fill(~skips, -math.inf)
        entering = torch.logaddexp(_shifted(alphas[-1], 1), skipping) + entered[:, t]
        alphas.append(torch.logaddexp(alphas[-1], entering) + scores[:, t])
    alpha = torch.stack(alphas, dim=1)
    final = torch.zeros_like(alphas[0]).masked_fill(
        (states > last) | (states < last - 1), -math.inf
    )
    ends = alpha[torch.arange(batch, device=device), input_lengths]
    totals = torch.logsumexp(ends + final, dim=1)

    beta = torch.full_like(final, -math.inf)
    shares: list[Tensor] = [beta] * frames
    for t in range(frames - 1, -1, -1):
        beta = torch.where((input_lengths == t + 1)[:, None], final, beta)
        shares[t] = alpha[:, t + 1] + beta - totals[:, None]
        through = beta + scores[:, t]
        entering = through + entered[:, t]
        skipping = _shifted(entering.masked_fill(~skips, -math.inf), -2)
        beta = torch.logaddexp(through, torch.logaddexp(_shifted(entering, -1), skipping))
    posteriors = log_probs.new_zeros(batch, frames, targets.shape[1] + 1)
    if frames:
        possible = (totals > -math.inf)[:, None, None]
        gamma = torch.stack(shares, dim=1).masked_fill(~(possible & read), -math.inf).exp()
        posteriors[:, :, 0] = gamma[:, :, ::2].sum(dim=2)
        posteriors[:, :, 1:] = gamma[:, :, 1::2]
    losses = torch.where(input_lengths > 0, risk - totals, -totals)
    return losses.to(log_probs.dtype), posteriors


def spread(
    factors: Tensor,
    posteriors: Tensor,
    targets: Tensor,
    target_lengths: Tensor,
    *,
    blank: int,
    num_columns: int,
) -> Tensor:
    """Return factors (B,) times the posteriors, each in the column (B, T, V) of its label."""
    batch, frames, _ = posteriors.shape
    columns = torch.full((batch, 1 + targets.shape[1]), blank, device=targets.device)
    columns[:, 1:] = targets.where(within(target_lengths, targets.shape[1]), blank)
    gradient = posteriors.new_zeros(batch, frames, num_columns)
    return gradient.scatter_add_(
        2, columns[:, None].expand(-1, frames, -1), posteriors * factors[:, None, None]
    )


def _shifted(values: Tensor, places: int) -> Tensor:
    """Move the states (B, S) to the right by so many places; what enters is impossible."""
    moved = torch.full_like(values, -math.inf)
    if places > 0:
        moved[:, places:] = values[:, :-places]
    else:
        moved[:, :places] = values[:, -places:]
    return moved
