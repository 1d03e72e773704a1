"""The network of `ConvCTC`: log-mel features, one residual stack, frames of 20 ms.

The stack works on frames of 40 ms, and its last layer says two frames of 20 ms for each: half the
arithmetic of a stack at 20 ms. Its blocks are those of ConvNeXt [1]_: a depthwise convolution over
time, then two linear maps over channels, around a residual.

.. [1] Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell and S. Xie, "A ConvNet for the
   2020s", CVPR 2022, section 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np

from speechalign.errors import BackendError, InputError
from speechalign.kernels.filterbank import mel_spaced, triangular_filters

try:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional
except ImportError as missing:
    raise BackendError(f"conv-ctc: {missing}; pip install 'speechalign[torch]'") from None

SAMPLE_RATE = 16000
HOP = 160
_WINDOW, _FFT = 400, 512
_FLOOR = 1e-6  # 60 dB below speech at a usual level; digital silence gets no lower.


@dataclass(frozen=True)
class ConvCTCConfig:
    """Shape of a `ConvCTC`.

    Parameters
    ----------
    mels : int
        Filters of the log-mel features, one vector every 10 ms.
    stem_channels : int
        Channels between the two convolutions that lead from 10 to 40 ms.
    channels : int
        Channels of the residual stack.
    blocks : int
        Blocks of the stack.
    kernel : int
        Frames of 40 ms that a depthwise convolution covers; odd.
    expansion : int
        Hidden channels of a block by its channels.
    dropout : float
        Share of a block's output that is zeroed while training.
    right_context : int or None
        Frames of 20 ms after its own that a frame may hear through the stack, an even number; None
        for a model of whole recordings, which also subtracts each recording's mean.

    Raises
    ------
    InputError
        A number is out of its range.
    """

    mels: int = 80
    stem_channels: int = 128
    channels: int = 192
    blocks: int = 8
    kernel: int = 9
    expansion: int = 2
    dropout: float = 0.1
    right_context: int | None = None

    def __post_init__(self) -> None:
        for name in ("mels", "stem_channels", "channels", "blocks", "kernel", "expansion"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise InputError(f"{name}: expected an integer from 1 on, got {value!r}")
        if self.kernel % 2 == 0:
            raise InputError(f"kernel: expected an odd number, got {self.kernel}")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout: expected a value in [0, 1), got {self.dropout}")
        most = self.blocks * (self.kernel - 1)
        right = self.right_context
        if right is not None and (type(right) is not int or right % 2 or not 0 <= right <= most):
            raise InputError(
                f"right_context: expected None or an even number in [0, {most}], got {right}"
            )

    def ahead(self) -> list[int]:
        """Return how many frames of 40 ms each block hears ahead; the first ones take more."""
        if self.right_context is None:
            return [(self.kernel - 1) // 2] * self.blocks
        each, more = divmod(self.right_context // 2, self.blocks)
        return [each + (block < more) for block in range(self.blocks)]

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, object], *, source: str) -> ConvCTCConfig:
        """Build from a file's keywords; InputError names ``source`` and a key that is unknown."""
        known = [field.name for field in fields(cls)]
        for key in keywords:
            if key not in known:
                raise InputError(f"{source}: unknown key {key!r}; expected {', '.join(known)}")
        try:
            return cls(**keywords)  # type: ignore[arg-type]
        except InputError as error:
            raise InputError(f"{source}: {error}") from None


