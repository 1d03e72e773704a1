"""Boundary errors of models on clean and corrupted copies of recordings with gold boundaries.

    python tools/bench/robustness.py --corpus DIR --gold DIR [--model NAME ...] [--json FILE]
        [--plot FILE.png] [--voices DIR] [--condition NAME ...] [--language CODE]
        [--encoder DIR]

CORPUS is any corpus that `speechalign align` takes, GOLD a tree of alignments with a tier `words`.
Each corruption is drawn from the id of the utterance, so that all models get the same samples.
Babble is mixed from six recordings of other speakers: of VOICES, a corpus, or of CORPUS itself.
Nothing is fitted to the corpus: this only measures.
"""

from __future__ import annotations

import argparse
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.alignment import Alignment
from speechalign.audio import augmentation
from speechalign.audio.waveform import Waveform
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError, SpeechAlignError
from speechalign.formats.tree import read_tree
from speechalign.metrics import report
from speechalign.metrics.boundaries import BoundaryScore
from speechalign.models import load_model
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.result import Status

_VOICES = 6
_SNRS = {"white": (20, 10, 0), "pink": (5,), "babble": (10, 5, 0)}

Corrupt = Callable[[np.ndarray, int, np.random.Generator, Sequence[np.ndarray]], np.ndarray]


def _noise(kind: str, snr: float) -> Corrupt:
    def corrupt(
        samples: np.ndarray,
        rate: int,  # noqa: ARG001
        rng: np.random.Generator,
        voices: Sequence[np.ndarray],
    ) -> np.ndarray:
        count = len(samples)
        if kind == "white":
            noise = augmentation.white_noise(count, rng)
        elif kind == "pink":
            noise = augmentation.pink_noise(count, rng)
        else:
            noise = augmentation.babble(voices, count, rng)
        return augmentation.add_noise(samples, noise, snr)

    return corrupt


def _room(seconds: float) -> Corrupt:
    return lambda samples, rate, rng, _: augmentation.reverberate(samples, seconds, rate, rng)


CONDITIONS: Mapping[str, Corrupt] = {
    "clean": lambda samples, *_: samples,
    **{f"{kind} {snr} dB": _noise(kind, snr) for kind, levels in _SNRS.items() for snr in levels},
    **{f"reverb {seconds} s": _room(seconds) for seconds in (0.3, 0.5, 0.8)},
    "telephone": lambda samples, rate, *_: augmentation.telephone(samples, rate),
    "clipping": lambda samples, *_: augmentation.clip(samples, 0.1),
    "mp3 16 kbit/s": lambda samples, rate, *_: augmentation.mp3(samples, rate),
}
"""By name: what is done to the samples, given the rate, a generator and voices for babble."""


