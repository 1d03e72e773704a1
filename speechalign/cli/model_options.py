"""Options of the commands that load an acoustic model to align with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from speechalign.aligners.aligner import Aligner

_Command = TypeVar("_Command", bound=Callable[..., object])


def loading_options(function: _Command) -> _Command:
    """Add ``--device``, ``--offline``, ``--allow-pickle`` and ``--calibration`` to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``device``, ``offline`` and ``allow_pickle`` for ``load_model``, and
        ``calibration`` for ``Aligner``.
    """
    for option in (
        click.option(
            "--calibration",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Bias of the model's times, as `speechalign model inspect` measured it.",
        ),
        click.option(
            "--allow-pickle",
            is_flag=True,
            help="Read weights that are a Python pickle; only tensors are read, no code is run.",
        ),
        click.option(
            "--offline",
            is_flag=True,
            help="Use no network; only what was downloaded before.",
        ),
        click.option(
            "--device",
            metavar="NAME",
            help="cpu, cuda, cuda:1 ... Without: the GPU where the model can use one.",
        ),
    ):
        function = option(function)
    return function


own_dictionary_option = click.option(
    "--dictionary",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="Pronunciations of your own, in MFA's or CMU's format, laid over the dictionary of the "
    "model; the last of several counts (default: none).",
)


def aligner_options(function: _Command) -> Callable[..., object]:
    """Add the options of loading, ``--dictionary`` and ``--language`` to a command.

    Parameters
    ----------
    function : callable
        A command that takes ``load_aligner`` instead of them: a function from a model's name, or
        None for the default, to an ``Aligner``.
    """

    @loading_options
    @own_dictionary_option
    @click.option(
        "--language",
        metavar="CODE",
        help="Language of the text, such as de, for a model that reads several.",
    )
    @wraps(function)
    def command(
        *,
        device: str | None,
        offline: bool,
        allow_pickle: bool,
        calibration: Path | None,
        language: str | None,
        dictionary: tuple[Path, ...],
        **others: object,
    ) -> object:
        def load_aligner(source: str | None) -> Aligner:
            from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
            from speechalign.models import load_model

            model = load_model(
                source or DEFAULT_MODEL,
                device=device,
                offline=offline,
                allow_pickle=allow_pickle,
            )
            return Aligner(
                model, language=language, calibration=calibration, dictionary=dictionary or None
            )

        return function(load_aligner=load_aligner, **others)

    return command
