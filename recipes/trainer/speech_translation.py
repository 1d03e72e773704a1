"""A small speech-to-text translation model whose attention is read as word alignment.

Two convolutions lead from frames of 10 ms to frames of 40 ms. A transformer encoder [1]_ follows
whose attention reaches a tenth of a second only, so that a state stands for the speech at its own
time. A decoder of one layer attends to it with a single head, so that the speech reaches a word in
one place only.

.. [1] A. Vaswani et al., "Attention is all you need", NeurIPS 2017.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechalign.errors import InputError

PAD, BOS, EOS, UNKNOWN = range(4)
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
BEGIN = "▁"
STRIDE = 4
"""Feature frames of 10 ms for each that is attended to."""


@dataclass(frozen=True)
class TranslatorConfig:
    """Sizes of a `Translator`.

    Parameters
    ----------
    mels : int
        Size of a feature vector.
    width : int
        Size of all hidden vectors.
    heads : int
        Number of heads of self-attention.
    encoder_layers : int
        Number of layers of the encoder.
    reach : int
        Frames of 40 ms before and after its own that an encoder layer attends to.
    dropout : float
        Dropout in training.
    diagonal : float
        Initial strength of a diagonal prior of the attention, which is trained. The weight of a
        frame at distance d from the relative position of the token falls as exp(-diagonal d), as in
        fast_align [2]_. 0 for no prior; a corpus of a few hundred sentences needs one.

    References
    ----------
    .. [2] C. Dyer, V. Chahuneau and N. A. Smith, "A simple, fast, and effective reparameterization
       of IBM model 2", NAACL 2013.
    """

    mels: int = 40
    width: int = 128
    heads: int = 4
    encoder_layers: int = 2
    reach: int = 2
    dropout: float = 0.1
    diagonal: float = 0.0


class Decoded(NamedTuple):
    """Output of the decoder.

    ``logits`` (B, L, V) of each next token; ``attention`` (B, L, T), rows sum to 1; ``values``
    (B, T, D), the vectors that attention weighs.
    """

    logits: Tensor
    attention: Tensor
    values: Tensor


class Tokens:
    """A vocabulary of frequent words and of letters; rare words are spelled. ``▁`` begins a word.

    Parameters
    ----------
    symbols : sequence of str
        Symbols, the special ones first.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        if tuple(symbols[: len(SPECIAL)]) != SPECIAL:
            raise InputError(f"tokens: expected {', '.join(SPECIAL)} to come first")
        self.symbols = tuple(symbols)
        self._numbers = {symbol: number for number, symbol in enumerate(symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def count(cls, sentences: Iterable[str], *, min_count: int) -> Tokens:
        """Make a vocabulary of all letters and of words that occur at least ``min_count`` times."""
        words = Counter(word for sentence in sentences for word in sentence.split())
        common = sorted(BEGIN + word for word, n in words.items() if n >= min_count)
        spelled = {letter for word in words for letter in cls._spell(word)}
        return cls([*SPECIAL, *common, *sorted(spelled - set(common))])

    @staticmethod
    def _spell(word: str) -> list[str]:
        return [BEGIN + word[0], *word[1:]]

    def split(self, sentence: str) -> list[str]:
        """Return the tokens of a sentence."""
        found = []
        for word in sentence.split():
            whole = BEGIN + word
            found += [whole] if whole in self._numbers else self._spell(word)
        return found

    def encode(self, sentence: str) -> list[int]:
        """Return the tokens of a sentence as numbers, without begin and end."""
        return [self._numbers.get(token, UNKNOWN) for token in self.split(sentence)]


class Translator(nn.Module):
    """Predict the next token from log-mel features and the previous tokens of the translation.

    Parameters
    ----------
    config : TranslatorConfig
        Sizes.
    phones, tokens : int
        Number of symbols of the source, 0 being the blank of CTC, and of the target.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, config: TranslatorConfig, phones: int, tokens: int) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.register_buffer("mean", torch.zeros(config.mels))
        self.register_buffer("scale", torch.ones(config.mels))
        self.first = nn.Conv1d(config.mels, width, 5, stride=2, padding=2)
        self.second = nn.Conv1d(width, width, 5, stride=2, padding=2)
        self.encoder = nn.ModuleList(
            nn.TransformerEncoderLayer(
                width, config.heads, 2 * width, config.dropout, batch_first=True, norm_first=True
            )
            for _ in range(config.encoder_layers)
        )
        self.encoded = nn.LayerNorm(width)
        self.phones = nn.Linear(width, phones)
        self.embedding = nn.Embedding(tokens, width)
        self.words = nn.TransformerEncoderLayer(
            width, config.heads, 2 * width, config.dropout, batch_first=True, norm_first=True
        )
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.diagonal = nn.Parameter(torch.tensor(config.diagonal), config.diagonal > 0)
        self.decoded = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, 2 * width)
        self.logits = nn.Linear(2 * width, tokens)
        self.dropout = nn.Dropout(config.dropout)

    def encode(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Turn (B, F, mels) features of (B,) lengths into (B, T, D) and their lengths."""
        x = ((features - self.mean) * self.scale).transpose(1, 2)
        inside = torch.arange(features.shape[1]) < lengths[:, None]
        x = functional.gelu(self.first(x * inside[:, None]))
        inside = inside[:, ::2]
        x = functional.gelu(self.second(x * inside[:, None])).transpose(1, 2)
        inside = inside[:, ::2]
        frames = x.shape[1]
        x = self.dropout(x + positions(frames, x.shape[2]))
        distance = torch.arange(frames)[:, None] - torch.arange(frames)
        far = distance.abs() > self.config.reach
        for layer in self.encoder:
            x = layer(x, src_mask=far, src_key_padding_mask=~inside)
            x = x.masked_fill(~inside[..., None], 0.0)  # a frame beyond all reach gets no attention
        return self.encoded(x), -(-lengths // STRIDE)

    def decode(self, previous: Tensor, encoded: Tensor, lengths: Tensor) -> Decoded:
        """Predict the token after each of (B, L) tokens, given speech (B, T, D) of (B,) lengths."""
        count = previous.shape[1]
        x = self.dropout(self.embedding(previous) + positions(count, encoded.shape[2]))
        future = torch.ones(count, count, dtype=torch.bool).triu(1)
        x = self.words(x, src_mask=future)
        scores = self.query(x) @ self.key(encoded).transpose(1, 2) / math.sqrt(x.shape[2])
        rows = (torch.arange(count) + 0.5) / (previous != PAD).sum(1)[:, None]
        columns = (torch.arange(encoded.shape[1]) + 0.5) / lengths[:, None]
        scores = scores - self.diagonal * (rows[:, :, None] - columns[:, None]).abs()
        outside = torch.arange(encoded.shape[1]) >= lengths[:, None]
        attention = scores.masked_fill(outside[:, None], -math.inf).softmax(-1)
        values = self.value(encoded)
        x = self.decoded(x + self.dropout(attention @ values))
        logits = self.logits(self.dropout(functional.gelu(self.hidden(x))))
        return Decoded(logits, attention, values)


def positions(count: int, width: int) -> Tensor:
    """Return the sinusoidal positions, (count, width)."""
    rates = torch.exp(-math.log(10_000) * torch.arange(0, width, 2) / width)
    angles = torch.arange(count)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def save(path: Path, model: Translator, phones: Sequence[str], tokens: Tokens) -> None:
    """Write a model whole or not at all."""
    temporary = path.with_name(f"{path.name}.tmp")
    content = {
        "config": asdict(model.config),
        "phones": list(phones),
        "tokens": list(tokens.symbols),
        "weights": model.state_dict(),
    }
    torch.save(content, temporary)
    temporary.replace(path)


def load(path: Path) -> tuple[Translator, Tokens]:
    """Read a model that `save` wrote."""
    content = torch.load(path, weights_only=True)
    tokens = Tokens(content["tokens"])
    config = TranslatorConfig(**content["config"])
    model = Translator(config, len(content["phones"]), len(tokens))
    model.load_state_dict(content["weights"])
    return model.eval(), tokens
