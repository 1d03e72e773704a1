"""Transcribe the recordings of manifests with a speech LLM.

    python -m recipes.steps.transcribe exp/matching/model data/test.jsonl data/other.jsonl \
        exp/matching --suffix .guarded --beams 4 --no-repeat 3 --support -10

The program writes OUT/test.guarded.jsonl and so on, with a line for each recording, in the order of
the manifest: reference, hypothesis, and sound file. A file is written when all of its recordings
are transcribed, and a file that exists is kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import click
import torch

from recipes.program import run
from recipes.trainer.encoded_recordings import EncodedRecordings, StoredRecordings
from recipes.trainer.speech_manifest import read_manifest
from speechalign.audio.sound_file import sound_info
from speechalign.errors import InputError
from speechalign.models.speech_llm.decoding import Decoding
from speechalign.models.speech_llm.folder import load


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument(
    "manifests",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--suffix", default="", help="Follows the name of a manifest in that of its file.")
@click.option(
    "--beams",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Width of the beam search.",
)
@click.option(
    "--length-penalty",
    type=float,
    default=1.0,
    show_default=True,
    help="Exponent of the length by which scores are divided.",
)
@click.option(
    "--no-repeat",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Length of n-grams that may not occur twice; 0 allows all.",
)
@click.option(
    "--most-tokens",
    type=click.IntRange(1),
    default=60,
    show_default=True,
    help="Largest number of tokens.",
)
@click.option(
    "--support", type=float, help="Smallest CTC gain of a word, in nats (default: no check)."
)
@click.option(
    "--batch", type=click.IntRange(1), default=32, show_default=True, help="Recordings in a batch."
)
@click.option("--encoder", help="Encoder that --states are checked against.")
@click.option(
    "--states",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Store of encode_states.py with the encoder's last layer (default: encode here).",
)
@click.option("--device", help="Device, such as cpu or cuda (default: the GPU if there is one).")
def main(
    model: Path,
    manifests: Sequence[Path],
    out: Path,
    suffix: str,
    beams: int,
    length_penalty: float,
    no_repeat: int,
    most_tokens: int,
    support: float | None,
    batch: int,
    encoder: str | None,
    states: Path | None,
    device: str | None,
) -> None:
    """Write the transcripts."""
    files = {m: out / f"{m.stem}{suffix}.jsonl" for m in manifests}
    files = {manifest: file for manifest, file in files.items() if not file.exists()}
    if not files:
        return
    network = load(model, device=device)
    decoding = Decoding(beams, length_penalty, no_repeat, most_tokens, support)
    encoded: EncodedRecordings | StoredRecordings = EncodedRecordings(network, most_bytes=0)
    if states is not None:
        if encoder is None:
            raise InputError("--states: expected --encoder beside it, the encoder they are of")
        encoded = StoredRecordings(network, encoder, states, list(files))
    for manifest, file in files.items():
        recordings = read_manifest(manifest)
        # Batches of similar durations have little padding, and end at about the same time.
        order = sorted(recordings, key=lambda r: sound_info(r.audio).duration)
        texts: dict[Path, str] = {}
        with torch.inference_mode():
            for first in range(0, len(order), batch):
                some = order[first : first + batch]
                texts |= zip([r.audio for r in some], network.write(encoded(some), decoding))
        lines = [
            {"reference": r.text, "hypothesis": texts[r.audio], "audio": str(r.audio)}
            for r in recordings
        ]
        temporary = file.with_suffix(".tmp")
        temporary.write_text(
            "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
        )
        temporary.replace(file)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run(main)
