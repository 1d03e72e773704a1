"""Training and adaptation: accuracy of what comes out, speed of a pass of EM, memory.

    python tools/bench/train.py [--corpus DIR] [--jobs 1]

Accuracy: the measuring corpus is aligned with the embedded model as it is, and adapted to it; then
with models trained on the corpus alone, from audio and words. Nothing is fitted to the times,
which only measure. Speed: one pass of EM, kernels compiled, by the clock and by the CPU. Memory:
the peak of `speechalign train` in a process of its own, on the corpus once and on as many copies of
it as --copies says.
"""

# ruff: noqa: E402 (BLAS reads the variables when numpy is imported)

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from peers import seconds, timit_dev

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.corpus import Utterance, read_corpus
from speechalign.formats import read_alignment
from speechalign.metrics import report
from speechalign.models import Model, load_model
from speechalign.models.hmm_gmm.english_sphinx import EnglishSphinx
from speechalign.pipeline.speakers import aligners_by_speaker
from speechalign.pronunciation.lexicon import Pronunciations
from speechalign.training import Iteration, Progress, adapt, train

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SPEECHALIGN_DATA", ROOT / "data"))
# Largest number of Gaussians, whether features are normalised by speaker, contexts tried.
_TRAINED = ((1, False, False), (8, False, False), (8, True, False), (8, False, True))
# Runs the command, then prints the peak of its memory: children are measured once they are gone.
_MEASURED = (
    "import resource, subprocess, sys; subprocess.run([sys.executable, '-m', 'speechalign', "
    "*sys.argv[1:]], check=True, capture_output=True); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


class Clock(Progress):
    """Progress of training that notes when each pass was done."""

    def __init__(self) -> None:
        self.passes: list[tuple[float, float, int]] = []
        self._before = (time.perf_counter(), time.process_time())

    def warn(self, line: str) -> None:
        """Print it."""
        print(line)

    def finished(self, iteration: Iteration) -> None:
        """Note how long the pass took."""
        now = time.perf_counter(), time.process_time()
        self.passes.append((now[0] - self._before[0], now[1] - self._before[1], iteration.frames))
        self._before = now

    def best(self) -> str:
        """Return the fastest pass, as a multiple of real time."""
        wall = max(frames / 100 / wall for wall, _, frames in self.passes)
        cpu = max(frames / 100 / cpu for _, cpu, frames in self.passes)
        return f"{wall:.0f} x real time by the clock, {cpu:.0f} x of CPU time"


def accuracy(model: Model, utterances: Sequence[Utterance], gold: Path) -> str:
    """Align a corpus, speaker by speaker; return the error of word boundaries."""
    aligner = Aligner(model)
    by_speaker = aligners_by_speaker(aligner, utterances, jobs=1)
    pairs = {}
    for utterance in utterances:
        waveform = read_waveform(utterance.audio, sample_rate=model.sample_rate)
        found = by_speaker.get(utterance.speaker or "", aligner).align(waveform, utterance.text)
        times = read_alignment(gold / f"{utterance.recording}.TextGrid")
        pairs[utterance.id] = (times, found.alignment)
    total = report(pairs, tier="words").pooled
    both = total.both
    return (
        f"mean {1000 * both.mean:5.2f} ms  median {1000 * both.median:5.2f} ms  "
        f"bias {1000 * both.bias:5.2f} ms  n {both.n}  "
        f"{total.hypothesis_recordings}/{total.reference_recordings} recordings"
    )


def memory(corpus: Path, folder: Path, copies: int, jobs: int) -> str:
    """Train one Gaussian a state on copies of a corpus; return the peak of memory."""
    rows = []
    for copy in range(copies):
        # A recording of its own for each utterance, without the space of a copy.
        link = folder / f"copies{copies}" / str(copy)
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(corpus.resolve())
        rows += [
            json.dumps({
                "audio_filepath": str(link / u.audio.relative_to(corpus)),
                "text": u.text,
                "speaker": u.speaker,
            })
            for u in read_corpus(corpus)
        ]  # fmt: skip
    manifest = folder / f"copies{copies}.jsonl"
    manifest.write_text("\n".join(rows) + "\n", encoding="utf-8")
    command = ["train", manifest, folder / f"model{copies}", "--gaussians", "1", "-j", str(jobs)]
    peak = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, command)],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    return f"{len(rows):6d} utterances: peak {int(peak) / 1024:.0f} MB"


def main() -> None:
    """Train, adapt, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=DATA / "timit-dev")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--copies", type=int, nargs="*", default=[1, 4, 16])
    options = parser.parse_args()
    files = timit_dev(options.corpus)
    corpus, gold = options.corpus / "corpus", options.corpus / "gold"
    utterances = read_corpus(corpus)
    print(f"{len(files)} recordings, {seconds(files):.0f} s, {options.jobs} threads")
    embedded = EnglishSphinx()
    source = Pronunciations("en", embedded.dictionary, "english")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{'english-sphinx':42s}{accuracy(embedded, utterances, gold)}")
        for fmllr in (False, True):
            clock = Clock()
            out = folder / f"adapted{fmllr}"
            adapt(
                utterances, embedded, out, name="adapted", fmllr=fmllr, jobs=options.jobs,
                progress=clock,
            )  # fmt: skip
            what = f"english-sphinx, adapted: {'fMLLR, MAP' if fmllr else 'MAP'}"
            print(f"{what:42s}{accuracy(load_model(out), utterances, gold)}")
            print(f"  one pass: {clock.best()}")
        for gaussians, by_speaker, contexts in _TRAINED:
            clock = Clock()
            out = folder / f"trained{gaussians}{by_speaker}{contexts}"
            train(
                utterances, source, out, name="trained", licence="none", gaussians=gaussians,
                by_speaker=by_speaker, contexts=contexts, jobs=options.jobs, progress=clock,
            )  # fmt: skip
            what = (
                f"trained on it, at most {gaussians}"
                f"{', by speaker' if by_speaker else ''}{', contexts' if contexts else ''}"
            )
            print(f"{what:42s}{accuracy(load_model(out), utterances, gold)}")
            print(f"  one pass: {clock.best()}")
        for copies in options.copies:
            print(memory(corpus, folder, copies, options.jobs))


if __name__ == "__main__":
    main()
