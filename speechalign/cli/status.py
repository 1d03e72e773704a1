"""speechalign status: how far a run, or the shards of one, are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.options import command, message_options, option

if TYPE_CHECKING:
    from speechalign.pipeline.status import Progress

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

    OUT is an output folder of `speechalign align` or `align-rows`, or of `transcribe` or `segment`
    with --shard, of a run that has ended or goes on.
    """
    from speechalign.pipeline.journal import SEGMENTS, TRANSCRIPTS
    from speechalign.pipeline.manifest import MANIFEST
    from speechalign.pipeline.shards import PARTS
    from speechalign.pipeline.status import progress_of, progress_of_recordings

    others = [parts for parts in (TRANSCRIPTS, SEGMENTS) if (out / parts).is_dir()]
    for parts in others:
        _print(progress_of_recordings(out, parts), "recordings", None)
    if not others or (out / PARTS).is_dir() or (out / MANIFEST).exists():
        _print(progress_of(out, threshold=confidence), "utterances", confidence)


def _print(progress: Progress, what: str, confidence: float | None) -> None:
    from rich.console import Console
    from rich.table import Table

    from speechalign.pipeline.shards import listed

    table = Table(show_header=False)
    if progress.shards:
        missing = progress.missing
        table.add_row("shards", str(progress.shards))
        table.add_row("missing", f"{len(missing)} ({listed(missing)})" if missing else "0")
        unfinished = progress.unfinished
        if unfinished:
            table.add_row("unfinished", f"{len(unfinished)} ({listed(unfinished)})")
    total = sum(progress.statuses.values())
    table.add_row(what, str(total))
    for name, count in progress.statuses.items():
        table.add_row(name, str(count))
    table.add_row("hours of audio", f"{progress.hours:.3f}")
    if progress.speed is not None:
        table.add_row("hours of audio an hour, by one shard", f"{progress.speed:.1f}")
    if total and confidence is not None:
        share = f"{progress.confident / total:.1%}"
        table.add_row(f"confidence {confidence:g} or more", share)
    console = Console()
    console.print(table)
    reasons = sorted(progress.reasons.items(), key=lambda item: (-item[1], item[0]))
    for reason, count in reasons[:_SHOWN]:
        console.print(f"{count} x {reason}", markup=False, highlight=False, soft_wrap=True)
    if len(reasons) > _SHOWN:
        console.print(f"and {len(reasons) - _SHOWN} other reasons")
