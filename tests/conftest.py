"""Fixtures and settings that every test shares."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import chromium, page  # noqa: F401
from hypothesis import settings

from speechalign.models import Model, load_model

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of measuring data that lies beside the checkout, where there is one."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"measuring data is not at {folder}")
    return folder


@pytest.fixture(scope="session")
def whisper_base(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of openai/whisper-base with its real weights."""
    for package in ("torch", "transformers"):
        pytest.importorskip(package, reason=f"needs {package}")
    folder = tmp_path_factory.mktemp("whisper") / "base"
    program = shared / "tools" / "whisper_weights.py"
    made = subprocess.run(
        [sys.executable, program, "base", folder], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture
def load_named(request: pytest.FixtureRequest) -> Callable[[str], Model]:
    """Return a function that loads a model by its name, with its real encoder if it has one."""

    def load(name: str) -> Model:
        heads = name.endswith("-whisper") or name == "universal"
        encoder = request.getfixturevalue("whisper_base") if heads else None
        return load_model(name, encoder=encoder)

    return load


@pytest.fixture(scope="session")
def examples() -> Path:
    """Return the folder of the bundled example speech, ``SPEAKER/x.flac`` with ``x.lab``."""
    return Path(__file__).resolve().parents[1] / "examples" / "english"


@pytest.fixture(scope="session")
def aligner():
    """Return the loaded default model."""
    from speechalign.aligners.aligner import Aligner

    return Aligner()


@pytest.fixture
def loaded_once(monkeypatch, aligner):
    """Have commands use the model that is loaded already."""
    from speechalign import models
    from speechalign.aligners import aligner as module

    def load(name, **options):
        return aligner.model if name == aligner.model.name else original(name, **options)

    original = models.load_model
    for home in (models, module):
        monkeypatch.setattr(home, "load_model", load)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """Return what gives the folder, or name, of a small model of a family."""
    torch = pytest.importorskip("torch", reason="needs torch")
    pytest.importorskip("transformers", reason="needs transformers")
    import tiny_models

    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("tiny")
    made = {}

    def get(family):
        if family not in made:
            if family == "onnx":
                pytest.importorskip("onnxruntime", reason="needs onnxruntime")
                pytest.importorskip("onnxscript", reason="needs onnxscript")
            if family == "torchaudio":
                pytest.importorskip("torchaudio", reason="needs torchaudio")
            torch.manual_seed(0)
            made[family] = getattr(tiny_models, family)(home / family)
        return made[family]

    return get
