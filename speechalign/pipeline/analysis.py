"""Tables that follow from a manifest: a row an utterance, and the words without a dictionary."""

from __future__ import annotations

import csv
import math
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np

from speechalign.files.writing import replacing
from speechalign.pipeline.result import UtteranceResult
from speechalign.text.word import UNKNOWN, bare

ANALYSIS = "alignment_analysis.csv"
OOVS = "oovs_found.txt"

Cell = str | int | float | None
COLUMNS = (
    "utterance", "recording", "speaker", "status", "begin", "end", "words", "log_likelihood",
    "confidence", "lowest_word_confidence", "guessed_words", "words_per_second",
    "longest_word", "phone_duration_deviation", "signal_to_noise_db",
)  # fmt: skip


def write_analysis(folder: Path, results: Iterable[UtteranceResult]) -> None:
    """Write ``alignment_analysis.csv`` and ``oovs_found.txt`` into a folder.

    Parameters
    ----------
    folder : Path
        The output folder.
    results : Iterable[UtteranceResult]
        All that its manifest holds; iterated over several times, and not kept.
    """
    with replacing(folder / ANALYSIS) as sink:
        table = csv.writer(sink, lineterminator="\n")
        table.writerow(COLUMNS)
        for row in analysis_rows(results):
            # Before Python 3.11, csv refuses a zero; half a surrogate pair is no UTF-8.
            table.writerow(
                _text(cell)
                .replace("\0", "\\x00")
                .encode("utf-8", "backslashreplace")
                .decode("utf-8")
                for cell in row
            )
    with replacing(folder / OOVS) as sink:
        for name, (count, phones) in guessed_words(results).items():
            sink.write(f"{name}\t{count}\t{' '.join(phones)}\n")


def analysis_rows(results: Iterable[UtteranceResult]) -> Iterator[list[Cell]]:
    """Yield the row of each utterance, with the values of ``COLUMNS``; None where one is unknown.

    Parameters
    ----------
    results : Iterable[UtteranceResult]
        All of the corpus, which durations of phones are compared with.
    """
    norms = _log_durations(results)
    for result in results:
        yield _row(result, _duration_deviation(result, norms))


def _text(cell: Cell) -> str:
    return "" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else str(cell)


def guessed_words(results: Iterable[UtteranceResult]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Return each word that was guessed or not understood, its count and phones, by count."""
    counts: Counter[str] = Counter()
    phones: dict[str, tuple[str, ...]] = {}
    for result in results:
        for word in result.words:
            if word.source in ("g2p", "unknown"):
                name = bare(word.label) if UNKNOWN in word.spoken else " ".join(word.spoken)
                counts[name] += 1
                phones.setdefault(name, tuple(phone.label for phone in word.phones))
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return {name: (counts[name], phones[name]) for name in order}


def _row(result: UtteranceResult, deviation: float | None) -> list[Cell]:
    words = result.said
    lasted = sum(word.duration for word in words)
    return [
        result.utterance,
        result.recording,
        result.speaker,
        result.status.value,
        result.start,
        result.end,
        len(words) or None,
        result.log_likelihood,
        result.confidence,
        min((w.confidence for w in words if w.confidence is not None), default=None),
        sum(word.source == "g2p" for word in words) if words else None,
        len(words) / lasted if words else None,
        max((word.duration for word in words), default=None),
        deviation,
        result.signal_to_noise,
    ]


def _log_durations(results: Iterable[UtteranceResult]) -> dict[str, tuple[float, float]]:
    """Return mean and standard deviation of the log durations of each phone."""
    logs: dict[str, array[float]] = defaultdict(lambda: array("d"))
    for result in results:
        for word in result.words:
            for phone in word.phones:
                logs[phone.label].append(math.log(phone.duration))
    return {phone: (float(np.mean(v)), float(np.std(v))) for phone, v in logs.items()}


def _duration_deviation(
    result: UtteranceResult, norms: Mapping[str, tuple[float, float]]
) -> float | None:
    """Return the largest |z| of the log durations of an utterance's phones; None without any."""
    scores = [
        abs(math.log(phone.duration) - norms[phone.label][0]) / norms[phone.label][1]
        for word in result.words
        for phone in word.phones
        if norms[phone.label][1] > 0
    ]
    return max(scores, default=None)
