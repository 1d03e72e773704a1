"""Kernels where no home, package or cache folder can be written to."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import speechalign
from speechalign.alignment import Alignment, Interval
from speechalign.errors import BackendError
from speechalign.formats import write_alignment
from speechalign.kernels import cache_folder

PACKAGE = Path(speechalign.__file__).parent


@pytest.fixture(scope="module")
def read_only(tmp_path_factory):
    """Copy the package so that nobody, root included, can write compiled code into it."""
    root = tmp_path_factory.mktemp("installed")
    copy = root / "speechalign"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").write_text("in the place of the folder")
    return root


def run(read_only, *arguments, **variables):
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": "/dev/null",
        "PYTHONPATH": str(read_only),
        "PYTHONDONTWRITEBYTECODE": "1",
        **{name: str(value) for name, value in variables.items()},
    }
    return subprocess.run(
        [sys.executable, *arguments], env=environment, cwd="/", capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip


def compiled(folder):
    return {path.name.split("-")[0] for path in folder.rglob("*.nbi")}


def test_a_command_runs_and_says_so_once(read_only, tmp_path):
    for folder, label in (("gold", "tea"), ("found", "pea")):
        (tmp_path / folder).mkdir()
        words = [Interval(0.1, 0.4, label), Interval(0.4, 0.5, "time")]
        write_alignment(Alignment({"words": words}, 0.6), tmp_path / folder / "a.TextGrid")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = ("-m", "speechalign", "compare", str(tmp_path / "gold"), str(tmp_path / "found"))
    first = run(read_only, *command, TMPDIR=temporary)
    assert first.returncode == 0, first.stderr
    (folder,) = temporary.iterdir()
    line = first.stderr.splitlines()[0]
    assert str(folder) in line
    assert "set NUMBA_CACHE_DIR" in line
    assert folder.stat().st_mode & 0o777 == 0o700
    assert any(name.startswith("edit_distance.") for name in compiled(folder))
    again = run(read_only, *command, TMPDIR=temporary)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert again.stderr.splitlines() == first.stderr.splitlines()[1:]


def test_the_folder_of_the_environment_is_taken(read_only, tmp_path):
    code = "from speechalign.kernels.edit_distance import edit_pairs"
    found = run(read_only, "-c", code, TMPDIR=tmp_path / "t", NUMBA_CACHE_DIR=tmp_path / "n")
    assert (found.returncode, found.stderr) == (0, "")
    assert not (tmp_path / "t").exists()
    assert (tmp_path / "n").is_dir()


def test_a_picture_is_drawn_without_a_word(read_only, tmp_path):
    pytest.importorskip("matplotlib")
    code = (
        "import numpy as np\nfrom pathlib import Path\n"
        "from speechalign.viz.histogram import plot_errors\n"
        f"plot_errors(np.zeros(3), np.zeros(3), Path({str(tmp_path / 'x.png')!r}), title='t')"
    )
    found = run(read_only, "-c", code, TMPDIR=tmp_path, NUMBA_CACHE_DIR=tmp_path / "n")
    assert (found.returncode, found.stderr) == (0, "")


def test_a_folder_that_others_can_write_to_is_not_trusted(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_folder, "_bases", lambda: [tmp_path])
    own, new = cache_folder.private_folder()
    assert new
    assert cache_folder.private_folder() == (own, False)
    own.chmod(0o777)
    other, new = cache_folder.private_folder()
    assert new
    assert other != own
    assert other.stat().st_mode & 0o777 == 0o700
    own.rmdir()
    own.symlink_to(other)
    assert cache_folder.private_folder()[0] not in (own, other)


def test_no_folder_at_all(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setattr(cache_folder, "_bases", lambda: [file])
    with pytest.raises(BackendError, match="set NUMBA_CACHE_DIR"):
        cache_folder.private_folder()


def test_every_cached_function_is_defined_after_the_folder_is_chosen():
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if re.search(r"^@njit", source, re.MULTILINE) and path.parent.name != "kernels":
            assert re.search(r"^(from|import) speechalign\.kernels", source, re.MULTILINE), path
