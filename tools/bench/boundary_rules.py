"""Whether another rule for the place of a boundary would help in noise.

    python tools/bench/boundary_rules.py CORPUS [--model NAME] [--encoder DIR] [--count 60]
        [--condition NAME ...]

The reference is what the model finds in the clean recording with today's rule. Rules differ in the
exponent of the spectral change, and in a floor of each band of the spectrum: so many times a low
quantile of its energy, which hides how noise fluctuates. Prints mean and median difference in ms.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from robustness import CONDITIONS, Voices, corrupted, load_aligner

from speechalign.aligners import phone_boundaries, phones
from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.audio.waveform import Waveform
from speechalign.corpus import read_corpus
from speechalign.errors import AlignmentError
from speechalign.frames import FrameGrid
from speechalign.kernels.filterbank import apply_filters

RULES: dict[str, tuple[float, tuple[float, float] | None]] = {
    "today's": (2, None),
    "exponent 0": (0, None),
    "exponent 1": (1, None),
    "floor 2 x 10 %": (2, (0.1, 2)),
    "floor 4 x 10 %": (2, (0.1, 4)),
    "floor 4 x 20 %": (2, (0.2, 4)),
    "floor 10 x 10 %": (2, (0.1, 10)),
}
"""By name: exponent, and quantile and factor of the floor."""

_CHANGE, _MEDIANS = phone_boundaries.spectral_change, phone_boundaries.boundary_medians
_FLOOR = phone_boundaries._FLOOR


def band_energies(samples: np.ndarray, rate: int) -> np.ndarray:
    """Return the energies that `spectral_change` takes the logarithm of, (M, bands)."""
    found: list[np.ndarray] = []

    def keep(power: np.ndarray, filters: np.ndarray) -> np.ndarray:
        found.append(apply_filters(power, filters))
        return found[-1]

    phone_boundaries.apply_filters = keep
    _CHANGE(samples, rate)
    phone_boundaries.apply_filters = apply_filters
    return np.concatenate(found)


def use(exponent: float, floor: tuple[float, float] | None) -> None:
    """Let the aligner place boundaries by another rule."""

    def change(samples: np.ndarray, rate: int) -> tuple[np.ndarray, FrameGrid]:
        if floor is not None:
            quantile, factor = floor
            level = factor * np.quantile(band_energies(samples, rate), quantile, axis=0)
            phone_boundaries._FLOOR = np.maximum(_FLOOR, level)
        found = _CHANGE(samples, rate)
        phone_boundaries._FLOOR = _FLOOR
        return found

    def medians(
        begun: np.ndarray, grid: FrameGrid, found: np.ndarray, found_grid: FrameGrid
    ) -> np.ndarray:
        weights = found if exponent == 2 else np.maximum(found, 1e-6) ** (exponent / 2)
        return _MEDIANS(begun, grid, weights, found_grid)

    phones.spectral_change, phones.boundary_medians = change, medians


def times(aligner: Aligner, waveform: Waveform, text: str) -> np.ndarray:
    """Return start and end of each word, in ms."""
    words = aligner.align(waveform, text).words
    return 1000 * np.array([time for word in words for time in (word.start, word.end)])


def main() -> None:
    """Align each recording clean, then corrupted under each rule."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--encoder", help="pretrained encoder of the model, if it has one")
    parser.add_argument("--count", type=int, default=60, help="recordings")
    parser.add_argument("--condition", action="append", choices=CONDITIONS, help="may be repeated")
    options = parser.parse_args()
    aligner = load_aligner(options.model, options.encoder)
    rate = aligner.model.sample_rate
    utterances = [u for u in read_corpus(options.corpus) if u.problem is None]
    order = np.random.default_rng(0).permutation(len(utterances))[: options.count]
    chosen = [utterances[n] for n in order.tolist()]
    voices = Voices(utterances)
    conditions = options.condition or ["clean", "white 0 dB", "babble 5 dB", "reverb 0.5 s"]
    use(*RULES["today's"])
    reference = [times(aligner, u.waveform(rate), u.text) for u in chosen]
    print(f"{'rule':16s} " + " ".join(f"{condition:>16s}" for condition in conditions))
    for name, rule in RULES.items():
        use(*rule)
        cells = []
        for condition in conditions:
            off: list[float] = []
            for utterance, wanted in zip(chosen, reference):
                waveform = corrupted(utterance, rate, condition, voices)
                try:
                    off += np.abs(times(aligner, waveform, utterance.text) - wanted).tolist()
                except AlignmentError as error:
                    print(f"{utterance.id}: {error}")
            cells.append(f"{np.mean(off):8.1f} / {np.median(off):4.1f}")
        print(f"{name:16s} " + " ".join(f"{cell:>16s}" for cell in cells), flush=True)


if __name__ == "__main__":
    main()
