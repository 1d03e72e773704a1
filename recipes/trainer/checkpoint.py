"""The checkpoint from which an interrupted training run continues."""

from __future__ import annotations

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
    """

    def __init__(self, out: Path, settings: object) -> None:
        self.path = out / "checkpoint.pt"
        kept = {k: v for k, v in asdict(settings).items() if k != "steps"}  # type: ignore[call-overload]
        self._settings = json.dumps(kept, sort_keys=True)

    def save(self, content: Mapping[str, object]) -> None:
        """Write the file whole, or not at all."""
        temporary = self.path.with_suffix(".tmp")
        torch.save({"settings": self._settings, **content}, temporary)
        temporary.replace(self.path)

    def resume(self, device: torch.device, restore: Callable[[Mapping[str, Any]], None]) -> None:
        """Call ``restore`` with what was saved; do nothing where there is no file.

        Raises
        ------
        InputError
            The file is damaged, or was written with other settings.
        """
        if not self.path.exists():
            return
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            before = content["settings"]
            if before == self._settings:
                restore(content)
        except Exception as error:
            raise InputError(f"{self.path}: damaged checkpoint: {error!r}; delete it") from None
        if before != self._settings:
            raise InputError(
                f"{self.path}: written with other settings, {before}; expected {self._settings}; "
                f"delete {self.path.parent}, or train elsewhere"
            )
