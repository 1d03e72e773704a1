"""Gather what was measured of some models: RESULTS.md, and a plot of their training.

    python recipes/steps/report_ctc.py exp/full streaming offline low_latency

EXP/NAME has, of each model, log.jsonl (train_ctc.py), test.json and known.json (decode_ctc.py),
boundaries.json (`speechalign compare`) and score.json (score_ctc.py). EXP gets RESULTS.md and
training.png.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from speechalign.errors import InputError


def read(path: Path) -> dict[str, object]:
    """Read a JSON file that an earlier stage wrote."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: missing; run the stages before this one") from None
    assert isinstance(found, dict)
    return found


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


def milliseconds(seconds: object) -> str:
    """Write seconds in milliseconds; - for None."""
    return "-" if seconds is None else f"{1000 * float(str(seconds)):.1f}"


def percent(rate: object) -> str:
    """Write (value, low, high) in per cent."""
    value, low, high = (100 * float(str(x)) for x in rate)  # type: ignore[attr-defined]
    return f"{value:.2f} [{low:.2f}, {high:.2f}]"


def error_table(exp: Path, models: Sequence[str]) -> tuple[str, str]:
    """Return the table of error rates, and the signature of its figures."""
    rows = []
    signature = ""
    for name in models:
        test, known = read(exp / name / "test.json"), read(exp / name / "known.json")
        steps = max(int(str(line["step"])) for line in read_log(exp / name / "log.jsonl"))
        rows.append(
            [name, str(steps), *(percent(x) for x in (test["per"], test["wer"], known["per"]))]
        )
        signature = str(test["signature"])
    head = ["model", "steps", "test PER %", "words with an error %", "known speakers PER %"]
    return table(head, rows), signature


def latency_table(exp: Path, models: Sequence[str]) -> tuple[str, str]:
    """Return the table of emission times against the reference, and its signature."""
    rows = []
    signature = ""
    for name in models:
        found = read(exp / name / "score.json")["latency"]
        assert isinstance(found, dict)
        keys = ("drift", "drift_median", "drift_p90", "end_bias", "first", "last", "last_p90")
        rows.append([name, *(milliseconds(found[key]) for key in keys)])
        signature = str(found["signature"])
    head = ["model", "drift ms", "median", "90 %", "end bias", "first phone", "last phone", "90 %"]
    return table(head, rows), signature


def difference_table(exp: Path, models: Sequence[str]) -> str:
    """Return the table of differences from baselines."""
    rows = []
    for name in models:
        score = read(exp / name / "score.json")
        differences = score.get("differences")
        if isinstance(differences, dict):
            baseline = Path(str(score["baseline"])).parent.name
            for key, unit, factor in (("drift", "ms", 1e3), ("per", "%", 1e2), ("wer", "%", 1e2)):
                found = differences[key]
                low, high = factor * found["low"], factor * found["high"]
                rows.append(
                    [f"{name} - {baseline}", f"{'words' if key == 'wer' else key} {unit}",
                     f"{factor * found['value']:+.2f} [{low:+.2f}, {high:+.2f}]",
                     f"{found['p_bootstrap']:.3f}", f"{found['p_randomisation']:.3f}"]
                )  # fmt: skip
    return table(["difference", "of", "value [95 %]", "p bootstrap", "p randomisation"], rows)


def boundary_table(exp: Path, models: Sequence[str]) -> tuple[str, str]:
    """Return the table of boundary errors of words, and its signature."""
    rows = []
    signature = ""
    for name in models:
        pooled = read(exp / name / "boundaries.json")["pooled"]
        assert isinstance(pooled, dict)
        both, start, end = pooled["both"], pooled["start"], pooled["end"]
        within = {float(key): value for key, value in both["within"].items()}
        rows.append(
            [name, milliseconds(both["mean"]), milliseconds(both["median"]),
             *(f"{100 * within[limit]:.1f}" for limit in (0.02, 0.05, 0.1) if limit in within),
             milliseconds(start["bias"]), milliseconds(end["bias"])]
        )  # fmt: skip
        signature = str(pooled["signature"])
    limits = [f"<= {1000 * limit:.0f} ms %" for limit in (0.02, 0.05, 0.1) if limit in within]
    head = ["model", "mean ms", "median ms", *limits, "start bias ms", "end bias ms"]
    return table(head, rows), signature


def plot(exp: Path, models: Sequence[str], path: Path) -> None:
    """Draw the error rates of dev by step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name in models:
        dev = [line for line in read_log(exp / name / "log.jsonl") if line["split"] == "dev"]
        axes.plot(
            [line["step"] for line in dev],
            [100 * float(str(line["per"])) for line in dev],
            marker=".",
            label=name,
        )
    axes.set_xlabel("step")
    axes.set_ylabel("phone error rate of dev, %")
    axes.legend()
    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("models", nargs=-1, required=True)
def main(exp: Path, models: tuple[str, ...]) -> None:
    """Write the report, and print it."""
    parts = ["# Results\n"]
    errors, signature = error_table(exp, models)
    parts.append(f"## Errors\n\n{errors}\n`{signature}`\n")
    delays, signature = latency_table(exp, models)
    parts.append(
        "## When phones of the test set are emitted\n\nAgainst the starts of the embedded aligner; "
        f"positive is late.\n\n{delays}\n`{signature}`\n"
    )
    parts.append(f"## Against as many steps of plain CTC\n\n{difference_table(exp, models)}")
    bounds, signature = boundary_table(exp, models)
    parts.append(f"## Boundaries of words\n\n{bounds}\n`{signature}`\n")
    plot(exp, models, exp / "training.png")
    report = "\n".join(parts)
    (exp / "RESULTS.md").write_text(report, encoding="utf-8")
    click.echo(report)


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"report_ctc.py: {error}")
