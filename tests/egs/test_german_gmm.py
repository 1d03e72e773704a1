"""egs/german_gmm: its scripts as such, and all stages of the mini mode."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "egs" / "german_gmm"


def run(*arguments):
    return subprocess.run(
        ["bash", str(FOLDER / "run.sh"), *map(str, arguments)],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.mark.slow
def test_mini(tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    done = run("--mini", "true", "--exp", tmp_path / "exp", "--jobs", 1)
    assert done.returncode == 0, done.stderr
    scores = (tmp_path / "exp" / "RESULTS.md").read_text()
    assert "## corpus" in scores
    means = [float(line.split()[2]) for line in scores.splitlines() if line.startswith("both")]
    # The first and the last were trained on the test speech, so they say the same.
    assert len(means) == 3
    assert means[0] == means[2] < 50
    assert means[1] < 50
    assert "100.0 %" in scores
