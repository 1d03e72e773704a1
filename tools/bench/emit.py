"""Time and memory of scoring long recordings and many, on a small network of the real class.

Usage: python tools/bench/emit.py [--minutes N] [--whole N] [--device NAME]

A Wav2Vec2ForCTC of two layers (random weights) scores noise: in chunks of 30 s, for as long as
``--minutes`` says (60), and ``--whole`` minutes (2) both whole and in chunks. One that is
indifferent to padding scores 32 utterances of 1 to 8 s one by one, and in padded batches of 32 s
and 128 s. Prints

* the time of the long recording, the share of it that is not spent in the network, and the peak of
  memory, with torch and all;
* the time of the short one, whole, in chunks, and the latter by the former;
* the time of the utterances one by one, and that in batches by it.

Runs in one process, on one thread of the CPU, on ``--device`` (cpu); times are the least of three
runs, in turns, of the long recording of one.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

from speechalign.aligners.ctc import OVERLAP
from speechalign.aligners.emission_chunks import emit_long, emit_together
from speechalign.audio.waveform import Waveform
from speechalign.models.ctc import hf_ctc
from speechalign.models.ctc.network_ctc import NetworkCtc

RATE = 16000
BATCHES = (32.0, 128.0)  # seconds
SYMBOLS = ["<pad>", "|", *"abcdefghijklmnopqrstuvwxyz'"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--whole", type=float, default=2.0)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = small_model(Path(folder), arguments.device)
    inside = Stopwatch(model)
    # First, because the peak is of all that came before.
    long = noise(arguments.minutes)
    took, network = inside.measure(lambda: emit_long(model, long, overlap=OVERLAP))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(
        f"{arguments.minutes:g} min in chunks: {took:.1f} s, outside the network "
        f"{1 - network / took:.1%}, peak memory {peak:.2f} GB"
    )
    short = noise(arguments.whole)
    samples, lengths = short.samples[None], np.array([short.samples.size])
    whole, chunks = least_seconds(
        lambda: model.emit(samples, lengths), lambda: emit_long(model, short, overlap=OVERLAP)
    )
    print(
        f"{arguments.whole:g} min: whole {whole:.2f} s, in chunks {chunks:.2f} s "
        f"({chunks / whole:.3f} x)"
    )
    with tempfile.TemporaryDirectory() as folder:
        model = small_model(Path(folder), arguments.device, feat_extract_norm="layer")
    many = [noise(length / 60) for length in np.random.default_rng(1).uniform(1, 8, 32)]
    model.emit(np.zeros((2, RATE), np.float32), np.array([RATE, RATE // 2]))  # tries padding out
    alone, *together = least_seconds(
        *(partial(emit_in_batches, model, many, batch) for batch in (0.0, *BATCHES))
    )
    for batch, took in zip(BATCHES, together):
        print(
            f"{len(many)} utterances of 1 to 8 s: one by one {alone:.2f} s, in batches of "
            f"{batch:g} s {took:.2f} s ({took / alone:.3f} x)"
        )


def emit_in_batches(model: NetworkCtc, many: list[Waveform], batch: float) -> None:
    """Score recordings, so many seconds at once."""
    model.batch_seconds = batch
    emit_together(model, many, overlap=OVERLAP)


class Stopwatch:
    """Adds up the time that a model spends in its network."""

    def __init__(self, model: NetworkCtc) -> None:
        self._spent = 0.0
        score = model._score

        def timed(samples: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:
            began = time.perf_counter()
            found = score(samples, lengths)
            self._spent += time.perf_counter() - began
            return found

        model._score = timed

    def measure(self, work: Callable[[], object]) -> tuple[float, float]:
        """Return how many seconds some work takes, and how many of them in the network."""
        self._spent = 0.0
        return seconds(work), self._spent


def small_model(folder: Path, device: str, **settings: object) -> NetworkCtc:
    """Save a network of two layers, a quarter as wide as wav2vec 2.0 base, and load it."""
    config = Wav2Vec2Config(
        num_hidden_layers=2,
        hidden_size=192,
        num_attention_heads=3,
        intermediate_size=768,
        conv_dim=[128] * 7,
        vocab_size=len(SYMBOLS),
        pad_token_id=0,
        **settings,
    )
    Wav2Vec2ForCTC(config).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    columns = ", ".join(f'"{symbol}": {n}' for n, symbol in enumerate(SYMBOLS))
    (folder / "vocab.json").write_text(f"{{{columns}}}", encoding="utf-8")
    return hf_ctc.load(folder, device=device)


def noise(minutes: float) -> Waveform:
    """Return a recording of noise."""
    count = round(60 * minutes * RATE)
    samples = np.random.default_rng(0).standard_normal(count, dtype=np.float32)
    return Waveform(samples, RATE, 1, None, RATE)


def least_seconds(*works: Callable[[], object]) -> list[float]:
    """Return the least time of three of each work, done in turns."""
    return np.min([[seconds(work) for work in works] for _ in range(3)], axis=0).tolist()


def seconds(work: Callable[[], object]) -> float:
    """Return how long some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
