"""Configuration of speech LLMs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from speechalign.errors import InputError


@dataclass(frozen=True)
class SpeechLlmConfig:
    """Configuration of a speech LLM.

    Parameters
    ----------
    hidden : int
        Width inside the adapter.
    stack : int
        Neighbouring rows that the adapter makes one of.
    compress : {"none", "even", "probability"}
        CTC length compression before that, as `SpeechAdapter` has it.
    keep_blanks : bool
        Whether the compression keeps runs of blanks.
    prompt : str
        What stands between speech and text.
    train : tuple[str, ...]
        Which parts are trained, and saved: see `choose_trained`.
    lora_rank, lora_alpha : int
        Of the low-rank updates, for parts named ``.lora``.
    lm_dtype : {"float32", "bfloat16"}
        Precision of the language model's weights that are not trained.
    tokens : tuple[int, ...]
        Tokens that the language model keeps, sorted; none for all. See `join`, which finds those of
        some texts.
    """

    hidden: int = 256
    stack: int = 2
    compress: Literal["none", "even", "probability"] = "none"
    keep_blanks: bool = True
    prompt: str = ""
    train: tuple[str, ...] = ("adapter", "lm.lora")
    lora_rank: int = 8
    lora_alpha: int = 16
    lm_dtype: Literal["float32", "bfloat16"] = "float32"
    tokens: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("hidden", "stack", "lora_rank", "lora_alpha"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise InputError(f"{name}: expected an integer from 1 on, got {value!r}")
        if self.compress not in ("none", "even", "probability"):
            raise InputError(
                f"compress: expected 'none', 'even' or 'probability', got {self.compress!r}"
            )
        if self.lm_dtype not in ("float32", "bfloat16"):
            raise InputError(f"lm_dtype: expected 'float32' or 'bfloat16', got {self.lm_dtype!r}")

        if any(type(token) is not int for token in self.tokens) or any(
            a >= b for a, b in zip((-1, *self.tokens), self.tokens)
        ):
            raise InputError("tokens: expected different numbers from 0 on, sorted")

    @classmethod
    def from_keywords(cls, keywords: Mapping[str, object], *, source: str) -> SpeechLlmConfig:
        """Build from a file's keywords; InputError names ``source`` and a key that is unknown."""
        known = [field.name for field in fields(cls)]
        for key in keywords:
            if key not in known:
                raise InputError(f"{source}: unknown key {key!r}; expected {', '.join(known)}")
        train = keywords.get("train", cls.train)
        if isinstance(train, str) or not isinstance(train, Sequence):
            raise InputError(f"{source}: train: expected a list of parts, got {train!r}")
        tokens = keywords.get("tokens", ())
        if isinstance(tokens, str) or not isinstance(tokens, Sequence):
            raise InputError(f"{source}: tokens: expected a list of numbers, got {tokens!r}")
        try:
            lists = {"train": tuple(train), "tokens": tuple(tokens)}
            return cls(**{**keywords, **lists})  # type: ignore[arg-type]
        except InputError as error:
            raise InputError(f"{source}: {error}") from None
