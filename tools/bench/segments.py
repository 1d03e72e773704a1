"""How well detectors tell speech from pauses, on clean and on noisy recordings.

    python tools/bench/segments.py [--corpus DIR] [--detectors NAME ...]

Ten utterances with times set by hand are joined with pauses of 0.3 to 3 s, which hold faint noise
as loud as the first 0.1 s of the next utterance; the whole is then corrupted. Printed are the share
of speech that lies in no segment, of pauses and silences that lie in one, and of words that a
segment cuts or misses, without padding; and then the words cut or missed with the default limits.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from peers import timit_dev

from speechalign.alignment import Interval
from speechalign.audio import augmentation
from speechalign.audio.sound_file import read_waveform
from speechalign.formats import read_alignment
from speechalign.segmentation import Segmenter
from speechalign.segmentation.intervals import Limits

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SPEECHALIGN_DATA", ROOT / "data"))
RATE = 16000
_PAUSES = {"h#", "pau", "epi"}
_TOGETHER, _RECORDINGS = 10, 6

Spans = list[tuple[float, float]]


def recordings(files: list[tuple[Path, str, Path]]) -> Iterator[tuple[np.ndarray, Spans, Spans]]:
    """Yield samples, stretches of speech and words of recordings put together from utterances."""
    rng = np.random.default_rng(0)
    for first in range(0, _TOGETHER * _RECORDINGS, _TOGETHER):
        parts: list[np.ndarray] = []
        speech: Spans = []
        words: Spans = []
        begin = 0
        for audio, _, gold_path in files[first : first + _TOGETHER]:
            samples = read_waveform(audio, sample_rate=RATE).samples
            gold = read_alignment(gold_path)
            pause = augmentation.pink_noise(int(rng.uniform(0.3, 3.0) * RATE), rng)
            level = np.sqrt(np.mean(samples[: RATE // 10] ** 2)) + 1e-6
            parts += [pause * np.float32(level / np.sqrt(np.mean(pause**2))), samples]
            begin += len(pause)
            at = begin / RATE
            for phone in gold.tiers["phones"]:
                if phone.label not in _PAUSES:
                    speech.append((at + phone.start, at + phone.end))
            words += [(at + word.start, at + word.end) for word in gold.tiers["words"]]
            begin += len(samples)
        yield np.concatenate(parts), speech, words


def conditions(
    samples: np.ndarray, voices: list[np.ndarray], rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and corrupted samples."""
    count = len(samples)
    yield "clean", samples
    for snr in (10, 0):
        for name, noise in (
            ("white", augmentation.white_noise(count, rng)),
            ("pink", augmentation.pink_noise(count, rng)),
        ):
            yield f"{name} {snr} dB", augmentation.add_noise(samples, noise, snr)
    for snr in (10, 5):
        noise = augmentation.babble(voices, count, rng)
        yield f"babble {snr} dB", augmentation.add_noise(samples, noise, snr)
    yield "room 0.6 s", augmentation.reverberate(samples, 0.6, RATE, rng)
    yield "telephone", augmentation.telephone(samples / max(1.0, np.abs(samples).max()), RATE)


def marked(spans: Spans | tuple[Interval, ...], count: int) -> np.ndarray:
    """Mark the samples inside spans."""
    mask = np.zeros(count, np.bool_)
    for span in spans:
        start, end = (span.start, span.end) if isinstance(span, Interval) else span
        mask[round(start * RATE) : round(end * RATE)] = True
    return mask


def cut_words(segments: tuple[Interval, ...], words: Spans) -> int:
    """Count the words whose middle half is not inside one segment."""
    quarters = [((3 * s + e) / 4, (s + 3 * e) / 4) for s, e in words]
    return sum(not any(g.start <= s and e <= g.end for g in segments) for s, e in quarters)


def main() -> None:
    """Segment, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=DATA / "timit-dev")
    parser.add_argument("--detectors", nargs="*", default=["english-sphinx", "silero"])
    options = parser.parse_args()
    files = timit_dev(options.corpus)
    others = files[_TOGETHER * _RECORDINGS :][:7]
    voices = [read_waveform(audio, sample_rate=RATE).samples for audio, *_ in others]
    print(
        "detector         condition     speech missed  pauses taken  words cut  words cut (padded)"
    )
    for name in options.detectors:
        bare = Segmenter(name, Limits(min_pause=0.2, padding=0.0))
        usual = Segmenter(bare.detector)
        counts: dict[str, np.ndarray] = {}
        took = heard = 0.0
        for number, (samples, speech, words) in enumerate(recordings(files)):
            truth = marked(speech, len(samples))
            rng = np.random.default_rng(number)
            for condition, noisy in conditions(samples, voices, rng):
                began = time.perf_counter()
                found = bare.find(noisy.astype(np.float32), sample_rate=RATE)
                took += time.perf_counter() - began
                heard += len(samples) / RATE
                padded = usual.find(noisy.astype(np.float32), sample_rate=RATE)
                inside = marked(found, len(samples))
                counts.setdefault(condition, np.zeros(6))
                counts[condition] += [
                    (truth & ~inside).sum(),
                    truth.sum(),
                    (inside & ~truth).sum(),
                    (~truth).sum(),
                    cut_words(found, words) / len(words) / _RECORDINGS,
                    cut_words(padded, words) / len(words) / _RECORDINGS,
                ]
        for condition, (missed, spoken, taken, silent, cut, cut_padded) in counts.items():
            shares = (missed / spoken, taken / silent, cut, cut_padded)
            row = " ".join(f"{100 * share:12.1f} %" for share in shares)
            print(f"{name:16} {condition:13} {row}")
        print(f"{name:16} seconds for an hour on one core: {3600 * took / heard:.1f}")


if __name__ == "__main__":
    main()
