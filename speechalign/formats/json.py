"""JSON, Montreal Forced Aligner's layout and some keys of ours.

``{"start": 0, "end": 2.5, "tiers": {"words": {"type": "interval", "entries": [[0.1, 0.4, "yes"]],
"confidence": [0.9]}}}``; ``confidence`` has a number or null for each entry, and is left out where
nothing is known. So are ``goodness``, nats per frame; and ``intervals``, the credible intervals of
start and end, ``{"start": {"50": [0.09, 0.11], "90": [0.07, 0.12]}, "end": null}``, seconds.
Description:
https://montreal-forced-aligner.readthedocs.io/en/latest/user_guide/workflows/alignment.html

Lost: nothing but intervals with a blank label, which become silence.
Read: tiers of another type than ``interval`` are passed over.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from speechalign.alignment import Alignment, Interval, Margins
from speechalign.errors import FormatError
from speechalign.files.json_values import is_number, loads
from speechalign.files.reading import read_text
from speechalign.files.writing import write_text
from speechalign.formats.rows import Row, assemble

SUFFIXES = (".json",)
_KEYS = ("confidence", "goodness", "intervals")


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
    if any(i.goodness is not None for i in spoken):
        tier["goodness"] = [i.goodness for i in spoken]
    if any(i.start_margins or i.end_margins for i in spoken):
        tier["intervals"] = [
            {
                "start": i.start_margins and {"50": i.start_50, "90": i.start_90},
                "end": i.end_margins and {"50": i.end_50, "90": i.end_90},
            }
            for i in spoken
        ]
    return tier


def _margins(time: float, found: dict[str, list[float]] | None) -> Margins | None:
    """Return credible intervals of a bound relative to it; ValueError and others for others."""
    if found is None:
        return None
    (low_90, high_90), (low_50, high_50) = found["90"], found["50"]
    return Margins(*(float(end) - time for end in (low_90, low_50, high_50, high_90)))


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
        known = [tier.get(key, [None] * len(entries)) for key in _KEYS]
        for key, values in zip(_KEYS, known):
            if not isinstance(values, list) or len(values) != len(entries):
                raise FormatError(
                    f"{path}: tiers[{name!r}]: expected as many entries, {len(entries)}, in {key!r}"
                )
        for i, (entry, confidence, goodness, around) in enumerate(zip(entries, *known)):
            place = f"entry {i}"
            match entry, confidence:
                case [start, stop, str(label)], None | float() if is_number(start) and is_number(
                    stop
                ):
                    try:
                        row = Row(
                            *(place, name, start, stop, label, confidence),
                            start_margins=around and _margins(start, around["start"]),
                            end_margins=around and _margins(stop, around["end"]),
                            goodness=None if goodness is None else float(goodness),
                        )
                        rows.append(row)
                    except (TypeError, ValueError, KeyError, AttributeError):
                        raise FormatError(
                            f"{path}, {place}, tier {name!r}: expected a number or null in "
                            "'goodness', and in 'intervals' start and end with pairs of seconds as "
                            f"'50' and '90', or null; got {goodness!r} and {around!r}"
                        ) from None
                case _:
                    raise FormatError(
                        f"{path}, {place}, tier {name!r}: expected [start, end, label] and a "
                        f"confidence or null, got {entry!r} and {confidence!r}"
                    )
    return assemble(path, rows, duration=end, tiers=names)
