"""The checkpoint from which an interrupted training run continues."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from speechalign.errors import InputError


class Checkpoint:
    """``checkpoint.pt`` in the folder of a run.

    Parameters
    ----------
    out : Path
        The folder.
    settings : dataclass
        Settings of the run. A checkpoint of other settings is refused; only ``steps`` may differ,
        so that a run can be made longer.
    given : Mapping[str, Tensor]
        Weights that the run was given. A checkpoint of a run that was given others is refused.
    """

    def __init__(self, out: Path, settings: object, *, given: Mapping[str, torch.Tensor]) -> None:
        self.path = out / "checkpoint.pt"
        self._given = _fingerprint(given)
        kept = {k: v for k, v in asdict(settings).items() if k != "steps"}  # type: ignore[call-overload]
        self._settings = json.dumps(kept, sort_keys=True)

    def save(self, content: Mapping[str, object]) -> None:
        """Write the file whole, or not at all."""
        temporary = self.path.with_suffix(".tmp")
        torch.save({"settings": self._settings, "given": self._given, **content}, temporary)
        temporary.replace(self.path)

    def resume(self, device: torch.device, restore: Callable[[Mapping[str, Any]], None]) -> None:
        """Call ``restore`` with what was saved; do nothing where there is no file.

        Raises
        ------
        InputError
            The file is damaged, or was written with other settings or from other given weights.
        """
        if not self.path.exists():
            return
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            before, given = content["settings"], content["given"]
            if (before, given) == (self._settings, self._given):
                restore(content)
        except Exception as error:
            raise InputError(f"{self.path}: damaged checkpoint: {error!r}; delete it") from None
        if before != self._settings:
            raise InputError(
                f"{self.path}: written with other settings, {before}; expected {self._settings}; "
                f"delete {self.path.parent}, or train elsewhere"
            )
        if given != self._given:
            raise InputError(
                f"{self.path}: written by a run that began from another model; delete "
                f"{self.path.parent}, or train elsewhere"
            )


def _fingerprint(weights: Mapping[str, torch.Tensor]) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(weights.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
