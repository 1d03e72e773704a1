"""The network of a neural HMM in torch: what is trained, and exported."""

from __future__ import annotations

import numpy as np

from speechalign.errors import BackendError
from speechalign.models.neural_hmm.config import FRONT, NetConfig
from speechalign.models.neural_hmm.phone_net import NORM_FLOOR, PhoneNet

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as missing:
    raise BackendError(f"neural-hmm: {missing}; pip install 'speechalign[torch]'") from None


class _Block(nn.Module):
    """One residual block over (B, T, C)."""

    def __init__(self, config: NetConfig, dilation: int, dropout: float) -> None:
        super().__init__()
        channels = config.channels
        self.over_time = nn.Conv1d(
            channels, channels, config.kernel, padding=config.kernel // 2 * dilation,
            dilation=dilation, groups=channels,
        )  # fmt: skip
        self.norm = nn.LayerNorm(channels, NORM_FLOOR)
        self.widen = nn.Linear(channels, config.hidden)
        self.narrow = nn.Linear(config.hidden, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.over_time(x.transpose(1, 2)).transpose(1, 2))
        change: Tensor = self.dropout(self.narrow(functional.gelu(self.widen(y))))
        return x + change


class TorchPhoneNet(nn.Module):
    """The network of `PhoneNet`, with its names of weights.

    Parameters
    ----------
    config : NetConfig
        Sizes.
    phones : int
        P.
    dropout : float
        Share of the encoder's states and of each block's output that is zeroed while training.
    """

    def __init__(self, config: NetConfig, phones: int, *, dropout: float = 0.1) -> None:
        super().__init__()
        self.config = config
        stem = config.stem or config.channels
        self.front = nn.Conv1d(config.bands, stem, FRONT, padding=FRONT // 2)
        if config.stack > 1:
            self.join = nn.Linear(config.stack * stem, config.channels)
            self.fine = nn.Linear(stem, phones)
        if config.encoder_width:
            self.encoder_norm = nn.LayerNorm(config.encoder_width, NORM_FLOOR)
            self.encoder = nn.Linear(config.encoder_width, config.channels)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(_Block(config, step, dropout) for step in config.dilations)
        self.norm: nn.Module = nn.Identity()
        if not config.encoder_width:
            self.norm = nn.LayerNorm(config.channels, NORM_FLOOR)
        self.output = nn.Linear(config.channels, config.stack * phones)

    def forward(
        self,
        mels: Tensor,
        inside: Tensor | None = None,
        states: Tensor | None = None,
        cells: Tensor | None = None,
    ) -> Tensor:
        """Turn features into (B, T, P) logits.

        Parameters
        ----------
        mels : Tensor, shape (B, T, bands), float32
            Zeros beyond the end of each recording.
        inside : Tensor, shape (B, T), bool, or None
            Which frames are of the recording; None for all.
        states : Tensor, shape (B, F, encoder_width), float32, or None
            Of the encoder.
        cells : Tensor, shape (B, T), int64, or None
            Which of the states belongs to each frame.
        """
        stack, frames = self.config.stack, mels.shape[1]
        mels = functional.pad(mels, (0, 0, 0, -frames % stack))
        x = self.front(mels.transpose(1, 2)).transpose(1, 2)
        if states is not None and cells is not None:
            mapped = self.encoder(self.dropout(self.encoder_norm(states)))
            x = x + mapped.gather(1, cells[:, :, None].expand(-1, -1, mapped.shape[2]))
        stem = x = functional.gelu(x)
        if stack > 1:
            x = functional.gelu(self.join(stem.reshape(len(stem), -1, stack * stem.shape[2])))
        if inside is not None:
            inside = functional.pad(inside, (0, -frames % stack))[:, ::stack, None]
        for block in self.blocks:
            # A block hears zeros beyond the end, however long the others of the batch are.
            x = block(x if inside is None else x * inside)
        logits: Tensor = self.output(self.norm(x))
        if stack > 1:
            fine = self.fine(stem)
            logits = logits.reshape(fine.shape) + fine
        return logits[:, :frames]


def for_use(net: TorchPhoneNet) -> PhoneNet:
    """Return the same network for use, with weights that half precision can hold."""
    weights = {
        name: value.detach().cpu().numpy().astype(np.float16).astype(np.float32)
        for name, value in net.state_dict().items()
    }
    return PhoneNet(net.config, weights)


def for_training(net: PhoneNet, *, dropout: float = 0.1) -> TorchPhoneNet:
    """Return the same network to train it further."""
    made = TorchPhoneNet(net.config, net.phones, dropout=dropout)
    made.load_state_dict({name: torch.tensor(value) for name, value in net.weights.items()})
    return made
