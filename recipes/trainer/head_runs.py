"""What the programs that train heads on cached states share: their settings and arguments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from recipes.trainer.ctc_trainer import CtcTraining
from recipes.trainer.objective import Augmentation
from recipes.trainer.settings import make_settings, override_options, read_yaml
from recipes.trainer.state_head import HeadConfig

_Training = TypeVar("_Training", bound=CtcTraining)


def read_head_training(kind: type[_Training], path: Path, **changes: object) -> _Training:
    """Read a YAML file of settings; InputError names an unknown key."""
    data = read_yaml(path, **changes)
    for key, own in (("network", HeadConfig), ("augmentation", Augmentation)):
        data[key] = make_settings(own, data.get(key, {}), source=f"{path}: {key}")
    return make_settings(kind, data, source=str(path))


def head_arguments(command: Callable[..., None]) -> Callable[..., None]:
    """Add STORE, DATA, OUT and CONFIG... to a command, and ``--seed`` and ``--steps``."""
    file = click.Path(exists=True, dir_okay=False, path_type=Path)
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    command = override_options(command)
    command = click.argument("configs", metavar="CONFIG...", nargs=-1, required=True, type=file)(
        command
    )
    command = click.argument("out", type=click.Path(path_type=Path))(command)
    command = click.argument("data", type=folder)(command)
    return click.argument("store", type=folder)(command)
