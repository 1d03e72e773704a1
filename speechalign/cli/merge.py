"""speechalign merge: the results of shards in one place."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from speechalign.cli.messages import log
from speechalign.cli.options import command, message_options, option


@command()
@click.argument("out", type=click.Path(path_type=Path))
@option(
    "--allow-partial",
    is_flag=True,
    help="Merge although some shards are missing, or some utterances failed; exit with status 0",
)
@message_options
def merge(out: Path, allow_partial: bool) -> None:
    """Merge the manifests of the shards in OUT, and write the tables that follow from them.

    OUT is the output folder of `speechalign align --shard I/N`. Their output files are in it
    already.

    Exit status: 0 all aligned, 3 some not, 4 a shard is missing, or nothing was aligned.
    """
    from speechalign.pipeline.judgement import DOUBTFUL
    from speechalign.pipeline.manifest import MANIFEST
    from speechalign.pipeline.merge import merge as merge_shards
    from speechalign.pipeline.result import WRITTEN
    from speechalign.pipeline.status import progress_of

    count = merge_shards(out, allow_missing=allow_partial)
    statuses = progress_of(out, threshold=DOUBTFUL).statuses
    for status, number in statuses.items():
        log.info("%s: %d", status, number)
    log.info("%d utterances merged into %s", count, out / MANIFEST)
    written = sum(statuses.get(status.value, 0) for status in WRITTEN)
    exit_status = 0 if written == count and count else 3 if written else 4
    sys.exit(0 if exit_status == 3 and allow_partial else exit_status)
