"""Label the frames of a corpus with phones, by aligning it.

    python -m recipes.steps.label_frames CORPUS MODEL STORE NAME [--posteriors ARRAY]
        [--head HEAD --phones FILE --language CODE]

The labels become the array NAME of STORE, NAME.confidence.npy the confidence of each recording; one
that cannot be aligned has none. With --posteriors, MODEL gives phones and words only, and the
states score the posteriors in that array of STORE, less half of their log prior. With --head, they
are posteriors of attributes, and HEAD, a model of any language, scores them; FILE has the IPA of
the phones, as for articulate_frames.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from recipes.program import run
from recipes.trainer.ipa_of_phones import NOISES, SILENCES, ipa_of_phones
from speechalign.aligners.aligner import Aligner
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.models.neural_hmm.articulatory import ArticulatoryHmm
from speechalign.models.neural_hmm.folder import load_without_encoder
from speechalign.models.neural_hmm.log_mel import STRIDE
from speechalign.models.neural_hmm.model import NeuralHmm
from speechalign.models.phone_hmm import PhoneHmm
from speechalign.training.articulation_targets import ANYTHING, phone_bits
from speechalign.training.frame_store import FrameArray, FrameStore
from speechalign.training.labelling import StoredArticulation, StoredHmm, align_frames

PHONES = "phones.json"
"""File of a store: the phones that labels count."""


@click.command(help=__doc__)
@click.argument("corpus", type=click.Path(exists=True, path_type=Path))
@click.argument("model")
@click.argument("folder", metavar="STORE", type=click.Path(file_okay=False, path_type=Path))
@click.argument("name")
@click.option("--posteriors", metavar="ARRAY", help="Array of log posteriors.")
@click.option("--head", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Folder of the model that scores them, if they are of attributes.")  # fmt: skip
@click.option("--phones", "table", type=click.Path(exists=True, path_type=Path),
              help="IPA of phones, CSV.")  # fmt: skip
@click.option("--language", default="", help="Language of the store, in that table.")
def main(
    corpus: Path,
    model: str,
    folder: Path,
    name: str,
    posteriors: str | None,
    head: Path | None,
    table: Path | None,
    language: str,
) -> None:
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
        array = store.array(posteriors)
        if head is None:
            stored = StoredHmm(base, array)
        else:
            stored = _scored_by(head, base, array, ipa_of_phones(table, language))
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


def _scored_by(
    folder: Path, base: PhoneHmm, posteriors: FrameArray, ipa: Mapping[str, str]
) -> StoredArticulation:
    """Return the phones of a model, which a head scores by their attributes."""
    head = load_without_encoder(folder)
    if not isinstance(head, ArticulatoryHmm):
        raise InputError(f"{folder}: expected a model of any language")
    own = {phone: head.silence for phone in SILENCES}
    for phone in base.phones:
        if phone_bits(phone, silences=SILENCES, noises=NOISES, names=ipa) == (ANYTHING,):
            own[phone] = head.noise
    return StoredArticulation(base, posteriors, head, {**ipa, **own})


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
