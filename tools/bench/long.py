"""Time, memory and errors on recordings of hours, and on texts that do not fit them.

    PYTHONPATH=. python tools/bench/long.py time --data FOLDER --minutes 10 60 180 [--compare]
    PYTHONPATH=. python tools/bench/long.py misfits --data FOLDER --minutes 30

FOLDER has ``cathy`` and ``cmu_arctic``, each with a ``manifest.jsonl``. Recordings are their
prompts, with pauses of 0.1 to 1.2 s, and the text of all of them as one. ``time`` aligns each
length in a process of its own, and prints user CPU time, memory beside the decoded audio, and
how many words begin and end within 50 ms of the same prompts aligned one by one. ``misfits``
leaves out every 20th prompt of the text and another of the audio, says ten prompts again, swaps
two paragraphs, puts in two minutes each of other speech, of noise and of music, and prints what
was found of it. The load of the machine is printed beside.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.audio.waveform import read_waveform

RATE = 16000
PARAGRAPH = 10


@dataclass
class Prompt:
    """A prompt: its sound file and text."""

    audio: Path
    text: str

    def samples(self) -> np.ndarray:
        """Return its samples."""
        return read_waveform(self.audio, sample_rate=RATE).samples


def prompts(data: Path, *corpora: str) -> list[Prompt]:
    """Return the prompts of corpora, in order."""
    found = []
    for corpus in corpora:
        for line in (data / corpus / "manifest.jsonl").read_text().splitlines():
            row = json.loads(line)
            found.append(Prompt(data / corpus / row["audio_filepath"], row["text"]))
    return found


def pause(rng: np.random.Generator) -> np.ndarray:
    """Return the noise of a quiet room, for 0.1 to 1.2 s."""
    return (1e-4 * rng.normal(size=int(rng.uniform(0.1, 1.2) * RATE))).astype(np.float32)


def joined(
    rng: np.random.Generator, parts: list[np.ndarray]
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


def one_by_one(aligner: Aligner, used: list[Prompt], places: list[tuple[int, int]]) -> np.ndarray:
    """Return start and end of each word of prompts that were aligned alone, seconds."""
    rows = []
    for prompt, (begin, _) in zip(used, places):
        found = aligner.align(prompt.samples(), prompt.text, sample_rate=RATE)
        rows += [(begin / RATE + word.start, begin / RATE + word.end) for word in found]
    return np.array(rows)


def memory() -> float:
    """Return the highest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def measure(data: Path, minutes: float, *, compare: bool) -> None:
    """Align one recording; print time, memory and differences."""
    rng = np.random.default_rng(0)
    pool = prompts(data, "cathy", "cmu_arctic")
    used, parts, total = [], [], 0.0
    for prompt in pool:
        if total >= 60 * minutes:
            break
        parts.append(prompt.samples())
        used.append(prompt)
        total += len(parts[-1]) / RATE + 0.65
    samples, places = joined(rng, parts)
    del parts
    text = "\n".join(prompt.text for prompt in used)
    aligner = Aligner()
    aligner.align(used[0].samples(), used[0].text, sample_rate=RATE)
    before, began = memory(), os.times().user
    found = aligner.align(samples, text, sample_rate=RATE)
    user, peak = os.times().user - began, memory() - before
    line = (
        f"{len(samples) / RATE / 60:.1f} min, {len(found)} words: {user:.1f} s user, "
        f"{peak:.0f} MB more, {found.search}, load {os.getloadavg()[0]:.1f}"
    )
    if compare:
        alone = one_by_one(aligner, used, places)
        times = np.array([(word.start, word.end) for word in found])
        near = (np.abs(times - alone) < 0.05).all(axis=1).mean()
        line += f"; within 50 ms of prompts alone: {100 * near:.2f} % of words"
    print(line, flush=True)


