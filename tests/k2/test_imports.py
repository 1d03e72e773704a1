"""What the k2 environment uses imports there: on CPython 3.9, with numpy and numba alone."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import speechalign

pytest.importorskip("k2.version", reason="no k2 here; tools/k2_env.sh makes a place for it")

FOLDER = Path(speechalign.__file__).parent
PACKAGES = ("graphs", "kernels")
MODULES = ["errors", "checks", "registry", *PACKAGES] + [
    f"{package}.{module.name}"
    for package in PACKAGES
    for module in pkgutil.iter_modules([str(FOLDER / package)])
]


def test_every_module_of_graphs_and_kernels():
    names = [f"speechalign.{name}" for name in MODULES]
    code = (
        f"import importlib, sys; [importlib.import_module(name) for name in {names}];"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=False, cwd=FOLDER.parent,
    )  # fmt: skip
    assert done.stderr == ""
    assert not {"torch", "k2", "soundfile", "click"} & set(done.stdout.split())
    assert {"numpy", "numba", "speechalign"} <= set(done.stdout.split())
