"""Copy a trained CTC model at half precision, with a new name, licence and card.

    python -m recipes.steps.pack_ctc exp/full/offline/model OUT --name N --licence L --card FILE

OUT is replaced whole, including the card.
"""

from __future__ import annotations

from pathlib import Path

import click

from recipes.program import run
from speechalign.models.ctc.conv_ctc import ConvCTC, load


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", required=True, help="Name of the model.")
@click.option("--licence", required=True, help="Licence of the model.")
@click.option(
    "--card",
    required=True,
    type=click.Path(exists=True, path_type=Path),
    help="Model card, Markdown.",
)
def main(model: Path, out: Path, name: str, licence: str, card: Path) -> None:
    """Load the model, write it under its new name."""
    text = card.read_text(encoding="utf-8")
    trained = load(model)
    packed = ConvCTC(
        trained.net, trained.vocabulary, name=name, language=trained.language, licence=licence
    )
    packed.save(out, half=True)
    (out / "MODEL_CARD.md").write_text(text, encoding="utf-8")
    size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
    click.echo(f"{out}: {name}, {packed.describe()['parameters']} parameters, {size:.1f} MB")


if __name__ == "__main__":
    run(main)
