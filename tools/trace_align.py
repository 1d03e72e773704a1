"""Count what a reader of `speechalign align` has to follow, from the command to the TextGrid.

    PYTHONPATH=. python tools/trace_align.py [--list]

Aligns the shipped example ``slt/tea`` under a profiler hook and prints three numbers: the named
functions of speechalign that run, the files that hold them, and the crossings, which are pairs of a
calling and a called function in different modules of the corpus job (``JOB``). What a reader knows
beforehand (``KNOWN``) does not count; nor do comprehensions, lambdas, class bodies and what runs
when a module is imported. ``--list`` prints the functions and the crossings, too.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType

import speechalign
from speechalign.cli.main import cli

ROOT = Path(speechalign.__file__).parent
EXAMPLE = ROOT.parent / "examples" / "english" / "slt" / "tea"
JOB = ("pipeline/", "aligners/aligner.py")
"""The corpus job: the modules of `speechalign.pipeline`, and the aligner that they call."""

NOUNS = "alignment checks emissions errors frames language_codes registry vocabulary"
KNOWN = ("kernels/", "graphs/", *(f"{noun}.py" for noun in NOUNS.split()))
"""The nouns of the package, and the numerical floors below them."""

Place = tuple[str, str]


def place(code: CodeType) -> Place | None:
    """Return the file and name of a function of ours, or None for other code."""
    if not code.co_filename.startswith(f"{ROOT}/") or code.co_name.startswith("<"):
        return None
    if not code.co_flags & inspect.CO_OPTIMIZED:  # the body of a class
        return None
    file = Path(code.co_filename).relative_to(ROOT).as_posix()
    return None if file.startswith(KNOWN) else (file, code.co_qualname)


def callers(frame: FrameType | None) -> Iterator[Place]:
    """Yield the functions of ours that called, nearest first."""
    while frame is not None:
        found = place(frame.f_code)
        if found is not None:
            yield found
        frame = frame.f_back


def importing(frame: FrameType | None) -> bool:
    """Return whether a frame runs because a module of ours is imported."""
    while frame is not None:
        if frame.f_code.co_name == "<module>" and str(ROOT) in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False


def trace() -> tuple[set[Place], set[tuple[Place, Place]]]:
    """Align the example; return the functions that ran, and the pairs that called each other."""
    functions: set[Place] = set()
    calls: set[tuple[Place, Place]] = set()

    def hook(frame: FrameType, event: str, _: object) -> None:
        called = place(frame.f_code) if event == "call" else None
        if called is not None and not importing(frame):
            functions.add(called)
            calls.update((caller, called) for caller in list(callers(frame.f_back))[:1])

    with tempfile.TemporaryDirectory() as home, contextlib.redirect_stderr(io.StringIO()):
        corpus = Path(home) / "corpus" / "slt"
        corpus.mkdir(parents=True)
        for suffix in (".flac", ".lab"):
            shutil.copy(EXAMPLE.with_suffix(suffix), corpus)
        threading.setprofile(hook)
        sys.setprofile(hook)
        try:
            cli(["align", str(corpus.parent), str(Path(home) / "out"), "-j", "1"])
        except SystemExit:
            pass
        finally:
            sys.setprofile(None)
            threading.setprofile(None)  # type: ignore[arg-type]
        assert (Path(home) / "out" / "slt" / "tea.TextGrid").is_file()
    return functions, calls


def crosses(call: tuple[Place, Place]) -> bool:
    """Return whether a call leads from one module of the corpus job to another."""
    caller, called = (file for file, _ in call)
    return caller != called and caller.startswith(JOB) and called.startswith(JOB)


def main() -> None:
    """Trace, count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--list", action="store_true", help="print functions and crossings")
    options = parser.parse_args()
    functions, calls = trace()
    crossings = sorted(filter(crosses, calls))
    if options.list:
        for file, name in sorted(functions):
            print(f"{file}: {name}")
        for (home, caller), (file, called) in crossings:
            print(f"{home}: {caller} -> {file}: {called}")
    print(f"functions: {len(functions)}")
    print(f"files: {len({file for file, _ in functions})}")
    print(f"crossings: {len(crossings)}")


if __name__ == "__main__":
    main()
