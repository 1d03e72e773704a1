"""Recordings that their texts do not fit, made of prompts, and what an aligner found of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.result import AlignedUtterance
from speechalign.audio.sound_file import read_waveform

RATE = 16000
PARAGRAPH = 10
"""Prompts that are said again, or swapped with the next ones."""
_CELL = 160  # samples to which it is known what is not in the text


@dataclass
class Prompt:
    """A prompt: its sound file and text."""

    audio: Path
    text: str

    def samples(self) -> np.ndarray:
        """Return its samples."""
        return read_waveform(self.audio, sample_rate=RATE).samples


def prompts(data: Path, *corpora: str, below: str = "") -> list[Prompt]:
    """Return the prompts of corpora, in order; of those in a folder of each."""
    found = []
    for corpus in corpora:
        for line in (data / corpus / "manifest.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["audio_filepath"].startswith(below):
                found.append(Prompt(data / corpus / row["audio_filepath"], row["text"]))
    return found


def joined(
    rng: np.random.Generator, parts: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Return parts with pauses between them, and the samples where each is."""
    sounds: list[np.ndarray] = []
    places = []
    at = 0
    for part in parts:
        places.append((at, at + len(part)))
        sounds += [part, pause(rng)]
        at += len(part) + len(sounds[-1])
    return np.concatenate(sounds), places


def pause(rng: np.random.Generator) -> np.ndarray:
    """Return the noise of a quiet room, for 0.1 to 1.2 s."""
    return (1e-4 * rng.normal(size=int(rng.uniform(0.1, 1.2) * RATE))).astype(np.float32)


def noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return white noise."""
    return (0.05 * rng.normal(size=count)).astype(np.float32)


def music(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return two chords a second."""
    times = np.arange(RATE // 2) / RATE
    chords = [
        sum(np.sin(2 * np.pi * f * times) for f in rng.choice((220, 262, 330, 392, 440), 3))
        * np.exp(-3 * times)
        for _ in range(2 * count // RATE + 1)
    ]
    return (0.1 * np.concatenate(chords)[:count]).astype(np.float32)


@dataclass
class Misfitting:
    """A recording and a text that does not fit it.

    ``parts`` are the numbers of the prompts that are said, or a kind of sound that is not in the
    text, with the samples where each is; ``written`` are the numbers of the prompts of the text.
    """

    samples: np.ndarray
    pool: Sequence[Prompt]
    parts: list[tuple[int | str, tuple[int, int]]]
    written: list[int]

    @property
    def text(self) -> str:
        """The text."""
        return "\n".join(self.pool[n].text for n in self.written)


def misfitting(
    pool: Sequence[Prompt],
    others: Sequence[Prompt],
    *,
    minutes: float,
    seconds: float,
    seed: int,
) -> Misfitting:
    """Make a recording: every 20th prompt is not in the text, and another not in the audio.

    A paragraph is said again, two are swapped, and there are so many ``seconds`` each of ``others``
    who say what is not in the text, of noise, and of music.
    """
    rng = np.random.default_rng(seed)
    numbers = list(range(int(minutes * 60 / 3.7)))
    unsaid = {n for n in numbers if n % 20 == 7}
    written = [n for n in numbers if n % 20 != 17]
    read = [n for n in numbers if n not in unsaid]

    def paragraph(first: int) -> list[int]:
        return [n for n in range(first, first + PARAGRAPH) if n not in unsaid]

    quarter = len(numbers) // 4 // PARAGRAPH * PARAGRAPH
    again = paragraph(quarter)
    at = read.index(again[-1]) + 1
    read[at:at] = again
    first, second = paragraph(2 * quarter), paragraph(2 * quarter + PARAGRAPH)
    at = read.index(first[0])
    read[at : at + len(first) + len(second)] = second + first
    length = int(seconds * RATE)
    sentences = {pool[n].audio.stem for n in numbers}  # others read them in nearly the same words
    speech: list[np.ndarray] = []
    strangers = iter([prompt for prompt in others if prompt.audio.stem not in sentences])
    while sum(map(len, speech)) < length:
        speech.append(next(strangers).samples())
    inserted: dict[str, np.ndarray] = {
        "speech": np.concatenate(speech)[:length],
        "noise": noise(rng, length),
        "music": music(rng, length),
    }
    parts: list[tuple[int | str, np.ndarray]] = [(n, pool[n].samples()) for n in read]
    for place, (kind, sound) in zip((5, 3, 1), inserted.items()):
        parts.insert(len(parts) * place // 6, (kind, sound))
    samples, places = joined(rng, [sound for _, sound in parts])
    left_out = set(numbers) - set(written)
    kinds = ["unwritten" if part in left_out else part for part, _ in parts]
    return Misfitting(samples, pool, list(zip(kinds, places)), written)


@dataclass
class Found:
    """What an aligner found of misfits: counts, as (found, of so many).

    ``near``: words that are there, within 100 ms of the same prompt aligned alone. ``missing``:
    words that are not there, reported. ``false``: words that are there, reported as missing.
    ``repeated``: readings that are found as such. ``untranscribed``: seconds, by kind of sound;
    ``taken``: seconds of the text that were taken for it.
    """

    near: tuple[int, int]
    missing: tuple[int, int]
    false: tuple[int, int]
    repeated: tuple[int, int]
    untranscribed: dict[str, tuple[float, float]]
    taken: float
    wrong: list[str]

    def __str__(self) -> str:
        def share(found: float, of: float) -> str:
            return f"{100 * found / max(1, of):.2f} % of {of:.0f}"

        sums = [sum(values) for values in zip(*self.untranscribed.values())]
        by_kind = ", ".join(f"{kind} {share(*v)}" for kind, v in self.untranscribed.items())
        return (
            f"words that are there within 100 ms: {share(*self.near)}\n"
            f"words that are not there, reported: {share(*self.missing)}\n"
            f"words that are there, reported as missing: {share(*self.false)}\n"
            f"untranscribed seconds found: {share(*sums)} ({by_kind}), and {self.taken:.0f} s of "
            f"others\n"
            f"repeated words: {self.repeated[0]} of {self.repeated[1]}"
        )


def alone(made: Misfitting, plain: Aligner) -> list[list[tuple[float, float]]]:
    """Return the times of the words of each part that is in the text, aligned alone; seconds."""
    found = []
    for part, (begin, end) in made.parts:
        words: list[tuple[float, float]] = []
        if isinstance(part, int):
            result = plain.align(made.samples[begin:end], made.pool[part].text, sample_rate=RATE)
            words = [(begin / RATE + w.start, begin / RATE + w.end) for w in result]
        found.append(words)
    return found


def judged(
    made: Misfitting, found: AlignedUtterance, references: list[list[tuple[float, float]]]
) -> Found:
    """Compare what was found with what was made."""
    said: dict[int, list[list[tuple[float, float]]]] = {}
    truth = np.full(len(made.samples) // _CELL + 1, "", "<U9")
    for (part, (begin, end)), words in zip(made.parts, references):
        if isinstance(part, int):
            said.setdefault(part, []).append(words)
            truth[begin // _CELL : end // _CELL] = "text"
        else:
            truth[begin // _CELL : end // _CELL] = part
    heard = np.zeros(len(truth), np.bool_)
    for interval in found.untranscribed:
        heard[int(interval.start * RATE / _CELL) : int(interval.end * RATE / _CELL)] = True
    firsts = iter([word for word in found if word.status != "repeated"])
    near, missing, false = [], [], []
    wrong = []
    for number in made.written:
        readings = said.get(number, [])
        count = len(readings[0]) if readings else len(made.pool[number].text.split())
        for k in range(count):
            word = next(firsts)
            if not readings:
                missing.append(word.status == "skipped")
                if word.status != "skipped":
                    wrong.append(f"{number}.{k} {word.label}: not there, at {word.start:.2f}")
                continue
            false.append(word.span is None)
            gaps = [999.0]
            if word.span is not None:
                gaps = [max(abs(word.start - r[k][0]), abs(word.end - r[k][1])) for r in readings]
            near.append(min(gaps) < 0.1)
            if not near[-1]:
                at = ", ".join(f"{r[k][0]:.2f}" for r in readings)
                wrong.append(f"{number}.{k} {word.label}: {word.status}, at {at}, {min(gaps):.2f}")
    kinds = sorted(set(truth.tolist()) - {"", "text"})
    again = sum(len(words) for all_of in said.values() for words in all_of[1:])
    return Found(
        (sum(near), len(near)),
        (sum(missing), len(missing)),
        (sum(false), len(false)),
        (sum(word.status == "repeated" for word in found), again),
        {k: ((heard & (truth == k)).sum() / 100, (truth == k).sum() / 100) for k in kinds},
        float((heard & (truth == "text")).sum() / 100),
        wrong,
    )
