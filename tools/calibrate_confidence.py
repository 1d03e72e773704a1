"""Fit the calibration that turns a word's log-likelihood deficit into a confidence.

    python tools/calibrate_confidence.py MANIFEST.jsonl [MANIFEST.jsonl ...] [--count 100]

Each sentence is aligned as it was read, and again with one word replaced by a random word of the
dictionary. The logistic regression of "this word was said" on the mean deficit, both outcomes
weighted alike, gives ``EnglishSphinx.calibration``. Also prints how well the deficit separates
the two, by corpus.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.errors import AlignmentError


def deficits(aligner: Aligner, manifest: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean deficit of each word, and whether it was said."""
    rng = np.random.default_rng(0)
    slope, intercept = aligner.model.calibration
    known = aligner.model.dictionary
    dictionary = sorted(word for word in known if word.isalpha() and len(word) > 2)
    rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    rng.shuffle(rows)
    values, said = [], []
    for row in rows[:count]:
        path = manifest.parent / row["audio_filepath"]
        waveform = read_waveform(path, sample_rate=aligner.model.sample_rate)
        words = row["text"].split()
        wrong = int(rng.integers(len(words)))
        replaced = list(words)
        replaced[wrong] = dictionary[rng.integers(len(dictionary))]
        try:
            true = aligner.align(waveform, " ".join(words)).words
            false = aligner.align(waveform, " ".join(replaced)).words[wrong]
        except AlignmentError as error:
            print(f"left out: {path}: {error}")
            continue
        for word in (*true, false):
            confidence = min(max(word.interval.confidence or 0.0, 1e-12), 1 - 1e-12)
            values.append((math.log(confidence / (1 - confidence)) - intercept) / slope)
            said.append(word is not false)
    return np.array(values), np.array(said)


def logistic_regression(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Fit slope and intercept by Newton's method, with both outcomes weighted alike."""
    weights = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
    design = np.stack([x, np.ones_like(x)], axis=1)
    beta = np.zeros(2)
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ beta))
        gradient = design.T @ (weights * (y - p))
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design
        beta += np.linalg.solve(hessian, gradient)
    return float(beta[0]), float(beta[1])


def separation(x: np.ndarray, y: np.ndarray) -> float:
    """Return the probability that a word that was said has the higher value (area under ROC)."""
    order = np.argsort(np.concatenate([x[y], x[~y]]), kind="stable")
    ranks = np.empty(len(x))
    ranks[order] = np.arange(1, len(x) + 1)
    n = int(y.sum())
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * (len(x) - n)))


def main() -> None:
    """Collect, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=100, help="sentences of each manifest")
    options = parser.parse_args()
    aligner = Aligner()
    found = {path: deficits(aligner, path, options.count) for path in options.manifests}
    x = np.concatenate([values for values, _ in found.values()])
    y = np.concatenate([said for _, said in found.values()])
    slope, intercept = logistic_regression(x, y)
    print(f"calibration = ({slope:.2f}, {intercept:.2f}) from {len(x)} words")
    for path, (values, said) in found.items():
        confidence = 1 / (1 + np.exp(-(slope * values + intercept)))
        print(
            f"{path}: separation {separation(values, said):.3f}; below 0.5: "
            f"{100 * np.mean(confidence[said] < 0.5):.1f} % of words said, "
            f"{100 * np.mean(confidence[~said] < 0.5):.1f} % of words not said"
        )


if __name__ == "__main__":
    main()
