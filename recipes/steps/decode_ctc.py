"""Decode a split greedily: phone error rate, and the emission times of phones.

    python -m recipes.steps.decode_ctc exp/baseline/model data/features/test exp/baseline/test.json

There is no language model; a word is wrong if one of its phones is substituted or deleted, or one
is inserted among them. A phone is emitted in the frames that have its label on the path.
``emitted`` has begin and end, in seconds, of the decoded phones; ``forced`` those of the phones of
the transcript, on its best path (empty if that needs more frames than the utterance has).
"""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
import torch

from recipes.program import run
from recipes.trainer.decoding import collapse, log_probs
from recipes.trainer.feature_store import FeatureStore
from speechalign.errors import AlignmentError
from speechalign.functional import forced_align
from speechalign.kernels.edit_distance import edit_distance
from speechalign.metrics.resampling import bootstrap
from speechalign.models.ctc.conv_ctc import ConvCTC, load

SIGNATURE = "unit:phones|decoding:greedy|interval:bootstrap-1000-95%"


def decode(model: ConvCTC, store: FeatureStore) -> list[dict[str, object]]:
    """Decode every utterance of a split, in order."""
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
    """Count the words with an error, given the aligned pairs of phones."""
    opposite = dict(pairs.tolist())
    wrong = begin = 0
    for size in sizes:
        first = opposite.get(begin)
        found = [] if first is None else labels[first : first + size].tolist()
        wrong += found != target[begin : begin + size].tolist()
        begin += size
    return wrong


@click.command(help=__doc__)
@click.argument("model", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("features", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
def main(model: Path, features: Path, out: Path) -> None:
    """Decode, write every utterance, print the error rates."""
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
        if rate.value is None or rate.low is None or rate.high is None:
            click.echo(f"{features.name}: {name.upper()} undefined {SIGNATURE}")
            continue
        click.echo(
            f"{features.name}: {name.upper()} {100 * rate.value:.2f} % "
            f"[{100 * rate.low:.2f}, {100 * rate.high:.2f}] {SIGNATURE}"
        )


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(main)
