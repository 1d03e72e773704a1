"""A CTC head: a residual stack over the states of a frozen encoder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from recipes.trainer.settings import make_settings
from speechalign.errors import InputError
from speechalign.frames import FrameGrid
from speechalign.models.ctc.conv_net import ConvBlock, length_mask
from speechalign.vocabulary import Vocabulary

_FILE = "head.pt"


@dataclass(frozen=True)
class HeadConfig:
    """Sizes of a head.

    Parameters
    ----------
    channels, blocks, kernel, expansion, dropout
        As in `ConvCTCConfig`; the stack works on pairs of the encoder's frames.
    """

    channels: int = 256
    blocks: int = 5
    kernel: int = 15
    expansion: int = 2
    dropout: float = 0.1


class StateHead(nn.Module):
    """The network of a head: (B, F, W) states in, (B, F, V) log-probabilities out.

    Like `ConvCTCNet`, it halves the arithmetic by saying two frames at once.

    Parameters
    ----------
    config : HeadConfig
        Sizes.
    width : int
        W, values of a state.
    symbols : int
        V, the blank included.
    """

    def __init__(self, config: HeadConfig, width: int, symbols: int) -> None:
        super().__init__()
        self.config = config
        self.width = width
        self.symbols = symbols
        self.norm_states = nn.LayerNorm(width, elementwise_affine=False)
        self.into = nn.Linear(2 * width, config.channels)
        self.drop_states = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            ConvBlock(
                config.channels, kernel=config.kernel, expansion=config.expansion,
                dropout=config.dropout, ahead=config.kernel // 2,
            )
            for _ in range(config.blocks)
        )  # fmt: skip
        self.norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, 2 * symbols)

    def normalise(self, states: Tensor, lengths: Tensor) -> Tensor:
        """Give each state mean 0 and deviation 1; zeros beyond the lengths."""
        normalised: Tensor = self.norm_states(states) * length_mask(lengths, states.shape[1])
        return normalised

    def frames(self, lengths: Tensor) -> Tensor:
        """Turn numbers of states into numbers of output frames: the same."""
        return lengths

    def encode(self, normalised: Tensor, lengths: Tensor) -> Tensor:
        """Turn (B, F, W) normalised states into (B, F, V) log-probabilities."""
        return self.score(self.stack(normalised, lengths))[:, : normalised.shape[1]]

    def stack(self, normalised: Tensor, lengths: Tensor) -> Tensor:
        """Turn (B, F, W) normalised states into (B, (F + 1) // 2, C), one row for two of them."""
        batch, count, _ = normalised.shape
        pairs = functional.pad(normalised, (0, 0, 0, count % 2)).reshape(
            batch, (count + 1) // 2, 2 * self.width
        )
        x = self.into(self.drop_states(pairs))
        mask = length_mask((lengths + 1) // 2, x.shape[1])
        for block in self.blocks:
            x = block(x, mask)
        rows: Tensor = self.norm(x)
        return rows

    def score(self, rows: Tensor) -> Tensor:
        """Turn (B, R, C) rows into (B, 2 R, V) log-probabilities, two frames for each."""
        scores = self.head(rows).reshape(len(rows), -1, self.symbols)
        log_probs: Tensor = scores.float().log_softmax(2)
        return log_probs


@dataclass(frozen=True)
class StateCtc:
    """A head with what its columns mean, and the encoder that it hears.

    Parameters
    ----------
    net : StateHead
        The head.
    vocabulary : Vocabulary
        With a blank.
    encoder : str
        Hash of the encoder, as `StoredEncoder` has it.
    grid : FrameGrid
        Where frames lie in time.
    """

    net: StateHead
    vocabulary: Vocabulary
    encoder: str
    grid: FrameGrid

    def save(self, folder: Path) -> None:
        """Write the model."""
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "config": asdict(self.net.config),
            "width": self.net.width,
            "symbols": list(self.vocabulary.symbols),
            "blank": self.vocabulary.blank,
            "encoder": self.encoder,
            "grid": asdict(self.grid),
            "weights": self.net.state_dict(),
        }
        temporary = folder / f"{_FILE}.tmp"
        torch.save(content, temporary)
        temporary.replace(folder / _FILE)


def load_head(folder: Path, *, encoder: str) -> StateCtc:
    """Load a model that `StateCtc.save` wrote.

    Parameters
    ----------
    folder : Path
        The model.
    encoder : str
        Hash of the encoder whose states it will hear.

    Raises
    ------
    InputError
        There is no such model, it is damaged, or it was trained on another encoder.
    """
    path = folder / _FILE
    try:
        content: Mapping[str, Any] = torch.load(path, weights_only=True)
        symbols, blank = content["symbols"], content["blank"]
        vocabulary = Vocabulary(symbols, blank=symbols[blank])
        config = make_settings(HeadConfig, content["config"], source=str(path))
        net = StateHead(config, int(content["width"]), len(vocabulary))
        net.load_state_dict(content["weights"])
        grid = FrameGrid(**content["grid"])
    except FileNotFoundError:
        raise InputError(f"{path}: missing; train the model first") from None
    except InputError:
        raise
    except Exception as error:  # torch has no error of its own for damaged files
        raise InputError(f"{path}: damaged ({error!r}); train the model again") from None
    if content["encoder"] != encoder:
        raise InputError(
            f"{path}: was trained on the states of encoder {content['encoder']}, got states of "
            f"{encoder}; cache the states of that encoder, or train the model again"
        )
    return StateCtc(net, vocabulary, encoder, grid)
