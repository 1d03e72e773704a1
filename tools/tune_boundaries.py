"""Choose the constants of the boundaries on speech whose boundaries are known.

    python tools/tune_boundaries.py --sentences MANIFEST.jsonl [--count 120]

The speech synthesiser flite (Debian package flite) speaks sentences in four voices and tells when
each phone begins and ends, so that no recording with boundaries set by hand is needed: those are
kept for measuring. Prints the error of word boundaries for each acoustic scale and exponent of the
spectral change, then for several weights of the feature streams. What was chosen stands in
`EnglishSphinx` and in `boundary_medians`.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np

import speechalign.aligners.phone_boundaries
from speechalign.aligners.aligner import Aligner
from speechalign.aligners.phone_boundaries import spectral_change
from speechalign.aligners.result import AlignedUtterance
from speechalign.alignment import Interval
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.frames import FrameGrid
from speechalign.kernels.edit_distance import edit_distance
from speechalign.models.hmm_gmm.english_sphinx import EnglishSphinx

VOICES = ("slt", "rms", "awb", "kal16")
SCALES = (0.1, 0.2, 0.3, 0.5, 1.0)
EXPONENTS = (0, 1, 2, 3, 4)
STREAM_WEIGHTS = ((1, 1, 1), (1, 0.7, 0.3), (1, 0.5, 0.5), (1, 0.5, 0.25), (1, 0.25, 0.25))

Spoken = list[tuple[Waveform, str, list[Interval]]]
# flite's symbols that the CMU dictionary writes otherwise.
SAME = {"AX": "AH", "AXR": "ER", "IX": "IH", "DX": "T", "NX": "N", "EL": "L", "EN": "N", "EM": "M"}


def synthesise(text: str, voice: str, path: Path) -> list[Interval]:
    """Speak a sentence into a file; return its phones with their times, pauses left out."""
    command = ["flite", "-voice", voice, "-psdur", "-t", text, "-o", str(path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    phones, start = [], 0.0
    for item in printed.split():
        name, _, end = item.partition(":")
        if name != "pau":
            phones.append(Interval(start, float(end), SAME.get(name.upper(), name.upper())))
        start = float(end)
    return phones


def errors(result: AlignedUtterance, truth: list[Interval]) -> list[float]:
    """Return the error of each word boundary whose phone both sides have, in seconds."""
    ours = [phone for word in result.words for phone in word.phones]
    ids = {label: n for n, label in enumerate(dict.fromkeys(p.label for p in truth + ours))}
    pairs = edit_distance(
        np.array([ids[phone.label] for phone in truth], np.int64),
        np.array([ids[phone.label] for phone in ours], np.int64),
    ).pairs
    partner = {j: truth[i] for i, j in pairs.tolist() if truth[i].label == ours[j].label}
    found, k = [], 0
    for word in result.words:
        last = k + len(word.phones) - 1
        if k in partner:
            found.append(ours[k].start - partner[k].start)
        if last in partner:
            found.append(ours[last].end - partner[last].end)
        k = last + 1
    return found


def summary(aligner: Aligner, spoken: Spoken) -> str:
    """Align everything; return mean and median error, and the share within 10 ms."""
    found = [e for wave, text, truth in spoken for e in errors(aligner.align(wave, text), truth)]
    size = 1000 * np.abs(found)
    within = 100 * np.mean(size <= 10)
    return f"{size.mean():7.2f}  {np.median(size):9.2f}  {within:11.1f} %"


def main() -> None:
    """Synthesise, align with every pair of constants, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=Path, required=True, help="JSONL with the key text")
    parser.add_argument("--count", type=int, default=120)
    options = parser.parse_args()
    lines = options.sentences.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["text"] for line in lines]
    texts = [text for text in texts if not re.search(r"[0-9.;:-]", text[:-1])]
    np.random.default_rng(1).shuffle(texts)
    aligner = Aligner()
    spoken: Spoken = []
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(texts[: options.count]):
            path = Path(folder) / f"{number}.wav"
            phones = synthesise(text, VOICES[number % len(VOICES)], path)
            spoken.append((read_waveform(path, sample_rate=16000), text, phones))
    print("scale  exponent  mean ms  median ms  within 10 ms")
    for scale in SCALES:
        aligner.model.acoustic_scale = scale
        for exponent in EXPONENTS:

            def powered(
                samples: np.ndarray, rate: int, exponent: int = exponent
            ) -> tuple[np.ndarray, FrameGrid]:
                change, grid = spectral_change(samples, rate)
                return change ** (exponent / 2), grid

            with patch.object(speechalign.aligners.phone_boundaries, "spectral_change", powered):
                print(f"{scale:5.1f}  {exponent:8d}  {summary(aligner, spoken)}")
    print("stream weights      mean ms  median ms  within 10 ms")
    for weights in STREAM_WEIGHTS:
        aligner = Aligner(EnglishSphinx(stream_weights=weights))
        print(f"{weights!s:18s}  {summary(aligner, spoken)}")


if __name__ == "__main__":
    main()
