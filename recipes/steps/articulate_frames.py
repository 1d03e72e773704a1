"""Turn labels of phones into attributes: the articulations that each frame may have.

    python -m recipes.steps.articulate_frames STORE LABELS NAME [--phones FILE --language CODE]

The array NAME of STORE gets, for each frame, the columns of `speechalign.text.articulation.COLUMNS`
that its phone allows, as the bits of a uint64. Phones are IPA, or ARPABET for a store whose phones
are ARPABET; FILE (CSV: language, phone, ipa) has the IPA of phones that are written otherwise in a
language. The first half of a diphthong has its first vowel, the second half the second. A frame
whose phone has no articulation, such as noise, allows all columns.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path

import click
import numpy as np

from recipes.program import run
from recipes.steps.label_frames import PHONES
from speechalign.models.neural_hmm.log_mel import STRIDE
from speechalign.text.phone_sets import ARPABET
from speechalign.training.articulation_targets import ANYTHING, articulated, phone_bits
from speechalign.training.frame_store import FrameStore

SILENCES, NOISES = ("sil", "SIL"), ("spn", "+SPN+", "+NSN+")
"""Phones that are pauses, and phones that may be any sound."""


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
    names = {**ARPABET, **({} if table is None else ipa_of_phones(table, language))}
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


def ipa_of_phones(table: Path, language: str) -> Mapping[str, str]:
    """Return the IPA of the phones of a language, as a table has them."""
    with table.open(encoding="utf-8", newline="") as file:
        return {
            row["phone"]: row["ipa"] for row in csv.DictReader(file) if row["language"] == language
        }


if __name__ == "__main__":
    run(main)
