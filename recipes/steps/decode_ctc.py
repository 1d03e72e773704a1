"""Decode a split greedily: phone error rate, and when each phone is emitted.

    python -m recipes.steps.decode_ctc exp/baseline/model data/features/test exp/baseline/test.json

Of the words, those are wrong in which a phone is substituted, missing or inserted; there is no
language model. Each phone is emitted in the frames that read it: ``emitted`` tells
begin and end, in seconds, of the phones that were decoded, ``forced`` those of the phones of the
transcript, on the best path that says them (none where they need more frames than there are).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import numpy as np
import torch

from recipes.trainer.decoding import collapse, log_probs
from recipes.trainer.feature_store import FeatureStore
from speechalign.errors import AlignmentError, SpeechAlignError
from speechalign.functional import forced_align
from speechalign.kernels.edit_distance import edit_distance
from speechalign.metrics.resampling import bootstrap
from speechalign.models.ctc.conv_ctc import ConvCTC, load

SIGNATURE = "unit:phones|decoding:greedy|interval:bootstrap-1000-95%"


def decode(model: ConvCTC, store: FeatureStore) -> list[dict[str, object]]:
    """Decode every utterance of a split, in its order."""
    found: dict[int, dict[str, object]] = {}
    blank = model.vocabulary.blank
    assert blank is not None
    symbols = model.vocabulary.symbols
    for index, scores in log_probs(model, store):
        entry = store.entries[index]
        target = np.array(model.vocabulary.ids(entry.phones), np.int64)
        labels, spans = collapse(scores.argmax(1), blank=blank)
        edits = edit_distance(target, labels)
        found[index] = {
            "id": entry.id,
            "reference": entry.phones,
            "hypothesis": [symbols[label] for label in labels],
            "emitted": _seconds(model, spans),
            "forced": _forced(model, scores, target, blank),
            "errors": edits.distance,
            "words": len(entry.words),
            "wrong_words": _wrong_words(
                [len(word) for word in entry.words], target, labels, edits.pairs
            ),
        }
    return [found[index] for index in sorted(found)]


def _forced(
    model: ConvCTC, scores: np.ndarray, target: np.ndarray, blank: int
) -> list[list[float]]:
    """Return begin and end of each phone of the transcript on the best path."""
    if not len(target):
        return []
    try:
        path, _ = forced_align(scores[None], target[None], blank=blank)
    except AlignmentError:
        return []
    return _seconds(model, collapse(path[0], blank=blank)[1])


def _seconds(model: ConvCTC, spans: np.ndarray) -> list[list[float]]:
    return [[round(t, 4) for t in times] for times in model.grid.seconds(spans).tolist()]


def _wrong_words(
    sizes: list[int], target: np.ndarray, labels: np.ndarray, pairs: np.ndarray
) -> int:
    """Count the words with an error in them, given the phones that stand opposite each other."""
    opposite = dict(pairs.tolist())
    wrong = begin = 0
    for size in sizes:
        first = opposite.get(begin)
        said = [] if first is None else labels[first : first + size].tolist()
        wrong += said != target[begin : begin + size].tolist()
        begin += size
    return wrong


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(model: Path, features: Path, out: Path) -> None:
    """Decode, write every utterance, and print the error rates."""
    loaded = load(model)
    utterances = decode(loaded, FeatureStore(features, mels=loaded.net.config.mels))
    counts = np.array(
        [[u["errors"], len(u["reference"]), u["wrong_words"], u["words"]] for u in utterances],  # type: ignore[arg-type]
        np.float64,
    )
    rates = bootstrap(
        counts,
        lambda sums: {"per": sums[..., 0] / sums[..., 1], "wer": sums[..., 2] / sums[..., 3]},
    )
    result = {
        "model": str(model),
        "split": features.name,
        "signature": SIGNATURE,
        **{name: [rate.value, rate.low, rate.high] for name, rate in rates.items()},
        "utterances": utterances,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_suffix(".tmp")
    temporary.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")
    temporary.replace(out)
    for name, rate in rates.items():
        click.echo(
            f"{features.name}: {name.upper()} {100 * rate.value:.2f} % "
            f"[{100 * rate.low:.2f}, {100 * rate.high:.2f}] {SIGNATURE}"
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        main()
    except SpeechAlignError as error:
        sys.exit(f"decode_ctc.py: {error}")
