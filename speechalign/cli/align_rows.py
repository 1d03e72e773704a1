"""speechalign align-rows: a table or an archive in, a manifest and tables out."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from speechalign.cli.messages import log
from speechalign.cli.model_options import aligner_options
from speechalign.cli.options import command, jobs_option, message_options, option, shard_option

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner
    from speechalign.pipeline.align_rows import Engine
    from speechalign.pipeline.shards import Shard


@command("align-rows")
@click.argument("rows", type=click.Path(path_type=Path))
@click.argument("model", nargs=-1, metavar="[MODEL]")
@click.argument("out", type=click.Path(path_type=Path))
@option(
    "--column",
    "columns",
    multiple=True,
    metavar="COLUMN=NAME",
    group="Corpus",
    help="Name of a column that is not called id, text, audio, sampling_rate, offset, duration or "
    "speaker, such as text=sentence; may be given several times (default: these names)",
)
@aligner_options
@option(
    "--table",
    is_flag=True,
    group="Output",
    help="Write a parquet file, OUT/alignments/shard-....parquet, beside the manifest",
)
@option(
    "--allow-partial",
    is_flag=True,
    group="Run",
    help="Exit with status 0 even if some utterances could not be aligned",
)
@shard_option
@option(
    "--engine",
    type=click.Choice(["processes", "ray"]),
    default="processes",
    group="Run",
    help="Engine of the run: processes of this machine, or actors of a Ray cluster",
)
@option(
    "--address",
    metavar="ADDRESS",
    group="Run",
    help="Ray cluster to use, such as auto or ray://head:10001 (default: one of this machine)",
)
@option(
    "--num-actors",
    type=click.IntRange(min=1),
    metavar="N",
    group="Run",
    help="Number of Ray actors, each with the model (default: one for each core of the cluster)",
)
@option(
    "--gpus-per-actor",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="G",
    group="Run",
    help="GPUs that each Ray actor takes, such as 0.25 for four actors on one",
)
@jobs_option
@message_options
def align_rows(
    rows: Path,
    model: tuple[str, ...],
    out: Path,
    columns: tuple[str, ...],
    load_aligner: Callable[[str | None], Aligner],
    table: bool,
    allow_partial: bool,
    shard: Shard | None,
    engine: str,
    address: str | None,
    num_actors: int | None,
    gpus_per_actor: float,
    jobs: int | None,
) -> None:
    """Align ROWS, a table or an archive of any size; write a manifest to OUT.

    ROWS is a JSONL manifest, a lhotse cut set or folder of Shar, a parquet file or a folder of
    them, tar archives as WebDataset and NeMo have them, or a folder of a Hugging Face dataset. It
    is read as a stream, and OUT/alignment_manifest.jsonl has the status and the words of every
    utterance; there are no TextGrids. A run that was stopped is resumed by the same command.

    Exit status: 0 all aligned, 3 some not, 4 none, 1 an internal error, 130 interrupted.
    """
    if len(model) > 1:
        raise click.UsageError(f"expected ROWS [MODEL] OUT, got {len(model) + 2} arguments")
    if engine != "ray" and (address or num_actors or gpus_per_actor):
        raise click.UsageError("--address, --num-actors and --gpus-per-actor are for --engine ray")
    from speechalign.cli.progress import AlignmentProgress, ProgressBar
    from speechalign.pipeline.align_batch import AlignBatch
    from speechalign.pipeline.align_rows import align_rows as align
    from speechalign.pipeline.manifest import MANIFEST

    where: Engine | None = None
    if engine == "ray":
        from speechalign.pipeline.ray_engine import RayEngine

        where = RayEngine(address=address, actors=num_actors, gpus_per_actor=gpus_per_actor)
    with ProgressBar("aligning") as bar:
        statuses = align(
            rows,
            AlignBatch(partial(load_aligner, model[0] if model else None)),
            out,
            columns=_columns(columns),
            shard=shard,
            jobs=jobs,
            engine=where,
            table=table,
            progress=AlignmentProgress(bar),
        )
    _summarise(statuses, out / (MANIFEST if shard is None else shard.part))
    status = _exit_status(statuses)
    sys.exit(0 if status == 3 and allow_partial else status)


def _columns(given: tuple[str, ...]) -> dict[str, str]:
    columns = {}
    for pair in given:
        column, equals, name = pair.partition("=")
        if not (column and equals and name):
            raise click.UsageError(f"--column: expected COLUMN=NAME, got {pair!r}")
        columns[column] = name
    return columns


def _exit_status(statuses: Counter[str]) -> int:
    from speechalign.pipeline.result import WRITTEN, Status

    if statuses[Status.CRASHED.value]:
        return 1
    written = sum(statuses[status.value] for status in WRITTEN)
    if written == statuses.total():
        return 0
    return 3 if written else 4


def _summarise(statuses: Counter[str], manifest: Path) -> None:
    log.info("utterances: %d", statuses.total())
    for name, count in statuses.items():
        log.info("%s: %d", name, count)
    log.info("every utterance is accounted for in %s", manifest)
