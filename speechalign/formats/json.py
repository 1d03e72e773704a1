"""JSON, Montreal Forced Aligner's layout and one key of ours.

``{"start": 0, "end": 2.5, "tiers": {"words": {"type": "interval", "entries": [[0.1, 0.4, "yes"]],
"confidence": [0.9]}}}``; ``confidence`` has a number or null for each entry, and is left out where
nothing is known. Description:
https://montreal-forced-aligner.readthedocs.io/en/latest/user_guide/workflows/alignment.html

Lost: nothing but intervals with a blank label, which become silence.
Read: tiers of another type than ``interval`` are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError
from speechalign.files.json_values import is_number, loads
from speechalign.files.reading import read_text
from speechalign.files.writing import write_text
from speechalign.formats.rows import Row, assemble

SUFFIXES = (".json",)


def write(alignment: Alignment, path: Path) -> None:
    """Write one recording."""
    tiers = {name: _tier(intervals) for name, intervals in alignment.tiers.items()}
    content = {"start": 0, "end": alignment.duration, "tiers": tiers}
    write_text(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")


def _tier(intervals: Sequence[Interval]) -> dict[str, object]:
    spoken = [i for i in intervals if i.label.strip()]
    tier: dict[str, object] = {
        "type": "interval",
        "entries": [[i.start, i.end, i.label] for i in spoken],
    }
    if any(i.confidence is not None for i in spoken):
        tier["confidence"] = [i.confidence for i in spoken]
    return tier


def read(path: Path) -> Alignment:
    """Read one recording."""
    content = loads(read_text(path), f"{path}, line 1", parse_int=float)
    end, tiers = content.get("end"), content.get("tiers")
    if not is_number(end) or not isinstance(tiers, dict):
        raise FormatError(f"{path}: expected the keys 'end', a number, and 'tiers', an object")
    rows: list[Row] = []
    names: list[str] = []
    for name, tier in tiers.items():
        if not isinstance(tier, dict) or not isinstance(tier.get("entries"), list):
            raise FormatError(f"{path}: tiers[{name!r}]: expected an object with a list 'entries'")
        if tier.get("type", "interval") != "interval":
            continue
        names.append(name)
        entries = tier["entries"]
        confidences = tier.get("confidence", [None] * len(entries))
        if not isinstance(confidences, list) or len(confidences) != len(entries):
            raise FormatError(
                f"{path}: tiers[{name!r}]: expected a list of {len(entries)} confidences"
            )
        for i, (entry, confidence) in enumerate(zip(entries, confidences)):
            place = f"entry {i}"
            match entry, confidence:
                case [start, stop, str(label)], None | float() if is_number(start) and is_number(
                    stop
                ):
                    rows.append(Row(place, name, start, stop, label, confidence))
                case _:
                    raise FormatError(
                        f"{path}, {place}, tier {name!r}: expected [start, end, label] and a "
                        f"confidence or null, got {entry!r} and {confidence!r}"
                    )
    return assemble(path, rows, duration=end, tiers=names)
