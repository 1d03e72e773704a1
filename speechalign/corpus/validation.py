"""Checking a corpus before it is aligned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from speechalign.audio.sound_file import SoundInfo, sound_info
from speechalign.corpus.conflicts import mark_conflicts
from speechalign.corpus.utterance import Utterance
from speechalign.errors import BackendError, InputError

SHORTEST = 0.1
"""Seconds below which an utterance cannot be aligned."""
LONGEST = 300.0
"""Seconds above which a transcript without times takes much memory and easily goes astray."""
FASTEST = 35.0
"""Characters per second that nobody speaks."""
SLOWEST = 1.0
"""Characters per second below which most of the speech seems to be without a transcript."""
LOWEST_RATE = 16_000
"""Hz that the acoustic models expect at least."""
_SLOW_FROM = 5.0  # seconds: a single word may well stand in a shorter recording
_END_TOLERANCE = 0.05  # as read_waveform has it

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Finding:
    """Something to know about an utterance.

    Parameters
    ----------
    utterance : str
        Its id; of a finding about a sound file, the id of the first utterance in it; of one about a
        dictionary, file and line.
    severity : str
        ``error``: it cannot be aligned; ``warning``: it can, perhaps badly.
    kind : str
        One word or two for what it is, the same for all findings of the kind.
    message : str
        What is wrong and what to do.
    """

    utterance: str
    severity: Severity
    kind: str
    message: str


@dataclass(frozen=True)
class Validation:
    """Contents and faults of a corpus.

    Parameters
    ----------
    findings : tuple of Finding
        Errors first, then by kind, in the order of the utterances.
    utterances : int
        How many there are, unusable ones included.
    recordings : int
        How many sound files.
    speakers : int
        How many speakers are named.
    seconds : float or None
        Length of the readable sound files together; None where they were not opened.
    sample_rates : Mapping[int, int]
        Number of readable sound files by their rate in Hz.
    """

    findings: tuple[Finding, ...]
    utterances: int
    recordings: int
    speakers: int
    seconds: float | None
    sample_rates: dict[int, int]

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(finding.severity == "error" for finding in self.findings)


def validate(
    utterances: Sequence[Utterance],
    *,
    check_audio: bool = True,
    advance: Callable[[Path], None] | None = None,
) -> Validation:
    """Check that a corpus can be aligned.

    Parameters
    ----------
    utterances : sequence of Utterance
        As ``read_corpus`` gives them.
    check_audio : bool
        Decode every sound file to its end. Without, only the texts and times are checked.
    advance : callable or None
        Called with each sound file when it is done, for a progress bar.

    Returns
    -------
    Validation
        Counts and findings. Errors: problems of the layout, conflicts between utterances, sound
        that cannot be read, times outside the file, channels it does not have, less than 0.1 s.
        Warnings: more than 35 or less than 1 character per second, more than 300 s without times,
        less than 16 kHz, several channels mixed into one, with those that are silent, only
        noise or inverted.

    Notes
    -----
    A sound file is decoded once however many utterances it holds, in constant memory.
    """
    utterances = mark_conflicts(utterances)
    findings = [
        Finding(utterance.id, "error", "unusable", utterance.problem)
        for utterance in utterances
        if utterance.problem is not None
    ]
    usable: dict[Path, list[Utterance]] = {}
    for utterance in utterances:
        if utterance.problem is None:
            usable.setdefault(utterance.audio, []).append(utterance)
    sounds: list[SoundInfo] = []
    for path, inside in usable.items():
        info = None
        if check_audio:
            try:
                info = sound_info(path, decode=True)
            except (InputError, BackendError) as error:
                findings.append(Finding(inside[0].id, "error", "sound", str(error)))
            else:
                sounds.append(info)
                findings += _check_sound(path, info, inside)
            if advance is not None:
                advance(path)
        for utterance in inside:
            findings += _check_utterance(utterance, info)
    order = {utterance.id: number for number, utterance in enumerate(utterances)}
    return Validation(
        findings=tuple(sorted(findings, key=lambda f: (f.severity, f.kind, order[f.utterance]))),
        utterances=len(utterances),
        recordings=len({utterance.audio for utterance in utterances}),
        speakers=len({u.speaker for u in utterances if u.speaker is not None}),
        seconds=sum(info.duration for info in sounds) if check_audio else None,
        sample_rates=dict(sorted(Counter(info.sample_rate for info in sounds).items())),
    )


def _check_sound(path: Path, info: SoundInfo, inside: Sequence[Utterance]) -> Iterator[Finding]:
    first = inside[0].id
    if info.sample_rate < LOWEST_RATE:
        yield Finding(
            first,
            "warning",
            "low rate",
            f"{path}: {info.sample_rate} Hz; it will be resampled, but what lies above "
            f"{info.sample_rate // 2} Hz is missing: record at {LOWEST_RATE} Hz or more",
        )
    if info.mix is not None and any(utterance.channel is None for utterance in inside):
        yield Finding(
            first,
            "warning",
            "channels",
            f"{path}: {info.channels} channels; aligned will be the {info.mix.description}: choose "
            "one with --channel if the speech is on one",
        )


def _check_utterance(utterance: Utterance, info: SoundInfo | None) -> Iterator[Finding]:
    """Check times and text; ``info`` is None where the sound is unknown."""
    end = utterance.end
    if info is not None:
        if utterance.channel is not None and utterance.channel >= info.channels:
            yield Finding(
                utterance.id,
                "error",
                "channel",
                f"{utterance.audio}: channel {utterance.channel} was asked for; there are "
                f"{info.channels}, counted from 0",
            )
        duration = info.duration
        if utterance.start >= duration or (end is not None and end > duration + _END_TOLERANCE):
            yield Finding(
                utterance.id,
                "error",
                "times",
                f"{utterance.audio}: the utterance, {utterance.start:.3f} to "
                f"{duration if end is None else end:.3f} s, goes beyond the end of the file, "
                f"{duration:.3f} s; correct its times",
            )
            return
        end = duration if end is None else min(end, duration)
    if end is None:
        return
    seconds = end - utterance.start
    characters = len("".join(utterance.text.split()))
    if seconds < SHORTEST:
        yield Finding(
            utterance.id,
            "error",
            "too short",
            f"{seconds:.3f} s; expected {SHORTEST} s or more: join it with its neighbour",
        )
    elif characters > FASTEST * seconds:
        yield Finding(
            utterance.id,
            "warning",
            "much text",
            f"{characters} characters in {seconds:.2f} s, more than anybody says; does the "
            "transcript belong to this sound?",
        )
    elif characters < SLOWEST * seconds and seconds > _SLOW_FROM:
        yield Finding(
            utterance.id,
            "warning",
            "little text",
            f"{characters} characters in {seconds:.2f} s; is the transcript complete?",
        )
    if seconds > LONGEST:
        yield Finding(
            utterance.id,
            "warning",
            "long",
            f"{seconds:.0f} s in one piece; utterances of up to {LONGEST:.0f} s need less memory "
            "and align better: give the times of shorter ones",
        )
