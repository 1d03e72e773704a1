"""Non-autoregressive translation: all target tokens in one pass, with CTC for their number.

The source is text, or speech as features. From J. Libovický and J. Helcl, "End-to-End
Non-Autoregressive Neural Machine Translation with Connectionist Temporal Classification", EMNLP
2018.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from speechalign.errors import BackendError, InputError
from speechalign.models import DESCRIPTION
from speechalign.models.folders import replacing_folder

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file
    from torch import Tensor, nn
except ImportError as missing:
    raise BackendError(f"ctc-translation: {missing}; pip install 'speechalign[torch]'") from None

KIND = "ctc-translation"
WEIGHTS = "model.safetensors"
BLANK = 0
"""Id of the blank, and of padding."""


@dataclass(frozen=True)
class CtcTranslationConfig:
    """Sizes of a model.

    Parameters
    ----------
    pieces : int
        Size of the vocabulary that both languages share, blank included.
    width, heads, encoder_layers, decoder_layers : int
        Sizes of the transformer; feed-forward layers are four times as wide.
    upsample : int
        Output frames for each source token, or for each 80 ms of speech: an upper limit of the
        target tokens for each.
    dropout : float
        Dropout in training.
    mels : int
        Size of a feature vector of source speech; 0 for source text.
    """

    pieces: int
    width: int = 128
    heads: int = 4
    encoder_layers: int = 3
    decoder_layers: int = 3
    upsample: int = 2
    dropout: float = 0.1
    mels: int = 0


class CtcTranslation(nn.Module):
    """Source ids or features in, log-probabilities of target pieces on a grid of output frames out.

    An encoder of the source (of speech, after three convolutions from 10 to 80 ms); ``upsample``
    frames for each of its states; a decoder over the frames, without causal mask, that attends to
    the encoder; an output projection tied to the embedding.
    """

    def __init__(self, config: CtcTranslationConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.embedding = nn.Embedding(config.pieces, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)
        self.hearing = _Hearing(config.mels, width) if config.mels else None
        sizes = (width, config.heads, 4 * width, config.dropout)
        self.encoder = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(*sizes, batch_first=True, norm_first=True),
            config.encoder_layers,
            nn.LayerNorm(width),
            enable_nested_tensor=False,
        )
        self.upsample = nn.Linear(width, config.upsample * width)
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(*sizes, batch_first=True, norm_first=True),
            config.decoder_layers,
            nn.LayerNorm(width),
        )
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, source: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Translate a batch.

        Parameters
        ----------
        source : Tensor, shape (B, N), int64, or (B, F, M), float32
            Ids, padded with the blank; or log-mel features every 10 ms, whose padding is not read.
        lengths : Tensor, shape (B,), int64
            Tokens, or feature frames, of each sentence, at least 1.

        Returns
        -------
        log_probs : Tensor, shape (B, upsample * N, V), float32
            Natural-log probabilities. N is ceil(F / 8) where the source is speech.
        frames : Tensor, shape (B,), int64
            Frames of each sentence.
        """
        width, factor = self.config.width, self.config.upsample
        if self.hearing is None:
            embedded = self.embedding(source) * width**0.5
        else:
            embedded, lengths = self.hearing(source, lengths)
        padding = torch.arange(embedded.shape[1], device=source.device) >= lengths[:, None]
        states = self.encoder(
            self.dropout(embedded + _positions(embedded.shape[1], width).to(embedded)),
            src_key_padding_mask=padding,
        )
        frames = self.upsample(states).reshape(len(source), -1, width)
        frames = self.decoder(
            self.dropout(frames + _positions(frames.shape[1], width).to(frames)),
            states,
            tgt_key_padding_mask=padding.repeat_interleave(factor, dim=1),
            memory_key_padding_mask=padding,
        )
        logits = nn.functional.linear(frames, self.embedding.weight)
        return logits.float().log_softmax(-1), factor * lengths

    def save(self, folder: str | Path) -> None:
        """Write ``model.json`` and ``model.safetensors``; the folder appears whole or not at all.

        Raises
        ------
        InputError
            ``folder`` holds something other than a model.
        """
        with replacing_folder(Path(folder)) as inside:
            save_file(self.state_dict(), inside / WEIGHTS)
            description = {"kind": KIND, "network": asdict(self.config)}
            (inside / DESCRIPTION).write_text(json.dumps(description, indent=1), encoding="utf-8")


class _Hearing(nn.Module):
    """Features (B, F, M) in, each less its mean over time; states (B, ceil(F / 8), D) out."""

    def __init__(self, mels: int, width: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(size, width, 3, stride=2, padding=1) for size in (mels, width, width)
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        frames = torch.arange(features.shape[1], device=features.device)
        inside = (frames < lengths[:, None])[:, None]
        x = features.transpose(1, 2).where(inside, 0.0)
        x = (x - x.sum(2, keepdim=True) / lengths[:, None, None]) * inside
        for convolution in self.convolutions:
            inside, lengths = inside[:, :, ::2], (lengths + 1) // 2
            x = nn.functional.gelu(convolution(x)) * inside
        return self.norm(x.transpose(1, 2)), lengths


def load(folder: str | Path) -> CtcTranslation:
    """Load what `CtcTranslation.save` wrote.

    Raises
    ------
    InputError
        A file is missing or damaged, or of another kind of model.
    """
    path = Path(folder) / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        kind, network = description["kind"], description["network"]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name the folder of a model") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: damaged; expected a JSON object with kind and network") from None
    if kind != KIND:
        raise InputError(f"{path}: expected kind {KIND!r}, got {kind!r}")
    model = CtcTranslation(read_config(network, source=str(path)))
    weights = Path(folder) / WEIGHTS
    try:
        model.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{weights}: damaged, or of another model: {error}") from None
    model.eval()
    return model


def read_config(keywords: Mapping[str, int | float], *, source: str) -> CtcTranslationConfig:
    """Return the sizes in keywords; InputError names the source and an unknown key."""
    names = [field.name for field in fields(CtcTranslationConfig)]
    for key in keywords:
        if key not in names:
            raise InputError(f"{source}: unknown key {key!r}; expected {', '.join(names)}")
    return CtcTranslationConfig(**keywords)  # type: ignore[arg-type]


def _positions(count: int, width: int) -> Tensor:
    """Return the sinusoids (count, width) of A. Vaswani et al., "Attention Is All You Need"."""
    rates = torch.exp(torch.arange(0, width, 2) * (-torch.log(torch.tensor(1e4)) / width))
    angles = torch.arange(count)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], dim=2).reshape(count, width)
