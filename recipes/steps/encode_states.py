"""Cache the states of a frozen encoder, of clean recordings and of corrupted copies.

    python -m recipes.steps.encode_states CORPUS STORE --encoder openai/whisper-base --copies 1

Writes the arrays states.0 (clean) to states.COPIES of STORE, and encoder.json, by whose hash states
of another encoder are refused. Copy k of a recording is corrupted with its id and k as seed. A run
that was cut short goes on.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from recipes.program import run
from recipes.steps.label_frames import labelled_utterances
from recipes.trainer.encoder_states import fill_states
from speechalign.errors import InputError
from speechalign.models.neural_hmm.encoder import load_encoder
from speechalign.models.neural_hmm.log_mel import SAMPLE_RATE
from speechalign.training.copies import copy_of
from speechalign.training.frame_store import FrameStore


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.argument("folder", metavar="STORE", type=click.Path(file_okay=False, path_type=Path))
@click.option("--encoder", required=True, help="Folder of an encoder, or its name on the hub.")
@click.option(
    "--layer", type=int, help="Layer whose states are kept (default: three, side by side)."
)
@click.option("--copies", default=0, show_default=True, help="Number of corrupted copies.")
def main(corpus: Path, folder: Path, encoder: str, layer: int | None, copies: int) -> None:
    """Encode every recording."""
    utterances = labelled_utterances(corpus)
    network = load_encoder(encoder, layers=None if layer is None else [layer])

    def samples(copy: int, number: int) -> np.ndarray:
        seed = f"{utterances[number].id}#{copy}" if copy else None
        return copy_of(utterances, number, rate=SAMPLE_RATE, seed=seed)

    if (folder / "index.jsonl").exists():
        store = FrameStore(folder)
        if store.ids != [utterance.id for utterance in utterances]:
            raise InputError(f"{folder}: holds other recordings than {corpus}; remove it")
    else:
        store = FrameStore(
            folder,
            [(utterance.id, len(samples(0, n))) for n, utterance in enumerate(utterances)],
        )
    fill_states(store, network, samples, copies=copies + 1)
    click.echo(f"{folder}: {len(store)} recordings, {store.samples.sum() / 57.6e6:.2f} h")


if __name__ == "__main__":
    run(main)
