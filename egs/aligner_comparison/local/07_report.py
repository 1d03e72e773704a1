"""Write the tables of the comparison from EXP/scores.json, as Markdown.

python local/07_report.py EXP
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

Row = Mapping[str, Any]


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(exp: Path) -> None:
    """Print one table after the other."""
    scores = json.loads((exp / "scores.json").read_text(encoding="utf-8"))
    golds = {name: own for name, own in scores["gold"].items() if "@" not in name}
    rows = scores["rows"]
    for gold, description in golds.items():
        problems = len(scores["problems"][gold])
        click.echo(
            f"## {gold}: {description['recordings']} recordings, {description['words']} words, "
            f"{description['seconds'] / 60:.1f} min, {problems} problems of the gold\n"
        )
        own = [row for row in rows if row["gold"] == gold]
        clean = [row for row in own if row["condition"] == "clean"]
        headline(clean, scores["speeds"].get(gold, {}))
        against_rivals(gold, clean, scores["differences"])
        conditions(own)
        if len(description["speakers"]) > 3:
            groups(clean)
        agreement(scores["agreement"].get(gold, {}))
        for line in scores["problems"][gold][:10]:
            click.echo(f"- {line}")
    subsets(scores["gold"], rows)
    remarks = (exp / "external.txt").read_text(encoding="utf-8").splitlines()
    for line in remarks[:20]:
        click.echo(f"- {line}")


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    """Print a table, and nothing where it has no lines."""
    lines = list(lines)
    if lines:
        click.echo("| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|")
        for line in lines:
            click.echo("| " + " | ".join(line) + " |")
        click.echo()


def scored(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that have scores, the smallest mean first."""
    own = [row for row in rows if "score" in row and row["score"]["both"]["mean"] is not None]
    return sorted(own, key=lambda row: row["score"]["both"]["mean"])


def ms(seconds: float | None) -> str:
    """Return milliseconds."""
    return "-" if seconds is None else f"{1000 * seconds:.1f}"


def headline(rows: Sequence[Row], speeds: Mapping[str, Any]) -> None:
    """Print errors, completion and cost on clean speech."""
    lines = []
    for row in scored(rows):
        score = row["score"]
        both = score["both"]
        shares = " / ".join(f"{100 * share:.1f}" for share in both["within"].values())
        speed = speeds.get(row["aligner"])
        cost = f"{speed['hour']:.0f} + {speed['start']:.1f}" if speed else "-"
        memory = row["cost"] and row["cost"]["peak"]
        lines.append((
            mark(row), row["family"], ms(both["mean"]), ms(both["median"]), ms(both["bias"]),
            ms(both["p95"]), shares, f"{100 * both['f1']:.1f}",
            f"{score['hypothesis_recordings']}/{score['reference_recordings']}, "
            f"{100 * score['label_completion']:.1f} %",
            f"{ms(score['start']['mean'])} / {ms(score['end']['mean'])}",
            cost, f"{memory:.0f} MB" if memory else "-",
        ))  # fmt: skip
    table(
        ("aligner", "family", "mean, ms", "median", "bias", "p95", "≤ 10 / 25 / 50 / 100 ms, %",
         "F1 at 20 ms", "recordings, words", "starts / ends, mean", "CPU, s per hour + start",
         "memory"),
        lines,
    )  # fmt: skip
    table(
        ("not measured", "why"),
        ((mark(row), row["reason"].replace("|", "/")) for row in rows if row["reason"]),
    )


def mark(row: Row) -> str:
    """Return the name of an aligner: rivals in italics, a dagger where it trains on the test."""
    name = f"*{row['aligner']}*" if row["rival"] else row["aligner"]
    return f"{name} †" if row["trains"] else name


