"""Compare names of files, speakers and words that other machines wrote.

Unicode writes many letters in two ways: ``é`` as one character (composed, NFC) or as ``e`` and an
accent (decomposed, NFD). Keyboards and most file systems give the first, Apple's the second.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path


def composed(text: str) -> str:
    r"""Return a text with composed characters (NFC), in which equal names are equal.

    Examples
    --------
    >>> composed("Zoe\u0308") == "Zo\u00eb"
    True
    """
    return unicodedata.normalize("NFC", text)


def existing(path: Path) -> Path:
    """Return the path of a file whose name is written in either way on the disk.

    Parameters
    ----------
    path : Path
        A file, there or not.

    Returns
    -------
    Path
        The same, or the one that is there with composed or decomposed characters instead; where
        there is none, the same.
    """
    # os.path.exists takes a name that is too long for one that is not there.
    if str(path).isascii() or os.path.exists(path) or path.parent == path:
        return path
    folder = existing(path.parent)
    name = composed(path.name)
    try:
        return next((p for p in folder.iterdir() if composed(p.name) == name), folder / path.name)
    except OSError:
        return path
