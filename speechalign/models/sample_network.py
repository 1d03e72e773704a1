"""A torch network from samples to logits, with what its maker does to samples first."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional


class SampleNetwork(nn.Module):  # type: ignore[misc]
    """Waveforms to logits: normalisation of each recording, then a network.

    Parameters
    ----------
    network : nn.Module
        Takes (B, N) samples, returns (B, T, V) logits first of all.
    epsilon : float or None
        Each recording gets mean 0 and variance 1, with this added to the variance before; None
        leaves the samples as they are.
    """

    def __init__(self, network: nn.Module, *, epsilon: float | None) -> None:
        super().__init__()
        self.network = network
        self.epsilon = epsilon

    def forward(self, waveforms: Tensor) -> Tensor:
        """Turn (B, N) samples into (B, T, V) logits."""
        if self.epsilon is not None:
            waveforms = functional.layer_norm(waveforms, waveforms.shape[1:], eps=self.epsilon)
        return cast(Tensor, self.network(waveforms)[0])
