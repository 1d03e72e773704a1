"""Split generated speech: train, dev and test of the same voices, and other of voices never heard.

    python local/00_split.py data/generated/manifest.jsonl data/nonspeech/manifest.jsonl data

A tenth of the heard voices' sentences each is dev and test; train has the recordings without speech
as well. gold/ gets the exact times of test.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click
from speech_manifest import read_manifest, write_manifest

UNHEARD = ("f4", "m5")


@click.command(help=__doc__)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("nonspeech", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(manifest: Path, nonspeech: Path, out: Path) -> None:
    """Write the four manifests, and the times."""
    recordings = read_manifest(manifest)
    other = [r for r in recordings if r.speaker.endswith(UNHEARD)]
    heard = [r for r in recordings if not r.speaker.endswith(UNHEARD)]
    tenth = max(1, len(heard) // 10)
    write_manifest(out / "test.jsonl", heard[:tenth])
    write_manifest(out / "dev.jsonl", heard[tenth : 2 * tenth])
    write_manifest(out / "train.jsonl", heard[2 * tenth :] + read_manifest(nonspeech))
    write_manifest(out / "other.jsonl", other[:tenth])
    for recording in heard[:tenth]:
        name = recording.audio.relative_to(manifest.parent).with_suffix(".TextGrid")
        (out / "gold" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(manifest.parent / "gold" / name, out / "gold" / name)


if __name__ == "__main__":
    main()
