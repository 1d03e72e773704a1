"""Aligners of others on long recordings, beside speechalign: time, memory and errors.

    PYTHONPATH=. python tools/bench/long_peers.py --data FOLDER --minutes 10 [--environments DIR]
        [--peers NAME ...]

Recordings are those of `long.py time`. Aligners of labels get the same emissions of
`english-ctc-small`, and the first shortest pronunciation of each word; their time is that of the
search alone. Each runs in a process of its own. Printed are user CPU seconds, memory beside the
arguments, the share of words that lie within their prompt (to 0.1 s; known, as the recording is put
together), and the median and the share within 0.1 s of how far words begin from where `english`
has them in each prompt alone. ``aeneas`` (tools/rivals) needs ``--environments``.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import soundfile
from long import built, one_by_one
from misfit_recordings import RATE

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.long_form import align_long
from speechalign.audio.waveform import Waveform
from speechalign.emissions import Emissions
from speechalign.formats import read_alignment
from speechalign.frames import FrameGrid
from speechalign.models import CtcModel
from speechalign.pronunciation.spelling import load_speller
from speechalign.vocabulary import Vocabulary

MODEL, REFERENCE = "english-ctc-small", "english"
_RIVALS = Path(__file__).resolve().parents[1] / "rivals"
_NEAR = 0.1
_COUNTED = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime, used.ru_maxrss)
"""

Words = list[list[int]]


def ours(log_probs: np.ndarray, words: Words, blank: int, frame: float) -> np.ndarray:
    """Return start and end of each word by `align_long`, seconds."""
    symbols = [str(v) for v in range(log_probs.shape[1])]
    grid = FrameGrid(RATE, round(frame * RATE))
    vocabulary = Vocabulary(symbols, blank=symbols[blank])
    emissions = Emissions(log_probs[None], np.array([len(log_probs)]), grid, vocabulary)
    return np.array([(word.start, word.end) for word in align_long(emissions, words).words])


def torchaudio(log_probs: np.ndarray, words: Words, blank: int, frame: float) -> np.ndarray:
    """Return start and end of each word by `forced_align`, seconds."""
    import torch
    from torchaudio.functional import forced_align, merge_tokens

    torch.set_num_threads(1)
    targets = torch.tensor([[label for word in words for label in word]])
    labels, scores = forced_align(torch.from_numpy(log_probs)[None], targets, blank=blank)
    spans = merge_tokens(labels[0], scores[0], blank=blank)
    edges = np.append(0, np.cumsum([len(word) for word in words]))
    return frame * np.array(
        [(spans[a].start, spans[b - 1].end) for a, b in pairwise(edges)], np.float64
    )


def ctc_segmentation(log_probs: np.ndarray, words: Words, blank: int, frame: float) -> np.ndarray:
    """Return start and end of each word by ctc-segmentation, seconds; each word an utterance."""
    import ctc_segmentation as peer

    config = peer.CtcSegmentationParameters(char_list=[str(v) for v in range(log_probs.shape[1])])
    config.blank, config.index_duration = blank, frame
    text, begins = peer.prepare_token_list(config, [np.array(word) for word in words])
    timings, _, _ = peer.ctc_segmentation(config, log_probs, text)
    firsts = np.array(begins[:-1]) + 1
    lasts = firsts + np.array([len(word) for word in words]) - 1
    return np.stack([timings[firsts], timings[lasts] + frame], axis=1)


SEARCHES: dict[str, Callable[[np.ndarray, Words, int, float], np.ndarray]] = {
    "speechalign": ours,
    "torchaudio": torchaudio,
    "ctc-segmentation": ctc_segmentation,
}


