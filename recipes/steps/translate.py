"""Translate text or speech with a CTC translation model: greedily, or with beam search and n-grams.

    python -m recipes.steps.translate exp/ctc/model data/bpe test exp/ctc/test.txt
    python -m recipes.steps.translate exp/ctc/model data/bpe test exp/ctc/test.lm.txt --beam 16

DATA is what encode_text.py wrote. NAME.src is translated, or NAME.speech by a model of speech. The
n-gram model is trained on the training targets, with order 4.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import click
import numpy as np
import sentencepiece
import torch

from recipes.program import run
from recipes.trainer.ctc_translation import BLANK, load
from recipes.trainer.sentence_pairs import SentencePairs
from speechalign.text.ngram import train_backoff_model
from speechalign.transcription.beam_search import LanguageModel, beam_search

ORDER = 4


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("name")
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--beam", type=click.IntRange(min=2), help="Width of the beam search (default: greedy)."
)
@click.option(
    "--lm-weight", type=float, default=0.4, show_default=True, help="Weight of the n-gram model."
)
@click.option("--bonus", type=float, default=1.2, show_default=True, help="Bonus for each token.")
def main(
    model: Path, data: Path, name: str, out: Path, beam: int | None, lm_weight: float, bonus: float
) -> None:
    """Write the translations, one in each line, in the order of the source."""
    pieces = json.loads((data / "vocabulary.json").read_text(encoding="utf-8"))
    network = load(model)
    pairs = SentencePairs(data, name, pieces=len(pieces), mels=network.config.mels)
    language = None
    if beam is not None:
        begin, end = len(pieces), len(pieces) + 1
        targets = SentencePairs(data, "train", pieces=len(pieces)).targets
        sequences = [[begin, *target.tolist(), end] for target in targets]
        ngrams = train_backoff_model(sequences, len(pieces) + 2, order=ORDER)
        language = LanguageModel(ngrams, begin, end, lm_weight, bonus)
    found: dict[int, list[int]] = {}
    with torch.inference_mode():
        for indices in pairs.batches(4000, seed=0, epoch=0):
            batch = pairs.batch(indices)
            log_probs, frames = network(batch.source, batch.source_lengths)
            for b, index in enumerate(indices):
                emitted = log_probs[b, : frames[b]].numpy()
                if beam is None:
                    found[index] = greedy(emitted)
                else:
                    found[index] = beam_search(emitted, blank=BLANK, width=beam, model=language)
    processor = sentencepiece.SentencePieceProcessor(model_file=str(data / "bpe.model"))
    lines = [processor.decode(found[index]) for index in range(len(found))]
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(out.name + ".tmp")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    temporary.replace(out)


def greedy(log_probs: np.ndarray) -> list[int]:
    """Return the labels, (L,), of the best path of (T, V) log-probabilities."""
    best = log_probs.argmax(1)
    changed = np.append(True, best[1:] != best[:-1])
    labels: list[int] = best[changed & (best != BLANK)].tolist()
    return labels


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    run(main)
