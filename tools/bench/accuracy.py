"""Boundary errors of speechalign and pocketsphinx's own aligner against boundaries set by hand.

    python tools/bench/accuracy.py [--corpus DIR]

Nothing is fitted to the corpus: it only measures.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from peers import PEERS, timit_dev

from speechalign.alignment import Alignment, Interval
from speechalign.errors import SpeechAlignError
from speechalign.formats import read_alignment
from speechalign.metrics import report

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SPEECHALIGN_DATA", ROOT / "data"))

# TIMIT's 61 symbols in the 39 of the CMU dictionary; closures are part of the stop they precede.
_SAME = {
    "ax": "AH", "ax-h": "AH", "axr": "ER", "ix": "IH", "ux": "UW", "em": "M", "en": "N",
    "eng": "NG", "nx": "N", "el": "L", "hv": "HH", "dx": "T",
}  # fmt: skip
_CLOSURES = {"bcl": "b", "dcl": "d jh", "gcl": "g", "pcl": "p", "tcl": "t ch", "kcl": "k"}
_PAUSES = {"h#", "pau", "epi", "q"}


def dictionary_phones(gold: Alignment) -> Alignment:
    """Return the gold phones in the dictionary's symbols, with closures joined to their stops."""
    phones: list[Interval] = []
    pending: Interval | None = None
    for phone in gold.tiers["phones"]:
        if phone.label in _CLOSURES:
            pending = phone
            continue
        if phone.label not in _PAUSES:
            joined = (
                pending is not None
                and pending.end == phone.start
                and phone.label in _CLOSURES[pending.label].split()
            )
            start = pending.start if pending is not None and joined else phone.start
            label = _SAME.get(phone.label, phone.label.upper())
            phones.append(Interval(start, phone.end, label))
        pending = None
    return Alignment({"phones": phones}, gold.duration)


def main() -> None:
    """Align, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=DATA / "timit-dev")
    files = timit_dev(parser.parse_args().corpus)
    print(
        "aligner             tier    kind    n     mean  median  bias   p95    10    25    50   100"
        " ms  F1@20  recordings"
    )
    for name, load in PEERS.items():
        align = load()
        pairs: dict[str, dict[str, tuple[Alignment, Alignment | None]]] = {
            "words": {},
            "phones": {},
        }
        for audio, text, gold_path in files:
            gold = read_alignment(gold_path)
            try:
                found: Alignment | None = align(audio, text)
            except SpeechAlignError as error:
                print(f"{audio}: {error}")
                found = None
            pairs["words"][str(audio)] = (gold, found)
            if found is None or "phones" in found.tiers:
                pairs["phones"][str(audio)] = (dictionary_phones(gold), found)
        for tier, by_recording in pairs.items():
            if not by_recording:
                continue
            total = report(by_recording, tier=tier).pooled
            for kind in ("start", "end", "both"):
                errors = getattr(total, kind)
                shares = " ".join(f"{100 * share:5.1f}" for share in errors.within.values())
                print(
                    f"{name:19s} {tier:7s} {kind:5s} {errors.n:5d}  {1000 * errors.mean:5.2f}  "
                    f"{1000 * errors.median:5.2f}  {1000 * errors.bias:5.2f}  "
                    f"{1000 * errors.p95:5.1f}  {shares}     {errors.f1:.3f}  "
                    f"{total.hypothesis_recordings}/{total.reference_recordings}"
                )
        print(total.signature)


if __name__ == "__main__":
    main()
