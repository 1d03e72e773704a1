"""Paths drawn from tensors, where the tensors are: only the paths leave a device."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from speechalign.kernels.ctc_sampling import sample_paths
from speechalign.losses.arguments import within


def draw_paths(
    log_probs: Tensor,
    input_lengths: Tensor,
    samples: int,
    *,
    generator: np.random.Generator,
    temperature: float,
) -> np.ndarray:
    """Return what `sample_paths` does, (B, N, T) int64, from the same random numbers."""
    lengths = input_lengths.cpu().numpy()
    log_probs = log_probs.detach()
    if log_probs.device.type != "cpu" and samples >= 1 and 0 < temperature < np.inf:
        inside = within(input_lengths.to(log_probs.device), log_probs.shape[1])
        rows = log_probs[inside]
        # What is wrong with bad frames is found out by the kernel.
        if (rows < torch.inf).all() and (rows > -torch.inf).any(-1).all():
            paths: np.ndarray = _draw(log_probs, inside, samples, generator, temperature).numpy()
            return paths
    return sample_paths(
        log_probs.cpu().numpy(), lengths, samples, seed=generator, temperature=temperature
    )


def _draw(
    log_probs: Tensor,
    inside: Tensor,
    samples: int,
    generator: np.random.Generator,
    temperature: float,
) -> Tensor:
    """Draw from good frames by cumulative sums, on any device; return the paths on the CPU."""
    batch, frames, _ = log_probs.shape
    uniforms = np.zeros((batch, samples, frames))
    drawn = np.broadcast_to(inside.cpu().numpy()[:, None], uniforms.shape)
    uniforms[drawn] = generator.random(int(drawn.sum()))
    scores = torch.where(inside[:, :, None], log_probs, log_probs.new_zeros(())).double()
    sums = ((scores - scores.amax(-1, keepdim=True)) / temperature).exp().cumsum(-1)
    wanted = torch.from_numpy(uniforms).to(sums).transpose(1, 2) * sums[..., -1:]
    paths = torch.searchsorted(sums, wanted.contiguous(), right=True).transpose(1, 2)
    return torch.where(inside[:, None], paths, 0).cpu()
