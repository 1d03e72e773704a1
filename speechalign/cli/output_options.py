"""The option that chooses output formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., object])


def format_option(function: _Command) -> _Command:
    """Add ``--output-format``, any number of times, which the command takes as ``formats``."""
    return click.option(
        "--output-format",
        "formats",
        multiple=True,
        default=("textgrid",),
        show_default=True,
        callback=_known_formats,
        metavar="NAME",
        help="Format to write: textgrid, textgrid-short, ctm, csv, json, srt, vtt, audacity or "
        "lhotse. Give it more than once for more than one.",
    )(function)


def _known_formats(
    context: click.Context, parameter: click.Parameter, names: tuple[str, ...]
) -> tuple[str, ...]:
    from speechalign.formats import FORMATS

    for name in names:
        if name not in FORMATS:
            known = ", ".join(FORMATS)
            raise click.BadParameter(f"no format {name!r}; there is: {known}", context, parameter)
    return names
