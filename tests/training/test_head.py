"""Networks on an encoder: trained, adapted and exported by the commands, on the bundled speech."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.errors import InputError
from speechalign.formats import read_alignment
from speechalign.models import load_model

torch = pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")

from speechalign.training import course, head  # noqa: E402


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module", autouse=True)
def short():
    """Train for some steps only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(head, "_STEPS", 20)
        patch.setattr(head, "_EPOCHS", 0.0)
        patch.setattr(head, "_ADAPTING_STEPS", 5)
        patch.setattr(head, "_ADAPTING_EPOCHS", 0.0)
        yield


@pytest.fixture(scope="module")
def trained(tiny, examples, tmp_path_factory):
    """Return corpus, encoder and model, and the result of the command."""
    home = tmp_path_factory.mktemp("trained")
    corpus = home / "corpus"
    shutil.copytree(examples, corpus)
    (corpus / "slt" / "broken.wav").write_bytes(b"RIFF nothing")
    (corpus / "slt" / "broken.lab").write_text("Nothing at all.")
    encoder = shutil.copytree(tiny("whisper"), home / "encoder")
    options = ("--gaussians", 1, "--licence", "CC0", "-j", 1)
    result = run("train", corpus, home / "model", "--encoder", encoder, *options)
    return corpus, encoder, home / "model", result


def test_train(trained):
    _, encoder, model, result = trained
    assert result.exit_code == 3, result.stderr
    assert "left out: slt/broken: " in result.stderr
    assert "round 1 of 2: steps 20, loss " in result.stderr
    assert "round 2 of 2: steps 20, loss " in result.stderr
    assert "frames relabelled" in result.stderr
    assert "the HMM-GMM of the first labels:" in result.stdout
    assert not model.with_name("model.work").exists()
    report = json.loads((model / "training_report.json").read_text("utf-8"))
    assert report["utterances"] == 3
    losses = [found["loss"] for found in report["rounds"]]
    assert losses[1] < losses[0] < np.log(len(load_model(model).phones))
    assert report["first_labels"]["utterances"] == 3
    card = (model / "MODEL_CARD.md").read_text("utf-8")
    assert "CC0" in card
    assert f"| encoder | {encoder} (whisper) |" in card
    assert sum(file.stat().st_size for file in model.iterdir()) < 4e6


def test_align_with_it(trained, tmp_path):
    corpus, _, model, _ = trained
    aligned = run("align", corpus / "slt", model, tmp_path / "out", "-j", 2)
    assert aligned.exit_code == 3, aligned.stderr
    [found] = tmp_path.glob("out/**/tea.TextGrid")
    words = read_alignment(found).tiers["words"]
    expected = (corpus / "slt" / "tea.lab").read_text().strip()
    assert " ".join(word.label for word in words) == expected


def test_the_same_seed_makes_the_same_model(trained, tmp_path):
    """Also when the first run is stopped in the second round; its features are taken."""
    corpus, encoder, model, _ = trained
    taught = course.Course.teach

    def stopped(self, net, number, *others, **options):
        if number == 2:
            raise KeyboardInterrupt
        taught(self, net, number, *others, **options)

    arguments = ("train", corpus, tmp_path / "again", "--encoder", encoder, "--gaussians", 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course.Course, "teach", stopped)
        assert run(*arguments, "-j", 1).exit_code != 0
    [frames] = tmp_path.glob("again.work/frames-*")
    assert (frames / "network-1.pt").is_file()
    features = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course.Course, "_encoded", lambda *given: features.append(given))
        result = run(*arguments, "-j", 1)
    assert result.exit_code == 3, result.stderr
    assert features == []
    first, second = (load_model(folder).net.weights for folder in (model, tmp_path / "again"))
    assert all((first[name] == second[name]).all() for name in first)


def test_inspect_and_export(trained, tmp_path):
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    _, encoder, model, _ = trained
    facts = run("model", "inspect", model).stdout
    assert f"encoder: {encoder} (whisper)\n" in facts
    assert "layers of the encoder: 1 2\n" in facts
    exported = run("model", "export", model, tmp_path / "exported")
    assert exported.exit_code == 0, exported.stderr
    assert "network.onnx: log posteriors differ by " in exported.stdout
    assert load_model(tmp_path / "exported").content_hash == load_model(model).content_hash


def test_adapt(trained, tmp_path):
    corpus, encoder, model, _ = trained
    moved = shutil.copytree(encoder, tmp_path / "moved")
    adapted = run("adapt", corpus, model, tmp_path / "new", "--encoder", moved, "-j", 1)
    assert adapted.exit_code == 3, adapted.stderr
    assert "round 1 of 1: steps 5, loss " in adapted.stderr
    old, new = load_model(model), load_model(tmp_path / "new", encoder=moved)
    assert new.name == "new"
    assert (new.net.weights["output.bias"] != old.net.weights["output.bias"]).any()
    refused = run("adapt", corpus, model, tmp_path / "other", "--fmllr")
    assert "--fmllr is for HMM-GMMs; leave it out" in refused.stderr


def test_bad_options(trained, tmp_path, tiny):
    corpus, _, _, _ = trained
    refused = run("train", corpus, tmp_path / "m", "--copies", 2)
    assert "--copies goes with --encoder" in refused.stderr
    refused = run("train", corpus, tmp_path / "m", "--encoder", tmp_path / "none")
    assert refused.exit_code == 4
    assert "none: there is no such folder; name the folder of a Hugging Face" in refused.stderr
    from speechalign.models.neural_hmm.encoder import load_encoder

    with pytest.raises(InputError, match="copies: expected 0 or more, got -1"):
        head.train_head(
            [], None, tmp_path / "m", encoder=load_encoder(tiny("whisper")), name="m",
            licence="none", copies=-1,
        )  # fmt: skip
