"""Time, memory and errors on recordings of hours, and on texts that do not fit them.

    PYTHONPATH=. python tools/bench/long.py time --data FOLDER --minutes 10 60 180 [--compare]
        [--full]
    PYTHONPATH=. python tools/bench/long.py misfits --data FOLDER --minutes 30 [--model NAME]

FOLDER has ``cathy`` and ``cmu_arctic``, each with a ``manifest.jsonl``. Recordings are their
prompts, with pauses of 0.1 to 1.2 s, and the text of all of them as one. ``time`` aligns each
length in a process of its own, and prints user CPU time, memory beside the decoded audio, and
how many words begin and end within 50 ms of the same prompts aligned one by one (``--compare``),
and whether the search of all paths finds the same times to the bit (``--full``). ``misfits``
leaves out every 20th prompt of the text and another of the audio, says ten prompts again, swaps
two paragraphs, puts in two minutes each of other speech, of noise and of music, and prints what
was found of it. The load of the machine is printed beside.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
from misfit_recordings import RATE, Prompt, alone, joined, judged, misfitting, prompts

from speechalign.aligners import search
from speechalign.aligners.aligner import DEFAULT_MODEL, Aligner


def one_by_one(aligner: Aligner, used: list[Prompt], places: list[tuple[int, int]]) -> np.ndarray:
    """Return start and end of each word of prompts that were aligned alone, seconds."""
    rows = []
    for prompt, (begin, _) in zip(used, places):
        found = aligner.align(prompt.samples(), prompt.text, sample_rate=RATE)
        rows += [(begin / RATE + word.start, begin / RATE + word.end) for word in found]
    return np.array(rows)


def memory() -> float:
    """Return the highest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def built(data: Path, minutes: float) -> tuple[np.ndarray, list[Prompt], list[tuple[int, int]]]:
    """Return a recording of prompts with pauses, the prompts, and the samples where each is."""
    rng = np.random.default_rng(0)
    pool = prompts(data, "cathy", "cmu_arctic")
    used, parts, total = [], [], 0.0
    for prompt in pool:
        if total >= 60 * minutes:
            break
        parts.append(prompt.samples())
        used.append(prompt)
        total += len(parts[-1]) / RATE + 0.65
    samples, places = joined(rng, parts)
    return samples, used, places


def measure(data: Path, minutes: float, *, compare: bool, full: bool) -> None:
    """Align one recording; print time, memory and differences."""
    samples, used, places = built(data, minutes)
    text = "\n".join(prompt.text for prompt in used)
    aligner = Aligner()
    aligner.align(used[0].samples(), used[0].text, sample_rate=RATE)
    before, began = memory(), os.times().user
    found = aligner.align(samples, text, sample_rate=RATE)
    user, peak = os.times().user - began, memory() - before
    line = (
        f"{len(samples) / RATE / 60:.1f} min, {len(found)} words: {user:.1f} s user, "
        f"{peak:.0f} MB more, {found.search}, load {os.getloadavg()[0]:.1f}"
    )
    if full:
        with patch.object(search, "_FULL", math.inf):
            whole = aligner.align(samples, text, sample_rate=RATE)
        same = whole.words == found.words
        line += f"; {whole.search.method} search: {'the same' if same else 'other'} words and times"
    if compare:
        alone = one_by_one(aligner, used, places)
        times = np.array([(word.start, word.end) for word in found])
        near = (np.abs(times - alone) < 0.05).all(axis=1).mean()
        line += f"; within 50 ms of prompts alone: {100 * near:.2f} % of words"
    print(line, flush=True)


def misfits(data: Path, minutes: float, seconds: float, model: str) -> None:
    """Align a recording with a text that does not fit it; print what was found."""
    made = misfitting(
        prompts(data, "cathy"),
        prompts(data, "cmu_arctic"),
        minutes=minutes,
        seconds=seconds,
        seed=1,
    )
    aligner = Aligner(model, allow=("skips", "repeats", "insertions"))
    began = os.times().user
    found = aligner.align(made.samples, made.text, sample_rate=RATE)
    print(
        f"{model}, {len(made.samples) / RATE / 60:.1f} min: {os.times().user - began:.1f} s user, "
        f"{found.search}, load {os.getloadavg()[0]:.1f}"
    )
    print(judged(made, found, alone(made, Aligner(aligner.model))))


def main() -> None:
    """Run a measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("time", "misfits"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0])
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--model", default=DEFAULT_MODEL, help="of misfits")
    parser.add_argument("--compare", action="store_true", help="with prompts alone")
    parser.add_argument("--full", action="store_true", help="with the search of all paths, too")
    options = parser.parse_args()
    if options.what == "misfits":
        misfits(options.data, options.minutes[0], options.seconds, options.model)
    elif len(options.minutes) == 1:
        measure(options.data, options.minutes[0], compare=options.compare, full=options.full)
    else:
        for minutes in options.minutes:
            subprocess.run(
                [sys.executable, __file__, "time", "--data", options.data, "--minutes",
                 str(minutes), *["--compare"] * options.compare, *["--full"] * options.full],
                check=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
