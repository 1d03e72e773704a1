"""Speed and memory of CTC alignment, beside other aligners on the same emissions.

    python tools/bench/ctc_align.py [--rounds 9] [--pin] [--quick] [--calls] [--k2-python PATH]

One thread but for the scaling with threads; CPU time; medians of rounds in which the aligners take
turns. Overhead of a call and threads: wall time, with smallest and quartiles, as other work on the
machine only adds to it. Ratios say how many times longer the other one takes. Scores are compared
in the same run: "=" within 1e-4 relative, "+" ours is higher, and the program fails if ours is
lower. Emissions are synthetic: *peaky* ones agree with the text but for 5 % of the frames, *random*
ones are noise.
"""

# ruff: noqa: E402 (BLAS and torch read the variables when they are imported)

from __future__ import annotations

import os

for _variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from ctc_peers import PEERS, in_turns, ours

ROOT = Path(__file__).resolve().parents[2]
CASES = [
    (500, 32, 60),
    (1500, 32, 200),
    (5000, 32, 700),
    (1500, 500, 200),
    (1500, 5000, 200),
    (5000, 5000, 700),
]
QUARTER_HOUR = (45_000, 32, 6000)
HOUR = (180_000, 32, 24_000)
THREE_HOURS = (540_000, 32, 72_000)


