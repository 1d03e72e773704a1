"""Boundary errors of models on IPA transcripts, for all languages together and for each.

    python tools/bench/universal.py --corpus CORPUS --gold GOLD --model universal [--encoder DIR]
        [--model english-sphinx] [--language CODE --phones NAME] [--json FILE]

CORPUS has a folder for each language, whose transcripts are IPA; GOLD has the TextGrids. Errors are
those of the boundaries of phones with equal labels, and of words; the column for 20 ms is the F1 of
boundaries with their labels.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from speechalign.aligners.aligner import Aligner  # noqa: E402
from speechalign.metrics import compare_alignments  # noqa: E402
from speechalign.models import load_model  # noqa: E402
from speechalign.pipeline.align_corpus import align_corpus  # noqa: E402


def main() -> None:
    """Align, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--gold", type=Path, required=True)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--encoder")
    parser.add_argument("--language")
    parser.add_argument("--phones")
    parser.add_argument("--by-language", action="store_true", help="A row for each folder.")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(
        "model       tier    set         n     mean  median   10    20    50 ms  aligned doubtful"
    )
    results = []
    for name in options.model:
        aligner = Aligner(
            load_model(name, encoder=options.encoder) if options.encoder else load_model(name),
            language=options.language,
            phones=options.phones,
        )
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder)
            done = align_corpus(options.corpus, aligner, out, jobs=1)
            counts = {status: 0 for status in ("aligned", "doubtful")}
            for result in done:
                counts[result.status.value] = counts.get(result.status.value, 0) + 1
            sets = [("all", options.gold, out)]
            if options.by_language:
                sets += [
                    (path.name, path, out / path.name)
                    for path in sorted(options.gold.iterdir()) if (out / path.name).is_dir()
                ]  # fmt: skip
            for tier in ("phones", "words"):
                for label, gold, found in sets:
                    row = _row(gold, found, tier)
                    results.append({"model": name, "tier": tier, "set": label, **row, **counts})
                    told = f"{counts['aligned']:7} {counts['doubtful']:8}" if label == "all" else ""
                    print(
                        f"{Path(name).name[:11]:11} {tier:7} {label:9} {row['n']:6} "
                        f"{row['mean']:8.1f} {row['median']:7.1f} {row['10']:5.1f} "
                        f"{row['20']:5.1f} {row['50']:5.1f}     {told}",
                        flush=True,
                    )
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n")


def _row(gold: Path, found: Path, tier: str) -> dict[str, float | None]:
    scored = compare_alignments(gold, found, tier=tier).pooled.both
    return {
        "n": scored.n,
        "mean": 1000 * scored.mean,
        "median": 1000 * scored.median,
        "10": 100 * scored.within[0.01],
        "20": 100 * scored.f1,
        "50": 100 * scored.within[0.05],
    }


if __name__ == "__main__":
    main()
