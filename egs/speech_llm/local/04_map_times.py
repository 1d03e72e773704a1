"""Align the recordings of a manifest by the matching map, whether or not the encoder has CTC.

    python local/04_map_times.py exp/1/matching/model data/test.jsonl exp/1/times_of_map

The program writes to OUT: a TextGrid for each recording, in folders by speaker. `speechalign align`
uses the encoder's CTC layer instead if it has one of characters.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
import torch

from recipes.trainer.speech_manifest import read_manifest
from speechalign import write_alignment
from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.models.speech_llm.folder import load


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(model: Path, manifest: Path, out: Path) -> None:
    """Align and write."""
    network = load(model)
    network.aligner = "attention"
    aligner = Aligner(network)
    for recording in read_manifest(manifest):
        waveform = read_waveform(recording.audio, sample_rate=network.sample_rate)
        path = out / recording.speaker / f"{recording.audio.stem}.TextGrid"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_alignment(aligner.align(waveform, recording.text).alignment, path)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    main()
