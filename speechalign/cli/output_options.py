"""Options for output formats and their settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

import click

from speechalign.cli.options import option

# Those of speechalign.formats.cues.CueOptions, which is not imported for the help of a command.
CUE_OPTIONS = ("cue_characters", "cue_lines", "cue_seconds", "cue_gap", "cue_shortest", "cue_speed",
               "cue_highlight")  # fmt: skip

_Command = TypeVar("_Command", bound=Callable[..., object])


def known_format(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Return a name in ``speechalign.formats.FORMATS``; usage error for any other.

    The registry is imported only where a name is given, and ``_`` will do for ``-``.
    """
    if value is None:
        return None
    from speechalign.formats import FORMATS

    name = value.replace("_", "-")
    if name not in FORMATS:
        raise click.BadParameter(f"no format {value!r}; there is: {', '.join(FORMATS)}", ctx, param)
    return name


def format_option(function: _Command) -> _Command:
    """Add ``--output-format``, any number of times, which the command takes as ``formats``."""
    return option(
        "--output-format",
        "formats",
        multiple=True,
        default=("textgrid",),
        callback=_known_formats,
        metavar="NAME",
        group="Output",
        help="Format to write: textgrid, textgrid-short, ctm, csv, json, srt, vtt, ass, "
        "lrc, ttml, audacity or lhotse; may be given several times",
    )(function)


overwrite_option = option(
    "--overwrite", is_flag=True, group="Output", help="Replace files that exist"
)


def _known_formats(
    ctx: click.Context, param: click.Parameter, names: tuple[str, ...]
) -> tuple[str | None, ...]:
    return tuple(known_format(ctx, param, name) for name in names)


def cue_options(function: _Command) -> Callable[..., object]:
    """Add the options of subtitles to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``format_options`` instead of them: keywords that the formats of
        subtitles take when they write, with those that were given.
    """

    @option(
        "--cue-characters",
        type=click.IntRange(min=1),
        metavar="N",
        group="Subtitles",
        help="Longest line of a subtitle, in characters (default: 42).",
    )
    @option(
        "--cue-lines",
        type=click.IntRange(min=1),
        metavar="N",
        group="Subtitles",
        help="Most lines of a subtitle (default: 1 for words, as many as needed for utterances).",
    )
    @option(
        "--cue-seconds",
        type=click.FloatRange(min=0, min_open=True),
        metavar="S",
        group="Subtitles",
        help="Longest subtitle, in seconds (default: 6 for words, the whole of each utterance).",
    )
    @option(
        "--cue-gap",
        type=click.FloatRange(min=0, min_open=True),
        metavar="S",
        group="Subtitles",
        help="Longest pause inside a subtitle, in seconds (default: 0.5 for words, any for "
        "utterances).",
    )
    @option(
        "--cue-shortest",
        type=click.FloatRange(min=0, min_open=True),
        metavar="S",
        group="Subtitles",
        help="Shortest time that a subtitle stays, in seconds, where the next leaves room "
        "(default: as long as its words).",
    )
    @option(
        "--cue-speed",
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        group="Subtitles",
        help="Reading speed above which subtitles are counted in a warning, in characters a "
        "second, such as 20 (default: any speed will do).",
    )
    @option(
        "--cue-highlight/--no-cue-highlight",
        default=None,
        group="Subtitles",
        help="Mark each word as it is said: vtt, ass, lrc and ttml (default: in ass only).",
    )
    @wraps(function)
    def command(**given: object) -> object:
        values = {name: given.pop(name) for name in CUE_OPTIONS}
        options = {name: value for name, value in values.items() if value is not None}
        return function(format_options=options, **given)

    return command
