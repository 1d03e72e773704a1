"""Tier names: ``words``, or ``SPEAKER - words`` where several speakers share a recording."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError


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


def of_kind(
    alignment: Alignment, *kinds: str, path: Path
) -> list[tuple[str | None, list[Interval]]]:
    """Return speaker and labelled intervals of each tier of the first kind that there is.

    Raises
    ------
    FormatError
        The alignment has no tier of these kinds.
    """
    for kind in kinds:
        found = [
            (split(name)[0], [i for i in intervals if i.label.strip()])
            for name, intervals in alignment.tiers.items()
            if split(name)[1] == kind
        ]
        if found:
            return found
    raise FormatError(
        f"{path}: this format holds {' or '.join(kinds)}, and the alignment has only the tiers "
        f"{list(alignment.tiers)}; write another format, or rename a tier"
    )
