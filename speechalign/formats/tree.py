"""Trees of alignment files: every recording below a folder, and two trees matched by name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from speechalign.alignment import Alignment
from speechalign.errors import FormatError
from speechalign.files.names import composed
from speechalign.formats import find_alignments, find_format, read_alignments, split_suffix


@dataclass(frozen=True)
class Tree:
    """The alignments below a folder, or in a file.

    Parameters
    ----------
    alignments : dict[str, Alignment]
        By recording: the path below the folder without suffix, with ``/``; in a file that names
        its recordings (CTM, lhotse), that name behind the path of the file's folder. In composed
        characters (NFC).
    problems : list[str]
        A line for each file that cannot be read.
    """

    alignments: dict[str, Alignment]
    problems: list[str]


def read_tree(path: Path, *, prefer: str | None = None) -> Tree:
    """Read every alignment below a folder, or of one file.

    Parameters
    ----------
    path : Path
        A folder, or a file of one recording or of many.
    prefer : str, optional
        The format to read where a recording has files in several.

    Returns
    -------
    Tree
        What could be read, and what not.

    Raises
    ------
    FormatError
        A recording has several files and ``prefer`` does not tell which to read, or ``path`` is a
        single file that cannot be read.
    """
    if path.is_file():
        return Tree({composed(name): a for name, a in read_alignments(path).items()}, [])
    alignments: dict[str, Alignment] = {}
    sources: dict[str, Path] = {}
    problems: list[str] = []
    for file in _one_a_recording(path, find_alignments(path), prefer):
        try:
            found = read_alignments(file)
        except (FormatError, OSError) as error:
            problems.append(str(error))
            continue
        for name, alignment in found.items():
            recording = composed((file.parent / name).relative_to(path).as_posix())
            if recording in sources:
                raise FormatError(
                    f"{file}: {recording!r} is in {sources[recording]} too; remove one of them"
                )
            sources[recording] = file
            alignments[recording] = alignment
    return Tree(alignments, problems)


def _one_a_recording(folder: Path, files: list[Path], prefer: str | None) -> list[Path]:
    """Choose among files that differ by their suffix only."""
    by_stem: dict[Path, list[Path]] = {}
    for file in files:
        stem = file.parent / split_suffix(file)[0]
        by_stem.setdefault(Path(composed(str(stem))), []).append(file)
    chosen: list[Path] = []
    for stem, same in by_stem.items():
        if len(same) > 1 and prefer is not None:
            wanted = find_format(stem, format=prefer)
            same = [file for file in same if find_format(file).SUFFIXES == wanted.SUFFIXES]
        if len(same) != 1:
            raise FormatError(
                f"{folder}: {stem.relative_to(folder)} has files in several formats "
                f"({', '.join(split_suffix(f)[1] for f in by_stem[stem])}); say which with --format"
            )
        chosen += same
    return chosen


def match_recordings(
    references: Collection[str], hypotheses: Collection[str]
) -> dict[str, str | None]:
    """Find each reference's hypothesis.

    Parameters
    ----------
    references, hypotheses : Collection[str]
        Names of recordings, with ``/``.

    Returns
    -------
    dict of str to str or None
        The hypothesis of the same name; else the one with the same last part, where on both sides
        only one recording has it; else None. In the order of the references.

    Examples
    --------
    >>> match_recordings(["s1/a", "s1/b", "s2/b", "s2/c"], ["a", "s1/b", "x/b", "d"])
    {'s1/a': 'a', 's1/b': 's1/b', 's2/b': None, 's2/c': None}
    """
    by_last: list[dict[str, list[str]]] = [{}, {}]
    for lasts, names in zip(by_last, (references, hypotheses)):
        for name in names:
            lasts.setdefault(name.rpartition("/")[2], []).append(name)
    matched: dict[str, str | None] = {}
    for name in references:
        last = name.rpartition("/")[2]
        namesakes = by_last[0][last], by_last[1].get(last, [])
        if name in hypotheses:
            matched[name] = name
        elif len(namesakes[0]) == len(namesakes[1]) == 1:
            matched[name] = namesakes[1][0]
        else:
            matched[name] = None
    return matched
