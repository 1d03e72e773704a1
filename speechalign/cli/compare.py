"""speechalign compare: boundary errors of one set of alignments against another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.output_options import known_format

if TYPE_CHECKING:
    from speechalign.alignment import Alignment
    from speechalign.metrics.boundaries import BoundaryScore
    from speechalign.metrics.resampling import ConfidenceInterval

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("compare")
@click.argument("reference", metavar="REF", type=click.Path(exists=True, path_type=Path))
@click.argument("test", metavar="TEST", type=click.Path(exists=True, path_type=Path))
@click.option("--tier", default="words", show_default=True, help="Kind of label to compare.")
@click.option("--per-file", is_flag=True, help="Print a line for each recording as well.")
@click.option("--bootstrap", type=click.IntRange(min=1), metavar="N",
              help="Print 95 % confidence intervals from N resamples of recordings.")  # fmt: skip
@click.option("--json", "json_file", type=_FILE, metavar="FILE",
              help="Write every figure, in seconds, pooled and by recording.")  # fmt: skip
@click.option("--histogram", type=_FILE, metavar="FILE.png",
              help="Draw the differences; needs speechalign[plot].")  # fmt: skip
@click.option("--format", "prefer", callback=known_format, metavar="NAME",
              help="The format to read where a recording has files in several.")  # fmt: skip
@click.pass_context
def compare(
    ctx: click.Context,
    reference: Path,
    test: Path,
    tier: str,
    per_file: bool,
    bootstrap: int | None,
    json_file: Path | None,
    histogram: Path | None,
    prefer: str | None,
) -> None:
    """Score the boundaries of TEST against those of REF.

    Both are folders of alignments, in any format and matched by their path without suffix (or by
    the last part of it, where no other recording has the same); or single files; or one file for
    a corpus, such as a CTM.

    Exit status: 3 where a recording of REF has no usable alignment in TEST, 4 where none has.
    """
    import json
    from dataclasses import asdict
    from functools import reduce
    from operator import add

    from speechalign.errors import InputError
    from speechalign.files.writing import write_text
    from speechalign.formats.tree import match_recordings, read_tree
    from speechalign.metrics import report
    from speechalign.metrics.boundaries import BoundaryScore, figures, statistics
    from speechalign.metrics.resampling import bootstrap as resampled

    gold, ours = read_tree(reference, prefer=prefer), read_tree(test, prefer=prefer)
    problems = [*gold.problems, *ours.problems]
    references = _with_tier(gold.alignments, tier, problems, reference)
    hypotheses = _with_tier(ours.alignments, tier, problems, test)
    if reference.is_file() and test.is_file() and len(references) == len(hypotheses) == 1:
        matched: dict[str, str | None] = dict(zip(references, hypotheses))
    else:
        matched = match_recordings(references, hypotheses)
    for problem in problems:
        click.echo(f"unusable: {problem}", err=True)
    if not any(matched.values()):
        raise InputError(
            f"{test}: no alignment for any of the {len(matched)} recordings of {reference}; "
            "compare folders whose files have the same names"
        )
    pairs = {
        name: (references[name], hypotheses[other] if other else None)
        for name, other in matched.items()
    }
    found = report(pairs, tier=tier)
    pooled = found.pooled
    assert isinstance(pooled, BoundaryScore)
    recordings = {name: s for name, s in found.recordings.items() if isinstance(s, BoundaryScore)}
    missing = [name for name, other in matched.items() if other is None]
    spare = sorted(set(hypotheses) - set(matched.values()))

    intervals = resampled(found.counts, figures, resamples=bootstrap) if bootstrap else {}

    _print_tables(pooled, recordings if per_file else {})
    if intervals:
        _print_intervals(intervals, len(found.counts))
    for name in missing:
        click.echo(f"missing: {name}", err=True)
    if spare:
        click.echo(f"no reference: {len(spare)} of TEST, such as {spare[0]}", err=True)
    if json_file is not None:
        content = {
            "signature": pooled.signature,
            "unit": "seconds",
            "pooled": asdict(pooled),
            "intervals": {name: asdict(interval) for name, interval in intervals.items()},
            "recordings": {name: asdict(score) for name, score in recordings.items()},
            "missing": missing,
            "no_reference": spare,
            "unusable": problems,
        }
        write_text(json_file, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    if histogram is not None:
        from speechalign.viz.histogram import plot_errors

        total = reduce(add, (statistics(*pair, tier=tier) for pair in pairs.values()))
        title = f"{test.name} against {reference.name}, {tier}"
        plot_errors(total.start_errors, total.end_errors, histogram, title=title)
    if pooled.matched_labels == 0:
        ctx.exit(4)
    ctx.exit(3 if missing or problems else 0)


def _with_tier(
    alignments: dict[str, Alignment], tier: str, problems: list[str], source: Path
) -> dict[str, Alignment]:
    """Return the alignments that have the tier; add a line to ``problems`` for each other."""
    from speechalign.metrics.boundaries import tiers_of

    usable = {}
    for name, alignment in alignments.items():
        if tiers_of(alignment, tier):
            usable[name] = alignment
        else:
            has = ", ".join(alignment.tiers) or "none"
            problems.append(f"{source}: {name}: no tier {tier!r}; it has {has}")
    return usable


def _print_tables(pooled: BoundaryScore, recordings: dict[str, BoundaryScore]) -> None:
    """Print the pooled table, a table of recordings, the completion and the signature."""
    import sys

    from rich.console import Console
    from rich.table import Table

    # A pipe has no width: rich would fold the table to 80 columns.
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200)
    columns = ["n", "mean", "median", "bias", "p95", "≤10", "≤25", "≤50", "≤100 ms", "F1@20 ms"]

    def table(first: str, rows: dict[str, list[str]]) -> Table:
        made = Table(first, box=None, pad_edge=False)
        for column in columns:
            made.add_column(column, justify="right")
        for name, cells in rows.items():
            made.add_row(name.replace("[", r"\["), *cells)
        return made

    if recordings:
        rows = {name: _cells(score, "both") for name, score in recordings.items()}
        console.print(table("starts and ends", rows))
        console.print()
    console.print(table("ms", {kind: _cells(pooled, kind) for kind in ("start", "end", "both")}))
    console.print(
        f"\ncompletion: {pooled.hypothesis_recordings} of {pooled.reference_recordings} recordings"
        f" ({_percent(pooled.recording_completion)} %), {pooled.matched_labels} of "
        f"{pooled.reference_labels} labels ({_percent(pooled.label_completion)} %)",
        highlight=False,
    )
    console.print(f"signature: {pooled.signature}", highlight=False, markup=False)


def _print_intervals(intervals: Mapping[str, ConfidenceInterval], recordings: int) -> None:
    """Print where the figures of starts and ends together lie."""
    shown = [
        f"mean {_milliseconds(intervals['mean'].low)} to {_milliseconds(intervals['mean'].high)} ms"
    ]
    for name, label in (("within_0.025", "≤25 ms"), ("within_0.05", "≤50 ms"), ("f1", "F1@20 ms")):
        low, high = intervals[name].low, intervals[name].high
        shown.append(f"{label} {_percent(low)} to {_percent(high)} %")
    click.echo(f"95 % intervals over {recordings} recordings: {', '.join(shown)}")


def _cells(score: BoundaryScore, kind: str) -> list[str]:
    errors = {"start": score.start, "end": score.end, "both": score.both}[kind]
    return [
        str(errors.n),
        *map(_milliseconds, (errors.mean, errors.median, errors.bias, errors.p95)),
        *map(_percent, errors.within.values()),
        _percent(errors.f1),
    ]


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{round(value * 1000, 1) + 0:.1f}"  # + 0: no -0.0


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value * 100:.1f}"
