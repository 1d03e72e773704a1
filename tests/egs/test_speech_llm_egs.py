"""egs/speech_llm: its scripts as such, and all stages of the mini mode."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "egs" / "speech_llm"


def run(*arguments):
    return subprocess.run(
        ["bash", str(FOLDER / "run.sh"), *map(str, arguments)],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=900,
    )


@pytest.mark.slow
def test_mini(tmp_path):
    """Models of a few steps say nothing sensible; every stage runs, and the tables are whole."""
    for module in ("torch", "peft", "espeakng_loader", "yaml", "tensorboard"):
        pytest.importorskip(module, reason=f"needs {module}")
    exp = tmp_path / "exp"
    done = run("--mini", "true", "--utterances", 32, "--updates", 3, "--exp", exp)
    assert done.returncode == 0, done.stderr
    report = (exp / "RESULTS.md").read_text()
    for test in ("test", "other", "nonspeech"):
        assert f"## {test}, 1 seed(s)" in report
    for system in ("plain", "nonspeech"):
        assert report.count(f"\n| {system}, guarded |") == 3
    assert "| 1 | plain | 3 | " in report
    assert "| nonspeech | plain, guarded | " in report
    assert "word-errors|" in report
    assert "words" in (exp / "1" / "times.txt").read_text()
    lines = (exp / "1" / "plain" / "nonspeech.jsonl").read_text().splitlines()
    assert {json.loads(line)["reference"] for line in lines} == {""}