def emissions(
    kind: str, frames: int, vocabulary: int, labels: int, seed: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Make log_probs (T, V) float32 and targets (L,) int64; the blank is column 0."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(1, vocabulary, labels)
    log_probs = rng.standard_normal((frames, vocabulary), dtype=np.float32)
    log_probs -= np.log(np.exp(log_probs).sum(axis=1, keepdims=True))
    if kind == "random":
        return log_probs, targets
    seen = np.zeros(frames, np.int64)
    seen[2 * np.sort(rng.choice(frames // 2, labels, replace=False))] = targets
    wrong = rng.random(frames) < 0.05
    seen[wrong] = rng.integers(0, vocabulary, wrong.sum())
    np.exp(log_probs, out=log_probs)
    log_probs *= 0.05
    log_probs[np.arange(frames), seen] += 0.95
    return np.log(log_probs, out=log_probs), targets


def compare(score: float | None, peer: float | None) -> str:
    """Say how our score stands to the peer's."""
    if score is None or peer is None:
        return " "
    if score < peer - 1e-4 * abs(peer):
        sys.exit(f"our score {score} is below the peer's {peer}")
    return "=" if score <= peer + 1e-4 * abs(peer) else "+"


def table(cases: list[tuple[int, int, int]], rounds: int, peers: list[str]) -> None:
    """Print one row for each problem."""
    print(f"{'T,V,L':20} {'kind':7} {'ours ms':>9}  " + " ".join(f"{p:>13}" for p in peers))
    for case in cases:
        for kind in ("peaky", "random"):
            problem = emissions(kind, *case)
            aligners = {"ours": ours(*problem)}
            aligners.update({name: PEERS[name](*problem) for name in peers})
            results = in_turns(aligners, rounds)
            seconds, score = results["ours"]
            shown = [
                f"x{results[name][0] / seconds:<7.1f}{compare(score, results[name][1]):>3}"
                for name in peers
            ]
            name = ",".join(map(str, case))
            print(
                f"{name:20} {kind:7} {seconds * 1e3:9.3f}  " + " ".join(f"{s:>13}" for s in shown)
            )


def batch(vocabulary: int, rounds: int) -> None:
    """Print how a batch of 64 utterances compares to a loop over torchaudio."""
    from speechalign.kernels.ctc import ctc_viterbi_batch

    rng = np.random.default_rng(2)
    frames = rng.integers(150, 1601, 64)
    labels = (frames * rng.uniform(0.10, 0.16, 64)).astype(np.int64)
    log_probs = np.zeros((64, frames.max(), vocabulary), np.float32)
    targets = np.zeros((64, labels.max()), np.int64)
    loop = []
    for b in range(64):
        single = emissions("peaky", frames[b], vocabulary, labels[b], seed=b)
        log_probs[b, : frames[b]], targets[b, : labels[b]] = single
        loop.append(PEERS["torchaudio"](*single))

    def aligned() -> float:
        paths = ctc_viterbi_batch(log_probs, targets, frames, labels, blank=0, jobs=1)
        return float(paths.totals.sum())

    results = in_turns(
        {
            "ours": aligned,
            "torchaudio": lambda: sum(float(align() or 0) for align in loop),
        },
        rounds,
    )
    (seconds, score), (other, peer) = results["ours"], results["torchaudio"]
    print(
        f"batch of 64, V={vocabulary}: ours {seconds * 1e3:.2f} ms CPU, torchaudio loop "
        f"x{other / seconds:.1f} {compare(score, peer)}"
    )


def in_wall_turns(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return wall seconds of a call, by round; a turn is as many calls as take 3 ms or so."""
    repeats = {}
    for name, call in calls.items():
        call()
        began = time.perf_counter()
        call()
        repeats[name] = max(1, int(3e-3 / (time.perf_counter() - began)))
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            began = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - began) / repeats[name])
    return times


def shown(times: list[float], unit: float, name: str) -> str:
    """Smallest, lower quartile, median and upper quartile."""
    low, middle, high = quantiles(times, n=4)
    values = [f"{value / unit:.2f}" for value in (min(times), middle, low, high)]
    return f"smallest {values[0]}, median {values[1]} {name} (quartiles {values[2]} to {values[3]})"


def call_overhead(frames: int, labels: int, rounds: int) -> None:
    """Print what `forced_align` costs beside its compiled search, and beside torchaudio's."""
    import torch
    from torchaudio.functional import forced_align as peer

    from speechalign.functional import forced_align
    from speechalign.kernels.ctc_search import search

    log_probs, targets = emissions("random", frames, 32, labels)
    batch, texts = log_probs[None], targets[None]
    tensors = torch.from_numpy(batch), torch.from_numpy(texts)
    ceiling = np.float32(1e9)
    times = in_wall_turns(
        {
            "search alone": lambda: search(log_probs, targets, 0, ceiling, False, 32, 32),
            "forced_align, arrays": lambda: forced_align(batch, texts),
            "forced_align, tensors": lambda: forced_align(*tensors),
            "torchaudio": lambda: peer(*tensors),
        },
        rounds,
    )
    for name, values in times.items():
        print(f"one call, T={frames}, L={labels}: {name:22} {shown(values, 1e-6, 'us')}")


def scaling(rounds: int) -> None:
    """Print how a batch of 64 speeds up with threads, and what one thread takes."""
    from speechalign.functional import forced_align

    made = [emissions("random", 1200, 32, 150, seed=b) for b in range(64)]
    log_probs, targets = (np.stack(arrays) for arrays in zip(*made, strict=True))
    cores = len(os.sched_getaffinity(0))
    times = in_wall_turns(
        {
            f"{jobs} threads": lambda jobs=jobs: forced_align(log_probs, targets, jobs=jobs)
            for jobs in sorted({1, 2, cores})
        },
        rounds,
    )
    for name, values in times.items():
        print(f"64 x (T=1200, L=150, V=32), {name}: {shown(values, 1e-3, 'ms')}")
    ratios = [one / two for one, two in zip(times["1 threads"], times["2 threads"], strict=True)]
    gain = min(times["1 threads"]) / min(times["2 threads"])
    print(f"two threads x{gain:.2f} (smallest times), x{median(ratios):.2f} (median of rounds)")


def processor() -> str:
    """Name the processor, its cores and the load."""
    name = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    model = name[1] if name else "unknown processor"
    return f"{model}, {len(os.sched_getaffinity(0))} cores, load {load}"


def memory(field: str) -> int:
    """Return a size from the kernel's status of this process, in bytes."""
    return int(re.search(rf"{field}:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024


def alone(aligner: str, kind: str, case: list[int]) -> None:
    """Align one problem in this process; print seconds, extra memory and score as JSON."""
    prepare = ours if aligner == "ours" else PEERS[aligner]
    log_probs, targets = emissions(kind, *case)
    prepare(log_probs[:500], targets[:50])()
    prepare(*emissions("peaky", 5000, case[1], 700))()
    align = prepare(log_probs, targets)
    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    began = time.process_time()
    score = align()
    seconds = time.process_time() - began
    print(json.dumps([seconds, memory("VmHWM") - before, score]))


def in_processes(case: tuple[int, int, int], aligners: list[str], kinds: list[str]) -> None:
    """Print time and memory of aligners that each run in a process of their own."""
    for kind in kinds:
        found = {}
        for aligner in aligners:
            command = [sys.executable, __file__, "--alone", aligner, kind, *map(str, case)]
            run = subprocess.run(command, capture_output=True, text=True)
            name = ",".join(map(str, case))
            if run.returncode:
                print(f"{name:20} {kind:7} {aligner:10} fails: exit status {run.returncode}")
                continue
            seconds, extra, score = found[aligner] = json.loads(run.stdout)
            shown = f"{name:20} {kind:7} {aligner:10} {seconds:9.3f} s {extra / 2**20:9.1f} MiB"
            if aligner != "ours" and "ours" in found:
                shown += f"  x{seconds / found['ours'][0]:.1f} {compare(found['ours'][2], score)}"
            print(shown)


def against_k2(python: str, cases: list[tuple[int, int, int]], rounds: int) -> None:
    """Print how k2 does, in the process of a Python that has it."""
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            log_probs, targets = emissions("peaky", *case)
            problem = Path(folder) / "problem.npz"
            np.savez(problem, log_probs=log_probs, targets=targets, rounds=rounds)
            peers = str(Path(__file__).with_name("ctc_peers.py"))
            run = subprocess.run(
                [python, peers, "--k2", str(problem)], capture_output=True, text=True, check=True
            )
            results = json.loads(run.stdout.splitlines()[-1])
            seconds, score = results.pop("ours")
            shown = [f"ours {seconds * 1e3:.3f} ms"]
            # k2 keeps float32 scores; its beam may lose the best path.
            for name, (other, peer) in results.items():
                shown.append(f"{name} x{other / seconds:.0f} {compare(score, peer)}")
            print(f"{','.join(map(str, case)):20} peaky   " + ", ".join(shown))


_FIRST_CALL = """
import time
import numpy as np
from numba import njit
{trivial}
began = time.process_time()
{call}
print(time.process_time() - began)
"""
_TRIVIAL = "@njit\ndef nothing(x):\n    return x\nnothing(1)"
_ARGUMENTS = "np.full((20, 4), np.log(0.25), np.{}), np.array([1, 2])"
_CALL = "from speechalign.kernels.ctc import ctc_viterbi\nctc_viterbi({}, blank=0)"


def start_up() -> None:
    """Print what the first call costs, above numba's own set-up."""
    with tempfile.TemporaryDirectory() as cache:
        for state in ("cold", "warm"):
            for dtype in ("float32", "float64"):
                code = _FIRST_CALL.format(
                    trivial=_TRIVIAL, call=_CALL.format(_ARGUMENTS.format(dtype))
                )
                run = subprocess.run(
                    [sys.executable, "-c", code],
                    env={**os.environ, "NUMBA_CACHE_DIR": cache, "PYTHONPATH": str(ROOT)},
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                print(f"first call, {state} cache, {dtype}: {float(run.stdout):.2f} s CPU")


def main() -> None:
    """Measure and print."""
    if "--alone" in sys.argv:
        aligner, kind, *case = sys.argv[sys.argv.index("--alone") + 1 :]
        alone(aligner, kind, [int(size) for size in case])
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--pin", action="store_true", help="stay on one core")
    parser.add_argument("--calls", action="store_true", help="only overhead and threads")
    parser.add_argument("--quick", action="store_true", help="leave out recordings of an hour")
    parser.add_argument("--k2-python", help="an interpreter with k2 and numba")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    print(processor())
    if options.pin:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    for case in ((100, 12), (500, 60)):
        call_overhead(*case, 10 * options.rounds)
    scaling(10 * options.rounds)
    if options.calls:
        return
    start_up()
    table(CASES, options.rounds, list(PEERS))
    table([QUARTER_HOUR], min(3, options.rounds), ["torchaudio", "hirschberg", "ctc-seg"])
    for vocabulary in (32, 500):
        batch(vocabulary, options.rounds)
    if options.k2_python:
        against_k2(options.k2_python, CASES[:2], options.rounds)
    in_processes(QUARTER_HOUR, ["ours", *PEERS], ["peaky"])
    if not options.quick:
        in_processes(HOUR, ["ours", "hirschberg", "torchaudio"], ["peaky"])
        in_processes(HOUR, ["ours"], ["random"])
        in_processes(THREE_HOURS, ["ours"], ["peaky", "random"])


if __name__ == "__main__":
    main()
