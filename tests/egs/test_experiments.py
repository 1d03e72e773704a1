"""What holds for every experiment: help, unknown options, scripts that shellcheck likes, length."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EGS = Path(__file__).resolve().parents[2] / "egs"
FOLDERS = sorted(path.parent for path in EGS.glob("*/run.sh"))
OPENINGS = {
    "align_with_purpose": "Align With Purpose on a real encoder",
    "aligner_comparison": "Every family of aligners",
    "english_gmm": "An English HMM-GMM",
    "german_gmm": "A German HMM-GMM",
    "joint_speech_text": "Joint speech and text without alignment",
    "librispeech": "CTC models of phones",
    "long_form": "Long recordings with a primary speaker",
    "multi30k": "Non-autoregressive translation with CTC",
    "robust_english": "Models of English and German that hear through noise",
    "speech_llm": "A speech LLM",
    "speech_translation": "Word alignment from the attention",
    "universal": "A model of any language",
}
each = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


def run(folder, *arguments):
    return subprocess.run(
        ["bash", str(folder / "run.sh"), *map(str, arguments)],
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
    )


@each
def test_help(folder):
    done = run(folder, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(OPENINGS[folder.name])


@each
def test_unknown_option(folder):
    assert run(folder, "--epochs", 3).returncode == 2


@each
def test_scripts_are_clean(folder):
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed")
    found = [*folder.glob("*.sh"), *folder.glob("local/*.sh"), *EGS.glob("utils/*.sh")]
    scripts = [os.path.relpath(path, folder) for path in found]
    command = ["shellcheck", "-x", "-P", ".:SCRIPTDIR", *scripts]
    assert subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout == ""


@each
def test_run_is_short(folder):
    assert len((folder / "run.sh").read_text().splitlines()) <= 120


@each
def test_corpora_are_looked_for_in_one_folder_only(folder):
    texts = [path.read_text() for path in (*folder.rglob("*.sh"), folder / "README.md")]
    assert not [text for text in texts if "shared/" in text]
