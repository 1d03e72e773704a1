"""Reading weights without running what is in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from speechalign.errors import BackendError, InputError

if TYPE_CHECKING:
    from torch import Tensor

SAFE = ".safetensors"


def refuse_pickle(path: Path) -> InputError:
    """Return the error for a pickle that is not read, with the remedy."""
    return InputError(
        f"{path}: is a Python pickle, which is not read unless asked for; save it as safetensors, "
        "or trust it with --allow-pickle (allow_pickle=True), which reads tensors only and runs "
        "no code"
    )


def load_weights(path: Path, *, allow_pickle: bool) -> dict[str, Tensor]:
    """Read the tensors of a file.

    Parameters
    ----------
    path : Path
        ``.safetensors``; anything else is taken for what ``torch.save`` wrote.
    allow_pickle : bool
        Read the latter, with torch's restricted reader, which knows tensors and no code.

    Raises
    ------
    InputError
        The file is missing or damaged, or a pickle that may not be read or holds more than
        tensors.
    BackendError
        The package safetensors is missing.
    """
    import pickle

    if not path.is_file():
        raise InputError(f"{path}: there is no such file; check its name and folder")
    if path.suffix == SAFE:
        try:
            from safetensors import SafetensorError
            from safetensors.torch import load_file
        except ImportError:
            raise BackendError(
                f"{path}: reading it needs safetensors; pip install safetensors"
            ) from None
        try:
            return dict(load_file(path))
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path}: damaged: {error}; copy the file again") from None
    if not allow_pickle:
        raise refuse_pickle(path)
    import torch

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).split("\n")[0]
        raise InputError(f"{path}: cannot be read as plain tensors: {reason}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected named tensors, got {type(found).__name__}")
    return found