class Voices:
    """Recordings for babble.

    Parameters
    ----------
    utterances : Sequence[Utterance]
        What there is to choose from.
    """

    def __init__(self, utterances: Sequence[Utterance]) -> None:
        self._utterances = [u for u in utterances if u.problem is None]

    def draw(self, speaker: str | None, rate: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Return recordings of six others, or as many as there are."""
        others = [u for u in self._utterances if u.speaker != speaker]
        chosen = rng.permutation(len(others))[:_VOICES]
        return [others[i].waveform(rate).samples for i in chosen]


def corrupted(utterance: Utterance, rate: int, condition: str, voices: Voices) -> Waveform:
    """Return the waveform of an utterance under a condition, at a sample rate in Hz."""
    waveform = utterance.waveform(rate)
    rng = np.random.default_rng(zlib.crc32(f"{utterance.id} {condition}".encode()))
    mixed = voices.draw(utterance.speaker, rate, rng) if "babble" in condition else []
    samples = CONDITIONS[condition](waveform.samples, rate, rng, mixed)
    return replace(waveform, samples=samples)


def measure(
    aligner: Aligner,
    utterances: Sequence[Utterance],
    gold: Mapping[str, Alignment],
    condition: str,
    voices: Voices,
) -> tuple[BoundaryScore, float]:
    """Return the boundary errors under a condition, and the share of utterances in doubt."""
    pairs: dict[str, tuple[Alignment, Alignment | None]] = {}
    doubtful = 0
    for utterance in utterances:
        waveform = corrupted(utterance, aligner.model.sample_rate, condition, voices)
        found = _align(aligner, waveform, utterance)
        pairs[utterance.recording] = (gold[utterance.recording], found and found[0])
        doubtful += found is None or found[1]
    return report(pairs, tier="words").pooled, doubtful / len(utterances)


def _align(
    aligner: Aligner, waveform: Waveform, utterance: Utterance
) -> tuple[Alignment, bool] | None:
    try:
        result = aligner.align(waveform, utterance.text)
    except SpeechAlignError as error:
        print(f"{utterance.id}: {error}")
        return None
    return result.alignment, judge(result)[0] is Status.DOUBTFUL


def load_aligner(name: str, encoder: str | None, language: str | None = None) -> Aligner:
    """Load a model, with its encoder if it has one."""
    try:
        return Aligner(load_model(name, encoder=encoder), language=language)
    except InputError as error:
        if "takes no encoder" not in str(error):
            raise
        return Aligner(name, language=language)


def plot(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Draw mean error against signal-to-noise ratio, a panel for each kind of noise."""
    from matplotlib.figure import Figure

    kinds = {"white": (20, 10, 0), "babble": (10, 5, 0)}
    figure = Figure(figsize=(9, 4), layout="constrained")
    models = list(dict.fromkeys(str(row["model"]) for row in rows))
    values = {(row["model"], row["condition"]): row["mean_ms"] for row in rows}
    for axes, (kind, levels) in zip(figure.subplots(1, len(kinds), sharey=True), kinds.items()):
        for model in models:
            conditions = ["clean", *(f"{kind} {level} dB" for level in levels)]
            heights = [values.get((model, condition)) for condition in conditions]
            if None not in heights:
                axes.plot(range(len(heights)), heights, marker="o", label=model)
        axes.set_xticks(range(len(levels) + 1), ["clean", *(f"{level} dB" for level in levels)])
        axes.set_xlabel(f"{kind} noise, signal-to-noise ratio")
        axes.grid(alpha=0.3)
    figure.axes[0].set_ylabel("mean boundary error of words, ms")
    figure.axes[0].set_ylim(bottom=0)
    figure.axes[0].legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    """Align under every condition, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--model", action="append", help="may be repeated")
    parser.add_argument("--language", help="that of the corpus, for a model that reads several")
    parser.add_argument("--condition", action="append", choices=CONDITIONS, help="may be repeated")
    parser.add_argument("--voices", type=Path, help="corpus that babble is mixed from")
    parser.add_argument("--encoder", help="pretrained encoder of the models that have one")
    parser.add_argument("--json", type=Path, help="file for every figure")
    parser.add_argument("--plot", type=Path, help="picture of error against noise")
    options = parser.parse_args()
    utterances = read_corpus(options.corpus)
    gold = read_tree(options.gold).alignments
    utterances = [u for u in utterances if u.problem is None and u.recording in gold]
    if not utterances:
        parser.error(f"{options.gold}: has no alignment of a recording of {options.corpus}")
    voices = Voices(read_corpus(options.voices) if options.voices else utterances)
    rows: list[dict[str, object]] = []
    print(f"{'model':20s} {'condition':15s}  mean  median  bias    p95  doubtful  words, ms")
    for name in options.model or [DEFAULT_MODEL]:
        aligner = load_aligner(name, options.encoder, options.language)
        for condition in options.condition or CONDITIONS:
            score, doubtful = measure(aligner, utterances, gold, condition, voices)
            both = score.both
            rows.append(
                {
                    "model": name,
                    "condition": condition,
                    "mean_ms": 1000 * both.mean,
                    "median_ms": 1000 * both.median,
                    "doubtful": doubtful,
                    "score": asdict(score),
                }
            )
            print(
                f"{name:20s} {condition:15s} {1000 * both.mean:5.1f}  {1000 * both.median:5.1f}  "
                f"{1000 * both.bias:5.1f}  {1000 * both.p95:5.1f}  {100 * doubtful:5.1f} %",
                flush=True,
            )
    print(score.signature)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    if options.plot:
        plot(rows, options.plot)


if __name__ == "__main__":
    main()