def highest() -> int:
    """Return the highest memory of this process, bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


def search(name: str, folder: Path) -> None:
    """Run one aligner of labels on the emissions in a folder; leave times, print what it took."""
    problem = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    log_probs = np.load(folder / "emissions.npy")
    run = SEARCHES[name]
    blank, frame = problem["blank"], problem["frame"]
    run(log_probs[:200], problem["words"][:1], blank, frame)  # compiles, imports
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest memory so far
    before = highest()
    began = os.times().user
    times = run(log_probs, problem["words"], blank, frame)
    took = os.times().user - began
    np.save(folder / f"{name}.npy", times)
    print(json.dumps({"seconds": took, "bytes": highest() - before}))


def phones(folder: Path, samples: np.ndarray, text: str) -> tuple[str, str]:
    """Align by the default model in this process; return what it took."""
    aligner = Aligner()
    aligner.align(samples[: 3 * RATE], " ".join(text.split()[:3]), sample_rate=RATE)
    Path("/proc/self/clear_refs").write_text("5")
    before, began = highest(), os.times().user
    found = aligner.align(samples, text, sample_rate=RATE)
    times = np.array([(word.start, word.end) for word in found])
    np.save(folder / "phones.npy", times)
    return f"{os.times().user - began:.1f} s", f"{(highest() - before) / 1e6:.0f} MB"


def aeneas(folder: Path, environments: Path, samples: np.ndarray, text: str) -> tuple[str, str]:
    """Run aeneas-ng on the recording; return what it took, in all."""
    corpus = folder / "corpus"
    corpus.mkdir()
    soundfile.write(corpus / "long.wav", samples, RATE, subtype="PCM_16")
    (corpus / "long.lab").write_text(text, encoding="utf-8")
    command = [sys.executable, _RIVALS / "environment.py", "run", "aeneas_aligner", environments]
    command += [corpus, folder / "aeneas", "--language", "en"]
    # A process starts with the highest memory of the one that it was forked from.
    counted = [sys.executable, "-c", _COUNTED, *map(str, command)]
    done = subprocess.run(counted, check=True, capture_output=True, text=True)
    seconds, kilobytes = map(float, done.stdout.split()[-2:])
    found = read_alignment(folder / "aeneas/words.ctm").tiers["words"]
    words = text.split()
    times = np.full((len(words), 2), np.nan)  # It gives some words no duration.
    matcher = SequenceMatcher(None, words, [word.label for word in found], autojunk=False)
    for block in matcher.get_matching_blocks():
        for k in range(block.size):
            word = found[block.b + k]
            times[block.a + k] = word.start, word.end
    np.save(folder / "aeneas.npy", times)
    return f"{seconds:.1f} s", f"{kilobytes / 1000:.0f} MB in all"


def judged(times: np.ndarray, prompts: np.ndarray, reference: np.ndarray) -> str:
    """Return how many words lie in their prompts, and how far words begin from a reference."""
    if len(times) != len(reference):
        return f"{len(times)} of {len(reference)} words"
    inside = (times[:, 0] > prompts[:, 0] - _NEAR) & (times[:, 1] < prompts[:, 1] + _NEAR)
    apart = np.abs(times[:, 0] - reference[:, 0])
    return (
        f"{100 * inside.mean():.2f} % in their prompts, starts {1000 * np.nanmedian(apart):.0f} ms "
        f"apart, {100 * (apart < _NEAR).mean():.1f} % within 100 ms"
    )


def main() -> None:
    """Run all aligners on one recording."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--peers", nargs="+", default=["phones", *SEARCHES])
    parser.add_argument("--environments", type=Path)
    parser.add_argument("--search", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.search:
        search(options.search[0], Path(options.search[1]))
        return
    samples, used, places = built(options.data, options.minutes)
    text = "\n".join(prompt.text for prompt in used)
    reference = one_by_one(Aligner(REFERENCE), used, places)
    model = Aligner(MODEL)
    speller = load_speller(cast(CtcModel, model.model), language="en")
    own = [list(speller.words(prompt.text)) for prompt in used]
    counts = [len(words) for words in own]
    prompts = np.repeat(np.array(places) / RATE, counts, axis=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        began = os.times().user
        (emissions,) = model.emit([Waveform(samples, RATE, 1, None, RATE)])
        assert emissions is not None, "a CTC model scores by itself"
        print(f"{len(samples) / RATE / 60:.1f} min, {len(reference)} words; emissions of {MODEL}: "
              f"{os.times().user - began:.1f} s user, load {os.getloadavg()[0]:.1f}")  # fmt: skip
        np.save(folder / "emissions.npy", emissions[0])
        labels = [
            [piece.label for readings in word.readings for piece in min(readings, key=len)]
            for words in own
            for word in words
        ]
        grid = emissions.grid
        problem = {"words": labels, "blank": emissions.vocabulary.blank,
                   "frame": grid.stride / grid.sample_rate}  # fmt: skip
        (folder / "labels.json").write_text(json.dumps(problem), encoding="utf-8")
        del model, emissions
        for peer in options.peers:
            if peer == "phones":
                took, memory = phones(folder, samples, text)
            elif peer == "aeneas":
                took, memory = aeneas(folder, options.environments, samples, text)
            else:
                command = [sys.executable, __file__, "--search", peer, name]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    cause = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
                    print(f"{peer}: failed: {cause}", flush=True)
                    continue
                found = json.loads(done.stdout.strip().splitlines()[-1])
                took, memory = f"{found['seconds']:.1f} s", f"{found['bytes'] / 1e6:.0f} MB"
            times = np.load(folder / f"{peer}.npy")
            print(f"{peer}: {took} {memory}; {judged(times, prompts, reference)}", flush=True)


if __name__ == "__main__":
    main()
