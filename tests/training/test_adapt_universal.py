"""Adaptation of a model of any language, by the command, and when it stops."""

import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from small_neural_hmm import articulatory_hmm

torch = pytest.importorskip("torch", reason="needs torch")

from speechalign.cli.main import cli  # noqa: E402
from speechalign.models import load_model  # noqa: E402
from speechalign.models.neural_hmm.folder import save  # noqa: E402
from speechalign.text.articulation import COLUMNS, articulation  # noqa: E402
from speechalign.training import head  # noqa: E402
from speechalign.training.articulation_targets import (  # noqa: E402
    ANYTHING,
    articulated,
    phone_bits,
    target_bits,
)

NONE = {"silences": (), "noises": ()}
RECORDINGS = 12  # of these, two are held out


@pytest.fixture
def corpus(examples, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number in range(RECORDINGS):
        shutil.copy(examples / "slt" / "tea.flac", folder / f"w{number}.flac")
        (folder / f"w{number}.lab").write_text("ˈtʰa͡ɪ.na nʲoː", "utf-8")
    return folder


@pytest.fixture
def model(tmp_path):
    save(articulatory_hmm(), tmp_path / "any", texts={})
    return tmp_path / "any"


def adapt(*arguments):
    return CliRunner().invoke(cli, ["adapt", *map(str, arguments), "-j", "1"])


def test_adapt(corpus, model, tmp_path, monkeypatch):
    monkeypatch.setattr(head, "_ADAPTING_STEPS", 20)
    monkeypatch.setattr(head, "_ADAPTING_RATE", 0.01)
    done = adapt(corpus, model, tmp_path / "new")
    assert done.exit_code == 0, done.stderr
    assert "weights of step 20 kept" in done.stdout
    assert "12 utterances" in done.stdout
    old, new = load_model(model), load_model(tmp_path / "new")
    assert (new.name, new.pronunciation, new.phones) == ("new", "ipa", ("sil", "spn"))
    assert (new.net.weights["output.bias"] != old.net.weights["output.bias"]).any()
    assert new.durations == old.durations


def test_weights_that_fit_held_out_recordings_worse_are_not_kept(
    corpus, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(head, "_ADAPTING_STEPS", 20)
    monkeypatch.setattr(head, "_ADAPTING_RATE", 300.0)
    done = adapt(corpus, model, tmp_path / "new")
    assert done.exit_code == 0, done.stderr
    assert "weights of step 0 kept" in done.stdout
    old, new = load_model(model).net.weights, load_model(tmp_path / "new").net.weights
    assert all(np.array_equal(old[name], new[name]) for name in old)


def test_other_phones_of_a_corpus(corpus, model, tmp_path, monkeypatch):
    monkeypatch.setattr(head, "_ADAPTING_STEPS", 2)
    table = tmp_path / "letters.tsv"
    table.write_text("t\tt\nn\tn\na\ta\no\to\n", "utf-8")
    for path in corpus.glob("*.lab"):
        path.write_text("tana no", "utf-8")
    done = adapt(corpus, model, tmp_path / "new", "--phones", table)
    assert done.exit_code == 0, done.stderr
    assert load_model(tmp_path / "new").pronunciation == "ipa"
    (corpus / "w3.lab").write_text("tax", "utf-8")
    done = adapt(corpus, model, tmp_path / "other", "--phones", table)
    assert done.exit_code == 3
    assert "the letter 'x' is not in" in done.stdout


def test_nothing_is_ipa(corpus, model, tmp_path):
    for path in corpus.glob("*.lab"):
        path.write_text("Hello there", "utf-8")
    done = adapt(corpus, model, tmp_path / "new")
    assert done.exit_code == 4
    assert "is not a symbol of the IPA" in done.stderr
    assert not (tmp_path / "new").exists()


def test_targets_of_frames():
    named = {"silences": ("sil",), "noises": ("spn",)}
    bits = [phone_bits(phone, **named) for phone in ("sil", "a͡ɪ", "spn", "t")]
    assert bits[2] == (ANYTHING,)
    assert len(bits[1]) == 2
    rows = articulated(np.array([0, 1, 1, 1, 1, 2, 3]), bits)
    first, second = bits[1]
    assert rows.tolist() == [*bits[0], first, first, second, second, ANYTHING, *bits[3]]


def test_bits_are_columns():
    [target] = articulation("t").targets
    on = {column for n, column in enumerate(COLUMNS) if int(target_bits(target)) >> n & 1}
    assert on == {(name, value) for name, values in target.items() for value in values}
    assert phone_bits("TH", **NONE, names={"TH": "θ"}) == phone_bits("θ", **NONE)
