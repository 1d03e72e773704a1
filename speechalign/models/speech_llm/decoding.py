"""Decoding options of speech LLMs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from speechalign.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Decoding:
    """Decoding options of a speech LLM.

    Parameters
    ----------
    beams : int
        Hypotheses that are kept; 1 takes the most probable token each time.
    length_penalty : float
        With several, a hypothesis of n tokens is judged by its log-probability over
        n ** length_penalty: below 1 prefers short ones.
    no_repeat : int
        No n tokens come twice; 0 for no such limit.
    most_tokens : int
        The text ends there in any case.
    support : float or None
        Drop words that the encoder's CTC layer does not support by so many nats, as
        `supported_words` says; None for no check.

    Raises
    ------
    InputError
        A value is out of its range.
    """

    beams: int = 1
    length_penalty: float = 1.0
    no_repeat: int = 0
    most_tokens: int = 200
    support: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("beams", 1), ("no_repeat", 0), ("most_tokens", 1)):
            value = getattr(self, name)
            if value < least:
                raise InputError(f"{name}: expected an integer from {least} on, got {value}")

    def tokens(self, lm: PreTrainedModel, read: Sequence[Tensor], *, room: int, end: int) -> Tensor:
        """Continue a text with a language model.

        Parameters
        ----------
        lm : transformers.PreTrainedModel
            A causal language model of transformers.
        read : Sequence[Tensor]
            (N, d) rows each, as many texts; N may differ, and is at least 1.
        room : int
            Tokens that it can read after the longest.
        end : int
            Token after which a text is over; it fills up shorter texts too.

        Returns
        -------
        Tensor, shape (B, M), int64
            What it writes, possibly with the end.
        """
        from transformers import GenerationConfig, NoRepeatNGramLogitsProcessor

        # Padding stands before: what is written must follow on what was read.
        longest = max(map(len, read))
        before = torch.tensor([longest - len(one) for one in read], device=read[0].device)
        rows = torch.stack([nn.functional.pad(one, (0, 0, longest - len(one), 0)) for one in read])
        columns = torch.arange(longest, device=rows.device)
        settings = GenerationConfig(
            max_new_tokens=min(self.most_tokens, room), num_beams=self.beams,
            length_penalty=self.length_penalty, do_sample=False, eos_token_id=end,
            pad_token_id=end,
        )  # fmt: skip
        repeats = [NoRepeatNGramLogitsProcessor(self.no_repeat)] if self.no_repeat else []
        found: Tensor = lm.generate(
            inputs_embeds=rows,
            attention_mask=(columns >= before[:, None]).long(),
            generation_config=settings,
            # The setting of the same name warns that the speech is no part of it.
            logits_processor=repeats,
        )
        return found
