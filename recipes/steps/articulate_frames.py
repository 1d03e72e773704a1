"""Turn labels of phones into attributes: the articulations that each frame may have.

    python -m recipes.steps.articulate_frames STORE LABELS NAME [--phones FILE --language CODE]

The array NAME of STORE gets, for each frame, the columns of `speechalign.text.articulation.COLUMNS`
that its phone allows, as the bits of a uint64. Phones are IPA, or ARPABET for a store whose phones
are ARPABET; FILE (CSV: language, phone, ipa) has the IPA of phones that are written otherwise in a
language. The first half of a diphthong has its first vowel, the second half the second. A frame
whose phone has no articulation, such as noise, allows all columns.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from recipes.program import run
from recipes.steps.label_frames import PHONES
from recipes.trainer.ipa_of_phones import NOISES, SILENCES, ipa_of_phones
from speechalign.models.neural_hmm.log_mel import STRIDE
from speechalign.training.articulation_targets import ANYTHING, articulated, phone_bits
from speechalign.training.frame_store import FrameStore


@click.command(help=__doc__)
@click.argument("folder", metavar="STORE", type=click.Path(exists=True, path_type=Path))
@click.argument("labels")
@click.argument("name")
@click.option("--phones", "table", type=click.Path(exists=True, path_type=Path),
              help="IPA of phones, CSV.")  # fmt: skip
@click.option("--language", default="", help="Language of the store, in that table.")
def main(folder: Path, labels: str, name: str, table: Path | None, language: str) -> None:
    """Write the array."""
    store = FrameStore(folder)
    phones: list[str] = json.loads((folder / PHONES).read_text())
    names = ipa_of_phones(table, language)
    bits = [phone_bits(phone, silences=SILENCES, noises=NOISES, names=names) for phone in phones]
    found = store.array(labels)

    def make(number: int) -> np.ndarray:
        return articulated(found[number][:, 0], bits)

    store.fill(name, make, stride=STRIDE, width=1, dtype=np.uint64)
    without = [phone for phone, own in zip(phones, bits) if own == (ANYTHING,)]
    confidence = folder / f"{labels}.confidence.npy"
    if confidence.is_file():
        np.save(folder / f"{name}.confidence.npy", np.load(confidence))
    click.echo(f"{folder}: {name}; no articulation: {' '.join(without) or 'none'}")


if __name__ == "__main__":
    run(main)
