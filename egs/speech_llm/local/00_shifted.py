"""Write manifests in small letters, and tests that differ from the training.

    python local/00_shifted.py data/split data/nonspeech/train/manifest.jsonl \
        data/nonspeech.jsonl timit-dev/corpus data

The first has train, dev and test.jsonl of split_speakers.py. DATA gets train (with the recordings
without speech), dev, native and learners (test without and with speechocean762), noise5 and noise0
(native in pink noise, at 5 and 0 dB), nonspeech, babble (five voices at once, none of
them primary: the transcript is empty), timit (another corpus), and all.jsonl, every recording once.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import soundfile

from recipes.program import run
from recipes.trainer.letters import words_of
from recipes.trainer.speech_manifest import Recording, read_manifest
from speechalign.audio.augmentation import add_noise, babble, pink_noise
from speechalign.corpus import read_corpus

_RATE, _VOICES, _SECONDS = 16000, 5, 3.0
_LEARNERS = "speechocean762"


def _order(recording: Recording) -> int:
    return zlib.crc32(str(recording.audio.name).encode())


def _write(path: Path, recordings: Sequence[Recording]) -> None:
    """Write a manifest with ids."""
    lines = [
        json.dumps(
            {
                "audio_filepath": str(r.audio.resolve()),
                "id": str(r.audio.resolve().with_suffix("")).lstrip("/"),
                "text": " ".join(words_of(r.text)),
                "speaker": r.speaker,
            }
        )
        for r in recordings
    ]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _noisy(recordings: Sequence[Recording], folder: Path, snr: float) -> list[Recording]:
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number, recording in enumerate(recordings):
        samples, rng = recording.samples(_RATE), np.random.default_rng([number, round(snr)])
        path = folder / f"{number:04d}.wav"
        soundfile.write(path, add_noise(samples, pink_noise(len(samples), rng), snr), _RATE)
        found.append(Recording(path, recording.text, recording.speaker))
    return found


def _babble(recordings: Sequence[Recording], folder: Path, count: int) -> list[Recording]:
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for number in range(count):
        rng = np.random.default_rng(number)
        chosen = rng.choice(len(recordings), min(_VOICES, len(recordings)), replace=False)
        voices = [recordings[k].samples(_RATE) for k in chosen]
        mixed = babble(voices, round(_SECONDS * _RATE), rng)
        path = folder / f"{number:04d}.wav"
        soundfile.write(path, 0.5 * mixed / np.abs(mixed).max(), _RATE)
        found.append(Recording(path, "", ""))
    return found


@click.command(help=__doc__)
@click.argument("splits", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("nonspeech", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("silent", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("timit", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--count", default=200, show_default=True, help="Most recordings of a test.")
def main(splits: Path, nonspeech: Path, silent: Path, timit: Path, out: Path, count: int) -> None:
    """Write all manifests."""
    test = sorted(read_manifest(splits / "test.jsonl"), key=_order)
    native = [r for r in test if _LEARNERS not in r.speaker][:count]
    others = [Recording(u.audio, u.text, u.speaker or "") for u in read_corpus(timit)]
    sets = {
        "train": read_manifest(splits / "train.jsonl") + read_manifest(nonspeech),
        "dev": sorted(read_manifest(splits / "dev.jsonl"), key=_order),
        "native": native,
        "learners": [r for r in test if _LEARNERS in r.speaker][:count],
        "noise5": _noisy(native, out / "noise5", 5.0),
        "noise0": _noisy(native, out / "noise0", 0.0),
        "timit": others,
        "babble": _babble(native, out / "babble", min(count, 60)),
        "nonspeech": read_manifest(silent),
    }
    for name, recordings in sets.items():
        _write(out / f"{name}.jsonl", recordings)
    # The reader of corpora refuses empty transcripts; states do not depend on them.
    every = {r.audio: replace(r, text=r.text or "none") for some in sets.values() for r in some}
    _write(out / "all.jsonl", list(every.values()))


if __name__ == "__main__":
    run(main)
