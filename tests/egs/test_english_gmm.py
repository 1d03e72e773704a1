"""egs/english_gmm: its scripts as such, and all stages of the mini mode."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "egs" / "english_gmm"


def run(*arguments):
    return subprocess.run(
        ["bash", str(FOLDER / "run.sh"), *map(str, arguments)],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_stage_0_joins_the_manifests(tmp_path):
    for corpus in ("one", "two", "three"):
        folder = tmp_path / "speech" / corpus
        folder.mkdir(parents=True)
        row = {"audio_filepath": "a/x.ogg", "text": "Grüße", "speaker": "s", "duration": 1.0}
        (folder / "manifest.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    done = run(
        "--stop-stage", 0, "--speech-dir", tmp_path / "speech", "--parts", "one two",
        "--exp", tmp_path / "exp",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "exp/data/manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["id"] for row in rows] == ["one/a/x", "two/a/x"]
    assert [row["speaker"] for row in rows] == ["one/s", "two/s"]
    assert rows[1]["audio_filepath"] == str(tmp_path / "speech/two/a/x.ogg")
    assert rows[0]["text"] == "Grüße"


@pytest.mark.slow
def test_mini(tmp_path):
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    done = run("--mini", "true", "--exp", tmp_path / "exp", "--jobs", 1)
    assert done.returncode == 0, done.stderr
    results = (tmp_path / "exp" / "RESULTS.md").read_text()
    assert "## model" in results
    assert "## english-sphinx" in results
    means = [float(line.split()[2]) for line in results.splitlines() if line.startswith("both")]
    assert len(means) == 2
    assert max(means) < 40
