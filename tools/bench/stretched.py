"""How often it is noticed that a recording holds more than its transcript says.

    PYTHONPATH=. python tools/bench/stretched.py MANIFEST.jsonl [MANIFEST.jsonl ...] [--count 40]

Noise, music, claps, silence or other speech of 1.5 to 60 s is put before, into or after recordings.
An utterance whose words are more than a second away from where they are without it should not be
``aligned``; one without anything put in should be. Prints both, for the mean confidence alone and
for `speechalign.pipeline.judgement.judge`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.result import AlignedUtterance
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import SpeechAlignError
from speechalign.pipeline.judgement import DOUBTFUL, judge
from speechalign.pipeline.result import Status

RATE = 16000
SECONDS = (1.5, 3.0, 10.0, 60.0)
CHORD = RATE // 2
TONES = (220, 262, 330, 392, 440, 523)


def silence(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return the noise of a quiet room."""
    return 1e-4 * rng.normal(size=count)


def white(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return white noise."""
    return rng.normal(size=count)


def brown(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return noise of low frequencies, as of wind or an engine."""
    walk = np.cumsum(rng.normal(size=count))
    return walk - np.convolve(walk, np.full(400, 1 / 400), "same")


def music(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return two chords of three notes a second."""
    times = np.arange(CHORD) / RATE
    chords = [
        sum(np.sin(2 * np.pi * tone * times) for tone in rng.choice(TONES, 3)) * np.exp(-3 * times)
        for _ in range(count // CHORD + 1)
    ]
    return np.concatenate(chords)[:count]


def claps(rng: np.random.Generator, count: int) -> np.ndarray:
    """Return sixteen claps a second."""
    sound = np.zeros(count)
    for begin in rng.integers(0, count - 400, count // 1000):
        sound[begin : begin + 400] += rng.normal(size=400) * np.exp(-np.arange(400) / 80)
    return sound


SOUNDS = (silence, white, brown, music, claps)


def doubts(result: AlignedUtterance) -> tuple[bool, bool]:
    """Return whether the mean confidence doubts an utterance, and whether `judge` does."""
    judged, _ = judge(result)
    return result.confidence < DOUBTFUL, judged is Status.DOUBTFUL


def spoilt(
    rng: np.random.Generator,
    samples: np.ndarray,
    words: np.ndarray,
    others: Sequence[np.ndarray],
) -> tuple[str, np.ndarray, np.ndarray]:
    """Return what was put in, the samples, and the true (W, 2) times of the words."""
    count = int(RATE * rng.choice(SECONDS))
    kind = int(rng.integers(len(SOUNDS) + 1))
    if kind == len(SOUNDS):
        name, sound = "speech", np.resize(others[int(rng.integers(len(others)))], count)
    else:
        name, sound = SOUNDS[kind].__name__, SOUNDS[kind](rng, count)
        if name != "silence":
            sound = sound / sound.std() * samples.std() * rng.choice([0.1, 0.5, 1.0])
    first = int(rng.integers(len(words) + 1))
    cut = len(samples) if first == len(words) else int(words[first, 0] * RATE)
    if first == 0:
        cut = 0
    moved = words + (np.arange(len(words)) >= first)[:, None] * count / RATE
    return name, np.concatenate([samples[:cut], sound, samples[cut:]]).astype(np.float32), moved


def main() -> None:
    """Spoil each recording once, align it, count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=40, help="recordings of each manifest")
    options = parser.parse_args()
    aligner = Aligner()
    rng = np.random.default_rng(3)
    clean: list[tuple[bool, bool]] = []
    wrong: dict[str, list[tuple[bool, bool]]] = {}
    for manifest in options.manifests:
        rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        rng.shuffle(rows)
        paths = [manifest.parent / row["audio_filepath"] for row in rows[: options.count]]
        sounds = [read_waveform(path, sample_rate=RATE).samples for path in paths]
        for row, samples in zip(rows, sounds):
            try:
                whole = aligner.align(samples, row["text"], sample_rate=RATE)
                clean.append(doubts(whole))
                times = np.array([(word.start, word.end) for word in whole])
                name, more, truth = spoilt(rng, samples, times, sounds)
                found = aligner.align(Waveform(more, RATE, 1, None, RATE), row["text"])
            except SpeechAlignError:
                continue
            if np.abs([(w.start, w.end) for w in found] - truth).max() > 1:
                wrong.setdefault(name, []).append(doubts(found))
    for name, found in [("nothing", clean), *sorted(wrong.items())]:
        mean, judged = 100 * np.mean(found, axis=0)
        what = "right" if name == "nothing" else "more than 1 s off"
        print(f"{name} put in: {len(found)} {what}; doubted by mean {mean:.1f} %, in all "
              f"{judged:.1f} %")  # fmt: skip


if __name__ == "__main__":
    main()
