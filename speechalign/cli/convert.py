"""speechalign convert: alignments from one format into another."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from speechalign.cli.messages import log
from speechalign.cli.options import command, message_options, option
from speechalign.cli.output_options import cue_options, known_format, overwrite_option

if TYPE_CHECKING:
    from speechalign.alignment import Alignment


@command("convert")
@click.argument("source", metavar="IN", type=click.Path(exists=True, path_type=Path))
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@option(
    "--to",
    callback=known_format,
    metavar="NAME",
    group="Output",
    help="Format to write: textgrid, textgrid-short, ctm, csv, json, srt, vtt, audacity or lhotse "
    "(default: by the suffix of OUT, where OUT is a file)",
)
@overwrite_option
@cue_options
@message_options
@click.pass_context
def convert(
    ctx: click.Context,
    source: Path,
    target: Path,
    to: str | None,
    overwrite: bool,
    format_options: dict[str, object],
) -> None:
    """Convert the alignments of IN, a file or a folder, to another format at OUT.

    A folder is mirrored: OUT gets the same subfolders. A file of several recordings, such as a
    CTM, becomes a folder with a file for each. docs/guide.md lists what each format keeps. A file
    that cannot be converted is named, and the others are still written. Subtitles have a cue for
    each utterance where there are utterances, else for a few words.

    Exit status: 3 where a file failed or exists already, 4 where nothing was written.
    """
    from speechalign.errors import InputError
    from speechalign.files.names import composed
    from speechalign.formats import find_alignments, find_format

    sources = find_alignments(source) if source.is_dir() else [source]
    if not sources:
        raise InputError(f"{source}: no alignment in it; its files need a suffix of a known format")
    run = _Run(overwrite, format_options)
    for file in sources:
        recordings = run.read(file)
        if not recordings:
            continue
        if source.is_file() and len(recordings) == 1 and not target.is_dir():
            run.write(next(iter(recordings.values())), target, to)
            continue
        if to is None:
            raise click.UsageError("OUT is a folder: say with --to which format to write", ctx)
        suffix = find_format(target, format=to).SUFFIXES[0]
        place = file.parent.relative_to(source).as_posix() if source.is_dir() else "."
        for name, alignment in recordings.items():
            run.write(alignment, target / composed(f"{place}/{name}{suffix}"), to)
    log.info("%d written, %d failed", len(run.written), run.failed)
    ctx.exit((3 if run.written else 4) if run.failed else 0)


class _Run:
    """What was written and how much failed, each failure with a line on stderr."""

    def __init__(self, overwrite: bool, options: dict[str, object]) -> None:
        self._overwrite = overwrite
        self._options = options
        self.written: set[Path] = set()
        self.failed = 0

    def _fail(self, problem: object) -> None:
        self.failed += 1
        log.warning("failed: %s", problem)

    def read(self, file: Path) -> dict[str, Alignment]:
        """Return the recordings of a file, a lone one by the file's name; none on failure."""
        from speechalign.errors import FormatError
        from speechalign.formats import read_alignments, split_suffix

        try:
            recordings = read_alignments(file)
        except (FormatError, OSError) as error:
            self._fail(error)
            return {}
        if not recordings:
            self._fail(f"{file}: no recording in it")
        if len(recordings) == 1:
            return {split_suffix(file)[0]: alignment for alignment in recordings.values()}
        inside = {}
        for name, alignment in recordings.items():
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                self._fail(f"{file}: recording {name!r} would lie outside OUT; rename it")
            else:
                inside[name] = alignment
        return inside

    def write(self, alignment: Alignment, path: Path, format: str | None) -> None:
        """Write one file, unless it exists or cannot hold the alignment."""
        from speechalign.errors import FormatError
        from speechalign.files.names import existing
        from speechalign.formats import write_alignment

        path = existing(path)
        if path in self.written:
            self._fail(f"{path}: another file of IN has this name too; rename one of them")
        elif path.exists() and not self._overwrite:
            self._fail(f"{path}: exists; use --overwrite to replace it")
        else:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_alignment(alignment, path, format=format, **self._options)
            except (FormatError, OSError) as error:
                self._fail(error)
            else:
                self.written.add(path)
