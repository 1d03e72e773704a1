"""Choose the odds at which noise takes over from words, on speech with noise put between it.

    python tools/tune_noise.py --speech MANIFEST.jsonl [--others MANIFEST.jsonl] [--model NAME]
        [--count 18] [--odds 1,3,8,15]

Two recordings in a row are aligned with and without noise before, between or after them, which the
transcript has as ``[noise]``. For each odds and kind of noise, prints how many words begin or end
more than 50 ms away from where they do without the noise, by how much at most, and how well the
token covers the noise (intersection over union). What was chosen stands in
`speechalign.aligners.phone_noise`; CTC models have a penalty instead, in
`speechalign.aligners.ctc`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

import speechalign.aligners.phone_noise
from speechalign.aligners.aligner import Aligner
from speechalign.audio.waveform import Waveform
from speechalign.corpus import Utterance, read_corpus

RATE = 16_000
Noise = Callable[[np.random.Generator], np.ndarray]


def white(generator: np.random.Generator) -> np.ndarray:
    """Two seconds of white noise."""
    return 0.05 * generator.standard_normal(2 * RATE)


def pink(generator: np.random.Generator) -> np.ndarray:
    """Two seconds of noise whose power falls with frequency."""
    spectrum = np.fft.rfft(generator.standard_normal(2 * RATE))
    sound = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), 2 * RATE)
    return 0.05 * sound / sound.std()


def claps(generator: np.random.Generator) -> np.ndarray:
    """Thirty bursts of noise in two seconds."""
    sound = np.zeros(2 * RATE)
    for begin in generator.integers(0, len(sound) - 400, 30):
        clap = generator.standard_normal(400) * np.exp(-np.arange(400) / 80)
        sound[begin : begin + 400] += 0.2 * clap
    return sound


def laughter(generator: np.random.Generator) -> np.ndarray:
    """Voiced bursts of falling pitch, five a second."""
    t = np.arange(2 * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(250 - 40 * t) / RATE
    voice = np.sum([np.sin(k * phase) / k for k in range(1, 15)], axis=0)
    bursts = np.maximum(0, np.sin(2 * np.pi * 5 * t)) ** 2
    return (0.06 * voice + 0.01 * generator.standard_normal(len(t))) * bursts


def music(generator: np.random.Generator) -> np.ndarray:
    """Eight seconds of chords, two a second."""
    t = np.arange(RATE // 2)[:, None] / RATE
    chords = []
    for _ in range(16):
        notes = generator.choice([220, 262, 330, 392, 440, 523], 3)
        chords.append(np.sin(2 * np.pi * notes * t).sum(axis=1) * np.exp(-3 * t[:, 0]))
    return 0.05 * np.concatenate(chords)


def speech(pool: list[Utterance], voices: int, generator: np.random.Generator) -> np.ndarray:
    """One recording, or several at a time."""
    heard = [samples_of(pool[k]) for k in generator.integers(0, len(pool), voices)]
    shortest = min(map(len, heard))
    return np.sum([samples[:shortest] for samples in heard], axis=0) / voices**0.5


def samples_of(utterance: Utterance) -> np.ndarray:
    """Read an utterance."""
    return utterance.waveform(RATE).samples


def measure(
    aligner: Aligner, pair: tuple[Utterance, Utterance], noise: np.ndarray, place: int
) -> tuple[np.ndarray, float]:
    """Return how far each word moves, seconds, and how well the token covers the noise."""

    def align(parts: list[np.ndarray], text: str) -> tuple:
        samples = np.concatenate(parts).astype(np.float32)
        return aligner.align(Waveform(samples, RATE, 1, None, RATE), text).words

    parts, texts = [samples_of(u) for u in pair], [u.text for u in pair]
    without = align(parts, " ".join(texts))
    first = (0, len(align(parts[:1], texts[0])), len(without))[place]
    begin, lasts = sum(map(len, parts[:place])) / RATE, len(noise) / RATE
    parts.insert(place, noise)
    texts.insert(place, "[noise]")
    found = align(parts, " ".join(texts))
    words = [word for word in found if word.source != "noise"]
    (token,) = (word for word in found if word.source == "noise")
    moved = [
        max(abs(word.start - old.start - gone), abs(word.end - old.end - gone))
        for k, (word, old) in enumerate(zip(words, without, strict=True))
        for gone in [lasts * (k >= first)]
    ]
    both = min(token.end, begin + lasts) - max(token.start, begin)
    either = max(token.end, begin + lasts) - min(token.start, begin)
    return np.array(moved), max(0.0, both) / either


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, required=True)
    parser.add_argument("--others", type=Path, help="speakers who talk in between")
    parser.add_argument("--model", default="english-sphinx")
    parser.add_argument("--count", type=int, default=18)
    parser.add_argument("--odds", default="1,3,8,15")
    options = parser.parse_args()
    aligner = Aligner(options.model)
    pool = read_corpus(options.speech)
    others = read_corpus(options.others) if options.others else pool
    kinds: dict[str, Noise] = {
        "white": white,
        "pink": pink,
        "claps": claps,
        "laughter": laughter,
        "music": music,
        "same": partial(speech, pool, 1),
        "other": partial(speech, others, 1),
        "babble": partial(speech, others, 6),
    }
    print(
        f"{'odds':>5} {'noise':9} {'words > 50 ms':>13} {'most s':>7} {'covered':>8} {'least':>6}"
    )
    for odds in map(float, options.odds.split(",")):
        speechalign.aligners.phone_noise._NOISE_ODDS = odds
        for number, (kind, noise) in enumerate(kinds.items()):
            moved, covered = [], []
            for k in range(options.count):
                generator = np.random.default_rng([number, k])
                a, b = generator.integers(0, len(pool), 2)
                by, cover = measure(aligner, (pool[a], pool[b]), noise(generator), k % 3)
                moved.append(by)
                covered.append(cover)
            by = np.concatenate(moved)
            print(
                f"{odds:5.1f} {kind:9} {np.mean(by > 0.05):13.1%} {by.max():7.2f} "
                f"{np.mean(covered):8.2f} {min(covered):6.2f}"
            )


if __name__ == "__main__":
    main()
