"""Tiers of an alignment that a format of words can hold."""

from __future__ import annotations

from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError
from speechalign.files.tier_names import split, split_layer


def of_kind(alignment: Alignment, kind: str, *, path: Path) -> dict[str | None, list[Interval]]:
    """Return the labelled intervals of a kind by speaker, in order of time.

    Those of ``words`` and ``words (2)``, which may overlap, are of one speaker.

    Raises
    ------
    FormatError
        The alignment has no tier of this kind.
    """
    found: dict[str | None, list[Interval]] = {}
    for name, intervals in alignment.tiers.items():
        speaker, own = split(name)
        if split_layer(own)[0] == kind:
            who = None if speaker is None else split_layer(speaker)[0]
            found.setdefault(who, []).extend(i for i in intervals if i.label.strip())
    if not found:
        raise FormatError(
            f"{path}: this format holds {kind}, and the alignment has only the tiers "
            f"{list(alignment.tiers)}; write another format, or rename a tier"
        )
    return {who: sorted(own, key=lambda i: (i.start, i.end)) for who, own in found.items()}
