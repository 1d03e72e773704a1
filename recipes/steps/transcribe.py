"""Transcribe the recordings of a manifest with a speech LLM.

    python -m recipes.steps.transcribe exp/matching/model data/test.jsonl exp/matching/test.jsonl \
        --beams 4 --no-repeat 3 --support -10

OUT gets a line a recording, in the order of the manifest: the reference, the hypothesis, and the
sound file. It appears when all are done.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import click
import torch

from recipes.trainer.encoded_recordings import EncodedRecordings
from recipes.trainer.speech_manifest import read_manifest
from speechalign.errors import SpeechAlignError
from speechalign.models.speech_llm.decoding import Decoding
from speechalign.models.speech_llm.folder import load


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--beams", type=click.IntRange(1), default=1, show_default=True)
@click.option("--length-penalty", type=float, default=1.0, show_default=True)
@click.option("--no-repeat", type=click.IntRange(0), default=0, show_default=True)
@click.option("--most-tokens", type=click.IntRange(1), default=60, show_default=True)
@click.option("--support", type=float, help="Nats that a word needs; without, no check.")
@click.option("--batch", type=click.IntRange(1), default=16, show_default=True)
@click.option("--device", help="cpu, cuda ...; without, the GPU where there is one.")
def main(
    model: Path,
    manifest: Path,
    out: Path,
    beams: int,
    length_penalty: float,
    no_repeat: int,
    most_tokens: int,
    support: float | None,
    batch: int,
    device: str | None,
) -> None:
    """Write the transcripts."""
    network = load(model, device=device)
    decoding = Decoding(beams, length_penalty, no_repeat, most_tokens, support)
    encoded = EncodedRecordings(network, most_bytes=0)
    recordings = read_manifest(manifest)
    temporary = out.with_suffix(".tmp")
    with torch.inference_mode(), temporary.open("w", encoding="utf-8") as file:
        for first in range(0, len(recordings), batch):
            heard = recordings[first : first + batch]
            for recording, text in zip(heard, network.write(encoded(heard), decoding)):
                line = {
                    "reference": recording.text, "hypothesis": text, "audio": str(recording.audio),
                }  # fmt: skip
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
    temporary.replace(out)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"transcribe.py: {error}")
