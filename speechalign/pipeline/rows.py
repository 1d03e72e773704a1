"""Rows of tables: columns in, utterances out; results in, columns out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from speechalign.audio.sources import wav_bytes
from speechalign.corpus import Utterance
from speechalign.corpus.conflicts import text_problem
from speechalign.errors import InputError, SpeechAlignError
from speechalign.pipeline.result import UtteranceResult

NEEDED = ("id", "text", "audio")
KNOWN = (*NEEDED, "sampling_rate", "offset", "duration", "speaker")
"""Columns that are read."""
TIERS = ("words", "phones")

_AUDIO = (
    "the bytes of a sound file, its path, or samples with sampling_rate (of a Hugging Face data "
    "set: cast_column with Audio(decode=False))"
)


def utterances_of(batch: Mapping[str, Sequence[Any]]) -> list[Utterance]:
    """Return the utterance of each row; one that cannot be used has a ``problem``.

    Parameters
    ----------
    batch : Mapping[str, Sequence]
        Columns of equal length, by their names in ``KNOWN``; others are not read.

    Raises
    ------
    InputError
        A column that is needed is missing.
    """
    for name in NEEDED:
        if name not in batch:
            found = ", ".join(map(repr, batch)) or "none"
            raise InputError(
                f"batch: expected a column {name!r}, got {found}; rename a column, or name it in "
                "columns"
            )
    columns = {name: batch[name] for name in KNOWN if name in batch}
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"batch: expected columns of equal length, got {lengths}")
    return [utterance_of(dict(zip(columns, row))) for row in zip(*columns.values())]


def utterance_of(row: Mapping[str, Any]) -> Utterance:
    """Return the utterance of a row, with a ``problem`` where it cannot be used.

    Parameters
    ----------
    row : Mapping
        Values by their names in ``KNOWN``; None or NaN is no value.
    """
    name = str(row["id"])
    try:
        return _utterance(name, {key: _present(value) for key, value in row.items()})
    except SpeechAlignError as error:
        text = row["text"] if isinstance(row["text"], str) else ""
        return Utterance(name, name, Path(name), text, problem=str(error))


def _utterance(name: str, row: Mapping[str, Any]) -> Utterance:
    text = row["text"]
    if not isinstance(text, str):
        raise InputError(f"{name}: text: expected a string, got {type(text).__name__}")
    offset, duration = (_seconds(row.get(key), key, name) for key in ("offset", "duration"))
    if duration == 0:
        raise InputError(f"{name}: duration: expected more than 0 s, got 0")
    path, content = _audio(row["audio"], row.get("sampling_rate"), name)
    speaker = row.get("speaker")
    return Utterance(
        id=name,
        recording=name,
        audio=path,
        text=text,
        speaker=None if speaker is None else str(speaker),
        start=offset or 0.0,
        end=None if duration is None else round((offset or 0.0) + duration, 9),
        segmented=offset is not None,
        problem=text_problem(text),
        content=content,
    )


def _audio(audio: Any, rate: Any, name: str) -> tuple[Path, bytes | None]:
    """Return what messages call the audio, and its bytes; None where it is a file."""
    if isinstance(audio, Mapping):  # Audio of Hugging Face datasets, decoded or not
        rate = audio.get("sampling_rate", rate)
        given = (audio.get(key) for key in ("array", "bytes", "path"))
        path, audio = audio.get("path"), next((part for part in given if part is not None), None)
        name = name if path is None or audio is path else path
    if isinstance(audio, str | Path):
        return Path(audio), None
    if isinstance(audio, bytes | bytearray | memoryview):
        return Path(name), bytes(audio)
    if isinstance(audio, list | tuple):
        audio = np.asarray(audio, np.float32)
    if isinstance(audio, np.ndarray) or hasattr(audio, "is_floating_point"):
        rate = rate.item() if isinstance(rate, np.generic) else rate
        return Path(name), wav_bytes(audio, rate)
    found = "none" if audio is None else type(audio).__name__
    raise InputError(f"{name}: audio: expected {_AUDIO}; got {found}")


def _present(value: Any) -> Any:
    """Return a value, or None for what tables have where there is none."""
    return None if isinstance(value, Real) and np.isnan(float(value)) else value


def _seconds(value: Any, key: str, name: str) -> float | None:
    if value is None:
        return None
    if not isinstance(value, Real) or not 0 <= float(value) < np.inf:
        raise InputError(f"{name}: {key}: expected seconds from 0 on, got {value!r}")
    return float(value)


def columns_of(
    results: Iterable[UtteranceResult], tiers: Sequence[str] = TIERS
) -> dict[str, list[Any]]:
    """Return the columns that an alignment adds to a table.

    Parameters
    ----------
    results : Iterable[UtteranceResult]
        One for each row.
    tiers : Sequence[str]
        Some of ``TIERS``.

    Returns
    -------
    dict
        ``status``, ``reason``, ``confidence``; ``words``, lists of ``text``, ``start``, ``end``
        (seconds from the beginning of the sound file) and ``confidence``; ``phones``, lists of
        ``text``, ``start`` and ``end``.
    """
    columns: dict[str, list[Any]] = {name: [] for name in ("status", "reason", "confidence")}
    columns |= {name: [] for name in tiers}
    for result in results:
        columns["status"].append(result.status.value)
        columns["reason"].append(result.reason)
        columns["confidence"].append(result.confidence)
        if "words" in columns:
            columns["words"].append(
                [
                    {
                        "text": word.label,
                        "start": word.span and word.span.start,
                        "end": word.span and word.span.end,
                        "confidence": word.span and word.span.confidence,
                    }
                    for word in result.words
                ]
            )
        if "phones" in columns:
            columns["phones"].append(
                [
                    {"text": part.label, "start": part.start, "end": part.end}
                    for word in result.words
                    for part in word.parts
                ]
            )
    return columns
