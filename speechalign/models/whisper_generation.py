"""Let a Whisper network write what is said: language detection, prompts, greedy and beam search."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from speechalign.errors import InputError

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer
    from transformers import WhisperForConditionalGeneration
    from transformers.modeling_outputs import BaseModelOutput

_ROWS = 64  # tokens whose scores for the whole vocabulary are in memory at once
_LANGUAGE = re.compile(r"<\|([a-z]{2,3})\|>")


def language_tokens(tokenizer: Tokenizer) -> dict[str, int]:
    """Return the token of each language that a multilingual tokenizer knows, by its code."""
    found = {}
    for token, number in tokenizer.get_vocab(with_added_tokens=True).items():
        match = _LANGUAGE.fullmatch(token)
        if match is not None:
            found[match[1]] = number
    return dict(sorted(found.items(), key=lambda item: item[1]))


def detect_languages(
    network: WhisperForConditionalGeneration, encoded: BaseModelOutput, tokens: Sequence[int]
) -> torch.Tensor:
    """Return the log-probability of each language token for each recording, shape (B, K)."""
    import torch

    rows = encoded.last_hidden_state.shape[0]
    start = network.generation_config.decoder_start_token_id
    begin = torch.full((rows, 1), start, device=network.device)
    heard = network(encoder_outputs=encoded, decoder_input_ids=begin, use_cache=False)
    scores: torch.Tensor = heard.logits[:, -1, list(tokens)].float().log_softmax(-1)
    return scores


def prompt_tokens(
    network: WhisperForConditionalGeneration, tokenizer: Tokenizer, prompt: str
) -> list[int]:
    """Return the tokens of a text that is told to come before.

    Raises
    ------
    InputError
        It is longer than half of what the decoder may write, or the model takes none.
    """
    begin = tokenizer.token_to_id("<|startofprev|>")
    if begin is None:
        raise InputError("prompt: this model has no token for one; leave out --prompt")
    ids = tokenizer.encode(f" {prompt.strip()}", add_special_tokens=False).ids
    most = int(network.config.max_target_positions) // 2 - 1
    if len(ids) > most:
        raise InputError(f"prompt: expected at most {most} tokens, got {len(ids)}; shorten it")
    return [begin, *ids]


def write(
    network: WhisperForConditionalGeneration,
    tokenizer: Tokenizer,
    encoded: BaseModelOutput,
    *,
    languages: Sequence[str] | None,
    translate: bool,
    prompt: str | None,
    beams: int,
) -> list[tuple[str, float]]:
    """Return what the decoder writes for each recording, and how probable it is.

    Parameters
    ----------
    network, tokenizer
        The model.
    encoded : BaseModelOutput
        What the encoder makes of the recordings.
    languages : Sequence[str] or None
        Code of the language of each recording; None for an English model.
    translate : bool
        Write English, whatever is said.
    prompt : str or None
        What is told to come before: names, spellings, style.
    beams : int
        Width of the search; 1 for greedy.

    Returns
    -------
    list of (str, float)
        Text, and the mean natural-log probability of its tokens and its end.

    Raises
    ------
    InputError
        As from `prompt_tokens`.
    """
    import torch

    config, known = network.generation_config, language_tokens(tokenizer)
    if languages is not None:  # old folders lack these
        config.is_multilingual = True
        config.lang_to_id = {f"<|{code}|>": number for code, number in known.items()}
        tasks = ("transcribe", "translate")
        config.task_to_id = {task: tokenizer.token_to_id(f"<|{task}|>") for task in tasks}
    else:
        config.is_multilingual = False
    config.no_timestamps_token_id = tokenizer.token_to_id("<|notimestamps|>")
    config.prev_sot_token_id = tokenizer.token_to_id("<|startofprev|>")
    told: list[int] = []
    options: dict[str, object] = {"num_beams": beams, "do_sample": False}
    if languages is not None:
        options["language"] = [f"<|{code}|>" for code in languages]
        options["task"] = "translate" if translate else "transcribe"
    if prompt:
        told = prompt_tokens(network, tokenizer, prompt)
        options["prompt_ids"] = torch.tensor(told, device=network.device)
    states = encoded.last_hidden_state  # generation with beams repeats those of `encoded`
    rows, frames = states.shape[:2]
    mask = torch.ones((rows, 2 * frames), dtype=torch.int64, device=network.device)
    with _quiet():
        written = network.generate(encoder_outputs=encoded, attention_mask=mask, **options)
    end = _number(tokenizer, "endoftext")
    found = []
    for k, row in enumerate(written.tolist()):
        text = _spoken(tokenizer, row, prompt)
        language = None if languages is None else languages[k]
        before = [*told, *_before(tokenizer, language, translate)]
        score = _mean_log_prob(network, states[k : k + 1], before, [*text, end])
        found.append((" ".join(tokenizer.decode(text).split()), score))
    return found


def _number(tokenizer: Tokenizer, name: str) -> int:
    """Return a special token, by its name, of a tokenizer that has it."""
    return cast(int, tokenizer.token_to_id(f"<|{name}|>"))


def _spoken(tokenizer: Tokenizer, row: Sequence[int], prompt: str | None) -> list[int]:
    """Return the tokens that are written, without special ones and what was told before."""
    begin = _number(tokenizer, "startoftranscript")
    if prompt and begin in row:
        row = row[row.index(begin) :]
    return [token for token in row if token < _number(tokenizer, "endoftext")]


def _before(tokenizer: Tokenizer, language: str | None, translate: bool) -> list[int]:
    """Return the tokens that the decoder is given in front of a text."""
    task = "translate" if translate else "transcribe"
    told = [] if language is None else [language, task]
    return [_number(tokenizer, name) for name in ("startoftranscript", *told, "notimestamps")]


def _mean_log_prob(
    network: WhisperForConditionalGeneration,
    states: torch.Tensor,
    before: Sequence[int],
    text: Sequence[int],
) -> float:
    """Return the mean log-probability of tokens after others, of encoder states (1, T, D)."""
    import torch

    tokens = torch.tensor([[*before, *text[:-1]]], device=network.device)
    heard = network.get_decoder()(
        input_ids=tokens, encoder_hidden_states=states, use_cache=False
    ).last_hidden_state[0, len(before) - 1 :]
    total = 0.0
    for first in range(0, len(text), _ROWS):
        rows = slice(first, first + _ROWS)
        log_probs = network.proj_out(heard[rows]).float().log_softmax(-1)
        chosen = torch.tensor(text[rows], device=network.device)
        total += float(log_probs.gather(1, chosen[:, None]).sum())
    return total / len(text)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers from warning of what its own code does."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
