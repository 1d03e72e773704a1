"""lhotse supervisions: a JSON line for each speaker, with alignments of words and phones.

Specification: https://lhotse.readthedocs.io/en/latest/datasets.html (SupervisionSegment); lhotse
reads it with ``load_manifest``, and nothing of lhotse is needed here.

Written: one supervision for each speaker, over the whole recording, which is called by the file's
stem; ``text`` is the words; ``alignment`` has ``word``, ``phone`` and any other tier by its name,
entries ``[symbol, start, duration, score]``, times from the beginning of the recording with nine
decimals (lhotse itself keeps eight).
Lost: digits beyond the ninth; the prefix of the tiers where all of them have the same speaker;
intervals with a blank label become silence; tiers of one speaker stand together.
Refused when written: a recording of no length, a tier called ``word`` or ``phone``, which would
read back as ``words`` and ``phones``.
Read: every supervision of a recording, be it a segment of it; its duration is the end of the last
one. Supervisions without alignments give no tiers. `read` takes one recording, `read_all` several.
"""

from __future__ import annotations

import json
from pathlib import Path

from speechalign.alignment import Alignment, Interval
from speechalign.errors import FormatError
from speechalign.files.json_values import is_number, loads
from speechalign.files.reading import lines, read_text
from speechalign.files.tier_names import join, speaker_in_name, split
from speechalign.files.writing import write_text
from speechalign.formats.rows import Row, assemble, only, span

SUFFIXES = (".jsonl",)
_SYMBOLS = {"words": "word", "phones": "phone"}
_TIERS = {symbol: tier for tier, symbol in _SYMBOLS.items()}


def write(alignment: Alignment, path: Path) -> None:
    """Write a supervision for each speaker."""
    if alignment.duration == 0:
        raise FormatError(f"{path}: a supervision needs a duration above 0 s; leave the file out")
    speakers = list(dict.fromkeys(split(name)[0] for name in alignment.tiers)) or [None]
    write_text(path, "".join(_supervision(alignment, speaker, path) for speaker in speakers))


def _supervision(alignment: Alignment, speaker: str | None, path: Path) -> str:
    tiers: dict[str, list[Interval]] = {
        kind: [i for i in intervals if i.label.strip()]
        for (who, kind), intervals in ((split(n), i) for n, i in alignment.tiers.items())
        if who == speaker
    }
    taken = _TIERS.keys() & tiers.keys()
    if taken:
        raise FormatError(
            f"{path}: tier {min(taken)!r} would read back as {_TIERS[min(taken)]!r}; rename it"
        )
    supervision: dict[str, object] = {
        "id": path.stem if speaker is None else f"{path.stem}-{speaker}",
        "recording_id": path.stem,
        "start": 0.0,
        "duration": alignment.duration,
        "channel": 0,
        "text": " ".join(i.label for i in tiers.get("words", ())),
    }
    if speaker is not None:
        supervision["speaker"] = speaker
    supervision["alignment"] = {
        _SYMBOLS.get(kind, kind): [
            [i.label, *span(i, 9, path=path), i.confidence] for i in intervals
        ]
        for kind, intervals in tiers.items()
    }
    return json.dumps(supervision, ensure_ascii=False) + "\n"


def read(path: Path) -> Alignment:
    """Read the only recording of a file; FormatError where there are several."""
    recordings = read_all(path)
    if not recordings:
        raise FormatError(f"{path}: no supervision in it; write it again")
    return only(recordings, path)


def read_all(path: Path) -> dict[str, Alignment]:
    """Read every recording of a file, by its ``recording_id``."""
    recordings: dict[str, list[tuple[str, dict[str, object]]]] = {}
    for number, line in enumerate(lines(read_text(path)), 1):
        if line.strip():
            place = f"line {number}"
            supervision = loads(line, f"{path}, {place}", parse_int=float)
            recording = supervision.get("recording_id")
            if not isinstance(recording, str):
                raise FormatError(f"{path}, {place}: no 'recording_id'; is it lhotse's manifest?")
            recordings.setdefault(recording, []).append((place, supervision))
    return {recording: _alignment(path, found) for recording, found in recordings.items()}


def _alignment(path: Path, supervisions: list[tuple[str, dict[str, object]]]) -> Alignment:
    """Put the supervisions of one recording on one time axis."""
    speakers = {_speaker(supervision) for _, supervision in supervisions}
    duration = 0.0
    tiers: list[str] = []
    rows: list[Row] = []
    for place, supervision in supervisions:
        match supervision:
            case {"start": float() as start, "duration": float() as length}:
                duration = max(duration, start + length)
            case _:
                raise FormatError(f"{path}, {place}: expected numbers 'start' and 'duration'")
        kinds = supervision.get("alignment") or {}
        if not isinstance(kinds, dict):
            raise FormatError(f"{path}, {place}: expected an object 'alignment'")
        for symbol, entries in kinds.items():
            if not isinstance(entries, list):
                raise FormatError(f"{path}, {place}: alignment[{symbol!r}]: expected a list")
            who = speaker_in_name(_speaker(supervision), speakers)
            tier = join(who, _TIERS.get(str(symbol), str(symbol)))
            tiers.append(tier)
            rows += [_row(path, place, tier, entry) for entry in entries]
    return assemble(path, rows, duration=duration, tiers=tiers)


def _speaker(supervision: dict[str, object]) -> str | None:
    speaker = supervision.get("speaker")
    return str(speaker) if speaker else None


def _row(path: Path, place: str, tier: str, entry: object) -> Row:
    match entry:
        case [str(label), start, length, *score] if is_number(start) and is_number(length):
            confidence = score[0] if score else None
            if confidence is None or is_number(confidence):
                return Row(place, tier, start, round(start + length, 9), label, confidence)
    raise FormatError(
        f"{path}, {place}, tier {tier!r}: expected [symbol, start, duration, score], got {entry!r}"
    )
