"""A language model that keeps some of its tokens only.

Scores of 262,144 tokens are most of the work of a language model of 270 million weights, and a
corpus of a few hours has 5000 of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from speechalign.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def tokens_of(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> tuple[int, ...]:
    """Return the tokens of texts and of single characters in them, and the special ones, sorted."""
    found = {n for text in texts for n in tokenizer(text, add_special_tokens=False)["input_ids"]}
    letters = {c for token in tokenizer.convert_ids_to_tokens(sorted(found)) for c in token}
    found.update(tokenizer.convert_tokens_to_ids(sorted(letters)))
    return tuple(sorted((found | set(tokenizer.all_special_ids)) - {None}))


def keep_tokens(lm: PreTrainedModel, tokens: Sequence[int]) -> None:
    """Take all other tokens out of a language model, and number these from 0 on, in place."""
    chosen = torch.tensor(tokens, device=lm.device)
    read, write = lm.get_input_embeddings(), lm.get_output_embeddings()
    tied = read.weight is write.weight
    read.weight = nn.Parameter(read.weight.detach()[chosen])
    write.weight = read.weight if tied else nn.Parameter(write.weight.detach()[chosen])
    if getattr(write, "bias", None) is not None:
        write.bias = nn.Parameter(write.bias.detach()[chosen])
    read.num_embeddings, read.padding_idx = len(tokens), None
    write.out_features = len(tokens)
    lm.config.get_text_config().vocab_size = len(tokens)


class KeptTokens:
    """A tokenizer whose tokens are numbered as `keep_tokens` does.

    A token that is not kept is replaced by those of its characters; where these are not kept
    either, by the one for what is unknown, or by none if there is no such one.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerFast
        Of the language model.
    tokens : Sequence[int]
        Those that are kept, sorted; none for all.

    Raises
    ------
    InputError
        The tokenizer has no such token, or one of its special tokens is not among them.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int]) -> None:
        self._tokenizer = tokenizer
        if tokens and tokens[-1] >= len(tokenizer):
            raise InputError(f"tokens: the tokenizer has {len(tokenizer)}, got {tokens[-1]}")
        for special in (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token):
            if tokens and special and tokenizer.convert_tokens_to_ids(special) not in tokens:
                raise InputError(f"tokens: expected {special} among them; find them by `join`")
        self._tokens = tokens
        self._numbers = {token: number for number, token in enumerate(tokens)}

    def number(self, token: int) -> int:
        """Return the number of a special token."""
        return self._numbers[token] if self._tokens else token

    def cut(self, text: str) -> list[tuple[int, int, int]]:
        """Cut a text without markers: number, start and end of each token."""
        cut = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        found = []
        for token, (start, end) in zip(cut["input_ids"], cut["offset_mapping"]):
            if not self._tokens or token in self._numbers:
                found.append((self.number(token), start, end))
                continue
            letters = self._letters(token)
            for k, number in enumerate(letters):
                begin = max(start, end - len(letters) + k)  # Some leave the space before out.
                found.append((number, begin, begin + 1 if len(letters) > 1 else end))
        return found

    def _letters(self, token: int) -> list[int]:
        letters = self._tokenizer.convert_tokens_to_ids(
            list(self._tokenizer.convert_ids_to_tokens(token))
        )
        unknown = self._tokenizer.unk_token_id
        if unknown in letters or not self._numbers.keys() >= set(letters):
            letters = [] if unknown is None else [unknown]
        return [self._numbers[letter] for letter in letters]

    def texts(self, numbers: Iterable[Sequence[int]]) -> list[str]:
        """Return what tokens spell, without the special ones."""
        rows = [[self._tokens[n] for n in row] if self._tokens else row for row in numbers]
        return list(self._tokenizer.batch_decode(rows, skip_special_tokens=True))