class LogMel(nn.Module):
    """Log energies of mel filters, a vector every 10 ms, the window's middle at the frame's middle.

    The Fourier transform is a convolution, so that every runtime has it.

    Parameters
    ----------
    mels : int
        Filters, from 20 to 7600 Hz.
    """

    def __init__(self, mels: int) -> None:
        super().__init__()
        n = np.arange(_WINDOW)
        angle = 2 * np.pi * np.outer(np.arange(_FFT // 2 + 1), n) / _FFT
        window = 0.5 - 0.5 * np.cos(2 * np.pi * (n + 0.5) / _WINDOW)
        basis = np.concatenate([np.cos(angle), np.sin(angle)]) * window
        filters = triangular_filters(mel_spaced(20, 7600, mels + 2), SAMPLE_RATE, _FFT)
        self.register_buffer("basis", torch.tensor(basis, dtype=torch.float32)[:, None], False)
        self.register_buffer("filters", torch.tensor(filters, dtype=torch.float32), False)
        self.basis: Tensor
        self.filters: Tensor

    def forward(self, waveforms: Tensor) -> Tensor:
        """Turn (B, N) samples at 16 kHz into (B, ceil(N / 160), mels) float32."""
        before = (_WINDOW - HOP) // 2
        last = -waveforms.shape[1] % HOP  # Fills the last frame.
        padded = functional.pad(waveforms, (before, before + last))
        spectrum = functional.conv1d(padded[:, None], self.basis, stride=HOP)
        real, imaginary = spectrum.chunk(2, 1)
        energies = (real * real + imaginary * imaginary).transpose(1, 2) @ self.filters.T
        return energies.clamp(min=_FLOOR).log()


class ConvBlock(nn.Module):
    """One residual block over (B, T, C).

    Parameters
    ----------
    channels, kernel : int
        C, and the frames that the convolution covers.
    expansion : int
        Hidden channels by C.
    dropout : float
        As in `ConvCTCConfig`.
    ahead : int
        Frames after its own that a frame hears.
    """

    def __init__(
        self, channels: int, *, kernel: int, expansion: int, dropout: float, ahead: int
    ) -> None:
        super().__init__()
        hidden = channels * expansion
        self.padding = (kernel - 1 - ahead, ahead)
        self.over_time = nn.Conv2d(channels, channels, (1, kernel), groups=channels)
        self.norm = nn.LayerNorm(channels)
        self.widen = nn.Linear(channels, hidden)
        self.narrow = nn.Linear(hidden, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Turn states, (B, T, C), into others; ``mask`` (B, T, 1) is 0 beyond a length."""
        # With the channels last in memory, the depthwise convolution is twice as fast on a CPU.
        heard = functional.pad((x * mask).transpose(1, 2)[:, :, None], self.padding)
        heard = self.over_time(heard.contiguous(memory_format=torch.channels_last))
        y = self.norm(heard[:, :, 0].transpose(1, 2))
        change: Tensor = self.dropout(self.narrow(functional.gelu(self.widen(y))))
        return x + change


class ConvCTCNet(nn.Module):
    """The network of `ConvCTC`: (B, N) samples in, (B, T, V) log-probabilities out.

    ``features`` and ``encode`` are its two halves; training keeps the features of a corpus on
    disk. What lies beyond a length does not change what lies within it.

    Parameters
    ----------
    config : ConvCTCConfig
        Sizes and context.
    symbols : int
        V, the blank included.
    """

    def __init__(self, config: ConvCTCConfig, symbols: int) -> None:
        super().__init__()
        self.config = config
        self.symbols = symbols
        self.log_mel = LogMel(config.mels)
        self.register_buffer("mean", torch.zeros(config.mels))
        self.register_buffer("deviation", torch.ones(config.mels))
        self.mean: Tensor
        self.deviation: Tensor
        # Kernels of four over strides of two keep the middle of a frame where it was.
        self.halve = nn.Conv1d(config.mels, config.stem_channels, 4, stride=2, padding=1)
        self.quarter = nn.Conv1d(config.stem_channels, config.channels, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(
            ConvBlock(
                config.channels, kernel=config.kernel, expansion=config.expansion,
                dropout=config.dropout, ahead=ahead,
            )
            for ahead in config.ahead()
        )  # fmt: skip
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, 2 * symbols)

    def features(self, waveforms: Tensor) -> Tensor:
        """Turn (B, N) samples into (B, F, mels) log-mel features, one every 10 ms."""
        features: Tensor = self.log_mel(waveforms)
        return features

    def normalise(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Subtract the mean, of the corpus or of each recording, and divide by the deviation."""
        mask = length_mask(lengths, features.shape[1])
        mean = self.mean
        if self.config.right_context is None:
            mean = (features * mask).sum(1, keepdim=True) / lengths[:, None, None]
        return (features - mean) / self.deviation * mask

    def stack(self, normalised: Tensor, lengths: Tensor) -> Tensor:
        """Turn (B, F, mels) normalised features into (B, ceil(F / 4), channels) states."""
        # The last frame of the stack may be partial.
        x = functional.pad(normalised.transpose(1, 2), (0, -normalised.shape[1] % 4))
        mask = length_mask((lengths + 1) // 2, x.shape[2] // 2)
        halves = functional.gelu(self.halve(x)) * mask.mT
        x = functional.gelu(self.quarter(halves)).transpose(1, 2)
        mask = length_mask((lengths + 3) // 4, x.shape[1])
        for block in self.blocks:
            x = block(x, mask)
        states: Tensor = self.norm(x)
        return states

    def score(self, states: Tensor) -> Tensor:
        """Turn (B, S, channels) states into (B, 2 S, V) log-probabilities, two frames for each."""
        scores: Tensor = self.head(states).reshape(
            states.shape[0], 2 * states.shape[1], self.symbols
        )
        return scores.log_softmax(2)

    def frames(self, lengths: Tensor) -> Tensor:
        """Turn numbers of feature vectors into numbers of output frames."""
        return (lengths + 1) // 2

    def encode(self, normalised: Tensor, lengths: Tensor) -> Tensor:
        """Turn (B, F, mels) normalised features into (B, ceil(F / 2), V) log-probabilities."""
        log_probs = self.score(self.stack(normalised, lengths))
        return log_probs[:, : (normalised.shape[1] + 1) // 2]

    def forward(self, waveforms: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Turn (B, N) samples of (B,) lengths into (B, ceil(N / 320), V) log-probabilities.

        Without lengths, all recordings have N samples.
        """
        if lengths is None:
            batch, samples = waveforms.shape
            lengths = waveforms.new_full((batch,), samples, dtype=torch.long)
        frames = (lengths + HOP - 1) // HOP
        waveforms = waveforms * length_mask(lengths, waveforms.shape[1])[:, :, 0]
        return self.encode(self.normalise(self.features(waveforms), frames), frames)


def with_context(net: ConvCTCNet, right_context: int | None) -> ConvCTCNet:
    """Make the network that hears less or more of what follows, to train it further.

    The taps of a depthwise convolution stay at their distance from the middle; those that the new
    context has not are dropped, and those that the old one had not are zero.

    Parameters
    ----------
    net : ConvCTCNet
        Is not changed.
    right_context : int or None
        As in `ConvCTCConfig`.

    Returns
    -------
    ConvCTCNet
        With weights of its own.
    """
    made = ConvCTCNet(replace(net.config, right_context=right_context), net.symbols)
    weights = {name: value.clone() for name, value in net.state_dict().items()}
    size = net.config.kernel
    for index, (old, new) in enumerate(zip(net.config.ahead(), made.config.ahead())):
        taps = weights[f"blocks.{index}.over_time.weight"]
        moved = torch.zeros_like(taps)
        shift = old - new  # A tap's place counts from the farthest frame back.
        begin, end = max(0, shift), min(size, size + shift)
        moved[..., begin:end] = taps[..., begin - shift : end - shift]
        weights[f"blocks.{index}.over_time.weight"] = moved
    made.load_state_dict(weights)
    return made


def length_mask(lengths: Tensor, limit: int) -> Tensor:
    """Return (B, limit, 1): one within a length, zero beyond."""
    positions = torch.arange(limit, device=lengths.device)
    return (positions < lengths[:, None])[:, :, None].float()


__all__ = [
    "HOP", "SAMPLE_RATE", "ConvBlock", "ConvCTCConfig", "ConvCTCNet", "LogMel", "length_mask",
    "with_context",
]  # fmt: skip
