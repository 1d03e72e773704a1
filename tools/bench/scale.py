"""Measure what grows with the number of utterances, and what a run survives.

    PYTHONPATH=. python tools/bench/scale.py growth [--counts 1000 100000] [--copied]
    PYTHONPATH=. python tools/bench/scale.py equal [--count 200] [--ways shards kills ray]
    PYTHONPATH=. python tools/bench/scale.py jobs [--count 600] [--rounds 5] [--quiet 0.2]
    PYTHONPATH=. python tools/bench/scale.py killed [--count 300] [--every 10]

Utterances are generated: about two seconds of the shipped examples, cut at pauses, repeated under
many names. Processor time is that of this process and of those that it started; the load of the
machine is printed, because elapsed times depend on it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median

import soundfile

from speechalign import AlignBatch, Aligner
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.align_rows import align_rows
from speechalign.pipeline.manifest import MANIFEST, Manifest
from speechalign.pipeline.merge import merge
from speechalign.pipeline.shards import Shard

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "english"
SECONDS = 2.0


def voices(folder: Path) -> list[tuple[Path, str]]:
    """Write the beginning of each example, up to the word that ends by two seconds."""
    aligner, found = Aligner(), []
    for sound in sorted(EXAMPLES.rglob("*.flac")):
        words = list(aligner.align(sound, sound.with_suffix(".lab").read_text(encoding="utf-8")))
        kept = [word for word in words if word.end <= SECONDS]
        samples, rate = soundfile.read(sound)
        for copy in range(20):
            path = folder / f"{sound.stem}-{copy}.wav"
            soundfile.write(path, samples[: round(SECONDS * rate)], rate)
            found.append((path, " ".join(word.label for word in kept)))
    return found


def rows(folder: Path, count: int) -> Path:
    """Write a JSONL manifest of so many utterances."""
    sounds = voices(folder)
    path = folder / f"{count}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            sound, text = sounds[number % len(sounds)]
            line = {"audio_filepath": sound.name, "text": text, "id": f"u{number:08d}"}
            file.write(json.dumps(line) + "\n")
    return path


def processor() -> float:
    """Return seconds of processor time, of this process and of those that have ended."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def busy() -> float:
    """Return seconds that all cores have worked, for other guests of the host too."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    user, nice, system, _idle, _waiting, *more = map(int, line.split()[1:9])  # to "steal"
    return sum((user, nice, system, *more)) / os.sysconf("SC_CLK_TCK")


def wait_for_quiet(cores: float) -> None:
    """Sleep until other programs use fewer cores than this."""
    used = cores
    while used >= cores:
        before = busy()
        time.sleep(2)
        used = (busy() - before) / 2


def memory() -> float:
    """Return the resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def growth(options: argparse.Namespace) -> None:
    """Align more and more utterances, each number in a process of its own.

    Start is until the first batch is written, memory that of the main process after half of the
    batches, its peak that of the merging at the end, writing the share of processor time that
    appending to the manifest takes.
    """
    _run_one(16, options, stdout=subprocess.DEVNULL)  # The first run of all compiles.
    print(f"load {os.getloadavg()[0]:.1f}", flush=True)
    print("| utterances | start, s | memory, MB | peak | ms processor an utterance | writing |")
    print("|---|---|---|---|---|---|", flush=True)
    for count in options.counts:
        _run_one(count, options)


def _run_one(count: int, options: argparse.Namespace, stdout: int | None = None) -> None:
    command = [sys.executable, __file__, "one", "--counts", str(count)]
    subprocess.run([*command, *["--copied"] * options.copied], check=True, stdout=stdout)


