"""Join manifests of several corpora; paths become absolute, ids begin with the corpus.

python local/00_join_manifests.py OUTPUT.jsonl CORPUS/manifest.jsonl [...]
"""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("output", type=click.Path(path_type=Path))
@click.argument("manifests", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def main(output: Path, manifests: tuple[Path, ...]) -> None:
    """Write the joined manifest."""
    lines = []
    for manifest in manifests:
        folder = manifest.resolve().parent
        for line in manifest.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            audio = row["audio_filepath"]
            row["id"] = f"{folder.name}/{Path(audio).with_suffix('')}"
            row["speaker"] = f"{folder.name}/{row['speaker']}"
            row["audio_filepath"] = str(folder / audio)
            lines.append(json.dumps(row, ensure_ascii=False) + "\n")
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_suffix(".tmp")
    temporary.write_text("".join(lines), encoding="utf-8")
    temporary.replace(output)
    click.echo(f"{output}: {len(lines)} utterances", err=True)


if __name__ == "__main__":
    main()