def against_rivals(gold: str, rows: Sequence[Row], differences: Sequence[Row]) -> None:
    """Print the differences of our aligners from each rival."""
    rivals = {row["aligner"] for row in rows if row["rival"]}
    lines = []
    for own in differences:
        if own["gold"] == gold and own["baseline"] in rivals and own["aligner"] not in rivals:
            cells = []
            for name in ("mean", "median"):
                value, low, high = (1000 * own[name][key] for key in ("value", "low", "high"))
                verdict = "better" if high < 0 else "worse" if low > 0 else "not shown"
                cells.append(f"{value:+.1f} ({low:+.1f} to {high:+.1f}), {verdict}")
            lines.append((f"{own['aligner']} − *{own['baseline']}*", *cells))
    table(("difference, ms (95 % by paired bootstrap)", "mean", "median"), lines)


def conditions(rows: Sequence[Row]) -> None:
    """Print mean and median error under each condition."""
    names = list(dict.fromkeys(row["condition"] for row in rows))
    names.sort(key=lambda name: name != "clean")
    if len(names) < 2:
        return
    found = {(row["aligner"], row["condition"]): row for row in scored(rows)}
    lines = []
    for row in scored(row for row in rows if row["condition"] == "clean"):
        cells = []
        for name in names:
            both = (
                found[row["aligner"], name]["score"]["both"]
                if ((row["aligner"], name) in found)
                else None
            )
            cells.append(f"{ms(both['mean'])} / {ms(both['median'])}" if both else "-")
        lines.append((mark(row), *cells))
    table(("mean / median, ms", *names), lines)


def groups(rows: Sequence[Row]) -> None:
    """Print the mean error by group."""
    best = scored(rows)
    for by in best[0]["groups"] if best else ():
        sizes = best[0]["groups"][by]
        names = [name for name in sizes if sizes[name]["n"] >= 10]
        table(
            (f"mean, ms, by {by}", *(f"{name} ({sizes[name]['n']})" for name in names)),
            (
                (mark(row), *(ms(row["groups"][by].get(name, {}).get("mean")) for name in names))
                for row in best
            ),
        )


def agreement(distances: Mapping[str, Mapping[str, float | None]]) -> None:
    """Print how far the boundaries of each two aligners are apart."""
    names = list(distances)
    table(
        ("agreement: mean distance, ms", *names),
        ((one, *(ms(distances[one].get(other)) for other in names)) for one in names),
    )


def subsets(golds: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Print what aligners reach that train on a subset alone."""
    pools: dict[tuple[str, int], dict[str, list[Row]]] = {}
    for row in rows:
        gold, _, draw = row["gold"].partition("@")
        if row["trains"] and row["condition"] == "clean":
            size = int(draw.partition(".")[0]) if draw else golds[gold]["recordings"]
            pools.setdefault((gold, size), {}).setdefault(row["aligner"], []).append(row)
    drawn = {row["gold"].partition("@")[0] for row in rows if "@" in row["gold"]}
    lines = []
    for (gold, size), own in sorted(pools.items()):
        for name, results in own.items() if gold in drawn else ():
            good = scored(results)
            means = [row["score"]["both"]["mean"] for row in good]
            medians = [row["score"]["both"]["median"] for row in good]
            cpu = [row["cost"]["user"] for row in good]
            failed = len(results) - len(good)
            lines.append((
                gold, str(size), name, f"{len(good)}" + (f", {failed} failed" if failed else ""),
                *(
                    (spread(means), spread(medians), f"{statistics.median(cpu):.1f} s")
                    if good else ("-", "-", results[0]["reason"][:120])
                ),
            ))  # fmt: skip
    if lines:
        click.echo("## Training on fewer or more recordings, and aligning these\n")
    table(("corpus", "recordings", "aligner", "draws", "mean, ms", "median, ms", "CPU"), lines)


def spread(values: Sequence[float]) -> str:
    """Return the mean of several draws, and the smallest and largest."""
    middle = ms(statistics.mean(values))
    return middle if len(values) == 1 else f"{middle} ({ms(min(values))} to {ms(max(values))})"


if __name__ == "__main__":
    main()
