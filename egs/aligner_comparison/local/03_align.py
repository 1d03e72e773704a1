"""Align each gold corpus, under each condition, with each aligner: a process for each.

    python local/03_align.py EXP [--only NAME ...] [--value NAME=VALUE ...] [--jobs 2]

EXP/aligned/GOLD/CONDITION/ALIGNER gets what the aligner wrote; last, ALIGNER.json beside it says
what it cost, or why there is nothing. What has been aligned stays; what failed is tried again.
Clean speech comes first, then subsets, then noise, corpus by corpus.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
from aligners import ALIGNERS, Entry

from recipes.program import run
from speechalign.errors import InputError
from speechalign.files.writing import write_text
from speechalign.formats import find_alignments

_TIMEOUT = 3600.0  # seconds that an aligner may take for a corpus
# So that the clock means the same for all; processors are counted anyway.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Cost:
    """What a process and its children took.

    Parameters
    ----------
    reason : str
        Why it failed; empty where it did not.
    user, system, wall : float
        Seconds.
    peak : float
        Memory of the largest of them, MB.
    """

    reason: str = ""
    user: float = 0.0
    system: float = 0.0
    wall: float = 0.0
    peak: float = 0.0


def measured(command: Sequence[str]) -> Cost:
    """Run a command, and ask the kernel what it took."""
    began = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=os.environ | _ONE_THREAD,
            start_new_session=True,
        )  # fmt: skip
        timer = threading.Timer(_TIMEOUT, os.killpg, (process.pid, 9))
        timer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        finally:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        messages = [line.strip() for line in output if line.strip()]
    reason = ""
    if process.returncode:
        killed = f"stopped by signal {-process.returncode}" if process.returncode < 0 else ""
        reason = killed or (messages[-1][:300] if messages else f"status {process.returncode}")
    wall = time.perf_counter() - began
    if wall > _TIMEOUT:
        reason = f"stopped after {_TIMEOUT:.0f} s"
    return Cost(reason, usage.ru_utime, usage.ru_stime, wall, usage.ru_maxrss / 1024)


def descriptions(exp: Path) -> dict[str, dict[str, Any]]:
    """Return what stage 0 says of each gold corpus, in the order in which they were given."""
    files = sorted(exp.glob("gold/*/gold.json"), key=lambda file: file.stat().st_mtime)
    return {file.parent.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def command_of(
    entry: Entry, exp: Path, gold: str, corpus: Path, out: Path, values: Mapping[str, str]
) -> list[str]:
    """Return the command that aligns a folder of recordings; InputError where it cannot be run."""
    description = json.loads((exp / "gold" / gold / "gold.json").read_text(encoding="utf-8"))
    if entry.rival:
        missing = exp / "environments" / f"{entry.rival}.txt"
        if missing.is_file():
            raise InputError(missing.read_text(encoding="utf-8").strip())
    return entry.filled_in({
        **values,
        "python": sys.executable,
        "corpus": str(corpus),
        "out": str(out),
        "dictionary": str(exp / "gold" / gold / "dictionary.txt"),
        "environments": str(exp / "environments"),
        "language": description["language"],
    })  # fmt: skip


def align(exp: Path, gold: str, condition: str, name: str, values: Mapping[str, str]) -> None:
    """Align a corpus with an aligner, unless it is done."""
    out = exp / "aligned" / gold / condition / name
    record = out.with_name(f"{name}.json")
    if record.is_file() and not json.loads(record.read_text(encoding="utf-8"))["reason"]:
        return
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    try:
        corpus = exp / "corpora" / gold / condition
        command = command_of(ALIGNERS[name], exp, gold, corpus, out, values)
    except InputError as error:
        cost = Cost(str(error))
    else:
        cost = measured(command)
        if not cost.reason and not find_alignments(out):
            cost = replace(cost, reason="wrote no alignment")
    write_text(record, json.dumps(asdict(cost), indent=1) + "\n")
    said = cost.reason or f"{cost.user:.1f} s of CPU, {cost.peak:.0f} MB"
    click.echo(f"{gold}, {condition}, {name}: {said}")


@click.command(help=__doc__)
@click.argument("exp", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--only", multiple=True, metavar="NAME", help="Aligner; may be repeated.")
@click.option("--value", "values", multiple=True, metavar="NAME=VALUE")
@click.option("--jobs", default=2, show_default=True)
def main(exp: Path, only: Sequence[str], values: Sequence[str], jobs: int) -> None:
    """Align, clean speech first."""
    for name in only:
        if name not in ALIGNERS:
            raise InputError(f"{name}: expected one of {', '.join(ALIGNERS)}")
    given = dict(value.split("=", 1) for value in values)
    golds = descriptions(exp)
    todo = []
    for order, (gold, description) in enumerate(golds.items()):
        for folder in sorted((exp / "corpora" / gold).iterdir(), key=lambda f: f.stat().st_mtime):
            clean = folder.name == "clean"
            for name, entry in ALIGNERS.items():
                taken = description["language"] in entry.languages.split() and (
                    (clean or entry.noise) and ("@" not in gold or entry.trains)
                )
                if taken and name in (only or ALIGNERS):
                    todo.append(((not clean, "@" in gold, order), gold, folder.name, name))
    todo.sort(key=lambda job: job[0])
    with ThreadPoolExecutor(jobs) as pool:
        for job in [pool.submit(align, exp, *what, given) for _, *what in todo]:
            job.result()


if __name__ == "__main__":
    run(main)
