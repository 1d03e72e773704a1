"""Word-link scores: published system outputs, and what ten thousand sentence pairs cost.

    python tools/bench/saer.py [--data DIR] [--sentences 10000] [--resamples 1000]

One thread. The first table scores the outputs in SHARED/data/word-alignment; the figures to reach
are those that the aligner's authors print with their own scorer. The second times the scoring of
synthetic sentences of 5 to 40 words with word times, and the bootstrap of the result.
"""

# ruff: noqa: E402 (BLAS reads the variables when it is imported)

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import resource
import time
from pathlib import Path

import numpy as np

from speechalign.links import Links, WeightedLinks, pair_links, read_links
from speechalign.metrics import report
from speechalign.metrics.aer import figures
from speechalign.metrics.resampling import bootstrap, compare_systems

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = {"enfr": "4.07", "roen": "20.75", "jaen": "37.36", "zhen": "13.31"}


def published(folder: Path) -> bool:
    """Print the error rates of the shipped outputs; tell whether all are as expected."""
    fine = True
    print(f"{'pair':6} {'sentences':>9} {'AER %':>7} {'expected':>9}   95 % interval")
    for pair, expected in PUBLISHED.items():
        gold = read_links(folder / f"{pair}.gold")
        hypothesis = read_links(folder / f"{pair}.awesome-align.out")
        found = report(pair_links(gold, hypothesis).pairs, metric="aer")
        interval = bootstrap(found.counts, figures)["error_rate"]
        shown = f"{100 * found.pooled.error_rate:.2f}"
        fine &= shown == expected
        print(
            f"{pair:6} {len(found.counts):9} {shown:>7} {expected:>9}   "
            f"{100 * (interval.low or 0):.2f} to {100 * (interval.high or 0):.2f}"
        )
    return fine


def synthetic(sentences: int, seed: int = 0) -> dict[str, tuple[WeightedLinks, Links]]:
    """Make sentence pairs, near the diagonal, with a hypothesis that is wrong now and then."""
    rng = np.random.default_rng(seed)
    pairs = {}
    for number in range(sentences):
        words = int(rng.integers(5, 41))
        gold = [(i, int(np.clip(i + rng.integers(-1, 2), 0, words - 1))) for i in range(words)]
        found = [(i, j) if rng.random() < 0.8 else (i, words - 1 - j) for i, j in gold]
        sure = [link for link in gold if rng.random() < 0.8]
        weights = rng.gamma(4, 0.08, (2, words)).tolist()
        pairs[str(number)] = WeightedLinks(Links(sure, gold), *weights), Links(found)
    return pairs


def main() -> int:
    """Measure and print; return 1 if a published figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("SPEECHALIGN_DATA", ROOT / "data"))
    )
    parser.add_argument("--sentences", type=int, default=10_000)
    parser.add_argument("--resamples", type=int, default=1000)
    options = parser.parse_args()
    fine = published(options.data / "word-alignment")
    pairs = synthetic(options.sentences)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    found = report(pairs, metric="tw-saer", setting="s2s")
    counted = time.process_time()
    bootstrap(found.counts, figures, resamples=options.resamples)
    drawn = time.process_time()
    compare_systems(found.counts, found.counts[::-1], figures, resamples=options.resamples)
    compared = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"\n{options.sentences} sentence pairs, {options.resamples} resamples, CPU seconds:")
    print(f"statistics (tw-saer, s2s)   {counted - began:6.2f}")
    print(f"confidence intervals        {drawn - counted:6.2f}")
    print(f"paired significance tests   {compared - drawn:6.2f}")
    print(f"peak memory {peak / 1024:.0f} MiB, of which {(peak - before) / 1024:.0f} for scoring")
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
