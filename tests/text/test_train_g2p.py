"""The recipe that trains the grapheme-to-phoneme model, run by path on a small dictionary."""

import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

from speechalign.text.g2p import G2P

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "steps" / "train_g2p.py"


def run(*arguments):
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def dictionary(tmp_path):
    path = tmp_path / "toy.dict"
    words = ["".join(letters) for letters in product("ptk", "aio", "ptk", "aio")]
    lines = [f"{word} {' '.join(word.upper())}" for word in words]
    path.write_text("\n".join([*lines, "pat(2) P O T"]) + "\n", encoding="utf-8")
    return path


def test_measures_and_writes_the_same_bytes_again(dictionary, tmp_path):
    done = run("--dictionary", dictionary, "--output", tmp_path / "a.npz", "--min-count", 1)
    again = run("--dictionary", dictionary, "--output", tmp_path / "b.npz", "--min-count", 1)
    assert done.returncode == again.returncode == 0, done.stderr
    assert "toy.dict: 77 words to train on, 5 held out" in done.stdout
    assert "word error 0.00 % (0 of 5), phone error 0.00 % (0 of 20)" in done.stdout
    assert "all 82 words" in done.stdout
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert G2P.load(tmp_path / "a.npz").pronounce("Topika")[0].phones == tuple("TOPIKA")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz", "toy.dict"]


def test_a_broken_line_is_named_and_nothing_is_written(dictionary, tmp_path):
    dictionary.write_text("pat P A T\n\npit\n", encoding="utf-8")
    done = run("--dictionary", dictionary, "--output", tmp_path / "a.npz")
    assert done.returncode == 1
    assert "toy.dict:2: expected a word and phones, got ''" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "a.npz").exists()
