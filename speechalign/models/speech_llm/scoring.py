"""Log-probabilities of texts by a causal language model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from inspect import signature
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def score_texts(
    lm: PreTrainedModel, rows: Sequence[Tensor], texts: Sequence[Tensor]
) -> list[Tensor]:
    """Score the token after each of the last rows.

    Only rows that have such a token are scored: scores of a large vocabulary are most of the work
    of a small language model.

    Parameters
    ----------
    lm : transformers.PreTrainedModel
        A causal language model.
    rows : Sequence[Tensor]
        What it reads, (N, d) each.
    texts : Sequence[Tensor]
        For each, the tokens (M,) after its last M rows, as integers; M is from 1 to N.

    Returns
    -------
    list[Tensor]
        Log-probabilities (M,) of each, float32.
    """
    device = rows[0].device
    longest = max(map(len, rows))
    # Padding stands before, so that all rows end together.
    ends = longest - 1 - torch.arange(longest, device=device)
    mask = ends < torch.tensor([[len(some)] for some in rows], device=device)
    scored = ends < torch.tensor([[len(text)] for text in texts], device=device)
    options = {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    taken = signature(lm.forward).parameters
    with _scores_of(lm, scored):
        scores = lm(
            inputs_embeds=pad_sequence(list(rows), batch_first=True, padding_side="left"),
            attention_mask=mask.long(),
            use_cache=False,
            **{name: value for name, value in options.items() if name in taken},
        ).logits[0]
    scores = scores.float()
    wanted = scores.gather(1, torch.cat(list(texts))[:, None])[:, 0]
    return list((wanted - scores.logsumexp(1)).split([len(text) for text in texts]))


@contextmanager
def _scores_of(lm: PreTrainedModel, chosen: Tensor) -> Iterator[None]:
    """Let a language model score some (B, T) of its rows only; their scores are (1, R, V)."""

    def choose(_: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
        return (given[0][chosen][None],)

    hook = lm.get_output_embeddings().register_forward_pre_hook(choose)
    try:
        yield
    finally:
        hook.remove()
