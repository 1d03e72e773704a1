"""The layer checker finds what it is there to find, and nothing in the package itself."""

import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).resolve().parents[2] / "tools" / "check_layers.py"


def check(*arguments):
    done = subprocess.run(
        [sys.executable, TOOL, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


@pytest.fixture
def package(tmp_path):
    """Make a package that keeps all rules, to be spoilt."""
    files = {
        "__init__": "import importlib\n__version__ = '1'\n",
        "errors": "class E(Exception): ...\n",
        "frames": "import numpy as np\nfrom speechalign.errors import E\n",
        "graphs/__init__": "from speechalign.graphs.graph import Graph\n",
        "graphs/graph": "from __future__ import annotations\nimport math\nimport numpy.linalg\n",
        "kernels/lattice": "from numba import njit\nfrom speechalign.graphs import Graph\n",
        "kernels/lattice_k2": "if TYPE_CHECKING:\n    import torch\ndef f():\n    import k2\n",
        "metrics/__init__": "from speechalign.kernels import lattice\nimport matplotlib\n",
        "viz/plot": "import librosa\nfrom ..frames import FrameGrid\nfrom . import style\n",
        "viz/style": "",
        "aligners/aligner": "from speechalign import __version__, metrics\nimport math\n",
        "aligners/ctc": "def run():\n    from speechalign import align\n",
        "cli/main": "import speechalign\nfrom speechalign import align\nimport speechalign.viz\n",
    }
    folder = tmp_path / "speechalign"
    for name, text in files.items():
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_package_that_keeps_the_rules(package):
    assert check(package) == (0, [])


@pytest.mark.parametrize(
    ("module", "statement", "complaint"),
    [
        ("frames", "import speechalign.viz", "frames imports speechalign.viz: imports point down"),
        ("graphs/graph", "from speechalign.kernels import lattice", "imports point downwards only"),
        ("metrics/__init__", "from speechalign.viz.plot import p", "rooms of one floor do not imp"),
        (
            "metrics/__init__",
            "from speechalign import viz",
            "rooms of one floor do not import eac",
        ),
        ("metrics/__init__", "from ..viz import plot", "imports speechalign.viz.plot: rooms"),
        ("viz/plot", "from .. import metrics", "viz imports speechalign.metrics: rooms"),
        (
            "viz/plot",
            "def f():\n    import speechalign.metrics",
            "rooms of one floor do not import eac",
        ),
        ("viz/plot", "from speechalign import align", "imports speechalign.align: imports point"),
        ("viz/plot", "import speechalign", "viz imports speechalign: imports point downwards only"),
        ("kernels/lattice", "import scipy.signal", "kernels imports scipy.signal: graphs and ker"),
        ("kernels/lattice_k2", "def g():\n    import scipy", "kernels imports scipy: graphs and"),
        ("kernels/lattice_k2", "import k2", "kernels imports k2: graphs and kernels import"),
        ("kernels/lattice_k2", "if True:\n    import torch", "kernels imports torch: graphs and"),
        ("graphs/graph", "from torch import nn", "graphs imports torch.nn: graphs and kernels im"),
        ("aligners/aligner", "from speechalign.cli import main", "imports point downwards only"),
        (
            "aligners/aligner",
            "if True:\n    import speechalign.cli",
            "imports point downwards only",
        ),
    ],
)
def test_bad_import_is_named_with_its_line(package, module, statement, complaint):
    path = package / f"{module}.py"
    before = path.read_text()
    path.write_text(before + statement + "\n")
    line = len((before + statement).splitlines())
    status, faults = check(package)
    assert status == 1
    assert len(faults) == 1
    assert faults[0].startswith(f"{path}:{line}: ")
    assert complaint in faults[0]


def test_module_on_no_floor(package):
    (package / "utils.py").write_text("")
    status, faults = check(package)
    assert status == 1
    assert faults == [
        f"{package / 'utils.py'}:1: utils is on no floor; add it to FLOORS in tools/check_layers.py"
    ]


def test_circle_inside_a_room(package):
    (package / "kernels/search.py").write_text("from speechalign.kernels import lattice\n")
    path = package / "kernels/lattice.py"
    path.write_text(path.read_text() + "from speechalign.kernels.search import best\n")
    first, second = "speechalign.kernels.lattice", "speechalign.kernels.search"
    assert check(package) == (1, [f"circle: {first} -> {second} -> {first}"])


def test_families_of_models_keep_their_order(package):
    for family in ("hmm_gmm", "ctc"):
        (package / "models" / family).mkdir(parents=True)
    (package / "models/ctc/network.py").write_text("import speechalign.models.hmm_gmm.model\n")
    (package / "models/hmm_gmm/model.py").write_text("import math\n")
    assert check(package) == (0, [])
    (package / "models/hmm_gmm/model.py").write_text("from speechalign.models.ctc import network\n")
    status, (fault,) = check(package)
    assert status == 1
    assert "models.hmm_gmm imports speechalign.models.ctc.network: imports point down" in fault


def test_faults_of_a_file_come_in_order(package):
    path = package / "frames.py"
    path.write_text("import speechalign.viz\n\n\nimport speechalign.graphs\n")
    assert [fault.split(":")[1] for fault in check(package)[1]] == ["1", "4"]


def test_speechalign_itself_keeps_the_rules():
    assert check() == (0, [])
