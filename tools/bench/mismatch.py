"""How often a transcript that belongs to another recording is noticed, and a right one doubted.

    python tools/bench/mismatch.py MANIFEST.jsonl [MANIFEST.jsonl ...] [--count 200]

A pair is noticed when it is refused, or ``doubtful``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from speechalign.aligners.aligner import Aligner
from speechalign.audio.waveform import Waveform, read_waveform
from speechalign.errors import AlignmentError
from speechalign.pipeline.judgement import judge
from speechalign.pipeline.result import Status


def noticed(aligner: Aligner, waveform: Waveform, text: str) -> bool:
    """Return whether a pair of recording and transcript is refused or doubted."""
    try:
        result = aligner.align(waveform, text)
    except AlignmentError:
        return True
    return judge(result.confidence, result.words, result.unit)[0] is Status.DOUBTFUL


def main() -> None:
    """Align each recording with its own and with the next one's transcript; count."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--count", type=int, default=200, help="recordings of each manifest")
    options = parser.parse_args()
    aligner = Aligner()
    for manifest in options.manifests:
        rows = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
        np.random.default_rng(2).shuffle(rows)
        rows = rows[: options.count]
        right, wrong = [], []
        for row, other in zip(rows, rows[1:] + rows[:1]):
            if row["text"] == other["text"]:
                continue
            path = manifest.parent / row["audio_filepath"]
            waveform = read_waveform(path, sample_rate=aligner.model.sample_rate)
            right.append(noticed(aligner, waveform, row["text"]))
            wrong.append(noticed(aligner, waveform, other["text"]))
        print(
            f"{manifest}: {len(right)} recordings; noticed: {100 * np.mean(wrong):.1f} % of wrong "
            f"transcripts, {100 * np.mean(right):.1f} % of right ones"
        )


if __name__ == "__main__":
    main()
