"""Split generated speech: train, dev and test share their voices, other has other voices.

    python local/00_split.py data/generated/manifest.jsonl data/nonspeech/manifest.jsonl data

Of the sentences of the training voices, a tenth is test and a twentieth dev; other is as large as
test. train has the recordings without speech too. gold/ gets the exact times of test.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from recipes.trainer.speech_manifest import read_manifest, write_manifest

UNHEARD = ("f4", "m5")


@click.command(help=__doc__)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("nonspeech", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(manifest: Path, nonspeech: Path, out: Path) -> None:
    """Write the four manifests, and the times."""
    recordings = read_manifest(manifest)
    other = [r for r in recordings if r.speaker.endswith(UNHEARD)]
    trained = [r for r in recordings if not r.speaker.endswith(UNHEARD)]
    part = max(1, len(trained) // 20)
    test, dev, train = trained[: 2 * part], trained[2 * part : 3 * part], trained[3 * part :]
    write_manifest(out / "test.jsonl", test)
    write_manifest(out / "dev.jsonl", dev)
    write_manifest(out / "train.jsonl", train + read_manifest(nonspeech))
    write_manifest(out / "other.jsonl", other[: len(test)])
    for recording in test:
        name = recording.audio.relative_to(manifest.parent).with_suffix(".TextGrid")
        (out / "gold" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(manifest.parent / "gold" / name, out / "gold" / name)


if __name__ == "__main__":
    main()
