"""``speechalign g2p``: a model trained on a small dictionary, measured, and put to use."""

from itertools import product

import pytest
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.text.dictionary import read_dictionary
from speechalign.text.g2p import G2P, train_g2p
from speechalign.text.g2p_score import G2PScore, is_held_out, score_g2p

WORDS = ["".join(letters) for letters in product("ptk", "aio", "ptk", "aio")]


def run(*arguments, text=None):
    return CliRunner().invoke(cli, ["g2p", *map(str, arguments)], input=text)


@pytest.fixture
def dictionary(tmp_path):
    path = tmp_path / "toy.dict"
    lines = [f"{word}\t{' '.join(word.upper())}" for word in WORDS]
    path.write_text("\n".join([*lines, "pata(2)\tP AA0 T A", ""]), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("g2p") / "m.npz"
    train_g2p(((word, tuple(word.upper())) for word in WORDS), order=3).save(path)
    return path


def test_training_prints_the_held_out_error_and_gives_the_same_bytes(dictionary, tmp_path):
    done = run("train", dictionary, tmp_path / "a.npz", "--min-count", 1, "--order", 3)
    again = run("train", dictionary, tmp_path / "b.npz", "--min-count", 1, "--order", 3)
    assert (done.exit_code, again.exit_code, done.stderr) == (0, 0, "")
    held_out = sum(map(is_held_out, WORDS))
    assert 0 < held_out < 20
    assert f"word error 0.00 % (0 of {held_out}), phone error 0.00 % (0 of {4 * held_out})" in (
        done.stdout
    )
    assert f"a.npz: all {len(WORDS)} words, " in done.stdout
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    loaded = G2P.load(tmp_path / "a.npz")
    assert loaded.pronounce("Topika")[0].phones == tuple("TOPIKA")
    assert "AA" in loaded.phones
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz", "toy.dict"]


def test_options_of_training_are_read(dictionary, tmp_path):
    stressed, small = tmp_path / "s.npz", tmp_path / "t.npz"
    assert run("train", dictionary, stressed, "--keep-stress", "--min-count", 1).exit_code == 0
    assert "AA0" in G2P.load(stressed).phones
    assert run("train", dictionary, small, "--threshold", 1).exit_code == 0
    assert len(G2P.load(small).ngrams) < len(G2P.load(stressed).ngrams)
    assert "AA" not in G2P.load(small).phones  # seen once


def test_what_goes_wrong_in_training_is_named_and_nothing_is_written(dictionary, tmp_path):
    dictionary.write_text("pat P A T\n\npit\n", encoding="utf-8")
    done = run("train", dictionary, tmp_path / "a.npz")
    assert done.exit_code == 4
    assert "warning: " in done.stderr
    assert "toy.dict:2: empty line" in done.stderr
    assert "toy.dict:3: 'pit' has no phones" in done.stderr
    assert "expected a name that ends in .npz" in run("train", dictionary, tmp_path / "a").stderr
    assert "no.dict: dictionary cannot be read" in run("train", "no.dict", "a.npz").stderr
    assert [path.name for path in tmp_path.iterdir()] == ["toy.dict"]


def test_a_model_that_cannot_be_written_leaves_the_old_one(dictionary, tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    assert run("train", dictionary, path).exit_code == 0
    before = path.read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device", "a.npz")

    monkeypatch.setattr("numpy.savez_compressed", full)
    done = run("train", dictionary, path)
    assert (done.exit_code, done.stderr) == (4, f"error: {path}: No space left on device\n")
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.npz", "toy.dict"]


def test_apply_prints_a_dictionary(model, tmp_path):
    done = run("apply", model, "Topi", "kat")
    assert (done.exit_code, done.stdout) == (0, "Topi\tT O P I\nkat\tK A T\n")
    done = run("apply", model, "--file", "-", "--nbest", 3, text="topi\nkat pit\n")
    path = tmp_path / "x.dict"
    path.write_text(done.stdout, encoding="utf-8")
    read = read_dictionary(path)
    assert list(read) == ["topi", "kat", "pit"]
    guesses = G2P.load(model).pronounce("topi", n_best=3)
    assert read["topi"] == tuple(guess.phones for guess in guesses)
    assert read.log_priors("topi") == pytest.approx(
        [guess.score - guesses[0].score for guess in guesses], abs=1e-2
    )


def test_words_that_cannot_be_pronounced(model, tmp_path):
    done = run("apply", model, "мир", "kat")
    assert (done.exit_code, done.stdout) == (3, "kat\tK A T\n")
    assert "failed: word 'мир': none of its characters was in the training data" in done.stderr
    assert run("apply", model, "мир").exit_code == 4
    done = run("apply", model)
    assert done.exit_code == 2
    assert "no word to pronounce" in done.stderr
    assert "no such grapheme-to-phoneme model" in run("apply", tmp_path / "no.npz", "kat").stderr


def test_errors_are_counted_against_the_nearest_pronunciation(model):
    reference = {
        "kat": (("K", "A", "T"),),
        "pit": (("P", "T"), ("P", "I", "T", "A")),
        "top": (("X", "Y", "Z"),),
    }
    score = score_g2p(G2P.load(model), reference)
    assert score == G2PScore(words=3, wrong_words=2, phones=3 + 2 + 3, wrong_phones=0 + 1 + 3)
    assert str(score) == "word error 66.67 % (2 of 3), phone error 50.00 % (4 of 8)"
