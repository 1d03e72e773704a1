"""Label the frames of a corpus with phones, by aligning it.

    python -m recipes.steps.label_frames CORPUS MODEL STORE NAME [--posteriors ARRAY]

The labels become the array NAME of STORE, NAME.confidence.npy the confidence of each recording; one
that cannot be aligned has none. With --posteriors, MODEL gives phones and words only, and the
states score the posteriors in that array of STORE, less half of their log prior.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from recipes.program import run
from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.models.neural_hmm.log_mel import STRIDE
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.phone_hmm import PhoneHmm
from speechalign.training.frame_store import FrameStore
from speechalign.training.labelling import StoredHmm, align_frames

PHONES = "phones.json"
"""File of a store: the phones that labels count."""


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.argument("model")
@click.argument("folder", metavar="STORE", type=click.Path(file_okay=False, path_type=Path))
@click.argument("name")
@click.option("--posteriors", metavar="ARRAY", help="Array of log posteriors.")
def main(corpus: Path, model: str, folder: Path, name: str, posteriors: str | None) -> None:
    """Align each recording, write its labels."""
    utterances, aligner = labelled_utterances(corpus), Aligner(model)
    base = aligner.model
    if not isinstance(base, PhoneHmm):
        raise InputError(f"{model}: expected a model of phones")
    store = FrameStore(
        folder,
        [(utterance.id, len(_samples(utterance))) for utterance in utterances]
        if not folder.exists()
        else None,
    )
    if store.ids != [utterance.id for utterance in utterances]:
        raise InputError(f"{folder}: holds other recordings than {corpus}")
    stored = None
    if posteriors is not None:
        stored = StoredHmm(base, store.array(posteriors))
        aligner = Aligner(stored)
    confidence = np.zeros(len(utterances))

    def make(number: int) -> np.ndarray:
        if stored is not None:
            stored.number = number
        frames = -(-int(store.samples[number]) // STRIDE)
        labels, confidence[number] = align_frames(aligner, base, utterances[number], frames)
        if not confidence[number]:
            click.echo(f"{utterances[number].id}: cannot be aligned", err=True)
        return labels

    kept = folder / f"{name}.confidence.npy"
    if kept.is_file():
        click.echo(f"{folder}: has {name} already")
        return
    (folder / f"{name}.rows").unlink(missing_ok=True)  # Its confidences are not complete.
    store.fill(name, make, stride=STRIDE, width=1, dtype=np.uint8)
    (folder / PHONES).write_text(json.dumps(base.phones))
    np.save(kept, confidence)
    click.echo(
        f"{folder}: {name} of {len(utterances)} recordings, {store.samples.sum() / 57.6e6:.2f} h, "
        f"mean confidence {confidence.mean():.3f}"
    )


def labelled_utterances(corpus: Path) -> list[Utterance]:
    """Read the utterances of a corpus; InputError for one that cannot be read."""
    found = read_corpus(corpus)
    for utterance in found:
        if utterance.problem is not None:
            raise InputError(f"{utterance.id}: {utterance.problem}")
    return found


def _samples(utterance: Utterance) -> np.ndarray:
    return utterance.waveform(NeuralHmm.sample_rate).samples


if __name__ == "__main__":
    run(main)
