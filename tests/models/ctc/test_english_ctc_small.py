"""The CTC model that comes with the package: the real command on real speech."""

import subprocess
import sys

import pytest

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("safetensors", reason="needs safetensors")
from speechalign.formats.tree import read_tree
from speechalign.metrics import report
from speechalign.models import load_model


def test_it_says_where_it_comes_from():
    model = load_model("english-ctc-small")
    assert model.name == "english-ctc-small"
    assert "speechocean762" in model.licence
    assert len(model.phones) == 39
    assert model.describe()["hears ahead"] == "everything"


def test_it_puts_words_where_the_embedded_aligner_puts_them(examples, tmp_path):
    for name in ("english-sphinx", "english-ctc-small"):
        command = [sys.executable, "-m", "speechalign", "align", examples, name, tmp_path / name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    ours, theirs = (
        read_tree(tmp_path / name).alignments for name in ("english-ctc-small", "english-sphinx")
    )
    assert ours.keys() == theirs.keys()
    score = report({name: (theirs[name], ours[name]) for name in ours}, tier="words").pooled
    assert score.label_completion == 1
    assert score.both.mean < 0.05
