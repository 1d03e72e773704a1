"""Settings of a training run: a YAML file, and options of the command that replace its values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from speechalign.errors import InputError

S = TypeVar("S")


@dataclass(frozen=True)
class Settings:
    """Settings that every training run has.

    Parameters
    ----------
    steps : int
        Number of updates of the weights.
    learning_rate : float
        Highest learning rate; see `rate`.
    rate_steps : int or None
        Number of steps in which the learning rate falls to zero, if the run ends before, as one
        does that others continue; None for ``steps``.
    warmup : int
        Number of steps in which the learning rate rises to the highest.
    weight_decay : float
        Weight decay of AdamW.
    clip : float
        Largest norm of the gradient; a longer gradient is scaled to it.
    accumulate : int
        Number of batches of one update, on each process; the gradient is their mean.
    validate_every : int
        Number of steps between two evaluations; each evaluation writes a checkpoint.
    patience : int or None
        Number of evaluations without a better figure after which the run ends, with the weights of
        the best; None trains for all steps and takes the last weights.
    average : int
        Number of evaluations, the latest ones, whose weights the model is the mean of.
    seed : int
        Seed of the initial weights, batches, dropout and samples. The random numbers of a step
        depend on the seed and the step only, not on whether the run was interrupted.

    Raises
    ------
    InputError
        A number is too low, ``rate_steps`` is below ``steps``, or ``patience`` and ``average`` are
        both given.
    """

    steps: int
    learning_rate: float = 1e-3
    rate_steps: int | None = None
    warmup: int = 100
    weight_decay: float = 0.01
    clip: float = 1.0
    accumulate: int = 1
    validate_every: int = 500
    patience: int | None = None
    average: int = 1
    seed: int = 1

    def __post_init__(self) -> None:
        least = {
            "steps": 0,
            "warmup": 0,
            "seed": 0,
            "accumulate": 1,
            "validate_every": 1,
            "average": 1,
        }
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise InputError(f"{name}: expected at least {lowest}, got {getattr(self, name)}")
        if self.rate_steps is not None and self.rate_steps < self.steps:
            raise InputError(
                f"rate_steps: expected at least {self.steps}, the steps; got {self.rate_steps}"
            )
        if self.patience is not None and self.average > 1:
            raise InputError("patience and average: each chooses the final weights; give one")

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0: a linear rise, then half a cosine."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        total = self.steps if self.rate_steps is None else self.rate_steps
        done = (step - self.warmup) / max(1, total - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def read_yaml(path: Path, **changes: object) -> dict[str, Any]:
    """Return the keys of a YAML file; ``changes`` that are not None replace its values.

    Raises
    ------
    InputError
        The file is not YAML, or holds no keys.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected YAML: {error}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys with values, got {content!r}")
    return content | {name: value for name, value in changes.items() if value is not None}


def make_settings(kind: type[S], keywords: Mapping[str, object], *, source: str) -> S:
    """Make a dataclass of settings.

    Parameters
    ----------
    kind : type
        A dataclass.
    keywords : Mapping[str, object]
        Values of its fields.
    source : str
        Name of the file, for messages.

    Raises
    ------
    InputError
        A key is unknown or missing, or a value is text where a number is expected.
    """
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    for key, value in keywords.items():
        if key not in known:
            raise InputError(f"{source}: unknown key {key!r}; expected {', '.join(known)}")
        if known[key].type in ("int", "float") and isinstance(value, str):
            raise InputError(
                f"{source}: {key}: expected a number, got the text {value!r}; YAML wants a point "
                "and a sign in powers of ten: 1.0e-3"
            )
    for name, field in known.items():
        if name not in keywords and field.default is field.default_factory is MISSING:
            raise InputError(f"{source}: expected a value for {name}, found none")
    try:
        return kind(**keywords)
    except InputError as error:
        raise InputError(f"{source}: {error}") from None


def override_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options ``--seed`` and ``--steps`` to a command."""
    for name, text in (("--steps", "Number of updates"), ("--seed", "Seed of the run")):
        help_text = f"{text} (default: the file's)."
        command = click.option(name, type=click.IntRange(min=0), help=help_text)(command)
    return command
