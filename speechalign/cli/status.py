"""speechalign status: how far a run, or the shards of one, are."""

from __future__ import annotations

from pathlib import Path

import click

from speechalign.cli.options import command, message_options, option

_SHOWN = 10


@command()
@click.argument("out", type=click.Path(path_type=Path))
@option(
    "--confidence",
    type=click.FloatRange(0, 1),
    default=0.8,
    metavar="C",
    help="Confidence of an utterance from which on it counts as confident",
)
@message_options
def status(out: Path, confidence: float) -> None:
    """Print how far the run in OUT is: utterances by status, reasons of failures, missing shards.

    OUT is an output folder of `speechalign align`, with or without shards, of a run that has ended
    or goes on.
    """
    from rich.console import Console
    from rich.table import Table

    from speechalign.pipeline.shards import listed
    from speechalign.pipeline.status import progress_of

    progress = progress_of(out, threshold=confidence)
    table = Table(show_header=False)
    if progress.shards:
        missing = progress.missing
        table.add_row("shards", str(progress.shards))
        table.add_row("missing", f"{len(missing)} ({listed(missing)})" if missing else "0")
    total = sum(progress.statuses.values())
    table.add_row("utterances", str(total))
    for name, count in progress.statuses.items():
        table.add_row(name, str(count))
    table.add_row("hours of audio", f"{progress.hours:.3f}")
    if progress.speed is not None:
        table.add_row("hours of audio an hour, by one shard", f"{progress.speed:.1f}")
    if total:
        share = f"{progress.confident / total:.1%}"
        table.add_row(f"confidence {confidence:g} or more", share)
    console = Console()
    console.print(table)
    reasons = sorted(progress.reasons.items(), key=lambda item: (-item[1], item[0]))
    for reason, count in reasons[:_SHOWN]:
        console.print(f"{count} x {reason}", markup=False, highlight=False, soft_wrap=True)
    if len(reasons) > _SHOWN:
        console.print(f"and {len(reasons) - _SHOWN} other reasons")
