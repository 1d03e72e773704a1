"""How often the credible intervals of boundaries hold the boundaries that were set by hand.

    python tools/bench/intervals.py CORPUS [CORPUS ...] --model NAME [--model NAME ...]
        [--encoder DIR] [--language CODE] [--exclude SPEAKER ...] [--tier words] [--count N]
        [--plot FILE.png]
    python tools/bench/intervals.py --synthetic MANIFEST.jsonl --model NAME

CORPUS has ``corpus/SPEAKER/*.flac`` with a .lab beside each, and ``gold/SPEAKER/*.TextGrid``.
Words are compared, or phones whose labels are the same. Of each model and corpus it prints how many
boundaries there are, the share inside the 50 and the 90 % interval with its 95 % confidence
interval (bootstrap over recordings), the mean width of the intervals, and the shares by fifths of
the width. ``--plot`` draws these. ``--synthetic`` lets flite speak the sentences of a manifest,
whose times are exact.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from accuracy import dictionary_phones
from robustness import load_aligner

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.aligners.result import AlignedUtterance
from speechalign.alignment import Interval
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError
from speechalign.formats import read_alignment
from speechalign.kernels.edit_distance import edit_distance
from speechalign.text.word import bare

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tune_boundaries import VOICES, synthesise

Item = tuple[str, Waveform, str, list[Interval]]
"""Recording, its sound, its transcript, and its words or phones by hand."""


@dataclass
class Held:
    """What became of the boundaries of one recording: inside 50 and 90 %, and widths in seconds."""

    inside: np.ndarray
    widths: np.ndarray


def by_hand(folder: Path, tier: str, rate: int, exclude: Sequence[str]) -> Iterator[Item]:
    """Yield the recordings of a corpus with gold."""
    for audio in sorted((folder / "corpus").rglob("*.flac")):
        if audio.parent.name in exclude:
            continue
        path = (folder / "gold" / audio.relative_to(folder / "corpus")).with_suffix(".TextGrid")
        gold = read_alignment(path)
        wanted = gold if tier == "words" else dictionary_phones(gold)
        text = audio.with_suffix(".lab").read_text(encoding="utf-8")
        yield str(audio), read_waveform(audio, sample_rate=rate), text, [*wanted.tiers[tier]]


def synthetic(manifest: Path, rate: int, count: int) -> Iterator[Item]:
    """Yield sentences that flite speaks, with the times of its phones."""
    texts = [json.loads(line)["text"] for line in manifest.read_text("utf-8").splitlines()]
    texts = [text for text in texts if not re.search(r"[0-9.;:-]", text[:-1])]
    np.random.default_rng(1).shuffle(texts)
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts[:count]):
            path = Path(folder) / f"{number}.wav"
            phones = synthesise(text, VOICES[number % len(VOICES)], path)
            yield str(number), read_waveform(path, sample_rate=rate), text, phones


def held(result: AlignedUtterance, truth: Sequence[Interval], tier: str) -> Held:
    """Look at each boundary once that both sides have."""
    words = tier == "words"
    ours = [part for word in result.said for part in ((word.interval,) if words else word.phones)]
    names = [[bare(i.label).lower() if words else i.label for i in own] for own in (truth, ours)]
    ids = {label: n for n, label in enumerate(dict.fromkeys([*names[0], *names[1]]))}
    left, right = (np.array([ids[name] for name in own], np.int64) for own in names)
    inside, widths = {}, {}
    for i, j in edit_distance(left, right).pairs.tolist():
        if left[i] != right[j]:
            continue
        true, own = truth[i], ours[j]
        for at, half, most, time in (
            (own.start, own.start_50, own.start_90, true.start),
            (own.end, own.end_50, own.end_90, true.end),
        ):
            if half is not None and most is not None:
                key = (at, time)
                inside[key] = [low <= time <= high for low, high in (half, most)]
                widths[key] = [high - low for low, high in (half, most)]
    return Held(
        np.array([*inside.values()], bool).reshape(-1, 2),
        np.array([*widths.values()]).reshape(-1, 2),
    )


def measure(aligner: Aligner, items: Iterator[Item], tier: str) -> list[Held]:
    """Align everything."""
    found = []
    for name, waveform, text, truth in items:
        try:
            found.append(held(aligner.align(waveform, text), truth, tier))
        except AlignmentError as error:
            print(f"{name}: {error}")
    return found


def summary(found: Sequence[Held]) -> str:
    """Return the figures of a model on a corpus as a line, with shares by fifths of the width."""
    inside = np.concatenate([own.inside for own in found])
    widths = np.concatenate([own.widths for own in found])
    sums = np.array([[*own.inside.sum(axis=0), len(own.inside)] for own in found], float)
    rng = np.random.default_rng(0)
    drawn = sums[rng.integers(len(sums), size=(2000, len(sums)))].sum(axis=1)
    low, high = np.quantile(100 * drawn[:, :2] / drawn[:, 2:], [0.025, 0.975], axis=0)
    cells = [f"{len(inside):5d}"]
    for n, nominal in enumerate((50, 90)):
        share = 100 * inside[:, n].mean()
        cells.append(
            f"{nominal} %: {share:5.1f} ({low[n]:.1f} to {high[n]:.1f}), "
            f"{1000 * widths[:, n].mean():4.0f} ms, "
            + " ".join(f"{100 * share:.0f}" for _, share in by_width(inside[:, n], widths[:, n]))
        )
    return "   ".join(cells)


def by_width(inside: np.ndarray, widths: np.ndarray) -> list[tuple[float, float]]:
    """Return the mean width and the share inside of each fifth of the boundaries, by width."""
    parts = np.array_split(np.argsort(widths, kind="stable"), 5)
    return [(float(widths[part].mean()), float(inside[part].mean())) for part in parts]


def draw(results: Mapping[str, Sequence[Held]], path: Path) -> None:
    """Draw the shares inside by fifths of the width, a panel for each level."""
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained", sharey=True)
    for level, (axes, nominal) in enumerate(zip(panels, (50, 90))):
        for name, found in results.items():
            inside = np.concatenate([own.inside for own in found])[:, level]
            widths = np.concatenate([own.widths for own in found])[:, level]
            points = by_width(inside, widths)
            axes.plot(
                [1000 * width for width, _ in points],
                [100 * share for _, share in points],
                marker="o",
                markersize=4,
                label=f"{name}: {100 * inside.mean():.1f} %",
            )
        axes.axhline(nominal, color="0.6", linewidth=1, zorder=0)
        axes.set(
            title=f"{nominal} % intervals",
            xlabel="mean width of the interval, ms (fifths of the boundaries)",
            xscale="log",
            ylim=(0, 101),
        )
        ticks = (10, 20, 50, 100, 200) if level == 0 else (30, 50, 100, 200, 500)
        axes.set_xticks(ticks, [f"{tick}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.legend(fontsize="small")
    panels[0].set_ylabel("boundaries set by hand inside, %")
    figure.savefig(path, dpi=120)


def main() -> None:
    """Align, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpora", type=Path, nargs="*")
    parser.add_argument("--synthetic", type=Path, help="manifest whose sentences flite speaks")
    parser.add_argument("--model", action="append", help="may be repeated")
    parser.add_argument("--encoder", help="pretrained encoder of the models that have one")
    parser.add_argument("--language", help="of the corpora, for a model of several")
    parser.add_argument("--exclude", action="append", default=[], help="speaker; may be repeated")
    parser.add_argument("--tier", choices=("words", "phones"), default="words")
    parser.add_argument("--count", type=int, default=120, help="sentences of --synthetic")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    results = {}
    for name in options.model or [DEFAULT_MODEL]:
        model = load_aligner(name, options.encoder).model
        aligner = Aligner(model, posteriors=["intervals"], language=options.language)
        rate = aligner.model.sample_rate
        sets = {
            folder.name: (by_hand(folder, options.tier, rate, options.exclude), options.tier)
            for folder in options.corpora
        }
        if options.synthetic is not None:
            sets["flite"] = (synthetic(options.synthetic, rate, options.count), "phones")
        for corpus, (items, tier) in sets.items():
            results[f"{name}, {corpus}"] = found = measure(aligner, items, tier)
            print(f"{name:18s} {corpus:12s} {tier:6s} {summary(found)}", flush=True)
    if options.plot is not None:
        draw(results, options.plot)


if __name__ == "__main__":
    main()