def music(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return two chords a second."""
    times = np.arange(RATE // 2) / RATE
    chords = [
        sum(np.sin(2 * np.pi * f * times) for f in rng.choice((220, 262, 330, 392, 440), 3))
        * np.exp(-3 * times)
        for _ in range(2 * count // RATE + 1)
    ]
    return np.concatenate(chords)[:count]


def misfits(data: Path, minutes: float, seconds: float) -> None:
    """Align a recording with a text that does not fit it; print what was found."""
    rng = np.random.default_rng(1)
    pool = prompts(data, "cathy")
    others = prompts(data, "cmu_arctic")[::-1]
    count = int(minutes * 60 / 3.7)
    numbers = list(range(count))
    unsaid = {n for n in numbers if n % 20 == 7}
    unwritten = {n for n in numbers if n % 20 == 17}
    read = [n for n in numbers if n not in unsaid]
    quarter = count // 4 // PARAGRAPH * PARAGRAPH
    again = [n for n in range(quarter, quarter + PARAGRAPH) if n not in unsaid]
    at = read.index(again[-1]) + 1
    read[at:at] = again
    first = [n for n in range(2 * quarter, 2 * quarter + PARAGRAPH) if n not in unsaid]
    second = [
        n for n in range(2 * quarter + PARAGRAPH, 2 * quarter + 2 * PARAGRAPH) if n not in unsaid
    ]
    at = read.index(first[0])
    read[at : at + len(first) + len(second)] = second + first
    length = int(seconds * RATE)
    speech = []
    while sum(map(len, speech)) < length:
        speech.append(others.pop().samples())
    inserted = [
        np.concatenate(speech)[:length],
        (0.05 * rng.normal(size=length)).astype(np.float32),
        (0.1 * music(rng, length)).astype(np.float32),
    ]
    parts: list[tuple[int | None, np.ndarray]] = [(n, pool[n].samples()) for n in read]
    for place, sound in zip((5, 3, 1), inserted):
        parts.insert(len(parts) * place // 6, (None, sound))
    samples, places = joined(rng, [sound for _, sound in parts])
    written = [n for n in numbers if n not in unwritten]
    aligner = Aligner(allow=("skips", "repeats", "insertions"))
    plain = Aligner(aligner.model)
    began = os.times().user
    found = aligner.align(samples, "\n".join(pool[n].text for n in written), sample_rate=RATE)
    user = os.times().user - began
    said: dict[int, list[np.ndarray]] = {}
    foreign = np.zeros(len(samples) // 160 + 1, np.bool_)
    for (number, sound), (begin, end) in zip(parts, places):
        if number is None or number in unwritten:
            foreign[begin // 160 : end // 160] = True
        else:
            alone = plain.align(sound, pool[number].text, sample_rate=RATE)
            said.setdefault(number, []).append(
                np.array([(begin / RATE + w.start, begin / RATE + w.end) for w in alone])
            )
    heard = np.zeros_like(foreign)
    for interval in found.untranscribed:
        heard[int(100 * interval.start) : int(100 * interval.end)] = True
    firsts = iter([word for word in found if word.status != "repeated"])
    near, missed, lost, false = [], 0, 0, 0
    for number in written:
        for k in range(len(plain._aligner.lexicon.words(pool[number].text))):  # type: ignore[attr-defined]
            word = next(firsts)
            if number not in said:
                lost += 1
                missed += word.status == "skipped"
            elif word.span is None:
                false += 1
                near.append(False)
            else:
                near.append(
                    any(
                        max(abs(word.start - rows[k, 0]), abs(word.end - rows[k, 1])) < 0.1
                        for rows in said[number]
                    )
                )
    print(
        f"{len(samples) / RATE / 60:.1f} min: {user:.1f} s user, {found.search}, load "
        f"{os.getloadavg()[0]:.1f}\n"
        f"words that are there within 100 ms: {100 * np.mean(near):.2f} % of {len(near)}\n"
        f"words that are not there, reported: {100 * missed / max(1, lost):.2f} % of {lost}\n"
        f"words that are there, reported as missing: {100 * false / len(near):.2f} %\n"
        f"untranscribed seconds found: {100 * (heard & foreign).sum() / foreign.sum():.2f} % of "
        f"{foreign.sum() / 100:.0f} s, and {(heard & ~foreign).sum() / 100:.0f} s of others\n"
        f"repeated words: {sum(word.status == 'repeated' for word in found)} of "
        f"{sum(len(rows) for all_of in said.values() for rows in all_of[1:])}"
    )


def main() -> None:
    """Run a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("time", "misfits"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--compare", action="store_true")
    options = parser.parse_args()
    if options.what == "misfits":
        misfits(options.data, options.minutes[0], options.seconds)
    elif len(options.minutes) == 1:
        measure(options.data, options.minutes[0], compare=options.compare)
    else:
        for minutes in options.minutes:
            subprocess.run(
                [sys.executable, __file__, "time", "--data", options.data, "--minutes",
                 str(minutes), *["--compare"] * options.compare],
                check=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
