"""CSV, Montreal Forced Aligner's columns and one of ours: ``Begin,End,Label,Type,Speaker``.

Description: https://montreal-forced-aligner.readthedocs.io/en/latest/user_guide/workflows/alignment.html

Written: every interval, in order of the tiers; ``Type`` is the tier without its speaker,
``Speaker`` empty where it has none, ``Confidence`` empty where nothing is known. Times have the
digits that read back as the same float. Where they are known, further columns: ``Goodness`` of
pronunciation, nats per frame, and the credible intervals of both bounds, seconds, ``Begin90Low``,
``Begin50Low``, ``Begin50High``, ``Begin90High``, and ``End90Low`` and so on.
Lost: the duration (reading ends with the last interval), tiers without intervals, the prefix of
the tiers where all of them have the same speaker (MFA names the speaker of every row).
Read: columns by name, in any order, further ones passed over, also goodness and intervals;
``Speaker`` and ``Confidence`` may be missing.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.reading import read_text
from speechalign.files.tier_names import join, speaker_in_name, split
from speechalign.files.writing import write_text
from speechalign.formats.rows import Row, assemble, number

SUFFIXES = (".csv",)
_COLUMNS = ("Begin", "End", "Label", "Type", "Speaker", "Confidence")
_INTERVALS = tuple(
    f"{bound}{ending}"
    for bound in ("Begin", "End")
    for ending in ("90Low", "50Low", "50High", "90High")
)


def write(alignment: Alignment, path: Path) -> None:
    """Write a table with a row an interval."""
    everything = [i for intervals in alignment.tiers.values() for i in intervals]
    good = any(i.goodness is not None for i in everything)
    around = any(i.start_margins or i.end_margins for i in everything)
    rows: list[Sequence[object]] = [
        (*_COLUMNS, *("Goodness",) * good, *(_INTERVALS if around else ()))
    ]
    for name, intervals in alignment.tiers.items():
        speaker, kind = split(name)
        rows += [
            (
                *(i.start, i.end, i.label, kind, speaker, i.confidence),
                *(i.goodness,) * good,
                *((*_ends(i.start_50, i.start_90), *_ends(i.end_50, i.end_90)) if around else ()),
            )
            for i in intervals
        ]
    write_text(path, "".join(",".join(map(_field, row)) + "\n" for row in rows))


def _ends(
    half: tuple[float, float] | None, most: tuple[float, float] | None
) -> tuple[float | None, ...]:
    """Return the ends of two nested intervals from left to right."""
    if half is None or most is None:
        return (None,) * 4
    return most[0], half[0], half[1], most[1]


def _field(value: object) -> str:
    # csv.writer leaves a lone carriage return bare, and its reader ends the row there.
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if re.search(r'[",\r\n]', text) else text


def read(path: Path) -> Alignment:
    """Read a table with a row an interval."""
    table = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        records = [(f"line {table.line_num}", record) for record in table]
    except csv.Error as error:
        raise FormatError(f"{path}, line {table.line_num + 1}: {error}; repair the row") from None
    missing = set(_COLUMNS[:4]) - set(table.fieldnames or ())
    if missing:
        raise FormatError(
            f"{path}: no column {', '.join(sorted(missing))}; expected {','.join(_COLUMNS[:5])}"
        )
    for place, record in records:
        if None in record.values():
            raise FormatError(f"{path}, {place}: the row is shorter than the header; complete it")
    speakers = {record.get("Speaker") or None for _, record in records}
    return assemble(
        path,
        (
            Row(
                place,
                join(speaker_in_name(record.get("Speaker") or None, speakers), record["Type"]),
                number(record["Begin"], path=path, place=place),
                number(record["End"], path=path, place=place),
                record["Label"],
                number(record["Confidence"], path=path, place=place)
                if record.get("Confidence")
                else None,
            )
            for place, record in records
        ),
    )
