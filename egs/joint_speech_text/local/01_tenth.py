"""Keep a share of the speech to train on, and make text of captions that no test has.

    python local/01_tenth.py data/all_train.jsonl captions.gz data --share 0.1 \
        --without data/dev.jsonl --without data/test.jsonl

Writes data/train.jsonl, the utterances with the lowest hash of their ids, and data/text.txt.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

import click

from recipes.program import run
from recipes.trainer.letters import words_of
from speechalign.errors import InputError


def sentences(path: Path) -> list[str]:
    """Return the lines of a text, which may be gzipped, in small letters."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    return [" ".join(words_of(line)) for line in text.splitlines()]


@click.command(help=__doc__)
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@click.argument("captions", type=click.Path(exists=True, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--share", default=0.1, show_default=True, help="Share of the utterances.")
@click.option(
    "--without", "others", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Manifest whose sentences are left out of the text.",
)  # fmt: skip
def main(manifest: Path, captions: Path, out: Path, share: float, others: tuple[Path, ...]) -> None:
    """Write speech and text."""
    lines = manifest.read_text(encoding="utf-8").splitlines()
    kept = sorted(lines, key=lambda line: zlib.crc32(json.loads(line)["id"].encode()))
    kept = kept[: round(share * len(kept))]
    if not kept:
        raise InputError(f"{manifest}: {share:g} of {len(lines)} utterances is none; raise --share")
    held = {
        " ".join(words_of(json.loads(line)["text"]))
        for other in others
        for line in other.read_text(encoding="utf-8").splitlines()
    }
    text = [s for s in dict.fromkeys(sentences(captions)) if s and s not in held]
    (out / "train.jsonl").write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    (out / "text.txt").write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
    click.echo(f"{out}: {len(kept)} of {len(lines)} utterances, {len(text)} sentences of text")


if __name__ == "__main__":
    run(main)
