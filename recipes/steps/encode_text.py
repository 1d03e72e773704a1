"""Encode both sides of a parallel text with one vocabulary of subword pieces.

    python -m recipes.steps.encode_text data/text data/bpe --pieces 2000

TEXT has train.src, train.tgt, dev.src ... in plain text, a sentence in each line. sentencepiece
trains a BPE model on both sides of train together; id 0, its padding, is the CTC blank. The program
writes to OUT: files of the same names with lines of ids, bpe.model, and vocabulary.json.
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import sentencepiece

from recipes.program import run
from speechalign.errors import InputError


@click.command(help=__doc__)
@click.argument("text", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--pieces", type=int, required=True, help="Size of the vocabulary, blank included.")
def main(text: Path, out: Path, pieces: int) -> None:
    """Train the BPE model, encode every split."""
    out.mkdir(parents=True, exist_ok=True)
    train = [text / "train.src", text / "train.tgt"]
    for path in train:
        if not path.is_file():
            raise InputError(f"{path}: missing; run the stage that prepares the text")
    sentencepiece.SentencePieceTrainer.train(
        input=[str(path) for path in train],
        model_prefix=str(out / "bpe"),
        model_type="bpe",
        vocab_size=pieces,
        hard_vocab_limit=False,
        character_coverage=1.0,
        pad_id=0,
        unk_id=1,
        bos_id=-1,
        eos_id=-1,
        minloglevel=2,
    )
    model = sentencepiece.SentencePieceProcessor(model_file=str(out / "bpe.model"))
    for path in sorted(text.glob("*.src")) + sorted(text.glob("*.tgt")):
        lines = path.read_text(encoding="utf-8").splitlines()
        coded = [" ".join(map(str, ids)) for ids in model.encode(lines)]
        (out / path.name).write_text("\n".join(coded) + "\n", encoding="utf-8")
    names = [model.id_to_piece(i) for i in range(model.get_piece_size())]
    (out / "vocabulary.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    run(main)
