"""Choose the penalties of what departs from a text, on constructed recordings.

    PYTHONPATH=. python tools/tune_misfits.py --data FOLDER [--model NAME] [--minutes 5]
        [--seconds 15] [--try sound=1.2,insertion=-30 ...]

FOLDER has ``cmu_arctic``, whose two speakers read, ``speechocean762`` and ``an4``, who say what is
not in the text. `tools/bench/long.py` measures on ``cathy`` and other prompts. Each ``--try``
changes some of the penalties; prints what is found with each. What was chosen stands in
`speechalign.aligners.phone_misfits`, and in `speechalign.aligners.ctc_misfits` for CTC models.
"""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))

from misfit_recordings import RATE, Misfitting, alone, judged, misfitting, prompts

from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner


def recordings(data: Path, minutes: float, seconds: float) -> list[Misfitting]:
    """Make one recording of each speaker."""
    made = []
    for seed, (reader, stranger) in enumerate((("bdl", "speechocean762"), ("slt", "an4")), 1):
        pool = prompts(data, "cmu_arctic", below=reader)
        pool = pool[97 * seed :] + pool[: 97 * seed]
        others = prompts(data, stranger)
        made.append(misfitting(pool, others, minutes=minutes, seconds=seconds, seed=seed))
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--try", dest="changes", nargs="*", default=[""])
    parser.add_argument("--verbose", action="store_true", help="print each word that is wrong")
    options = parser.parse_args()
    plain = Aligner(options.model)
    aligner = Aligner(plain.model, allow=("skips", "repeats", "insertions"))
    usual = aligner._aligner.penalties
    for made in recordings(options.data, options.minutes, options.seconds):
        references = alone(made, plain)
        for change in options.changes:
            values = dict(pair.split("=") for pair in change.split(",") if pair)
            tried = replace(usual, **{name: float(value) for name, value in values.items()})
            aligner._aligner.penalties = tried
            began = os.times().user
            result = aligner.align(made.samples, made.text, sample_rate=RATE)
            found = judged(made, result, references)
            print(f"{change or 'as chosen'}: {os.times().user - began:.1f} s user\n{found}")
            if options.verbose:
                print(*found.wrong, sep="\n")


if __name__ == "__main__":
    main()
