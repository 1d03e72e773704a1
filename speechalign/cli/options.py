"""Commands whose help shows their options in groups, and options that state their default."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import click

from speechalign.cli.messages import log_file, messages, set_level

if TYPE_CHECKING:
    from speechalign.pipeline.shards import Shard

Group = Literal[
    "Corpus", "Model", "Dictionary", "Training", "Linking", "Scoring", "Output", "Subtitles", "Run"
]


class Option(click.Option):
    """An option with a group; its help ends in ``(default: VALUE)`` or ``(required)``.

    Parameters
    ----------
    declarations, **attributes
        As for ``click.Option``. ``help`` is a phrase with a head noun, or with a verb for a flag,
        and ``(default: ...)`` where the absence of the option has a meaning; no full stop.
    group : Group, optional
        Heading of the option in the help of a command with many options.
    """

    def __init__(
        self, declarations: list[str], *, group: Group | None = None, **attributes: object
    ) -> None:
        text = str(attributes["help"]).rstrip(".")
        default = attributes.get("default")
        if attributes.get("required"):
            text = f"{text} (required)"
        elif default is not None and not attributes.get("is_flag"):
            shown = ", ".join(default) if isinstance(default, tuple) else default
            text = f"{text} (default: {shown})"
        attributes["help"] = f"{text}."
        super().__init__(declarations, **attributes)  # type: ignore[arg-type]
        self.group = group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return names and help, without the range of numbers that click adds."""
        record = super().get_help_record(ctx)
        return record and (record[0], self.help or "")


class Command(click.Command):
    """A command that shows its options under the headings of their groups, and its messages."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command, and print its messages on stderr."""
        with messages():
            return super().invoke(ctx)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, under a heading for each group."""
        groups: dict[str, list[tuple[str, str]]] = {
            heading: [] for heading in ("Options", *get_args(Group))
        }
        parameters = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        grouped = any(getattr(parameter, "group", None) for parameter in parameters)
        for parameter in parameters:
            record = parameter.get_help_record(ctx)
            if record is not None:
                group = getattr(parameter, "group", None)
                groups[group or ("Run" if grouped else "Options")].append(record)
        for heading, records in groups.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Commands(click.Group):
    """A group of such commands."""

    command_class = Command


command = partial(click.command, cls=Command)
option = partial(click.option, cls=Option)
jobs_option = option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    group="Run",
    help="Number of cores to use; the result does not depend on it (default: all that the command "
    "may use)",
)


def _shard_of(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> Shard | None:
    if value is None:
        return None
    from speechalign.errors import InputError
    from speechalign.pipeline.shards import Shard

    try:
        return Shard.of(value)
    except InputError as error:
        raise click.BadParameter(str(error), context, parameter) from None


shard_option = option(
    "--shard",
    callback=_shard_of,
    metavar="I/N",
    group="Run",
    help="Part of the corpus to work on: the I-th of N, of whole recordings, or of whole speakers "
    "where the model adapts to them; slurm takes I and N from the job array (default: all)",
)
model_option = option(
    "--model",
    metavar="NAME",
    group="Model",
    help="Acoustic model: a name that `speechalign model list` shows, a folder, or org/name on the "
    "Hugging Face hub (default: english-sphinx)",
)


def message_options(function: Callable[..., object]) -> Callable[..., object]:
    """Add ``--quiet``, ``--verbose`` and ``--log``, which the command need not take."""

    @option("-q", "--quiet", is_flag=True, group="Run", help="Print warnings and errors only")
    @option("-v", "--verbose", is_flag=True, group="Run", help="Print details of each utterance")
    @option(
        "--log",
        "file",
        group="Run",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="File to add all messages to, details included, with times (default: none)",
    )
    @wraps(function)
    def command(*, quiet: bool, verbose: bool, file: Path | None, **others: object) -> object:
        if quiet and verbose:
            raise click.UsageError("--quiet and --verbose exclude each other")
        set_level(quiet=quiet, verbose=verbose)
        if file is None:
            return function(**others)
        with log_file(file):
            return function(**others)

    return command
