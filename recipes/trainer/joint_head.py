"""A CTC head that also reads text: both enter the same blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence

from recipes.trainer.state_head import HeadConfig, StateHead
from speechalign.losses import best_alignment_loss
from speechalign.models.ctc.conv_net import ConvBlock, length_mask

CONSISTENCIES = "none", "uniform", "best_alignment"
_VOWELS = frozenset("aeiouy")
_EDGE = 4  # rows of blank before and after a text, at most


class JointHead(StateHead):
    """A `StateHead` whose blocks after the first read stretched text too.

    Parameters
    ----------
    config, width, symbols
        As in `StateHead`; at least two blocks.
    """

    def __init__(self, config: HeadConfig, width: int, symbols: int) -> None:
        super().__init__(config, width, symbols)
        self.letters = nn.Embedding(symbols, config.channels)
        self.read_letters = ConvBlock(
            config.channels, kernel=config.kernel, expansion=config.expansion,
            dropout=config.dropout, ahead=config.kernel // 2,
        )  # fmt: skip

    def read(self, labels: Tensor, lengths: Tensor) -> Tensor:
        """Turn (B, R) stretched labels into (B, R, C) rows, like those of `stack` on speech."""
        mask = length_mask(lengths, labels.shape[1])
        x = self.read_letters(self.letters(labels), mask)
        for block in self.blocks[1:]:
            x = block(x, mask)
        rows: Tensor = self.norm(x)
        return rows

    def for_speech(self) -> StateHead:
        """Return the part that hears speech."""
        net = StateHead(self.config, self.width, self.symbols)
        own = self.state_dict()
        net.load_state_dict({name: own[name] for name in net.state_dict()})
        return net


def stretched(
    labels: Sequence[int], symbols: Sequence[str], *, blank: int, rng: np.random.Generator
) -> np.ndarray:
    """Repeat labels as long as letters last, in rows of 40 ms.

    Parameters
    ----------
    labels : Sequence[int]
        Numbers of the letters.
    symbols : Sequence[str]
        What the numbers stand for.
    blank : int
        Stands for the silence before and after.
    rng : Generator
        Draws the lengths.

    Returns
    -------
    ndarray, shape (R,), int64
        Vowels have 2 or 3 rows, other letters 1 or 2, spaces 1.
    """
    counts = [
        1 if symbols[label] == " " else int(rng.integers(1, 3)) + (symbols[label] in _VOWELS)
        for label in labels
    ]
    before, after = rng.integers(0, _EDGE + 1, 2)
    return np.repeat([blank, *labels, blank], [before, *counts, after]).astype(np.int64)


def stretch_batch(
    targets: Tensor, lengths: Tensor, symbols: Sequence[str], *, blank: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Return (B, R) stretched labels of (B, L) targets, and their (B,) lengths."""
    rng = np.random.default_rng(seed)
    rows = [
        torch.from_numpy(stretched(row[:n], symbols, blank=blank, rng=rng))
        for row, n in zip(targets.tolist(), lengths.tolist())
    ]
    return (
        pad_sequence(rows, batch_first=True, padding_value=blank),
        torch.tensor([len(row) for row in rows]),
    )


def consistency(
    kind: str, speech: Tensor, text: Tensor, speech_lengths: Tensor, text_lengths: Tensor
) -> Tensor:
    """Mean distance of rows of speech from rows of the same text, one minus the cosine.

    Parameters
    ----------
    kind : {"uniform", "best_alignment"}
        Rows in pairs at the same share of the lengths, or along the best monotone path.
    speech, text : Tensor, shape (B, N, C) and (B, M, C)
        Rows, padded.
    speech_lengths, text_lengths : Tensor, shape (B,), int64
        Rows of each.
    """
    speech, text = speech.float(), text.float()
    if kind == "best_alignment":
        return best_alignment_loss(
            speech, text, speech_lengths, text_lengths, distance="cosine", moves="dtw"
        )
    places = torch.arange(speech.shape[1], device=speech.device)[None]
    across = (places * text_lengths[:, None]) // speech_lengths.clamp(min=1)[:, None]
    beside = torch.minimum(across, (text_lengths - 1).clamp(min=0)[:, None])
    found = text.gather(1, beside[:, :, None].expand(-1, -1, text.shape[2]))
    apart = 1 - (normalize(speech, dim=2) * normalize(found, dim=2)).sum(2)
    inside = places < speech_lengths[:, None]
    return ((apart * inside).sum(1) / speech_lengths.clamp(min=1)).mean()
