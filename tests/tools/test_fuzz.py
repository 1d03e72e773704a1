"""A small run of tools/fuzz.py: readers end in a value or an error of ours; writing is undone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "fuzz.py"


def fuzz(*arguments):
    return subprocess.run(
        [sys.executable, TOOL, *arguments], capture_output=True, text=True, check=False
    )


def test_two_thousand_cases():
    done = fuzz("--cases", "2000", "--seed", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert int(re.match(r"(\d+) cases, 0 faults", lines[-1])[1]) >= 2000
    tried = {line.partition(":")[0] for line in lines[:-1]}
    assert tried >= {
        "textgrid",
        "textgrid-binary",
        "srt",
        "vtt",
        "dictionary",
        "corpus-manifest",
        "results",
    }


@pytest.mark.parametrize(
    ("broken", "line", "fault"),
    [
        ("json", "raise KeyError('end')", "KeyError"),
        ("ctm", "return {}", "words are lost"),
    ],
)
def test_a_broken_reader_is_found(tmp_path, broken, line, fault):
    module = f"speechalign.formats.{broken}"
    reader = "read_all" if broken == "ctm" else "read"
    script = tmp_path / "broken.py"
    script.write_text(
        f"import runpy, sys\nimport {module} as module\n"
        f"def broken(path):\n    {line}\n"
        f"module.{reader} = broken\n"
        f"sys.argv = ['fuzz', '--cases', '40', '--only', {broken!r}]\n"
        f"runpy.run_path({str(TOOL)!r}, run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, check=False,
        cwd=TOOL.parents[1], env={**os.environ, "PYTHONPATH": str(TOOL.parents[1])},
    )  # fmt: skip
    assert done.returncode == 1
    assert fault in done.stdout
