"""Print tables of word errors by kind, of changes against plain, and of steps to its error rate.

    python local/05_report.py exp "1 2 3" "test other nonspeech"

Transcripts are EXP/SEED/SYSTEM/TEST.jsonl, and TEST.guarded.jsonl of guarded decoding (measures
against hallucinations). EXP/SEED/SYSTEM/log.jsonl has the word error rate on dev by steps,
EXP/SEED/times.txt and map_times.txt (if they exist) the comparisons of word times.
"""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from recipes.steps.report_ctc import table
from recipes.trainer.decoded_runs import change_of_errors
from speechalign.metrics import score, word_errors
from speechalign.metrics.word_errors import WordErrorScore

SYSTEMS = ("plain", "matching", "matching_start", "best_alignment", "nonspeech")


def transcripts(path: Path) -> list[dict[str, str]]:
    """Read the lines of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def decoded(folders: Sequence[Path], test: str) -> dict[str, list[Path]]:
    """Return the transcripts of a test, for each seed, of every system that has them all."""
    found = {}
    for system in SYSTEMS:
        for suffix, told in (("", ""), (".guarded", ", guarded")):
            paths = [folder / system / f"{test}{suffix}.jsonl" for folder in folders]
            if all(path.exists() for path in paths):
                found[f"{system}{told}"] = paths
    return found


def scored(path: Path) -> WordErrorScore:
    """Score the transcripts of a file."""
    return score(
        [(line["reference"].split(), line["hypothesis"].split()) for line in transcripts(path)],
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


def errors(path: Path) -> list[int]:
    """Return the word errors of each recording of a file; words made up where nothing is said."""
    found = [
        word_errors.statistics(line["reference"].split(), line["hypothesis"].split())
        for line in transcripts(path)
    ]
    return [s.substitutions + s.deletions + s.insertions + s.made_up for s in found]


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
        rows = []
        for name, paths in decoded(folders, test).items():
            found = [scored(path) for path in paths]
            signature = found[0].signature
            rates = [
                percent([getattr(one, rate) for one in found])
                for rate in (
                    "error_rate", "substitution_rate", "deletion_rate", "insertion_rate",
                    "hallucination_rate",
                )
            ]  # fmt: skip
            made_up = statistics.mean(one.statistics.made_up for one in found)
            rows.append([name, *rates, f"{round(made_up, 1):g}"])
        click.echo(table(
            ["system", "WER", "substituted", "deleted", "inserted",
             "recordings with hallucinations", "hallucinated words"], rows,
        ))  # fmt: skip
    click.echo(f"`{signature}`\n\n## Errors, % of those of plain, with 95 % intervals\n")
    rows = []
    for test in tests.split():
        counts = {name: [*map(errors, paths)] for name, paths in decoded(folders, test).items()}
        for name in [name for name in counts if name != "plain" and "plain" in counts]:
            change = change_of_errors(np.array(counts[name]), np.array(counts["plain"]))
            rows.append([test, name, change])
    click.echo(table(["test", "system", "change"], rows))
    click.echo("## Steps to the word error rate of plain on dev\n")
    rows = []
    for folder in folders:
        goal = last_rate(folder / "plain" / "log.jsonl")[1]
        for system in SYSTEMS:
            log = folder / system / "log.jsonl"
            if log.exists():
                steps, rate = last_rate(log)
                reached = steps_to(log, goal)
                rows.append([
                    folder.name, system, str(steps), f"{100 * rate:.1f} %",
                    "not reached" if reached is None else str(reached),
                ])  # fmt: skip
    click.echo(table(["seed", "system", "steps", "WER", "plain's WER from step"], rows))
    for name, told in (("times", "the CTC layer"), ("map_times", "the matching map")):
        for path in (folder / f"{name}.txt" for folder in folders):
            if path.exists():
                click.echo(f"\n## Times of words by {told}, seed {path.parent.name}\n")
                click.echo(f"```\n{path.read_text(encoding='utf-8').strip()}\n```")


if __name__ == "__main__":
    main()
