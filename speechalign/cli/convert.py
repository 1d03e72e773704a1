"""speechalign convert: alignments from one format into another."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from speechalign.cli.messages import log
from speechalign.cli.options import command, message_options, option
from speechalign.cli.output_options import cue_options, known_format, overwrite_option


@command("convert")
@click.argument("source", metavar="IN", type=click.Path(exists=True, path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@option(
    "--to",
    callback=known_format,
    metavar="NAME",
    group="Output",
    help="Format to write: textgrid, textgrid-short, ctm, csv, json, srt, vtt, ass, lrc, ttml, "
    "audacity or lhotse (default: by the suffix of OUT, where OUT is a file)",
)
@overwrite_option
@cue_options
@message_options
def convert(
    source: Path,
    target: Path,
    to: str | None,
    overwrite: bool,
    format_options: dict[str, object],
) -> None:
    """Convert the alignments of IN, a file or a folder, to another format at OUT.

    A folder is mirrored: OUT gets the same subfolders. A file of several recordings, such as a
    CTM, becomes a folder with a file for each. docs/formats.md lists what each format keeps. A file
    that cannot be converted is named, and the others are still written. Subtitles have a cue for
    each utterance where there are utterances, else for a few words.

    Exit status: 3 where a file failed or exists already, 4 where nothing was written.
    """
    if to is None and (source.is_dir() or target.is_dir()):
        raise click.UsageError("OUT is a folder: name the format to write with --to")
    from speechalign.formats.conversion import convert_alignments

    files = convert_alignments(source, target, format=to, overwrite=overwrite, **format_options)
    written = failed = 0
    for file in files:
        if file.problem is None:
            written += 1
            log.debug("written: %s", file.path)
        else:
            failed += 1
            log.warning("failed: %s", file.problem)
    log.info("%d written, %d failed", written, failed)
    sys.exit((3 if written else 4) if failed else 0)
