"""Contract of resuming: every kind of model, every option of loading, a second run with a change.

What times depend on is compared, so that nothing stale is taken for aligned; nothing else is, so
that nothing is aligned in vain.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.models.calibration import Calibration
from speechalign.pipeline.align_corpus import align_corpus

DATA = Path(load_model.__globals__["__file__"]).parent / "data"


def gaussians(folder):
    """Make the German HMM-GMM, or move one value of the one that is there."""
    if not folder.exists():
        shutil.copytree(DATA / "german_gmm", folder)
        return
    with np.load(folder / "parameters.npz") as arrays:
        parameters = dict(arrays)
    parameters["means"][0, 0, 0, 0] += 0.01
    np.savez(folder / "parameters.npz", **parameters)


def convolutions(folder):
    """Make the small CTC model of phones, or move one value of the one that is there."""
    pytest.importorskip("torch", reason="needs torch")
    if folder.exists():
        move(folder / "model.safetensors")
    else:
        shutil.copytree(DATA / "english_ctc_small", folder)


def move(path):
    """Move one value of a file of tensors."""
    torch = pytest.importorskip("safetensors.torch", reason="needs safetensors")
    weights = torch.load_file(path)
    weights[min(weights)].view(-1)[0] += 0.01
    torch.save_file(weights, path, metadata={"format": "pt"})


def network(family):
    """Return a function that makes a small network of a family, or changes the one there is."""

    def make(folder):
        torch = pytest.importorskip("torch", reason="needs torch")
        pytest.importorskip("transformers", reason="needs transformers")
        if family == "onnx":
            pytest.importorskip("onnxruntime", reason="needs onnxruntime")
            pytest.importorskip("onnxscript", reason="needs onnxscript")
        import tiny_models

        if folder.exists() and family != "onnx":
            move(folder / "model.safetensors")
            return
        torch.manual_seed(int(folder.exists()))
        shutil.rmtree(folder, ignore_errors=True)
        getattr(tiny_models, family)(folder)

    return make


KINDS = {
    "hmm-gmm": gaussians,
    "conv-ctc": convolutions,
    "hugging face": network("wav2vec2"),
    "whisper": network("whisper"),
    "onnx": network("onnx"),
}
LANGUAGES = dict.fromkeys(KINDS, ("en", "de")) | {"hmm-gmm": ("de",), "conv-ctc": ("en",)}


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def run(kind, examples, tmp_path):
    """Return a function that aligns with the model of a kind, and tells what was kept."""
    shutil.copytree(examples / "slt", tmp_path / "corpus")
    (tmp_path / "corpus/harbour.lab").write_text("[noise] tea")
    (tmp_path / "corpus/tea.lab").write_text("tea")
    folder = tmp_path / "model"
    KINDS[kind](folder)

    def align(*, out="out", loading=None, **options):
        model = load_model(folder, **(loading or {}))
        aligner = Aligner(model, **{"language": LANGUAGES[kind][0], **options})
        result = align_corpus(tmp_path / "corpus", aligner, tmp_path / out)
        assert result.exit_status == 0, [r.reason for r in result]
        return [r.kept for r in result]

    assert align() == [False, False]
    return align


def outputs(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_the_same_again_is_kept(run):
    assert run() == [True, True]
    assert run(loading={"device": "cpu"}) == [True, True]
    assert run(loading={"offline": True, "allow_pickle": True}) == [True, True]


@pytest.mark.parametrize(
    "what", ["content", "language", "calibration", "dictionary", "min_pause", "posteriors"]
)
def test_one_change_aligns_again(run, kind, what, tmp_path):
    options = {}
    if what == "content":
        KINDS[kind](tmp_path / "model")
    elif what == "language":
        if len(LANGUAGES[kind]) == 1:  # no other can be asked for
            with pytest.raises(InputError, match="language: expected"):
                run(language="fr")
            return
        options = {"language": LANGUAGES[kind][1]}
    elif what == "calibration":
        model = load_model(tmp_path / "model")
        options = {"calibration": Calibration(model.name, 0.02, 9)}
    elif what == "dictionary":
        phones = "t e" if kind == "hmm-gmm" else "K AO F IY"
        (tmp_path / "own.dict").write_text(f"tea\t{phones}\n")
        options = {"dictionary": tmp_path / "own.dict"}
        if kind not in ("hmm-gmm", "conv-ctc"):  # models without phones
            with pytest.raises(InputError, match=r"dictionary: .* reads"):
                run(**options)
            return
    elif what == "posteriors":
        options = {"posteriors": ["intervals", "phone-confidence", "n-best"]}
        if kind == "whisper":
            with pytest.raises(InputError, match=r"posteriors: .* aligns by attention"):
                run(**options)
            return
    else:
        options = {"min_pause": 0.5}
    assert run(**options) == [False, False]
    run(**options, out="new")
    assert outputs(tmp_path / "out") == outputs(tmp_path / "new")
    assert run(**options) == [True, True]
