"""Speed, memory and start-up of speechalign, beside pocketsphinx's aligner, on one core.

    python tools/bench/speed.py [--corpus DIR] [--rounds 7]

Aligners take turns, round by round, in one process on one core, models loaded and kernels
compiled; decoding of the files and features are included. Medians, with the smallest and largest.
"""

# ruff: noqa: E402 (BLAS reads the variables when numpy is imported)

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import PEERS, seconds, timit_dev

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("SPEECHALIGN_DATA", ROOT / "data"))


def spread(values: list[float], unit: str, digits: int = 1) -> str:
    """Median, smallest and largest."""
    three = statistics.median(values), min(values), max(values)
    shown = [f"{value:.{digits}f}" for value in three]
    return f"{shown[0]} {unit} (smallest {shown[1]}, largest {shown[2]}, n={len(values)})"


def align_in_turns(corpus: Path, rounds: int) -> None:
    """Time every aligner on the whole corpus, one after the other, several times."""
    files = timit_dev(corpus)
    audio = seconds(files)
    aligners = {name: load() for name, load in PEERS.items()}
    for align in aligners.values():
        align(*files[0][:2])
    rates: dict[str, list[float]] = {name: [] for name in aligners}
    for _ in range(rounds):
        for name, align in aligners.items():
            began = time.process_time()
            for path, text, _ in files:
                align(path, text)
            rates[name].append(audio / (time.process_time() - began))
    print(f"{len(files)} recordings, {audio:.0f} s, one core, CPU time:")
    for name, values in rates.items():
        print(f"  {name}: {spread(values, 'x real time')}")
    first, second = rates.values()
    print(f"  ratio: {spread([a / b for a, b in zip(first, second)], 'x', 2)}")


def peak_memory(corpus: Path) -> None:
    """Run the command on the corpus in a process of its own, and ask the kernel what it took."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [sys.executable, "-m", "speechalign", "align", str(corpus / "corpus"), out],
            check=True,
            stderr=subprocess.DEVNULL,
        )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of `speechalign align` on it: {peak:.0f} MB")


def start_up(rounds: int) -> None:
    """Time the import of the package and the help of the command."""
    script = (
        "import time; began = time.perf_counter(); import speechalign; "
        "print(time.perf_counter() - began)"
    )
    imports = [
        1000 * float(subprocess.run([sys.executable, "-c", script], capture_output=True).stdout)
        for _ in range(rounds)
    ]
    print(f"import speechalign: {spread(imports, 'ms')}")
    command = shutil.which("speechalign", path=Path(sys.executable).parent)
    helps = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run([str(command), "--help"], check=True, capture_output=True)
        helps.append(time.perf_counter() - began)
    print(f"speechalign --help: {spread(helps, 's', 2)}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", type=Path, default=DATA / "timit-dev")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    peak_memory(options.corpus)
    start_up(options.rounds)
    align_in_turns(options.corpus, options.rounds)


if __name__ == "__main__":
    main()
