"""speechalign model: what acoustic models there are."""

from __future__ import annotations

import click


@click.group()
def model() -> None:
    """List and inspect acoustic models."""


@model.command("list")
def list_models() -> None:
    """Print the names that MODEL may have, one a line."""
    from speechalign.models import MODELS

    for name in MODELS:
        click.echo(name)


@model.command()
@click.argument("name")
def inspect(name: str) -> None:
    """Print what a model is: language, frames, units, licence."""
    from speechalign.models import load_model

    loaded = load_model(name)
    grid = loaded.grid
    facts = {
        "name": loaded.name,
        "language": loaded.language,
        "sample rate": f"{loaded.sample_rate} Hz",
        "frame": f"{1000 * grid.stride / grid.sample_rate:g} ms",
        **loaded.describe(),
        "licence": loaded.licence,
    }
    for key, value in facts.items():
        click.echo(f"{key}: {value}")
