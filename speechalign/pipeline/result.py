"""Results of a corpus: the status of every utterance, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from enum import Enum

from speechalign import __version__
from speechalign.aligners.result import TimedWords
from speechalign.aligners.search import Search
from speechalign.alignment import Interval
from speechalign.text.word import Word


class Status(str, Enum):
    """Outcome of an utterance."""

    ALIGNED = "aligned"
    """Written, and the audio supports the transcript."""
    DOUBTFUL = "doubtful"
    """Written, but the audio does not sound like the transcript: have a look."""
    KEPT = "kept"
    """A file that speechalign did not write, or that was edited since, was left alone."""
    STALE = "stale"
    """A file was left alone that no longer fits; ``reason`` says why."""
    FAILED = "failed"
    """Could not be aligned; ``reason`` says why."""
    CRASHED = "crashed"
    """A fault of ours; ``reason`` says which."""
    INTERRUPTED = "interrupted"
    """The run was stopped before its turn, or while its files were written."""
    REMOVED = "removed"
    """Gone from the corpus, and from the files; such lines go at the end of a run."""


WRITTEN = (Status.ALIGNED, Status.DOUBTFUL, Status.KEPT)
"""Statuses of utterances that have a result which may be used."""


@dataclass(frozen=True, repr=False)
class UtteranceResult(TimedWords):
    """The result of one utterance, a line of the manifest; iterates over its words.

    Parameters
    ----------
    utterance, recording : str
        Ids, as the corpus has them.
    status : Status
        What became of it.
    reason : str or None
        Why it is not simply aligned.
    text : str
        The transcript that was aligned.
    speaker : str or None
        As the corpus has it.
    start, end : float or None
        Stretch of the recording, seconds; ``end`` is None where the audio could not be read.
    channel : int or None
        The one that was used; None for a mix of all.
    audio : str
        The sound file.
    audio_duration : float or None
        Length of the sound file, seconds; None where it could not be read.
    audio_sha256 : str or None
        Hash of its bytes.
    sample_rate, channels : int or None
        Of the sound file.
    channel_mix : str or None
        How several channels were mixed, such as ``"channel 0 alone; channel 1 is silent"``; None
        where there is one, or one was chosen.
    model, licence, version : str
        Acoustic model, with its revision where it has one; its licence; version of speechalign.
    settings : Mapping[str, str]
        What else the times depend on, as `Aligner.settings` returns it; empty where nothing is
        written.
    outputs, outputs_sha256 : tuple[str, ...]
        Files that hold it, relative to the output folder, and their hashes. Without hashes, files
        that may hold a part of it: the run was stopped, or failed, while it wrote them.
    log_likelihood : float or None
        Natural logarithm per frame of 10 ms.
    confidence : float or None
        Mean over the words, weighted by duration.
    signal_to_noise : float or None
        Energy of the words over that of the pauses, dB; None without a pause.
    unit : str
        What the words consist of: ``phones``, ``characters`` or ``tokens``.
    words : tuple[Word, ...]
        As `AlignedUtterance` has them, with times from the beginning of the recording; empty where
        nothing was aligned. Those of the aligner, also where they were corrected in a file since.
    segments : tuple[Interval, ...]
        Stretches of speech that the transcript was distributed over, if that was asked for.
    untranscribed : tuple[Interval, ...]
        Audio that is not in the transcript, labelled with what it sounds like.
    spoken_pauses : tuple[Interval, ...]
        Pauses that sound like speech.
    search : Search or None
        How the path was found; None where nothing was aligned.
    edited, checked : bool
        Whether somebody corrected it, or marked it as right, on the page of ``speechalign view``.
    kept : bool
        Whether this is the result of an earlier run. Not written to the manifest.
    """

    utterance: str
    recording: str
    status: Status
    reason: str | None
    text: str
    speaker: str | None
    start: float
    end: float | None
    channel: int | None
    audio: str
    model: str
    licence: str | None
    version: str = __version__
    settings: Mapping[str, str] = field(default_factory=dict)
    audio_duration: float | None = None
    audio_sha256: str | None = None
    sample_rate: int | None = None
    channels: int | None = None
    channel_mix: str | None = None
    outputs: tuple[str, ...] = ()
    outputs_sha256: tuple[str, ...] = ()
    log_likelihood: float | None = None
    confidence: float | None = None
    signal_to_noise: float | None = None
    unit: str = "phones"
    words: tuple[Word, ...] = ()
    untranscribed: tuple[Interval, ...] = ()
    spoken_pauses: tuple[Interval, ...] = ()
    segments: tuple[Interval, ...] = ()
    search: Search | None = None
    edited: bool = False
    checked: bool = False
    kept: bool = False

    def __repr__(self) -> str:
        known = "" if self.confidence is None else f", confidence {self.confidence:.2f}"
        return f"<UtteranceResult {self.utterance}: {self.status.value}, words {len(self)}{known}>"

    @property
    def _seconds(self) -> float:
        return self.audio_duration or 0.0

    @property
    def _bounds(self) -> tuple[float, float]:
        return self.start, self._seconds if self.end is None else self.end

    def to_dict(self) -> dict[str, object]:
        """Return plain data that JSON can hold: the line of the manifest."""
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "kept"}
        return values | {
            "status": self.status.value,
            "settings": dict(self.settings),
            "outputs": list(self.outputs),
            "outputs_sha256": list(self.outputs_sha256),
            "words": [word.to_dict() for word in self.words],
            "segments": [[i.label, i.start, i.end] for i in self.segments],
            "untranscribed": [[i.label, i.start, i.end] for i in self.untranscribed],
            "spoken_pauses": [[i.label, i.start, i.end] for i in self.spoken_pauses],
            "search": self.search and self.search.to_dict(),
            **self._misfits_as_data(),
        }


@dataclass(frozen=True, repr=False)
class CorpusResult:
    """The results of a corpus; iterates over them.

    Parameters
    ----------
    utterances : tuple[UtteranceResult, ...]
        One for each utterance, in the order of the corpus.
    others : tuple[str, ...]
        Recordings that this corpus does not have, and of which the folder has files of earlier
        runs; sorted.
    """

    utterances: tuple[UtteranceResult, ...]
    others: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.utterances)

    def __iter__(self) -> Iterator[UtteranceResult]:
        return iter(self.utterances)

    def __repr__(self) -> str:
        counts = ", ".join(f"{self.count(s)} {s.value}" for s in Status if self.count(s))
        return f"<CorpusResult: {counts or 'no utterances'}>"

    def count(self, status: Status) -> int:
        """Return how many utterances have a status."""
        return sum(result.status is status for result in self.utterances)

    @property
    def exit_status(self) -> int:
        """0 all have a result, 1 a fault of ours, 3 some have none, 4 none has one."""
        if self.count(Status.CRASHED):
            return 1
        written = sum(map(self.count, WRITTEN))
        if written == 0 and self.utterances:
            return 4
        return 0 if written == len(self) else 3