def one(options: argparse.Namespace) -> None:
    """Align one number of utterances; print a row of the table."""
    (count,) = options.counts
    with tempfile.TemporaryDirectory() as home:
        source = rows(Path(home), count)
        batch = AlignBatch()
        began, cpu = time.monotonic(), processor()
        first: list[float] = []
        levels: list[float] = []
        spent = 0.0
        writing = Manifest.writing

        @contextmanager
        def timed(self, now=()):
            nonlocal spent
            before = time.process_time()
            with writing(self, now) as later:
                yield later
            spent += time.process_time() - before

        def watch(_) -> None:
            if not first:
                first.append(time.monotonic() - began)
            levels.append(memory())

        Manifest.writing = timed  # type: ignore[method-assign]
        engine = copies if options.copied else None
        align_rows(source, batch, Path(home) / "out", jobs=2, engine=engine, progress=watch)
        used = processor() - cpu
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        print(
            f"| {count} | {first[0]:.1f} | {levels[len(levels) // 2]:.0f} | {peak:.0f} "
            f"| {1000 * used / count:.2f} | {spent / used:.1%} |",
            flush=True,
        )


def copies(align_batch, batches):
    """Align the first batch only, and give its results to all others: what is left is our own."""
    aligned: list = []
    for batch in batches:
        aligned = aligned or align_batch.align(batch)
        yield (
            batch,
            [
                replace(result, utterance=utterance.id, recording=utterance.recording)
                for utterance, result in zip(batch, aligned)
            ],
        )


