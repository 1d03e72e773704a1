"""Find how much boundaries set by hand are spread beyond what models say of them.

    python tools/tune_intervals.py CORPUS [--speaker NAME ...] --model NAME [--model NAME ...]
        [--encoder DIR]

CORPUS has gold, as tools/bench/intervals.py takes it; the speakers are those to fit to, no others
are read. For each pair of Laplace distributions and the share of the wider one, prints the mean
log-likelihood of the starts and ends of words that were set by hand, for the best; the first is
``SPREAD`` in ``speechalign.aligners.confidence``.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))
from intervals import by_hand
from robustness import load_aligner

from speechalign.aligners import phone_boundaries
from speechalign.aligners.aligner import Aligner
from speechalign.aligners.confidence import credible_margins
from speechalign.alignment import Margins
from speechalign.errors import AlignmentError

NARROW = (0.003, 0.004, 0.005, 0.006, 0.008, 0.010)
WIDE = (0.02, 0.025, 0.03, 0.035, 0.04, 0.05, 0.06, 0.08)
SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)

Boundary = tuple[np.ndarray, np.ndarray]
"""Distances to the boundary by hand, seconds, and the probability of each."""


def boundaries(aligner: Aligner, corpus: Path, speakers: list[str]) -> list[Boundary]:
    """Align the recordings of speakers; return what the model says of each boundary of a word."""
    known: dict[float, tuple[np.ndarray, np.ndarray]] = {}

    def keep(moments: np.ndarray, passed: np.ndarray, time: float) -> Margins:
        known[round(time, 6)] = moments, passed
        return credible_margins(moments, passed, time)

    found = []
    others = [p.name for p in (corpus / "corpus").iterdir() if p.name not in speakers]
    for name, waveform, text, truth in by_hand(
        corpus, "words", aligner.model.sample_rate, others if speakers else []
    ):
        known.clear()
        try:
            with patch.object(phone_boundaries, "credible_margins", keep):
                words = aligner.align(waveform, text).words
        except AlignmentError as error:
            print(f"{name}: {error}")
            continue
        if len(words) != len(truth):
            print(f"{name}: left out, {len(words)} words, {len(truth)} by hand")
            continue
        pairs = {(w.start, t.start) for w, t in zip(words, truth)}
        pairs |= {(w.end, t.end) for w, t in zip(words, truth)}
        for time, true in pairs:
            if round(time, 6) in known:
                moments, passed = known[round(time, 6)]
                places = np.append(moments[0], (moments[1:] + moments[:-1]) / 2)
                found.append((np.abs(places - true), np.diff(passed, prepend=0.0)))
    return found


def main() -> None:
    """Align, try all, print the best."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--speaker", action="append", default=[], help="may be repeated")
    parser.add_argument("--model", action="append", required=True, help="may be repeated")
    parser.add_argument("--encoder", help="pretrained encoder of the models that have one")
    options = parser.parse_args()
    found: list[Boundary] = []
    for name in options.model:
        aligner = Aligner(load_aligner(name, options.encoder).model, posteriors=["intervals"])
        found += boundaries(aligner, options.corpus, options.speaker)
    densities = {
        scale: np.array([(p * np.exp(-d / scale)).sum() / (2 * scale) for d, p in found])
        for scale in {*NARROW, *WIDE}
    }
    tried = sorted(
        (
            (float(np.log((1 - share) * densities[a] + share * densities[b]).mean()), a, b, share)
            for a, b, share in itertools.product(NARROW, WIDE, SHARES)
        ),
        reverse=True,
    )
    print(f"{len(found)} boundaries; nats, narrow, wide, share of the wide one:")
    for row in tried[:6]:
        print("{:.4f}  {:.3f}  {:.3f}  {:.2f}".format(*row))


if __name__ == "__main__":
    main()
