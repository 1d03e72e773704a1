"""From the states of a speech encoder to rows that a language model reads like words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from speechalign.errors import InputError
from speechalign.models.speech_llm.ctc_compression import ctc_compress
from speechalign.models.speech_llm.encoders import Encoded


@dataclass(frozen=True)
class Adapted:
    """Rows for a language model, and which frames each is of.

    Parameters
    ----------
    rows : Tensor, shape (B, N, d)
        Padded with whatever.
    lengths : Tensor, shape (B,), int64
        Rows of each recording, possibly none.
    spans : Tensor, shape (B, N, 2), int64
        First frame of each row and the one after its last.
    """

    rows: Tensor
    lengths: Tensor
    spans: Tensor


class SpeechAdapter(nn.Module):
    """Shorten a sequence of states, and project it to the width of a language model.

    Parameters
    ----------
    width : int
        Of the encoder's states.
    outputs : int
        Of the language model's embeddings.
    hidden : int
        Between the two maps of the projection.
    stack : int
        Neighbouring rows that become one, after the compression.
    compress : {"none", "even", "probability"}
        Whether runs of frames of one CTC label become one row first, and how they are weighted, as
        `ctc_compress` has it.
    keep_blanks : bool
        Whether runs of blanks remain.
    scale : float
        Size of the entries of a row at the start: that of the embeddings of words.
    """

    def __init__(
        self,
        width: int,
        outputs: int,
        *,
        hidden: int,
        stack: int,
        compress: Literal["none", "even", "probability"],
        keep_blanks: bool,
        scale: float,
    ) -> None:
        super().__init__()
        self.stack = stack
        self.compress = compress
        self.keep_blanks = keep_blanks
        self.widen = nn.Linear(stack * width, hidden)
        self.project = nn.Linear(hidden, outputs)
        self.norm = nn.LayerNorm(outputs)
        nn.init.constant_(self.norm.weight, scale)

    def forward(self, encoded: Encoded, *, blank: int | None) -> Adapted:
        """Shorten and project; ``blank`` is the CTC layer's, None without one."""
        rows, lengths = encoded.states, encoded.lengths
        if self.compress == "none":
            firsts = torch.arange(rows.shape[1], device=rows.device)
            spans = torch.stack([firsts, firsts + 1], 1).expand(len(rows), -1, 2)
        else:
            if encoded.log_probs is None or blank is None:
                raise InputError(
                    "compress: CTC length compression needs an encoder with a CTC layer, and this "
                    "one has none; take compress 'none'"
                )
            found = ctc_compress(
                rows, encoded.log_probs, lengths, blank=blank, weights=self.compress,
                keep_blanks=self.keep_blanks,
            )  # fmt: skip
            rows, lengths, spans = found.rows, found.lengths, found.spans
        batch, count, width = rows.shape
        inside = torch.arange(count, device=rows.device) < lengths[:, None]
        rows = rows.where(inside[:, :, None], 0.0)
        short = -count % self.stack
        rows = nn.functional.pad(rows, (0, 0, 0, short))
        rows = rows.reshape(batch, (count + short) // self.stack, self.stack * width)
        begins = spans[:, :: self.stack, 0]
        lasts = self.stack * torch.arange(rows.shape[1], device=rows.device) + self.stack - 1
        lasts = torch.minimum(lasts.expand(batch, -1), (lengths - 1).clamp(min=0)[:, None])
        ends = spans[..., 1].gather(1, lasts) if count else begins
        rows = self.norm(self.project(nn.functional.gelu(self.widen(rows))))
        lengths = -(-lengths // self.stack)
        return Adapted(rows, lengths, torch.stack([begins, ends], 2))
