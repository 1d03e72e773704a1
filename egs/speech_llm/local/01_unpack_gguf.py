"""Write the language model of a GGUF file as a folder, which loads in seconds.

    python local/01_unpack_gguf.py gemma-3-270m-q4_k_m.gguf exp/full/lm

The weights are in float32. A folder that exists is kept.
"""

from __future__ import annotations

from pathlib import Path

import click

from recipes.program import run
from speechalign.models.speech_llm.gguf import read_gguf


@click.command(help=__doc__)
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(file: Path, out: Path) -> None:
    """Write model and tokenizer."""
    if out.exists():
        return
    network, tokenizer = read_gguf(file)
    temporary = out.with_name(f"{out.name}.part")
    network.save_pretrained(temporary)
    tokenizer.save_pretrained(temporary)
    temporary.rename(out)


if __name__ == "__main__":
    run(main)
