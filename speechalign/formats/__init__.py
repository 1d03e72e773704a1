r"""Read and write alignments: one file per format, found by name or by suffix.

A format is a module with ``SUFFIXES``, ``read(path)`` and ``write(alignment, path)``, whose
keyword-only parameters, and the names in ``OPTIONS``, are the format's options; one whose files may
hold a whole corpus also has ``read_all(path)``. A reader that mends something says so by a
SpeechAlignWarning. Text is UTF-8 with ``\n``; readers accept a byte-order mark, UTF-16, and any
line ending. What a format loses is in its docstring.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from speechalign.alignment import Alignment
from speechalign.errors import FormatError, InputError, wrong_type
from speechalign.registry import Registry

__all__ = [
    "FORMATS",
    "Format",
    "find_alignments",
    "find_format",
    "read_alignment",
    "read_alignments",
    "split_suffix",
    "write_alignment",
]

FORMATS = Registry(
    "speechalign.formats",
    {
        "ass": "speechalign.formats.ass",
        "audacity": "speechalign.formats.audacity",
        "csv": "speechalign.formats.csv",
        "ctm": "speechalign.formats.ctm",
        "json": "speechalign.formats.json",
        "lhotse": "speechalign.formats.lhotse",
        "lrc": "speechalign.formats.lrc",
        "srt": "speechalign.formats.srt",
        "textgrid": "speechalign.formats.textgrid",
        "textgrid-short": "speechalign.formats.textgrid_short",
        "ttml": "speechalign.formats.ttml",
        "vtt": "speechalign.formats.vtt",
    },
)

# What an aligned corpus holds beside its alignments, under a suffix that some format claims.
_SIDE_FILES = frozenset({"alignment_manifest.jsonl", "alignment_analysis.csv"})


class Format(Protocol):
    """Interface of a format module."""

    SUFFIXES: tuple[str, ...]
    """Ends of file names, with their dot, in any case; the first is the one to write."""

    def read(self, path: Path) -> Alignment:
        """Read the one recording that a file describes."""

    def write(self, alignment: Alignment, path: Path, **options: Any) -> None:
        """Write a file, whole or not at all; each option is a keyword with a default."""


@runtime_checkable
class _CorpusFormat(Protocol):
    def read_all(self, path: Path) -> dict[str, Alignment]: ...


def _named_suffixes() -> Iterator[tuple[str, str]]:
    for name in FORMATS:
        for suffix in cast(Format, FORMATS[name]).SUFFIXES:
            yield name, suffix


def split_suffix(path: str | os.PathLike[str]) -> tuple[str, str]:
    """Split a file name into its stem and the suffix that a format claims ('' for none).

    Examples
    --------
    >>> split_suffix("s1/a.b.TextGrid"), split_suffix("a.labels.txt"), split_suffix("a.wav")
    (('a.b', '.TextGrid'), ('a', '.labels.txt'), ('a.wav', ''))
    """
    name = Path(path).name
    claimed = [suffix for _, suffix in _named_suffixes() if name.lower().endswith(suffix.lower())]
    length = max(map(len, claimed), default=0)
    return (name[:-length], name[-length:]) if length else (name, "")


def find_format(path: str | os.PathLike[str], *, format: str | None = None) -> Format:
    """Return the format of that name or, without a name, the one that claims the file's suffix.

    Parameters
    ----------
    path : path-like
        A file, there or not.
    format : str, optional
        A name in ``FORMATS``.

    Raises
    ------
    InputError
        There is no format of that name.
    FormatError
        No format claims the suffix.

    Notes
    -----
    The longest suffix wins; of two formats with the same suffix, the first by name.
    """
    if not isinstance(path, str | os.PathLike):
        raise wrong_type("path", "the path of a file", path)
    if format is not None:
        return cast(Format, FORMATS[format])
    suffix = split_suffix(path)[1].lower()
    for name, claimed in _named_suffixes():
        if claimed.lower() == suffix:
            return cast(Format, FORMATS[name])
    known = ", ".join(sorted({claimed for _, claimed in _named_suffixes()}))
    raise FormatError(
        f"{path}: no format goes by this suffix; name a format ({', '.join(FORMATS)}) or use one "
        f"of the suffixes {known}"
    )


def read_alignment(path: str | os.PathLike[str], *, format: str | None = None) -> Alignment:
    """Read the alignment of one recording.

    Parameters
    ----------
    path : path-like
        The file.
    format : str, optional
        A name in ``FORMATS``; by the suffix of ``path`` where it is left out.

    Returns
    -------
    Alignment
        Silence, an interval with a blank label, is a gap.

    Raises
    ------
    FormatError
        The format is not known, or the file breaks it: the message names the place.
    OSError
        The file cannot be opened.
    """
    return find_format(path, format=format).read(Path(path))


def read_alignments(
    path: str | os.PathLike[str], *, format: str | None = None
) -> dict[str, Alignment]:
    """Read every recording of a file: several for a corpus's CTM or lhotse manifest.

    Parameters
    ----------
    path, format
        As for `read_alignment`.

    Returns
    -------
    dict of str to Alignment
        By the recording's name in the file; in formats without one, by the file's stem.

    Raises
    ------
    FormatError, OSError
        As for `read_alignment`.
    """
    chosen = find_format(path, format=format)
    if isinstance(chosen, _CorpusFormat):
        return chosen.read_all(Path(path))
    return {split_suffix(path)[0]: chosen.read(Path(path))}


def write_alignment(
    alignment: Alignment,
    path: str | os.PathLike[str],
    *,
    format: str | None = None,
    **options: object,
) -> None:
    """Write the alignment of one recording, over whatever the file held.

    Parameters
    ----------
    alignment : Alignment
        What to write; the format's docstring says what of it is lost.
    path : path-like
        The file; its folder exists. A write that fails leaves what was there.
    format : str, optional
        A name in ``FORMATS``; by the suffix of ``path`` where it is left out.
    **options
        Keywords of the format, which its docstring names: ``cue_lines`` of subtitles.

    Raises
    ------
    InputError
        This is no alignment, or the format has no such option.
    FormatError
        The format is not known, or cannot hold this alignment.
    OSError
        The file cannot be written.
    """
    if not isinstance(alignment, Alignment):
        raise wrong_type(
            "alignment", "an Alignment", alignment, "take the .alignment of a result, or call save"
        )
    chosen = find_format(path, format=format)
    check_options(options, {format or split_suffix(path)[1]: chosen})
    chosen.write(alignment, Path(path), **options)


def options_of(format: Format) -> set[str]:
    """Return the names of the options that a format takes when it writes."""
    named = {
        name
        for name, parameter in signature(format.write).parameters.items()
        if parameter.kind is Parameter.KEYWORD_ONLY
    }
    return named | getattr(format, "OPTIONS", frozenset())


def check_options(options: Iterable[str], formats: Mapping[str, Format]) -> None:
    """Raise InputError for an option that none of some formats takes when it writes."""
    for option in options:
        if not any(option in options_of(format) for format in formats.values()):
            able = [n for n in FORMATS if option in options_of(cast(Format, FORMATS[n]))]
            raise InputError(
                f"{option}: no option of {', '.join(formats)}; "
                + (f"the formats {', '.join(able)} have it" if able else "no format has it")
            )


def find_alignments(folder: str | os.PathLike[str]) -> list[Path]:
    """Return the alignment files below a folder, by suffix and in order of path.

    Hidden files and the reports beside alignments (``alignment_manifest.jsonl``,
    ``alignment_analysis.csv``) are left out.
    """
    return sorted(
        path
        for path in Path(folder).rglob("*")
        if split_suffix(path)[1]
        and path.name not in _SIDE_FILES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )
