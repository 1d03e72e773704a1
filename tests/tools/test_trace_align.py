"""What a reader of align has to follow: the corpus job is handed over a few times only."""

import subprocess
import sys
from pathlib import Path

TOOL = Path(__file__).resolve().parents[2] / "tools" / "trace_align.py"


def test_the_way_of_one_recording_is_traced():
    done = subprocess.run(
        [sys.executable, str(TOOL), "--list"], capture_output=True, text=True, check=True,
        cwd=TOOL.parents[1], env={"PYTHONPATH": str(TOOL.parents[1]), "PATH": ""},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert "pipeline/recording.py: Recording.write" in lines
    assert "aligners/phones.py: PhoneAligner.align" in lines
    assert any(line.startswith("formats/textgrid.py: ") for line in lines)
    assert not any(line.startswith("kernels/") for line in lines)
    counts = dict(line.split(": ") for line in lines[-3:])
    calls = [line for line in lines if " -> " in line]
    assert len(calls) == int(counts["crossings"]) <= 17
    functions = [line for line in lines[:-3] if line not in calls]
    assert len(functions) == int(counts["functions"])
    assert len({line.split(": ")[0] for line in functions}) == int(counts["files"])
