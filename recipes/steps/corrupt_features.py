"""Compute what networks hear: log-mel features and an encoder's states, of clean and noisy copies.

    python -m recipes.steps.corrupt_features CORPUS STORE --copies 8 --encoder E --encoded 1

Writes the arrays mels.0 (clean) to mels.COPIES of STORE, and states.0 to states.ENCODED. Copy k of
a recording is corrupted with its id and k as seed. A run that was cut short goes on.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import numpy as np

from recipes.program import run
from recipes.steps.label_frames import labelled_utterances
from recipes.trainer.encoder_states import fill_states
from speechalign.models.neural_hmm.encoder import load_encoder
from speechalign.models.neural_hmm.log_mel import SAMPLE_RATE, STRIDE, log_mel
from speechalign.training.copies import copy_of
from speechalign.training.frame_store import FrameStore

BANDS = 40


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", metavar="STORE", type=click.Path(file_okay=False, path_type=Path))
@click.option("--copies", default=8, show_default=True, help="Number of corrupted copies.")
@click.option("--encoder", help="Folder of a pretrained encoder, or its name on the hub.")
@click.option("--encoded", default=1, show_default=True, help="Copies that the encoder hears too.")
def main(corpus: Path, folder: Path, copies: int, encoder: str | None, encoded: int) -> None:
    """Fill the arrays of one copy after another."""
    utterances, store = labelled_utterances(corpus), FrameStore(folder)

    def samples(copy: int, number: int) -> np.ndarray:
        seed = f"{utterances[number].id}#{copy}" if copy else None
        return copy_of(utterances, number, rate=SAMPLE_RATE, seed=seed)

    def mels(copy: int, number: int) -> np.ndarray:
        return log_mel(samples(copy, number), BANDS)

    for copy in range(copies + 1):
        store.fill(
            f"mels.{copy}", partial(mels, copy), stride=STRIDE, width=BANDS, dtype=np.float16
        )
        click.echo(f"{folder}: mels.{copy}")
    if encoder is None:
        return
    fill_states(store, load_encoder(encoder), samples, copies=encoded + 1)
    click.echo(f"{folder}: states of {encoded + 1} copies")


if __name__ == "__main__":
    run(main)
