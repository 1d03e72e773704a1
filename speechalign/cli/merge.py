"""speechalign merge: the results of shards in one place."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
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

    OUT is the output folder of `speechalign align`, `align-rows`, `transcribe` or `segment` with
    --shard I/N. Their output files are in it already.

    Exit status: 0 all done, 3 some not, 4 a shard is missing, or nothing was done.
    """
    from speechalign.pipeline.journal import FAILED, INTERRUPTED, SEGMENTS, TRANSCRIPTS
    from speechalign.pipeline.judgement import DOUBTFUL
    from speechalign.pipeline.manifest import MANIFEST
    from speechalign.pipeline.merge import merge as merge_shards
    from speechalign.pipeline.result import WRITTEN
    from speechalign.pipeline.shards import PARTS, shards_to_merge
    from speechalign.pipeline.status import progress_of, progress_of_recordings
    from speechalign.pipeline.transcript_manifest import MANIFEST as TEXTS
    from speechalign.pipeline.transcript_manifest import merge_transcripts

    found = []
    for parts in (TRANSCRIPTS, SEGMENTS):
        if (out / parts).is_dir():
            if parts == TRANSCRIPTS:
                count = merge_transcripts(out, allow_missing=allow_partial)
                log.info("transcripts of %d recordings merged into %s", count, out / TEXTS)
            else:
                shards_to_merge(out, parts, allow_missing=allow_partial)
            statuses = progress_of_recordings(out, parts).statuses
            found.append(_exit_status(statuses, set(statuses) - {FAILED, INTERRUPTED}))
    if (out / PARTS).is_dir() or not found:
        count = merge_shards(out, allow_missing=allow_partial)
        statuses = progress_of(out, threshold=DOUBTFUL).statuses
        found.append(_exit_status(statuses, {status.value for status in WRITTEN}))
        log.info("%d utterances merged into %s", count, out / MANIFEST)
    exit_status = max(found)
    sys.exit(0 if exit_status == 3 and allow_partial else exit_status)


def _exit_status(statuses: Mapping[str, int], done: Collection[str]) -> int:
    """Report how many have each status; return the exit status that follows."""
    for status, number in statuses.items():
        log.info("%s: %d", status, number)
    written = sum(statuses.get(status, 0) for status in done)
    return 4 if not written else 3 if written < sum(statuses.values()) else 0
