"""Find how boundaries set by hand scatter about what models say of them.

    python tools/tune_intervals.py CORPUS --model NAME [--model NAME ...]
        [--encoder DIR] [--language CODE]

CORPUS has gold, as tools/bench/intervals.py takes it. Fits one `Spread` to the starts and ends of
words that the models align, by maximum likelihood, and prints it: the attribute ``spread`` of the
class of these models. Then it prints the coverage of the 50 and 90 % intervals of each speaker,
with a spread that was fitted to all others, and of all of them by fifths of the width. Needs scipy.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import numpy as np
from scipy.optimize import minimize

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))
from intervals import by_hand, by_width
from robustness import load_aligner

from speechalign.aligners import phone_boundaries
from speechalign.aligners.aligner import Aligner
from speechalign.aligners.confidence import credible_margins
from speechalign.alignment import Margins
from speechalign.errors import AlignmentError
from speechalign.models.spread import Spread

# Where the search starts: the logarithm of the stretch, its power, the log-odds of the wider of two
# Laplace distributions, and the logarithms of their scales; and how far it begins to look.
_START = np.array([0.0, 0.7, -1.0, np.log(0.003), np.log(0.03)])
_STEP, _PRIOR = 0.4, 1e-4


@dataclass(frozen=True)
class Boundary:
    """A boundary by a model and by hand.

    Parameters
    ----------
    speaker : str
        Who speaks.
    moments, passed : ndarray, shape (N,)
        The distribution, as `credible_margins` takes it.
    time, true : float
        By the model and by hand, seconds.
    """

    speaker: str
    moments: np.ndarray
    passed: np.ndarray
    time: float
    true: float


def boundaries(aligner: Aligner, corpus: Path) -> list[Boundary]:
    """Align a corpus; return what the model says of each boundary of a word."""
    known: dict[float, tuple[np.ndarray, np.ndarray, float]] = {}

    def keep(moments: np.ndarray, passed: np.ndarray, time: float, spread: Spread) -> Margins:
        known[round(time, 6)] = moments, passed, time
        return credible_margins(moments, passed, time, spread)

    found = []
    for name, waveform, text, truth in by_hand(corpus, "words", aligner.model.sample_rate, []):
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
        for time, true in sorted(pairs):
            if round(time, 6) in known:
                found.append(Boundary(Path(name).parent.name, *known[round(time, 6)], true))
    return found


def fitted(found: Sequence[Boundary]) -> Spread:
    """Return the spread that makes boundaries by hand most probable."""
    places = np.full((len(found), max(len(own.moments) for own in found)), 1e3)
    steps = np.zeros(places.shape)
    for row, own in enumerate(found):
        middles = np.append(own.moments[0], (own.moments[1:] + own.moments[:-1]) / 2)
        places[row, : len(middles)] = middles - own.time
        steps[row, : len(middles)] = np.diff(own.passed, prepend=0.0)
    steps /= steps.sum(axis=1, keepdims=True)
    mean = (steps * places).sum(axis=1, keepdims=True)
    deviations = np.sqrt((steps * (places - mean) ** 2).sum(axis=1)).clip(0.002, 0.1)
    errors = np.array([[own.true - own.time] for own in found])

    def cost(values: np.ndarray) -> float:
        stretch, power, odds, *scales = values
        factor = np.exp(stretch) * (deviations / 0.01) ** power
        distances = np.abs(factor[:, None] * places - errors)
        wide = 1 / (1 + np.exp(-odds))
        density = sum(
            share * (steps * np.exp(-distances / np.exp(scale))).sum(axis=1) / (2 * np.exp(scale))
            for share, scale in zip((1 - wide, wide), scales)
        )
        likelihood = np.log(np.maximum(density, 1e-12)).mean()
        return float(_PRIOR * ((values - _START) ** 2).sum() - likelihood)

    corners = _START + np.vstack([np.zeros(5), _STEP * np.eye(5)])
    options = {"initial_simplex": corners, "xatol": 1e-3, "fatol": 1e-6, "maxiter": 3000}
    stretch, power, odds, *scales = minimize(
        cost, _START, method="Nelder-Mead", options=options
    ).x.tolist()
    wide = float(1 / (1 + np.exp(-odds)))
    narrow, broad = (float(np.exp(scale)) for scale in scales)
    return Spread(((1 - wide, narrow), (wide, broad)), float(np.exp(stretch)), power)


def held(found: Sequence[Boundary], spread: Spread) -> tuple[np.ndarray, np.ndarray]:
    """Return whether the 50 and 90 % intervals hold each boundary, and their widths."""
    inside, widths = [], []
    for own in found:
        margins = credible_margins(own.moments, own.passed, own.time, spread)
        error = own.true - own.time
        pairs = (margins.low_50, margins.high_50), (margins.low_90, margins.high_90)
        inside.append([low <= error <= high for low, high in pairs])
        widths.append([high - low for low, high in pairs])
    return np.array(inside), np.array(widths)


def main() -> None:
    """Align, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", action="append", required=True, help="may be repeated")
    parser.add_argument("--encoder", help="pretrained encoder of the models that have one")
    parser.add_argument("--language", help="of the corpus, for a model of several")
    options = parser.parse_args()
    found: dict[str, list[Boundary]] = {}
    for name in options.model:
        model = load_aligner(name, options.encoder).model
        aligner = Aligner(model, posteriors=["intervals"], language=options.language)
        found[name] = boundaries(aligner, options.corpus)
    everything = [own for rows in found.values() for own in rows]
    print(f"{len(everything)} boundaries: {fitted(everything)}")
    speakers = sorted({own.speaker for own in everything})
    spreads = {s: fitted([own for own in everything if own.speaker != s]) for s in speakers}
    for name, rows in found.items():
        parts = [
            held([own for own in rows if own.speaker == speaker], spreads[speaker])
            for speaker in speakers
        ]
        for speaker, part in zip(speakers, parts):
            shares = 100 * part[0].mean(axis=0)
            print(f"{name:16s} without {speaker}: {shares[0]:.1f}, {shares[1]:.1f} %")
        inside, widths = (np.concatenate(arrays) for arrays in zip(*parts))
        for level, nominal in enumerate((50, 90)):
            fifths = by_width(inside[:, level], widths[:, level])
            cells = " ".join(f"{100 * share:.0f}" for _, share in fifths)
            share = 100 * inside[:, level].mean()
            print(f"{name:16s} {nominal} %: {share:.1f} %, by width {cells}")


if __name__ == "__main__":
    main()
