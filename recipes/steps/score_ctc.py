"""Score a model's decoding of a split: latency against a reference, and both against a baseline.

    python -m recipes.steps.score_ctc data/test.jsonl exp/reference/test exp/latency/test.json \
        exp/latency/score.json --baseline exp/continued/test.json

REFERENCE has a TextGrid for each recording of MANIFEST, with the times of its phones. Latency is
measured on the phones of the transcript, on its best path. With --baseline, figures are compared on
the same utterances (paired bootstrap and randomisation).
"""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import reduce
from operator import add
from pathlib import Path
from typing import cast

import click
import numpy as np

from recipes.program import run
from speechalign.alignment import Alignment, Interval
from speechalign.corpus import read_corpus
from speechalign.errors import InputError
from speechalign.formats import read_alignment
from speechalign.metrics import latency
from speechalign.metrics.resampling import Difference, compare_systems

TIER = "phones"


def read_references(manifest: Path, folder: Path) -> dict[str, Alignment]:
    """Return the alignments of utterances by id, as far as they exist."""
    found = {}
    for utterance in read_corpus(manifest, layout="manifest"):
        path = folder / f"{utterance.recording}.TextGrid"
        if path.exists():
            found[utterance.id] = read_alignment(path)
    if not found:
        raise InputError(f"{folder}: no TextGrid of an utterance of {manifest}")
    return found


def forced(utterance: dict[str, list[object]]) -> Alignment | None:
    """Return the phones of a transcript as an alignment; None if they had too few frames."""
    spans = cast("list[tuple[float, float]]", utterance["forced"])
    intervals = [
        Interval(begin, end, str(phone))
        for (begin, end), phone in zip(spans, utterance["reference"])
    ]
    return Alignment({TIER: intervals}, intervals[-1].end) if intervals else None


def counts_of(
    decoded: dict[str, object], references: dict[str, Alignment]
) -> tuple[latency.LatencyScore, np.ndarray, np.ndarray]:
    """Return the latency of a split, and the counts of latency and errors of each utterance."""
    utterances = decoded["utterances"]
    assert isinstance(utterances, list)
    statistics = [
        latency.statistics(references[utterance["id"]], forced(utterance), tier=TIER)
        for utterance in utterances
        if utterance["id"] in references
    ]
    errors = np.array(
        [[u["errors"], len(u["reference"]), u["wrong_words"], u["words"]] for u in utterances],
        np.float64,
    )
    delays = np.array([found.counts for found in statistics])
    return latency.score(reduce(add, statistics)), delays, errors


def error_rates(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Return the error rates of sums of counts: errors, phones, wrong words, words."""
    return {"per": sums[..., 0] / sums[..., 1], "wer": sums[..., 2] / sums[..., 3]}


@click.command(help=__doc__)
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("reference", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("decoded", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--baseline",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Decoding of the model to compare with.",
)
def main(manifest: Path, reference: Path, decoded: Path, out: Path, baseline: Path | None) -> None:
    """Score, write, print the differences from the baseline."""
    references = read_references(manifest, reference)
    score, delays, errors = counts_of(json.loads(decoded.read_text()), references)
    result: dict[str, object] = {"latency": asdict(score)}
    click.echo(f"{decoded}: drift {1000 * (score.drift or 0):.1f} ms, {score.signature}")
    if baseline is not None:
        _, other_delays, other_errors = counts_of(json.loads(baseline.read_text()), references)
        differences: dict[str, Difference] = {
            **compare_systems(delays, other_delays, latency.figures),
            **compare_systems(errors, other_errors, error_rates),
        }
        result["baseline"] = str(baseline)
        result["differences"] = {name: asdict(found) for name, found in differences.items()}
        for name, found in differences.items():
            if found.value is None or found.low is None or found.high is None:
                click.echo(f"{name}: undefined against {baseline}")
                continue
            unit, factor = ("%", 100) if name in ("per", "wer") else ("ms", 1000)
            click.echo(
                f"{name} {factor * found.value:+.2f} {unit} [{factor * found.low:+.2f}, "
                f"{factor * found.high:+.2f}] against {baseline}, p {found.p_randomisation:.3f}"
            )
    temporary = out.with_suffix(".tmp")
    temporary.write_text(json.dumps(result), encoding="utf-8")
    temporary.replace(out)


if __name__ == "__main__":
    run(main)
