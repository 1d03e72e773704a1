"""Options of the commands that read a corpus."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., object])


def corpus_options(function: _Command) -> _Command:
    """Add ``--layout``, ``--speaker-characters`` and ``--channel`` to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``layout``, ``speaker_characters`` and ``channel`` and passes them to
        ``read_corpus``.

    Returns
    -------
    callable
        The same, with the options.
    """
    for option in (
        click.option(
            "--channel",
            type=click.IntRange(min=0),
            metavar="C",
            help="Channel of every sound file, counted from 0. Without: the mean of all channels, "
            "or what the corpus says.",
        ),
        click.option(
            "--speaker-characters",
            type=click.IntRange(min=1),
            metavar="N",
            help="Speakers are the first N characters of the file names, not the folders.",
        ),
        click.option(
            "--layout",
            callback=_known_layout,
            metavar="NAME",
            help="How the corpus is laid out: mfa, manifest, kaldi or lhotse. Without: detected.",
        ),
    ):
        function = option(function)
    return function


def _known_layout(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """Refuse a name that is no layout, once the option is given."""
    from speechalign.corpus import LAYOUTS

    if value is not None and value not in LAYOUTS:
        known = ", ".join(LAYOUTS)
        raise click.BadParameter(f"no layout {value!r}; there is: {known}", context, parameter)
    return value
