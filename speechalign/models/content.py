"""Hash of what a model consists of, by which a changed model is told from the one of a name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Protocol, cast

import numpy as np

_DIGITS = 32
_PIECE = 1 << 20


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...


def content_hash(*parts: object) -> str:
    """Hash the parts of a model.

    Parameters
    ----------
    *parts : object
        Arrays and tensors count with shape, type and values, torch networks with their weights,
        paths with the bytes of the file, and strings, numbers, tuples and dicts with their repr.

    Returns
    -------
    str
        32 hexadecimal digits of a SHA-256.

    Examples
    --------
    >>> content_hash("en", 0.5) == content_hash("en", 0.5)
    True
    >>> content_hash({"tea": ("T", "IY")}) == content_hash({"tea": ("K", "AO")})
    False
    """
    digest = hashlib.sha256()
    for part in parts:
        _add(digest, part)
    return digest.hexdigest()[:_DIGITS]


def _add(digest: _Hash, part: object) -> None:
    if isinstance(part, Path):  # a file
        with part.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
    elif hasattr(part, "state_dict"):
        for name, weights in part.state_dict().items():
            digest.update(name.encode())
            _add(digest, weights)
    elif hasattr(part, "detach"):  # a tensor; hashed as bytes, since NumPy has no bfloat16
        import torch

        tensor = cast(torch.Tensor, part).detach().cpu().contiguous()
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    elif isinstance(part, np.ndarray):
        digest.update(f"{part.dtype} {part.shape}".encode())
        digest.update(part.tobytes())
    else:
        digest.update(repr(part).encode("utf-8", "surrogatepass"))
