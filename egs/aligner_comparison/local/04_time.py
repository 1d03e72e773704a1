"""Time what each aligner takes to start: on one clean recording, in turns, several rounds.

    python local/04_time.py EXP [--only NAME ...] [--value NAME=VALUE ...] [--rounds 3]

EXP/times/ROUND/LANGUAGE/ALIGNER.json gets what it cost, on the first recording of the largest gold
corpus of each language. Aligners that failed there in stage 3, which measures whole corpora, are
left out.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import soundfile
from aligners import ALIGNERS

from recipes.program import run
from speechalign.files.writing import write_text

stage_3 = import_module("03_align")


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="NAME", help="Aligner; may be repeated.")
@click.option("--value", "values", multiple=True, metavar="NAME=VALUE")
@click.option("--rounds", default=3, show_default=True)
def main(exp: Path, only: Sequence[str], values: Sequence[str], rounds: int) -> None:
    """Run every aligner once in each round."""
    given = dict(value.split("=", 1) for value in values)
    largest: dict[str, tuple[float, str]] = {}
    for name, own in stage_3.descriptions(exp).items():
        size = own["seconds"], name
        largest[own["language"]] = max(size, largest.get(own["language"], size))
    with TemporaryDirectory() as folder:
        for language, (_, gold) in largest.items():
            write_first(exp / "corpora" / gold / "clean", Path(folder) / language)
        for number in range(1, rounds + 1):
            for language, (_, gold) in largest.items():
                record = exp / "times" / str(number) / language
                corpus = Path(folder) / language
                for name in only or ALIGNERS:
                    time(exp, gold, name, corpus, record / f"{name}.json", given)


def write_first(corpus: Path, target: Path) -> None:
    """Copy the first recording of a corpus."""
    audio = min(corpus.rglob("*.wav"))
    target.mkdir()
    for path in (audio, audio.with_suffix(".lab")):
        shutil.copy(path, target)


def time(
    exp: Path, gold: str, name: str, corpus: Path, record: Path, values: dict[str, str]
) -> None:
    """Measure an aligner on one recording, unless it was, or failed on the whole corpus."""
    done = exp / "aligned" / gold / "clean" / f"{name}.json"
    failed = not done.is_file() or json.loads(done.read_text("utf-8"))["reason"]
    if failed or record.is_file():
        return
    with TemporaryDirectory() as out:
        command = stage_3.command_of(ALIGNERS[name], exp, gold, corpus, Path(out) / "out", values)
        cost = stage_3.measured(command)
    seconds = sum(soundfile.info(audio).duration for audio in corpus.glob("*.wav"))
    record.parent.mkdir(parents=True, exist_ok=True)
    write_text(record, json.dumps({**asdict(cost), "seconds": seconds}, indent=1) + "\n")
    click.echo(f"{record.parent.parent.name}, {record.parent.name}, {name}: {cost.user:.1f} s")


if __name__ == "__main__":
    run(main)
