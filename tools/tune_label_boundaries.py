"""Compare settings of the boundaries between CTC labels on synthetic speech with known times.

Usage: python tools/tune_label_boundaries.py MODEL [--sentences N] [--words FILE]

Aligns sentences of random words (those of FILE, this program's own by default) that eSpeak NG says,
with pauses at some commas and noise at 20 or 40 dB below the speech, by a CTC model of English. The
settings in use, and others, are lines; figures are milliseconds, mean absolute error and bias of
starts and ends of words. Chosen with a convolutional model of characters, trained on such speech.
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

import numpy as np
import soxr

from speechalign.aligners import ctc_boundaries
from speechalign.aligners.aligner import Aligner
from speechalign.audio.waveform import Waveform
from speechalign.espeak import speak

RATE = 16000
SETTINGS: dict[str, tuple[float, ...]] = {
    "_QUIET": (0.1, 0.2, 0.3, 0.45),
    "_LEAST_PAUSE": (0.05, 0.08, 0.12),
    "_FARTHEST": (0.15, 0.25, 0.4),
}

Spoken = tuple[Waveform, str, np.ndarray]


def main() -> None:
    """Print a line for each setting."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--words", type=Path, default=Path(__file__))
    arguments = parser.parse_args()
    words = sorted(set(re.findall(r"\b[a-z]{2,12}\b", arguments.words.read_text())))
    rng = random.Random(0)
    spoken = [sentence(words, rng) for _ in range(arguments.sentences)]
    aligner = Aligner(arguments.model)
    for name, values in SETTINGS.items():
        used = getattr(ctc_boundaries, name)
        for value in values:
            setattr(ctc_boundaries, name, value)
            mark = " (in use)" if value == used else ""
            print(f"{name} = {value}: {errors(aligner, spoken)}{mark}", flush=True)
        setattr(ctc_boundaries, name, used)


def sentence(words: list[str], rng: random.Random) -> Spoken:
    """Say eight random words; return sound, text and the true times of the words."""
    while True:
        text = " ".join(rng.choice(words) + ("," if rng.random() < 0.2 else "") for _ in range(8))
        speech = speak(text, voice=rng.choice(["en-us", "en-gb"]), rate=rng.randint(140, 200))
        times = np.array([(i.start, i.end) for i in speech.alignment.tiers["words"]])
        if len(times) == 8:
            break
    samples = soxr.resample(speech.samples, speech.sample_rate, RATE)
    silence = np.zeros(RATE // 4)
    samples = np.concatenate([silence, samples, silence])
    noise = np.random.default_rng(rng.randrange(2**32)).normal(size=len(samples))
    samples = samples + rng.choice([0.01, 0.1]) * np.sqrt((samples**2).mean()) * noise
    return Waveform(samples.astype(np.float32), RATE, 1, None, RATE), text, times + 0.25


def errors(aligner: Aligner, spoken: list[Spoken]) -> str:
    """Align everything and sum up how far starts and ends are off."""
    found = []
    for waveform, text, times in spoken:
        words = aligner.align(waveform, text).words
        found.append(np.array([(w.interval.start, w.interval.end) for w in words]) - times)
    off = 1000 * np.concatenate(found)
    parts = zip(("starts", "ends"), np.abs(off).mean(axis=0), off.mean(axis=0))
    return "; ".join(f"{name} {mean:.1f} (bias {bias:+.1f})" for name, mean, bias in parts)


if __name__ == "__main__":
    main()
