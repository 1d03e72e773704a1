"""Commands whose help shows their options in groups, and options that state their default."""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import click

Group = Literal["Corpus", "Model", "Dictionary", "Training", "Linking", "Scoring", "Output", "Run"]


class Option(click.Option):
    """An option with a group; a default value is added to the help as ``(default: VALUE)``.

    Parameters
    ----------
    declarations, **attributes
        As for ``click.Option``. ``help`` is a sentence without its full stop: a phrase with a head
        noun, and what happens without the option as ``(default: ...)``.
    group : Group, optional
        Heading of the option in the help of a command with many options.
    """

    def __init__(
        self, declarations: list[str], *, group: Group | None = None, **attributes: object
    ) -> None:
        default = attributes.get("default")
        if default is not None and not attributes.get("is_flag"):
            shown = ", ".join(default) if isinstance(default, tuple) else default
            attributes["help"] = f"{attributes['help']} (default: {shown})."
        else:
            attributes["help"] = f"{attributes['help']}."
        super().__init__(declarations, **attributes)  # type: ignore[arg-type]
        self.group = group


class Command(click.Command):
    """A command that shows its options under the headings of their groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, under a heading for each group."""
        groups: dict[str, list[tuple[str, str]]] = {
            heading: [] for heading in ("Options", *get_args(Group))
        }
        parameters = self.get_params(ctx)
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
