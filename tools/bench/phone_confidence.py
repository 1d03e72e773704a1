"""How well posterior and goodness of pronunciation tell said phones from substituted ones.

    python tools/bench/phone_confidence.py MANIFEST.jsonl [--model NAME ...] [--encoder DIR]
        [--count 100]

Each recording is aligned as it was read, and once more with a dictionary in which another phone
stands in place of one of a word. Prints the probability that a phone that was said scores more than
a substituted one (area under ROC), with its 95 % confidence interval (bootstrap over recordings).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from robustness import load_aligner

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner
from speechalign.alignment import Interval
from speechalign.corpus import read_corpus
from speechalign.errors import AlignmentError

Pair = tuple[list[Interval], Interval]
"""Phones of a recording as it was read, and the substituted one."""


def substituted(aligner: Aligner, manifest: Path, count: int, folder: Path) -> list[Pair]:
    """Align recordings twice."""
    rng = np.random.default_rng(0)
    utterances = [u for u in read_corpus(manifest) if u.problem is None]
    found = []
    for number in rng.permutation(len(utterances))[:count].tolist():
        waveform = utterances[number].waveform(aligner.model.sample_rate)
        text = utterances[number].text
        try:
            right = aligner.align(waveform, text)
            phones = [phone for word in right.words for phone in word.phones]
            names = sorted({phone.label for phone in phones if phone.goodness is not None})
            usable = [
                n for n, word in enumerate(right.words)
                if len(word.spoken) == 1 and len(word.phones) > 2 and not word.is_any_sound
            ]  # fmt: skip
            if not usable or len(names) < 2:
                continue
            at = int(rng.choice(usable))
            word = right.words[at]
            said = [phone.label for phone in word.phones]
            place = int(rng.integers(len(said)))
            said[place] = str(rng.choice([name for name in names if name != said[place]]))
            (folder / "own.dict").write_text(f"{word.spoken[0]}\t{' '.join(said)}\n", "utf-8")
            other = Aligner(
                aligner.model, dictionary=folder / "own.dict", posteriors=["phone-confidence"]
            )
            wrong = other.align(waveform, text).words[at]
        except AlignmentError as error:
            print(f"{utterances[number].id}: {error}")
            continue
        if [phone.label for phone in wrong.phones] == said:
            found.append((phones, wrong.phones[place]))
    return found


def area(right: np.ndarray, wrong: np.ndarray) -> float:
    """Return the probability that the first is greater, ties counting half."""
    order = np.sort(right)
    below = np.searchsorted(order, wrong, side="left")
    at = np.searchsorted(order, wrong, side="right") - below
    return float(1 - np.mean((below + at / 2) / len(right)))


def main() -> None:
    """Align, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--model", action="append", help="may be repeated")
    parser.add_argument("--encoder", help="pretrained encoder of the models that have one")
    parser.add_argument("--count", type=int, default=100, help="recordings")
    options = parser.parse_args()
    for name in options.model or [DEFAULT_MODEL]:
        model = load_aligner(name, options.encoder).model
        aligner = Aligner(model, posteriors=["phone-confidence"])
        with tempfile.TemporaryDirectory() as folder:
            pairs = substituted(aligner, options.manifest, options.count, Path(folder))
        cells = []
        for what in ("confidence", "goodness"):
            wrong = np.array([getattr(phone, what) for _, phone in pairs])
            right = [
                np.array([v for phone in phones if (v := getattr(phone, what)) is not None])
                for phones, _ in pairs
            ]
            rng = np.random.default_rng(0)
            drawn = [
                area(np.concatenate([right[n] for n in chosen]), wrong[chosen])
                for chosen in rng.integers(len(pairs), size=(300, len(pairs)))
            ]
            low, high = np.quantile(drawn, [0.025, 0.975])
            whole = area(np.concatenate(right), wrong)
            cells.append(f"{what} {whole:.3f} ({low:.3f} to {high:.3f})")
        print(f"{name:18s} {len(pairs)} substituted; AUC: {', '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
