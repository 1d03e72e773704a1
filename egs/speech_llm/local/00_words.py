"""Write the words of the English dictionary that comes with the package, one a line.

python local/00_words.py data/words.txt
"""

from __future__ import annotations

from pathlib import Path

import click

from recipes.program import run
from recipes.trainer.letters import words_of
from speechalign.models import load_model


@click.command(help=__doc__)
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(out: Path) -> None:
    """Write the file; each word once alone, and once after a space."""
    words = sorted(
        {word for entry in load_model("english-sphinx").dictionary for word in words_of(entry)}
    )
    out.write_text("".join(f"{word}\na {word}\n" for word in words), encoding="utf-8")


if __name__ == "__main__":
    run(main)