def equal(options: argparse.Namespace) -> None:
    """Compare one run with shards that are merged, one that is killed, and Ray."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        source = rows(home, options.count)
        align_rows(source, AlignBatch(), home / "one", jobs=2)
        wanted = (home / "one" / MANIFEST).read_bytes()
        if "shards" in options.ways:
            for index in range(1, 5):
                align_rows(source, AlignBatch(), home / "four", shard=Shard(index, 4), jobs=2)
            merge(home / "four")
            same = (home / "four" / MANIFEST).read_bytes() == wanted
            print("four shards equal one run:", same, flush=True)
        if "kills" in options.ways:
            kill_at_random(source, home / "killed", options)
            same = (home / "killed" / MANIFEST).read_bytes() == wanted
            print(f"{options.kills} x kill -9 equal one run:", same, flush=True)
        if "ray" in options.ways:
            from speechalign.pipeline.ray_engine import RayEngine

            align_rows(source, AlignBatch(), home / "ray", engine=RayEngine(actors=2))
            print("two Ray actors equal one run:", (home / "ray" / MANIFEST).read_bytes() == wanted)


def kill_at_random(source: Path, out: Path, options: argparse.Namespace) -> None:
    """Kill the command as many times as asked after random numbers of utterances; then finish."""
    rng = random.Random(0)
    command = [sys.executable, "-m", "speechalign", "align-rows", str(source), str(out)]
    for _ in range(options.kills):
        process = subprocess.Popen([*command, "--quiet", "-j", "2"])
        part = out / Shard(1, 1).part
        wait = rng.randrange(1, options.count // (options.kills + 1))
        before = part.read_bytes().count(b"\n") if part.exists() else 0
        while not part.exists() or part.read_bytes().count(b"\n") < before + wait:
            time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
        process.wait()
        more = part.read_bytes().count(b"\n") - before
        print(f"killed after {more} more utterances", flush=True)
    subprocess.run([*command, "--quiet"], check=True)


def jobs(options: argparse.Namespace) -> None:
    """Compare one job, two threads, two processes, and two runs of their own of half the corpus.

    The runs that share nothing are what two cores can do at that moment. All four are interleaved;
    ratios are those of one round, of which the median counts. With ``--quiet``, rounds count only
    if other programs used fewer cores than that during each of its runs, and are waited for.
    Elapsed times mean little otherwise. From processor time follows what two free cores would do:
    at least, if nothing else went on while the main process works; at most, if all was shared.
    """
    import speechalign.pipeline.align_corpus as module
    from speechalign.corpus import read_corpus

    with tempfile.TemporaryDirectory() as name:
        utterances = [
            replace(utterance, recording=utterance.id, problem=None)  # A recording each.
            for utterance in read_corpus(rows(Path(name), options.count))
        ]
        aligner = Aligner()

        def run(kind: str) -> None:
            module.may_share_memory = lambda: kind == "processes"
            if kind == "apart":
                parts = [
                    multiprocessing.get_context("fork").Process(
                        target=align_corpus,
                        args=(utterances[half::2], aligner, Path(name) / f"half{half}"),
                        kwargs={"jobs": 1},
                    )
                    for half in (0, 1)
                ]
                for part in parts:
                    part.start()
                for part in parts:
                    part.join()
            else:
                align_corpus(utterances, aligner, Path(name) / "out", jobs=1 + (kind != "one"))

        align_corpus(utterances[:3], aligner, Path(name) / "warm", jobs=1)
        kinds = ("one", "threads", "processes", "apart")
        found: dict[str, list[tuple[float, float, float]]] = {kind: [] for kind in kinds}
        noise: list[float] = []
        while len(noise) < options.rounds:
            round_, disturbed = {}, 0.0
            wait_for_quiet(options.quiet)
            for kind in kinds:
                for folder in ("out", "half0", "half1"):
                    shutil.rmtree(Path(name) / folder, ignore_errors=True)
                began, cpu, worked, own = time.monotonic(), processor(), busy(), time.process_time()
                run(kind)
                elapsed, used = time.monotonic() - began, processor() - cpu
                own = time.process_time() - own
                disturbed = max(disturbed, (busy() - worked - used) / elapsed)
                if disturbed > options.quiet:
                    break
                round_[kind] = elapsed, used, own
            else:
                noise.append(disturbed)
                for kind, measured in round_.items():
                    found[kind].append(measured)
        print(f"cores that other programs used: at most {max(noise):.2f}")
        for kind in kinds:
            elapsed, used, own = (median(values) for values in zip(*found[kind]))
            ratio = median(one[0] / other[0] for one, other in zip(found["one"], found[kind]))
            print(f"{kind}: {elapsed:.2f} s elapsed ({ratio:.2f} x), {used:.2f} s processor")
            if kind == "processes":
                single = median(values[1] for values in found["one"])
                least, most = single / (own + (used - own) / 2), single / (used / 2)
                print(f"  of it {own:.2f} s by the main process: {least:.2f} to {most:.2f} x")


def killed(options: argparse.Namespace) -> None:
    """Kill a worker every few seconds, as often as asked; count the utterances."""
    with tempfile.TemporaryDirectory() as name:
        source = rows(Path(name), options.count)
        kills, ended = 0, threading.Event()

        def kill() -> None:
            nonlocal kills
            while kills < options.kills and not ended.wait(options.every):
                children = multiprocessing.active_children()
                if children:
                    random.choice(children).kill()
                    kills += 1

        thread = threading.Thread(target=kill)
        began = time.monotonic()
        thread.start()
        try:
            counts = align_rows(source, AlignBatch(), Path(name) / "out", jobs=2)
        finally:
            ended.set()
            thread.join()
        lines = (Path(name) / "out" / MANIFEST).read_bytes().count(b"\n")
        print(f"{kills} workers killed in {time.monotonic() - began:.0f} s; ", end="")
        print(f"{options.count} rows, {lines} lines, {dict(counts)}")


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["growth", "one", "equal", "jobs", "killed"])
    parser.add_argument("--counts", type=int, nargs="+", default=[1000, 100_000])
    parser.add_argument("--count", type=int, default=300, help="utterances")
    parser.add_argument("--copied", action="store_true", help="align one batch, copy its results")
    parser.add_argument("--kills", type=int, default=3)
    ways = ["shards", "kills", "ray"]
    parser.add_argument("--ways", nargs="+", choices=ways, default=ways[:2], help="for equal")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--quiet", type=float, default=float("inf"), help="cores that others may use, for jobs"
    )
    parser.add_argument("--every", type=float, default=10.0, help="seconds between kills")
    options = parser.parse_args()
    globals()[options.what](options)


if __name__ == "__main__":
    main()
