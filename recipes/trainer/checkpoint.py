"""Settings of a training run from YAML, and the checkpoint that an interrupted run goes on from."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch
import yaml

from speechalign.errors import InputError

S = TypeVar("S")


def read_yaml(path: Path, **changes: object) -> dict[str, object]:
    """Return the keys of a YAML file, some of them changed."""
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or {}) | changes


def settings(kind: type[S], keywords: Mapping[str, object], *, source: str) -> S:
    """Make a dataclass of settings; InputError names the source and a key that there is not."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in keywords:
        if key not in names:
            raise InputError(f"{source}: unknown key {key!r}; expected {', '.join(names)}")
    return kind(**keywords)


class Checkpoint:
    """``checkpoint.pt`` in the folder of a run.

    Parameters
    ----------
    out : Path
        The folder.
    training : dataclass
        The settings: a checkpoint of others is refused.
    may_change : Collection[str]
        Names of settings that it may have other values of.
    """

    def __init__(self, out: Path, training: object, *, may_change: Collection[str] = ()) -> None:
        self._path = out / "checkpoint.pt"
        kept = {k: v for k, v in asdict(training).items() if k not in may_change}  # type: ignore
        self._training = json.dumps(kept, sort_keys=True)

    def save(self, content: Mapping[str, object]) -> None:
        """Write the file, at once or not at all."""
        temporary = self._path.with_suffix(".tmp")
        torch.save({"training": self._training, **content}, temporary)
        temporary.replace(self._path)

    def resume(self, device: torch.device, restore: Callable[[Mapping[str, Any]], None]) -> None:
        """Have ``restore`` take up what was saved, where anything was.

        Raises
        ------
        InputError
            The file is damaged, or was written with other settings.
        """
        if not self._path.exists():
            return
        try:
            content = torch.load(self._path, map_location=device, weights_only=True)
            before = content["training"]
            if before == self._training:
                restore(content)
        except Exception as error:
            raise InputError(f"{self._path}: damaged checkpoint: {error!r}; delete it") from None
        if before != self._training:
            raise InputError(
                f"{self._path}: written with other settings, {before}; expected {self._training}; "
                f"delete {self._path.parent}, or train elsewhere"
            )
