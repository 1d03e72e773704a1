"""Names of tiers: ``words``, or ``SPEAKER - words`` where several speakers share a recording."""

from __future__ import annotations

import re
from collections.abc import Collection

_LAYER = re.compile(r" \((\d+)\)$")


def split(name: str) -> tuple[str | None, str]:
    """Split a tier's name into speaker and kind.

    Examples
    --------
    >>> split("Ann - words"), split("words")
    (('Ann', 'words'), (None, 'words'))
    """
    speaker, dash, kind = name.rpartition(" - ")
    return (speaker if dash else None), kind


def join(speaker: str | None, kind: str) -> str:
    """Name the tier of a speaker; the reverse of `split`."""
    return kind if speaker is None else f"{speaker} - {kind}"


def speaker_in_name(speaker: str | None, speakers: Collection[str | None]) -> str | None:
    """Return the speaker to put in a tier's name: None where the recording has only one."""
    return speaker if len(speakers) > 1 else None


def layer(name: str, number: int) -> str:
    """Name the n-th tier that holds what overlaps on the tiers before.

    Examples
    --------
    >>> layer("words", 1), layer("words", 2)
    ('words', 'words (2)')
    """
    return name if number == 1 else f"{name} ({number})"


def split_layer(name: str) -> tuple[str, int]:
    """Split a name into that of the first layer and the number; the reverse of `layer`.

    Examples
    --------
    >>> split_layer("words (2)"), split_layer("words")
    (('words', 2), ('words', 1))
    """
    found = _LAYER.search(name)
    return (name[: found.start()], int(found[1])) if found else (name, 1)
