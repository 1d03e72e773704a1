"""Write manifests in lower case, with recordings without speech in train.

    python local/00_lower.py data/librispeech data/nonspeech/manifest.jsonl data

LibriSpeech's text is in capitals, which are rare in the training data of language models.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from recipes.trainer.speech_manifest import read_manifest, write_manifest


@click.command(help=__doc__)
@click.argument("manifests", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("nonspeech", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(manifests: Path, nonspeech: Path, out: Path) -> None:
    """Write train, dev and test; no speaker of test is in the training."""
    for name in ("train", "dev", "test"):
        read = read_manifest(manifests / f"{name}.jsonl")
        found = [replace(recording, text=recording.text.lower()) for recording in read]
        extra = read_manifest(nonspeech) if name == "train" else []
        write_manifest(out / f"{name}.jsonl", found + extra)


if __name__ == "__main__":
    main()
