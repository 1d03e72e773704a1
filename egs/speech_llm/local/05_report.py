"""Print tables of word errors by kind, and of the steps to a word error rate.

    python local/05_report.py exp "1 2 3" "test other nonspeech"

Transcripts are EXP/SEED/SYSTEM/TEST.jsonl, and TEST.guarded.jsonl of guarded decoding (measures
against hallucinations). EXP/SEED/SYSTEM/log.jsonl has the word error rate on dev by steps,
EXP/SEED/times.txt and map_times.txt (if they exist) the comparisons of word times.
"""

from __future__ import annotations

import json
import math
import statistics
from pathlib import Path

import click

from speechalign.metrics import score
from speechalign.metrics.word_errors import WordErrorScore

SYSTEMS = ("plain", "matching", "best_alignment", "nonspeech")


def scored(path: Path) -> WordErrorScore:
    """Score the transcripts of a file."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return score(
        [(line["reference"].split(), line["hypothesis"].split()) for line in lines],
        metric="word-errors",
    )


def percent(values: list[float | None]) -> str:
    """Return the mean, and the range where there are several."""
    known = [100 * value for value in values if value is not None]
    if not known:
        return ""
    mean = f"{statistics.mean(known):.1f}"
    return mean if len(known) == 1 else f"{mean} ({min(known):.1f} to {max(known):.1f})"


def steps_to(log: Path, goal: float) -> int | None:
    """Return the first step at which the word error rate on dev is no higher than a goal."""
    for line in log.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if entry["split"] == "dev" and entry.get("error_rate", math.inf) <= goal:
            return int(entry["step"])
    return None


def last_rate(log: Path) -> tuple[int, float]:
    """Return the last step that was measured, and its word error rate on dev."""
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    last = [entry for entry in entries if entry["split"] == "dev"][-1]
    return int(last["step"]), float(last["error_rate"])


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("seeds")
@click.argument("tests")
def main(exp: Path, seeds: str, tests: str) -> None:
    """Print the tables in Markdown."""
    folders = [exp / seed for seed in seeds.split()]
    signature = ""
    for test in tests.split():
        click.echo(f"## {test}, {len(folders)} seed(s): mean (range), in %\n")
        click.echo("| system | WER | substituted | deleted | inserted | recordings with "
                   "hallucinations | hallucinated words |")  # fmt: skip
        click.echo("|---|---|---|---|---|---|---|")
        for system in SYSTEMS:
            for suffix, told in (("", ""), (".guarded", ", guarded")):
                paths = [folder / system / f"{test}{suffix}.jsonl" for folder in folders]
                if not all(path.exists() for path in paths):
                    continue
                found = [scored(path) for path in paths]
                signature = found[0].signature
                rates = [
                    percent([getattr(one, name) for one in found])
                    for name in (
                        "error_rate", "substitution_rate", "deletion_rate", "insertion_rate",
                        "hallucination_rate",
                    )
                ]  # fmt: skip
                made_up = statistics.mean(one.statistics.made_up for one in found)
                click.echo(f"| {system}{told} | {' | '.join(rates)} | {round(made_up, 1):g} |")
        click.echo()
    click.echo(f"`{signature}`\n\n## Steps to the word error rate of plain on dev\n")
    click.echo("| seed | steps | WER of plain | of matching | plain's from step | matching has it "
               "from |")  # fmt: skip
    click.echo("|---|---|---|---|---|---|")
    for folder in folders:
        plain, matching = (folder / name / "log.jsonl" for name in ("plain", "matching"))
        steps, goal = last_rate(plain)
        reached = steps_to(matching, goal)
        click.echo(
            f"| {folder.name} | {steps} | {100 * goal:.1f} % | {100 * last_rate(matching)[1]:.1f} "
            f"% | {steps_to(plain, goal)} | {'not reached' if reached is None else reached} |"
        )
    for name, told in (("times", "the CTC layer"), ("map_times", "the matching map")):
        for path in (folder / f"{name}.txt" for folder in folders):
            if path.exists():
                click.echo(f"\n## Times of words by {told}, seed {path.parent.name}\n")
                click.echo(f"```\n{path.read_text(encoding='utf-8').strip()}\n```")


if __name__ == "__main__":
    main()
