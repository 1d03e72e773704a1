"""What ``import speechalign`` offers, and what it costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import speechalign

_NAMES = {
    "AlignBatch",
    "Aligner", "Alignment", "Interval", "Emissions", "FrameGrid", "Graph", "Vocabulary", "align",
    "align_corpus", "load_model", "read_alignment", "read_corpus", "write_alignment", "score",
    "SpeechAlignError", "__version__",
}  # fmt: skip


def test_public_names():
    assert set(speechalign.__all__) == _NAMES
    assert set(dir(speechalign)) == _NAMES


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_every_public_name_is_there(name):
    value = getattr(speechalign, name)
    assert value is getattr(speechalign, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__


def test_the_citation_is_of_this_version():
    text = (Path(__file__).resolve().parents[1] / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {speechalign.__version__}\n" in text


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'speechalign' has no attribute 'aling'"):
        _ = speechalign.aling


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()


@pytest.mark.parametrize(
    "statement",
    [
        "import speechalign",
        "import speechalign.errors, speechalign.registry",
        "import speechalign.losses",
    ],
)
def test_import_loads_no_other_package(statement):
    loaded = set(run(f"import sys; {statement}; print(*sys.modules)"))
    assert not loaded & {"numpy", "numba", "torch", "soundfile", "click", "librosa", "matplotlib"}
    ours = {module for module in loaded if module.startswith("speechalign.")}
    assert ours <= {"speechalign.errors", "speechalign.registry", "speechalign.losses"}


def test_a_name_of_the_bottom_layer_does_not_load_numba():
    code = "import sys, speechalign; speechalign.Alignment; print('numba' in sys.modules)"
    assert run(code) == ["False"]
