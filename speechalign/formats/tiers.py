"""Tiers of an alignment that a format of words or cues can hold."""

from __future__ import annotations

from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError
from speechalign.files.tier_names import split, split_layer


def of_kind(
    alignment: Alignment, *kinds: str, path: Path
) -> list[tuple[str | None, list[Interval]]]:
    """Return speaker and labelled intervals of each tier of the first kind that there is.

    Several tiers are of one speaker where intervals overlap: ``words`` and ``words (2)``.

    Raises
    ------
    FormatError
        The alignment has no tier of these kinds.
    """
    for kind in kinds:
        found = []
        for name, intervals in alignment.tiers.items():
            speaker, own = split(name)
            if split_layer(own)[0] == kind:
                who = None if speaker is None else split_layer(speaker)[0]
                found.append((who, [i for i in intervals if i.label.strip()]))
        if found:
            return found
    raise FormatError(
        f"{path}: this format holds {' or '.join(kinds)}, and the alignment has only the tiers "
        f"{list(alignment.tiers)}; write another format, or rename a tier"
    )
