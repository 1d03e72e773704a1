"""Copy a trained CTC model at half precision, under a name and a licence of its own.

    python -m recipes.steps.pack_ctc exp/full/offline/model OUT --name N --licence L --card FILE

OUT is replaced whole, the card with it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from speechalign.errors import SpeechAlignError
from speechalign.models.ctc.conv_ctc import ConvCTC, load


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", required=True)
@click.option("--licence", required=True)
@click.option("--card", required=True, type=click.Path(exists=True, path_type=Path))
def main(model: Path, out: Path, name: str, licence: str, card: Path) -> None:
    """Load, rename, write."""
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
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"pack_ctc.py: {error}")
