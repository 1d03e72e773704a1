"""Output of the forward pass of a speech LLM."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from speechalign.models.speech_llm.adapter import Adapted
from speechalign.models.speech_llm.encoders import Encoded


@dataclass(frozen=True)
class Heard:
    """A batch that was read to the language model together with its transcripts.

    Parameters
    ----------
    cross_entropy : Tensor, shape (B,)
        Mean over the tokens of each transcript and its end.
    log_probs : Tensor, shape (B, M + 1), float32
        Of each token, and after the last one the end; 0 at padding.
    speech : Tensor, shape (B, N, d), float32
        What the model is given of the speech, for losses on embeddings.
    speech_lengths : Tensor, shape (B,), int64
        Rows of each recording, possibly none.
    text : Tensor, shape (B, M, d), float32
        Embeddings of the transcripts, without prompt and end.
    encoded : Encoded
        What the encoder says, for a CTC loss.
    adapted : Adapted
        Which frames the rows are of.
    """

    cross_entropy: Tensor
    log_probs: Tensor
    speech: Tensor
    speech_lengths: Tensor
    text: Tensor
    encoded: Encoded
    adapted: Adapted
