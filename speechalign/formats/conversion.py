"""Alignment files of one format, or a tree of them, written in another."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from speechalign.alignment import Alignment
from speechalign.errors import FormatError, InputError
from speechalign.files.names import composed, existing
from speechalign.formats import (
    find_alignments,
    find_format,
    read_alignments,
    split_suffix,
    write_alignment,
)


@dataclass(frozen=True)
class Converted:
    """A file that was written, or that could not be.

    Parameters
    ----------
    path : Path
        The file that was written, or else the one with the problem.
    problem : str or None
        Why it could not be read or written, with the file's name and what to do.
    """

    path: Path
    problem: str | None = None


def convert_alignments(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    format: str | None = None,
    overwrite: bool = False,
    **options: object,
) -> Iterator[Converted]:
    """Convert an alignment file, or a tree of them, to another format.

    Parameters
    ----------
    source : path-like
        A file, or a folder with alignments of any format.
    target : path-like
        A file for a file of one recording; a folder for others, which mirrors the tree of the
        source and gets a file for each recording.
    format : str, optional
        A name in ``FORMATS`` (default: by the suffix of ``target``, where that is a file).
    overwrite : bool
        Replace files that exist.
    **options
        Keywords of the format, as for `write_alignment`.

    Yields
    ------
    Converted
        Each file as soon as it is written, and each problem; nothing stops the other files.

    Raises
    ------
    InputError
        The source has no alignments, a folder is to be written and no format was named, or the
        format is not known or has no such option.

    Examples
    --------
    >>> for file in convert_alignments("my_output", "subtitles", format="srt"):  # doctest: +SKIP
    ...     print(file.problem or file.path)
    """
    source, target = Path(source), Path(target)
    files = find_alignments(source) if source.is_dir() else [source]
    if not files:
        raise InputError(f"{source}: no alignment in it; its files need a suffix of a known format")
    written: set[Path] = set()
    for file in files:
        try:
            recordings = read_alignments(file)
        except (FormatError, OSError) as error:
            yield Converted(file, str(error))
            continue
        if not recordings:
            yield Converted(file, f"{file}: no recording in it")
        alone = len(recordings) == 1
        for name, alignment in recordings.items():
            way = PurePosixPath(name)
            if alone and source.is_file() and not target.is_dir():
                path = target
            elif not alone and (way.is_absolute() or ".." in way.parts):
                problem = f"{file}: recording {name!r} would lie outside {target}; rename it"
                yield Converted(file, problem)
                continue
            else:
                if format is None:
                    raise InputError(f"{target}: a folder of files: name a format (--to)")
                suffix = find_format(target, format=format).SUFFIXES[0]
                place = file.parent.relative_to(source).as_posix() if source.is_dir() else "."
                stem = split_suffix(file)[0] if alone else name
                path = target / composed(f"{place}/{stem}{suffix}")
            converted = _write(alignment, existing(path), format, overwrite, written, options)
            if converted.problem is None:
                written.add(converted.path)
            yield converted


def _write(
    alignment: Alignment,
    path: Path,
    format: str | None,
    overwrite: bool,
    written: set[Path],
    options: dict[str, object],
) -> Converted:
    """Write one file, unless it exists or cannot hold the alignment."""
    if path in written:
        return Converted(path, f"{path}: another file has this name too; rename one of them")
    if path.exists() and not overwrite:
        return Converted(path, f"{path}: exists; use --overwrite to replace it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_alignment(alignment, path, format=format, **options)
    except (FormatError, OSError) as error:
        return Converted(path, str(error))
    return Converted(path)
