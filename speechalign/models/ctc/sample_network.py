"""A torch network from samples to logits, with what its maker does to samples first."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class SampleNetwork(nn.Module):
    """Waveforms to logits: normalisation of each recording, then a network.

    Parameters
    ----------
    network : nn.Module
        Takes (B, N) samples, returns (B, T, V) logits first of all.
    epsilon : float or None
        Each recording gets mean 0 and variance 1, with this added to the variance before; None
        leaves the samples as they are.
    masked : bool
        Of recordings of several lengths, the network is told which samples are theirs, a one each,
        as ``attention_mask``, and not how many they are.
    """

    def __init__(self, network: nn.Module, *, epsilon: float | None, masked: bool) -> None:
        super().__init__()
        self.network = network
        self.epsilon = epsilon
        self.masked = masked

    def forward(self, waveforms: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Turn (B, N) samples, all of a recording or the (B,) first ones, into (B, T, V) logits."""
        if lengths is None:
            if self.epsilon is not None:
                waveforms = functional.layer_norm(waveforms, waveforms.shape[1:], eps=self.epsilon)
            return cast(Tensor, self.network(waveforms)[0])
        positions = torch.arange(waveforms.shape[1], device=waveforms.device)
        mask = positions < lengths[:, None]
        if self.epsilon is not None:
            count = lengths[:, None]
            centred = (waveforms - (waveforms * mask).sum(1, keepdim=True) / count) * mask
            variance = centred.square().sum(1, keepdim=True) / count
            waveforms = centred / (variance + self.epsilon).sqrt()
        if self.masked:
            return cast(Tensor, self.network(waveforms, attention_mask=mask.long())[0])
        return cast(Tensor, self.network(waveforms, lengths)[0])
