"""Write recordings without speech, and their manifest with empty transcripts.

    python local/00_make_nonspeech.py data/nonspeech --count 60 --kinds "silence white hum"

The program writes to OUT: sound files of one to three seconds, each of one kind, and
manifest.jsonl.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import soundfile

from recipes.trainer.speech_manifest import Recording, write_manifest

RATE = 16000
KINDS = ("silence", "white", "hum", "pink", "clicks", "sweep")


def sound(kind: str, seconds: float, generator: np.random.Generator) -> np.ndarray:
    """Return (N,) samples of a kind of sound, with a little noise added."""
    times = np.arange(int(seconds * RATE)) / RATE
    white = generator.normal(size=len(times))
    if kind == "silence":
        made = np.zeros(len(times))
    elif kind == "white":
        made = white
    elif kind == "hum":
        pitch = generator.uniform(45, 65)
        made = sum(np.sin(2 * np.pi * pitch * k * times) / k for k in range(1, 6))
    elif kind == "pink":
        spectrum = np.fft.rfft(white) / np.sqrt(np.arange(1, len(times) // 2 + 2))
        made = np.fft.irfft(spectrum, len(times))
    elif kind == "clicks":
        made = white * (generator.random(len(times)) < 5 / RATE)
        made = np.convolve(made, np.exp(-np.arange(200) / 30))[: len(times)]
    else:
        begin, end = generator.uniform(100, 3000, size=2)
        made = np.sin(2 * np.pi * np.cumsum(np.linspace(begin, end, len(times))) / RATE)
    made = made / max(1e-9, np.abs(made).max()) * 10 ** generator.uniform(-2.5, -0.3)
    return np.asarray(np.clip(made + 1e-4 * white, -1, 1), np.float32)


@click.command(help=__doc__)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--count", type=click.IntRange(1), default=60, show_default=True)
@click.option("--kinds", default=" ".join(KINDS), show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(out: Path, count: int, kinds: str, seed: int) -> None:
    """Write recordings of each kind in turn."""
    out.mkdir(parents=True, exist_ok=True)
    recordings = []
    for number in range(count):
        kind = kinds.split()[number % len(kinds.split())]
        generator = np.random.default_rng((seed, number))
        path = out / f"{number:04d}_{kind}.wav"
        soundfile.write(path, sound(kind, generator.uniform(1, 3), generator), RATE)
        recordings.append(Recording(path, "", ""))
    write_manifest(out / "manifest.jsonl", recordings)


if __name__ == "__main__":
    main()
