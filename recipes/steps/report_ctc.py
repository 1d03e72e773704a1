"""Report the measurements of some models: RESULTS.md, and a plot of their training.

    python -m recipes.steps.report_ctc exp/full "1 2 3" streaming offline low_latency

EXP/SEED/NAME has, for each seed and model, log.jsonl (train_ctc.py), SPLIT.json (decode_ctc.py) and
SPLIT.score.json (score_ctc.py) of dev, known and test, and boundaries.json (`speechalign compare`).
The program writes EXP/RESULTS.md and EXP/training.png. A figure of one seed has the interval of a
bootstrap over recordings; of several seeds, mean and range are given.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import click

from recipes.program import run
from recipes.trainer.decoded_runs import read
from speechalign.errors import InputError

SPLITS = ("dev", "known", "test")


def read_log(path: Path) -> list[dict[str, object]]:
    """Read the lines of a training log."""
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        raise InputError(f"{path}: missing; train the model first") from None


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
    return "\n".join(lines) + "\n"


def summary(
    found: Sequence[Sequence[float | None]], *, factor: float = 1.0, form: str = ".1f"
) -> str:
    """Format a figure of one seed, with its interval if known, or mean and range of several.

    A missing figure is a dash.
    """
    scaled = [[factor * x for x in figure if x is not None] for figure in found]
    if not all(scaled):
        return "-"
    value, *interval = scaled[0]
    if len(scaled) > 1:
        values = [figure[0] for figure in scaled]
        return f"{mean(values):{form}} ({min(values):{form}} to {max(values):{form}})"
    if interval:
        return f"{value:{form}} [{interval[0]:{form}}, {interval[1]:{form}}]"
    return f"{value:{form}}"


class Results:
    """The files of one model, for each seed.

    Parameters
    ----------
    exp : Path
        Folder with a folder for each seed.
    seeds : Sequence[str]
        Names of the seeds.
    name : str
        Name of the model.
    """

    def __init__(self, exp: Path, seeds: Sequence[str], name: str) -> None:
        self.name = name
        self.folders = [exp / seed / name for seed in seeds]

    def read(self, file: str) -> list[dict[str, Any]]:
        """Read a JSON file of each seed."""
        return [read(folder / file) for folder in self.folders]


def error_table(models: Sequence[Results]) -> tuple[str, str]:
    """Return the table of error rates, and the signature of its figures."""
    rows = []
    signature = ""
    for model in models:
        steps = max(int(str(line["step"])) for line in read_log(model.folders[0] / "log.jsonl"))
        row = [model.name, str(steps)]
        for split, key in (("dev", "per"), ("test", "per"), ("test", "wer"), ("known", "per")):
            found = model.read(f"{split}.json")
            row.append(summary([f[key] for f in found], factor=100, form=".2f"))
            signature = str(found[0]["signature"])
        rows.append(row)
    head = ["model", "steps", "dev PER %", "test PER %", "words with an error %",
            "known speakers PER %"]  # fmt: skip
    return table(head, rows), signature


def latency_table(models: Sequence[Results]) -> tuple[str, str]:
    """Return the table of emission times against the reference, and its signature."""
    rows = []
    signature = ""
    for model in models:
        found = [score["latency"] for score in model.read("test.score.json")]
        keys = ("drift", "drift_median", "drift_p90", "end_bias", "first", "last", "last_p90")
        rows.append([model.name, *(summary([[f[k]] for f in found], factor=1000) for k in keys)])
        signature = str(found[0]["signature"])
    head = ["model", "drift ms", "median", "90 %", "end bias", "first phone", "last phone", "90 %"]
    return table(head, rows), signature


def difference_table(models: Sequence[Results]) -> str:
    """Return the table of differences from baselines, with the p of randomisation of each seed."""
    rows = []
    for model in models:
        scores = {split: model.read(f"{split}.score.json") for split in SPLITS}
        if "baseline" not in scores["test"][0]:
            continue
        title = f"{model.name} - {Path(str(scores['test'][0]['baseline'])).parent.name}"
        for key, what, factor in (
            ("drift", "drift ms", 1e3), ("per", "PER %", 1e2), ("wer", "words %", 1e2)
        ):  # fmt: skip
            cells = []
            for split in SPLITS:
                found = [score["differences"][key] for score in scores[split]]
                triples = [[f["value"], f["low"], f["high"]] for f in found]
                cells.append(summary(triples, factor=factor, form="+.2f"))
            chances = " ".join(f"{f['p_randomisation']:.3f}" for f in found)
            rows.append([title, what, *cells, chances])
        cells = []
        for split in SPLITS:
            rates = [decoded["per"][0] for decoded in model.read(f"{split}.json")]
            found = [score["differences"]["per"]["value"] for score in scores[split]]
            relative = [[change / (rate - change)] for rate, change in zip(rates, found)]
            cells.append(summary(relative, factor=100, form="+.1f"))
        rows.append([title, "PER, % of it", *cells, ""])
    return table(["difference", "of", *SPLITS, f"p, {SPLITS[-1]}"], rows)


def boundary_table(models: Sequence[Results]) -> tuple[str, str]:
    """Return the table of boundary errors of words, and its signature."""
    rows = []
    signature = ""
    for model in models:
        pooled = [found["pooled"] for found in model.read("boundaries.json")]
        within = [{float(k): v for k, v in p["both"]["within"].items()} for p in pooled]
        limits = [limit for limit in (0.02, 0.05, 0.1) if limit in within[0]]
        cells = [summary([[p["both"][k]] for p in pooled], factor=1000) for k in ("mean", "median")]
        cells += [summary([[w[limit]] for w in within], factor=100) for limit in limits]
        cells += [summary([[p[k]["bias"]] for p in pooled], factor=1000) for k in ("start", "end")]
        rows.append([model.name, *cells])
        signature = str(pooled[0]["signature"])
    shares = [f"<= {1000 * limit:.0f} ms %" for limit in limits]
    head = ["model", "mean ms", "median ms", *shares, "start bias ms", "end bias ms"]
    return table(head, rows), signature


def plot(models: Sequence[Results], path: Path) -> None:
    """Draw the error rates of dev by step, for the first seed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for model in models:
        dev = [line for line in read_log(model.folders[0] / "log.jsonl") if line["split"] == "dev"]
        axes.plot(
            [int(str(line["step"])) for line in dev],
            [100 * float(str(line["per"])) for line in dev],
            marker=".",
            label=model.name,
        )
    axes.set_xlabel("step")
    axes.set_ylabel("phone error rate of dev, %")
    axes.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("seeds")
@click.argument("models", nargs=-1, required=True)
@click.option("--about", default="", help="Sentences about the data, for the report.")
def main(exp: Path, seeds: str, models: tuple[str, ...], about: str) -> None:
    """Write and print the report."""
    found = [Results(exp, seeds.split(), name) for name in models]
    parts = [f"# Results\n\nSeeds: {seeds}.{about and ' '}{about}\n"]
    errors, signature = error_table(found)
    parts.append(f"## Errors\n\n{errors}\n`{signature}`\n")
    delays, signature = latency_table(found)
    parts.append(
        "## When phones of the test set are emitted\n\nAgainst the starts of the embedded aligner; "
        f"positive is late.\n\n{delays}\n`{signature}`\n"
    )
    parts.append(f"## Against as many steps of plain CTC\n\n{difference_table(found)}")
    bounds, signature = boundary_table(found)
    parts.append(f"## Boundaries of words\n\n{bounds}\n`{signature}`\n")
    plot(found, exp / "training.png")
    report = "\n".join(parts)
    (exp / "RESULTS.md").write_text(report, encoding="utf-8")
    click.echo(report)


if __name__ == "__main__":
    run(main)
