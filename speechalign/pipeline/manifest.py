"""What became of every utterance of a corpus, and the files that say so."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np

from speechalign.errors import InputError
from speechalign.files.writing import replacing
from speechalign.text.word import UNKNOWN, bare

MANIFEST = "alignment_manifest.jsonl"
ANALYSIS = "alignment_analysis.csv"
OOVS = "oovs_found.txt"

DOUBTFUL = 0.5
"""Below this mean confidence the audio sounds as much like other words as like the transcript."""


class Status(str, Enum):
    """What became of an utterance."""

    ALIGNED = "aligned"
    """Written, and the audio supports the transcript."""
    DOUBTFUL = "doubtful"
    """Written, but the audio does not sound like the transcript: have a look."""
    KEPT = "kept"
    """A file is there and was left alone; whether it fits the transcript is not known."""
    FAILED = "failed"
    """Could not be aligned; ``reason`` says why."""
    CRASHED = "crashed"
    """A fault of ours; ``reason`` says which."""
    INTERRUPTED = "interrupted"
    """The run was stopped before its turn."""


def judge(confidence: float) -> tuple[Status, str | None]:
    """Return the status of an utterance that was aligned, and why it is doubtful if it is."""
    if confidence >= DOUBTFUL:
        return Status.ALIGNED, None
    return Status.DOUBTFUL, (
        f"confidence {confidence:.2f} is below {DOUBTFUL}: the audio does not sound like the "
        "transcript; listen to it"
    )


@dataclass(frozen=True)
class WordResult:
    """One word of the manifest; times in seconds from the beginning of the recording.

    ``phones`` are label, start and end; ``tokens``, of a model that knows none, are label, start,
    end, and the first character of the word's label that the token stands for, and the one after
    the last.
    """

    label: str
    start: float
    end: float
    confidence: float | None
    source: str
    spoken: tuple[str, ...]
    phones: tuple[tuple[str, float, float], ...]
    tokens: tuple[tuple[str, float, float, int, int], ...] = ()

    @property
    def parts(self) -> tuple[tuple[str, float, float], ...]:
        """Label, start and end of the phones, or of the tokens where there are none."""
        return self.phones or tuple(token[:3] for token in self.tokens)


@dataclass(frozen=True)
class UtteranceResult:
    """One line of the manifest.

    Parameters
    ----------
    utterance, recording : str
        Ids, as the corpus has them.
    status : Status
        What became of it.
    reason : str or None
        Why it is not simply aligned.
    kept : bool
        Whether this is the result of an earlier run, whose files were left alone.
    text : str
        The transcript that was aligned.
    speaker : str or None
        As the corpus has it.
    start, end : float or None
        Stretch of the recording, seconds; ``end`` is None where the audio could not be read.
    outputs : tuple[str, ...]
        Files that hold it, relative to the output folder.
    log_likelihood : float or None
        Natural logarithm per frame of 10 ms.
    confidence : float or None
        Mean over the words, weighted by duration.
    signal_to_noise : float or None
        Energy of the words over that of the pauses, dB; None without a pause.
    words : tuple[WordResult, ...]
        In order; empty where nothing was aligned.
    audio : str
        The sound file.
    audio_sha256 : str or None
        Hash of its bytes.
    sample_rate, channels : int or None
        Of the sound file.
    channel : int or None
        The one that was used; None for a mix of all.
    channel_mix : str or None
        How several channels were mixed, such as ``"channel 0 alone; channel 1 is silent"``; None
        where there is one, or one was chosen.
    model, version : str
        Acoustic model, with its revision where it has one, and version of speechalign.
    licence : str or None
        Of the model.
    unit : str
        What the words consist of: ``phones``, ``characters`` or ``tokens``.
    """

    utterance: str
    recording: str
    status: Status
    reason: str | None
    kept: bool
    text: str
    speaker: str | None
    start: float
    end: float | None
    outputs: tuple[str, ...]
    log_likelihood: float | None
    confidence: float | None
    signal_to_noise: float | None
    words: tuple[WordResult, ...]
    audio: str
    audio_sha256: str | None
    sample_rate: int | None
    channels: int | None
    channel: int | None
    model: str
    version: str
    licence: str | None = None
    unit: str = "phones"
    channel_mix: str | None = None


@dataclass(frozen=True)
class CorpusResult:
    """What became of a corpus.

    Parameters
    ----------
    utterances : tuple[UtteranceResult, ...]
        One for each utterance, in the order of the corpus.
    """

    utterances: tuple[UtteranceResult, ...]

    def count(self, status: Status) -> int:
        """Return how many utterances have a status."""
        return sum(result.status is status for result in self.utterances)

    @property
    def exit_status(self) -> int:
        """0 all have a result, 1 a fault of ours, 3 some have none, 4 none has one."""
        if self.count(Status.CRASHED):
            return 1
        written = sum(
            self.count(status) for status in (Status.ALIGNED, Status.DOUBTFUL, Status.KEPT)
        )
        if written == 0:
            return 4
        return 0 if written == len(self.utterances) else 3

    def oovs(self) -> dict[str, tuple[int, tuple[str, ...]]]:
        """Return each word that was guessed or not understood, its count and phones, by count."""
        counts: Counter[str] = Counter()
        phones: dict[str, tuple[str, ...]] = {}
        for result in self.utterances:
            for word in result.words:
                if word.source in ("g2p", "unknown"):
                    unread = UNKNOWN in word.spoken
                    name = bare(word.label) if unread else " ".join(word.spoken)
                    counts[name] += 1
                    phones.setdefault(name, tuple(phone for phone, _, _ in word.phones))
        order = sorted(counts, key=lambda name: (-counts[name], name))
        return {name: (counts[name], phones[name]) for name in order}

    def write(self, folder: Path) -> None:
        """Write the manifest, the analysis table and the list of guessed words into a folder."""
        with replacing(folder / MANIFEST) as sink:
            for result in self.utterances:
                sink.write(_writable(json.dumps(asdict(result), ensure_ascii=False)) + "\n")
        deviations = _duration_deviations(self.utterances)
        with replacing(folder / ANALYSIS) as sink:
            table = csv.writer(sink, lineterminator="\n")
            table.writerow(_COLUMNS)
            for result in self.utterances:
                row = _analysis_row(result, deviations.get(result.utterance))
                # Before Python 3.11, csv refuses a zero.
                table.writerow([_writable(cell).replace("\0", "\\x00") for cell in row])
        with replacing(folder / OOVS) as sink:
            for name, (count, phones) in self.oovs().items():
                sink.write(f"{name}\t{count}\t{' '.join(phones)}\n")


def _writable(text: str) -> str:
    r"""Spell half a surrogate pair, as in names of files that are not UTF-8, as JSON does."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def read_manifest(folder: Path) -> dict[str, UtteranceResult]:
    """Read the manifest that an earlier run left in a folder, by utterance; empty without one.

    Raises
    ------
    InputError
        It is damaged, or of another version.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    results = {}
    # Not splitlines: transcripts may hold line separators of Unicode.
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line:
            continue
        try:
            fields = json.loads(line)
            fields["status"] = Status(fields["status"])
            fields["outputs"] = tuple(fields["outputs"])
            fields["words"] = tuple(_word_result(word) for word in fields["words"])
            results[fields["utterance"]] = UtteranceResult(**fields)
        except (ValueError, KeyError, TypeError):
            raise InputError(
                f"{path}:{number}: damaged, or of another version of speechalign; move it away, "
                "or choose another output folder"
            ) from None
    return results


def _word_result(fields: dict[str, Any]) -> WordResult:
    fields["spoken"] = tuple(fields["spoken"])
    fields["phones"] = tuple((label, start, end) for label, start, end in fields["phones"])
    fields["tokens"] = tuple(
        (label, start, end, first, last)
        for label, start, end, first, last in fields.get("tokens", ())
    )
    return WordResult(**fields)


_COLUMNS = (
    "utterance", "recording", "speaker", "status", "begin", "end", "words", "log_likelihood",
    "confidence", "lowest_word_confidence", "guessed_words", "words_per_second",
    "longest_word", "phone_duration_deviation", "signal_to_noise_db",
)  # fmt: skip


def _analysis_row(result: UtteranceResult, deviation: float | None) -> list[str]:
    words = result.words
    lasted = sum(word.end - word.start for word in words)
    cells: list[str | int | float | None] = [
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
        max((word.end - word.start for word in words), default=None),
        deviation,
        result.signal_to_noise,
    ]
    return [
        "" if cell is None else f"{cell:.4f}" if isinstance(cell, float) else str(cell)
        for cell in cells
    ]


def _duration_deviations(results: Sequence[UtteranceResult]) -> dict[str, float]:
    """Return, for each utterance, the largest |z| of its phones' log durations in the corpus."""
    logs: dict[str, list[float]] = defaultdict(list)
    for result in results:
        for word in result.words:
            for phone, start, end in word.phones:
                logs[phone].append(math.log(end - start))
    norms = {phone: (float(np.mean(v)), float(np.std(v))) for phone, v in logs.items()}
    deviations = {}
    for result in results:
        scores = [
            abs(math.log(end - start) - norms[phone][0]) / norms[phone][1]
            for word in result.words
            for phone, start, end in word.phones
            if norms[phone][1] > 0
        ]
        if scores:
            deviations[result.utterance] = max(scores)
    return deviations
