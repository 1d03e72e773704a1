"""Contribution maps: how much each part of the source contributed to each token of the target."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np

from speechalign.errors import BackendError, FormatError, InputError

SUFFIXES = (".npy", ".npz", ".pt", ".json")
_KEY = "contributions"


def find_maps(folder: str | os.PathLike[str]) -> dict[str, Path]:
    """Return the map files of a folder by name without suffix, in order of name.

    Raises
    ------
    FormatError
        Two files have the same name but for the suffix.
    """
    found: dict[str, Path] = {}
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            if path.stem in found:
                raise FormatError(f"{path}: there is {found[path.stem].name} too; remove one")
            found[path.stem] = path
    return found


def read_map(path: str | os.PathLike[str]) -> np.ndarray:
    """Read the contribution map of one sentence.

    Parameters
    ----------
    path : path-like
        ``.npy``; ``.npz`` or ``.pt`` (a tensor, or a dictionary of them, loaded without running
        code) with one array, or several of which one is called ``contributions``; ``.json`` with
        a list of rows, or an object with such a list under ``contributions``.

    Returns
    -------
    ndarray, shape (rows, columns), float64
        Rows are parts of the target, columns parts of the source.

    Raises
    ------
    FormatError
        The file is none of these, or is damaged.
    InputError
        It holds no matrix, or a value that is negative or not finite.
    BackendError
        A ``.pt`` file is to be read, and torch is not installed.
    OSError
        The file cannot be opened.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FormatError(f"{path}: expected a file {', '.join(SUFFIXES)}; convert it")
    try:
        found = {".json": _json, ".pt": _torch}.get(suffix, _numpy)(path)
        values = np.asarray(found, dtype=np.float64)
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path}: not a contribution map: {error}") from None
    check_map(values, name=str(path))
    return values


def check_map(values: np.ndarray, *, name: str = "contributions") -> None:
    """Refuse anything but a matrix of finite numbers >= 0."""
    if values.ndim != 2:
        raise InputError(f"{name}: expected shape (rows, columns), got {values.shape}")
    bad = ~((values >= 0) & (values < np.inf))
    if bad.any():
        i, j = np.argwhere(bad)[0]
        raise InputError(
            f"{name}: row {i}, column {j}: expected a finite number >= 0, got {values[i, j]} "
            f"({int(bad.sum())} such of {values.size}); check the program that made it"
        )


def _numpy(path: Path) -> object:
    found = np.load(path, allow_pickle=False)
    if isinstance(found, np.ndarray):
        return found
    with found:
        return found[_only(sorted(found.files))]


def _torch(path: Path) -> object:
    try:
        import torch
    except ImportError:
        raise BackendError(
            f"{path}: reading it needs torch; pip install 'speechalign[torch]', or save it as .npy"
        ) from None
    import pickle

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        raise ValueError(str(error).split("\n")[0]) from None
    if isinstance(found, dict):
        found = found[_only(sorted(map(str, found)))]
    if not isinstance(found, torch.Tensor):
        raise ValueError(f"expected a tensor, got {type(found).__name__}")
    return found.detach().to(torch.float64).numpy()


def _json(path: Path) -> object:
    found = json.loads(path.read_text(encoding="utf-8-sig"))
    return found[_only(sorted(found))] if isinstance(found, dict) else found


def _only(names: list[str]) -> str:
    """Choose the one array of a file."""
    if _KEY in names:
        return _KEY
    if len(names) != 1:
        raise ValueError(f"expected one array, or one called {_KEY!r}, got {', '.join(names)}")
    return names[0]
