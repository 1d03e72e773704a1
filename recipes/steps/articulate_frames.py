"""Turn labels of phones into attributes: the articulations that each frame may have.

    python -m recipes.steps.articulate_frames STORE LABELS NAME

The array NAME of STORE gets, for each frame, the columns of `speechalign.text.articulation.COLUMNS`
that its phone allows, as the bits of a uint64. Phones are IPA, or ARPABET for a store whose phones
are ARPABET. The first half of a diphthong has its first vowel, the second half the second. A frame
whose phone has no articulation, such as noise, allows all columns.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np

from recipes.program import run
from recipes.steps.label_frames import PHONES
from speechalign.errors import InputError
from speechalign.models.neural_hmm.log_mel import STRIDE
from speechalign.text.articulation import COLUMNS, SILENCE, Target, articulation
from speechalign.text.phone_sets import ARPABET
from speechalign.training.frame_store import FrameStore

_SILENCE = ("sil", "SIL")
_NOISE = ("spn", "+SPN+", "+NSN+")
_ALL = np.uint64((1 << len(COLUMNS)) - 1)


def target_bits(target: Target) -> np.uint64:
    """Return the columns that a target allows."""
    bits = 0
    for number, (attribute, value) in enumerate(COLUMNS):
        if value in target[attribute]:
            bits |= 1 << number
    return np.uint64(bits)


def phone_bits(phone: str) -> list[np.uint64]:
    """Return the columns of each target of a phone, [all] for one without an articulation."""
    if phone in _SILENCE:
        return [target_bits(SILENCE.targets[0])]
    if phone in _NOISE:
        return [_ALL]
    try:
        return [target_bits(target) for target in articulation(ARPABET.get(phone, phone)).targets]
    except InputError:
        return [_ALL]


@click.command(help=__doc__)
@click.argument("folder", metavar="STORE", type=click.Path(exists=True, path_type=Path))
@click.argument("labels")
@click.argument("name")
def main(folder: Path, labels: str, name: str) -> None:
    """Write the array."""
    store = FrameStore(folder)
    phones: list[str] = json.loads((folder / PHONES).read_text())
    bits = [phone_bits(phone) for phone in phones]
    found = store.array(labels)

    def make(number: int) -> np.ndarray:
        own = found[number][:, 0]
        rows = np.empty(len(own), np.uint64)
        edges = np.flatnonzero(np.diff(own)) + 1
        for start, end in zip([0, *edges], [*edges, len(own)]):
            targets = bits[own[start]]
            middle = (start + end) // 2 if len(targets) > 1 else end
            rows[start:middle], rows[middle:end] = targets[0], targets[-1]
        return rows

    store.fill(name, make, stride=STRIDE, width=1, dtype=np.uint64)
    without = [phone for phone, own in zip(phones, bits) if own == [_ALL]]
    confidence = folder / f"{labels}.confidence.npy"
    if confidence.is_file():
        np.save(folder / f"{name}.confidence.npy", np.load(confidence))
    click.echo(f"{folder}: {name}; no articulation: {' '.join(without) or 'none'}")


if __name__ == "__main__":
    run(main)
