"""Cache folder of compiled kernels, for machines without a writable default."""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import stat
import tempfile
from pathlib import Path

from numba import config, njit

from speechalign.errors import BackendError

_SHARED_MEMORY = "/dev/shm"


def ensure_cache_folder() -> None:
    """Give numba a temporary folder for compiled code where it has none that it can write to.

    numba looks at ``NUMBA_CACHE_DIR``, at the package's own folders and at the user's cache folder,
    and refuses to define a cached function where all of them are read-only: in a container that
    runs as another user, or a shared installation without a home. The temporary folder belongs to
    the user and nobody else may write to it, since code is loaded from it; the next run finds it
    again.

    Raises
    ------
    BackendError
        No temporary folder can be written to either.
    """
    try:
        njit(cache=True)(_probe)
    except RuntimeError:
        folder, new = private_folder()
        # In the environment, so that child processes share it and numba keeps it on a reload.
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
        config.reload_config()  # type: ignore[no-untyped-call]
        if new:
            logging.getLogger(__name__).warning(
                "no cache folder can be written to: kernels are compiled into %s, which takes some "
                "seconds; set NUMBA_CACHE_DIR to choose another folder",
                folder,
            )


def _probe() -> None:
    """Stand for any cached function: nothing but its definition is tried."""


def private_folder() -> tuple[Path, bool]:
    """Return a temporary folder that only this user can write to, and whether it is new.

    Raises
    ------
    BackendError
        No temporary folder can be written to.
    """
    for base in _bases():
        own = base / f"speechalign-{os.getuid() if hasattr(os, 'getuid') else 'cache'}"
        try:
            own.mkdir(mode=0o700)
        except FileExistsError:
            if _is_private(own):
                return own, False
            # Somebody else's, or open to others, who could put code into it.
            other = Path(tempfile.mkdtemp(prefix="speechalign-", dir=base))
            atexit.register(shutil.rmtree, other, ignore_errors=True)
            return other, True
        except OSError:
            continue
        return own, True
    raise BackendError(
        "numba: no folder for compiled code can be written to: neither the package's, nor the "
        "user's cache folder, nor a temporary one; set NUMBA_CACHE_DIR to a folder that can"
    )


def _bases() -> list[Path]:
    try:
        return [Path(tempfile.gettempdir()), Path(_SHARED_MEMORY)]
    except FileNotFoundError:
        return [Path(_SHARED_MEMORY)]


def _is_private(folder: Path) -> bool:
    """Tell whether a path is a folder of this user that nobody else may write to."""
    found = folder.lstat()
    own = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return stat.S_ISDIR(found.st_mode) and own and not found.st_mode & 0o022
