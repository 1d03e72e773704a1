"""Multi30k: English captions of photographs, and human translations into German.

    python -m recipes.corpora.multi30k download multi30k
    python -m recipes.corpora.multi30k prepare multi30k data/text --direction de-en

Source: D. Elliott et al., "Multi30K: Multilingual English-German Image Descriptions", Workshop on
Vision and Language, 2016; https://github.com/multi30k/dataset, data/task1/raw; the eight files
needed here have 1.3 MB. Licence of the text: CC BY-NC-SA 4.0: measure with it, ship no weights.
Layout: {train,val,test_2016_flickr,test_2017_flickr}.{de,en}.gz, a sentence in each line: 29,000,
1,014, 1,000 and 1,000 pairs. ``prepare`` writes train, dev, test2016 and test2017 as NAME.src,
NAME.tgt.
"""

from __future__ import annotations

import gzip
import urllib.error
import urllib.request
from pathlib import Path

import click

from recipes.program import run
from speechalign.errors import InputError

URL = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw"
SPLITS = {
    "train": ("train", 29_000),
    "dev": ("val", 1014),
    "test2016": ("test_2016_flickr", 1000),
    "test2017": ("test_2017_flickr", 1000),
}


def download(target_dir: Path) -> None:
    """Fetch the missing files; write ``.done`` last.

    Raises
    ------
    InputError
        The network does not answer, or a file has a wrong number of lines.
    """
    target_dir.mkdir(parents=True, exist_ok=True)
    for name, lines in SPLITS.values():
        for language in ("de", "en"):
            path = target_dir / f"{name}.{language}.gz"
            if not path.exists():
                temporary = path.with_suffix(".tmp")
                try:
                    urllib.request.urlretrieve(f"{URL}/{path.name}", temporary)
                except urllib.error.URLError as error:
                    raise InputError(
                        f"{URL}/{path.name}: {error.reason}; fetch it by other means into "
                        f"{target_dir}, and give that folder as --corpus-dir"
                    ) from None
                temporary.replace(path)
            _read(path, lines)
    (target_dir / ".done").touch()


def prepare(corpus_dir: Path, output_dir: Path, *, direction: str = "de-en") -> None:
    """Write the splits as plain text, source and target.

    Raises
    ------
    InputError
        A file is missing or damaged, or has a wrong number of lines.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    for split, (name, lines) in SPLITS.items():
        for language, suffix in zip(direction.split("-"), ("src", "tgt")):
            text = _read(corpus_dir / f"{name}.{language}.gz", lines)
            (output_dir / f"{split}.{suffix}").write_text(text, encoding="utf-8")


def _read(path: Path, lines: int) -> str:
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: missing; expected the files of Multi30k, task 1") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: damaged: {error}; delete it and fetch it again") from None
    if text.count("\n") != lines:
        raise InputError(f"{path}: expected {lines} lines, got {text.count(chr(10))}")
    return text


@click.group(help=__doc__)
def main() -> None:
    """Download or prepare."""


@main.command("download")
@click.argument("target_dir", type=click.Path(path_type=Path))
def download_command(target_dir: Path) -> None:
    """Fetch the files."""
    download(target_dir)


@main.command("prepare")
@click.argument("corpus_dir", type=click.Path(path_type=Path))
@click.argument("output_dir", type=click.Path(path_type=Path))
@click.option(
    "--direction", type=click.Choice(["de-en", "en-de"]), default="de-en", help="Source and target."
)
def prepare_command(corpus_dir: Path, output_dir: Path, direction: str) -> None:
    """Write the splits as plain text."""
    prepare(corpus_dir, output_dir, direction=direction)


if __name__ == "__main__":
    run(main)
