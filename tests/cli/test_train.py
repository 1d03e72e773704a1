"""Commands train, train-align and adapt on the bundled speech."""

import errno
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from speechalign.alignment import Alignment
from speechalign.cli.main import cli
from speechalign.formats import read_alignment
from speechalign.models import load_model


@pytest.fixture
def corpus(examples, tmp_path):
    """Copy the bundled speech, with a file that is no sound and one that is far too short."""
    folder = tmp_path / "corpus"
    shutil.copytree(examples, folder)
    (folder / "slt" / "broken.wav").write_bytes(b"RIFF nothing")
    (folder / "slt" / "broken.lab").write_text("Nothing at all.")
    shutil.copy(folder / "slt" / "tea.flac", folder / "slt" / "long.flac")
    (folder / "slt" / "long.lab").write_text("too many words for so short a recording " * 20)
    return folder


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_train_then_align_with_the_model(corpus, tmp_path):
    model = tmp_path / "model"
    result = run("train", corpus, model, "--gaussians", 1, "-j", 2, "--licence", "CC0")
    assert result.exit_code == 3, result.stderr
    assert "pass 11 of 11: Gaussians 1, utterances 3, log-likelihood -" in result.stderr
    assert "frames re-aligned" in result.stderr
    assert "left out: slt/broken: " in result.stderr
    assert "left out: slt/long: its phones need at least" in result.stderr
    assert "utterances to train on: 3; with fewer" in result.stderr
    assert "states by occupancy (" in result.stdout
    assert "slt/long" in result.stdout
    assert not (tmp_path / "model.work").exists()

    report = json.loads((model / "training_report.json").read_text("utf-8"))
    assert report["utterances"] == 3
    assert [name for name, _ in report["left_out"]] == ["slt/broken", "slt/long"]
    assert report["iterations"][-1]["log_likelihood"] > report["iterations"][0]["log_likelihood"]
    assert (model / "training_report.txt").read_text("utf-8").strip() == result.stdout.strip()
    assert "CC0" in (model / "MODEL_CARD.md").read_text("utf-8")

    inspected = run("model", "inspect", model)
    assert inspected.exit_code == 0, inspected.stderr
    assert "licence: CC0" in inspected.stdout
    shutil.rmtree(corpus / "rms")
    for name in ("broken.wav", "broken.lab", "long.flac", "long.lab"):
        (corpus / "slt" / name).unlink()
    aligned = run("align", corpus, model, tmp_path / "out")
    assert aligned.exit_code == 0, aligned.stderr
    words = read_alignment(tmp_path / "out" / "slt" / "tea.TextGrid").tiers["words"]
    assert (
        " ".join(word.label for word in words) == (corpus / "slt" / "tea.lab").read_text().strip()
    )


def test_train_align_without_a_dictionary(corpus, tmp_path):
    out = tmp_path / "out"
    result = run(
        "train-align", corpus, out, "--phones", "graphemes", "--language", "en", "--gaussians", 1
    )
    assert result.exit_code == 3, result.stderr
    assert sorted(path.name for path in out.glob("*/*.TextGrid")) == [
        "harbour.TextGrid", "river.TextGrid", "tea.TextGrid",
    ]  # fmt: skip
    model = load_model(tmp_path / "out.model")
    assert set("aeiou") <= set(model.phones)
    assert "aligned: " in result.stderr or "doubtful: " in result.stderr


def test_train_align_trains_again_if_something_has_changed(examples, tmp_path):
    folder = tmp_path / "corpus"
    shutil.copytree(examples, folder)
    model = tmp_path / "out.model"

    def trains(*options):
        done = run("train-align", folder, tmp_path / "out", *options)
        assert done.exit_code == 0, done.stderr
        again = f"model: {model} is used again, as corpus and options are" not in done.stderr
        assert ("pass 1 of" in done.stderr) == again
        return again

    plain = ("--phones", "graphemes", "--gaussians", 1)
    assert trains(*plain)
    (folder / "slt/tea.flac").touch()
    assert not trains(*plain)
    assert trains("--phones", "graphemes", "--gaussians", 2)
    text = (folder / "slt/tea.lab").read_text()
    (folder / "slt/tea.lab").write_text("Well, " + text)
    assert trains(*plain)
    (model / "dictionary.txt").write_text("tea t i\n")
    assert trains(*plain)
    assert not trains(*plain)


def test_adapt_the_embedded_model(corpus, tmp_path):
    model = tmp_path / "adapted"
    result = run("adapt", corpus, "english-sphinx", model, "-j", 1)
    assert result.exit_code == 3, result.stderr
    assert "left out: slt/broken: " in result.stderr
    adapted, embedded = load_model(model), load_model("english-sphinx")
    assert adapted.name == "adapted"
    moved = (adapted.mixtures.means != embedded.mixtures.means).any(axis=(1, 2, 3))
    phones = {phone for phone, m in zip(adapted.phones, moved) if m}
    assert {"SIL", "T", "AH"} <= phones
    assert "ZH" not in phones
    assert (adapted.mixtures.variances == embedded.mixtures.variances).all()


def test_speakers_and_transforms_reach_the_model(corpus, tmp_path):
    for utterance in ("broken.wav", "broken.lab", "long.flac", "long.lab"):
        (corpus / "slt" / utterance).unlink()
    model, adapted = tmp_path / "model", tmp_path / "adapted"
    options = ("--gaussians", 1, "--by-speaker", "--contexts")
    trained = run("train", corpus, model, *options)
    assert trained.exit_code == 0, trained.stderr
    assert "not tried with fewer than 20 utterances, there are 3" in trained.stderr
    facts = run("model", "inspect", model).stdout
    assert "features: normalised by speaker\n" in facts
    assert "speakers with a transform: 0\n" in facts
    assert "normalised by speaker" in (model / "MODEL_CARD.md").read_text("utf-8")
    result = run("adapt", corpus, model, adapted, "--fmllr")
    assert result.exit_code == 0, result.stderr
    assert "pass 5 of 5" in result.stderr
    # Ten seconds in all are enough for one transform, of everybody.
    assert load_model(adapted).transforms.keys() == {""}
    aligned = run("align", corpus, adapted, tmp_path / "out")
    assert aligned.exit_code == 0, aligned.stderr
    assert "features: normalised by speaker\n" in run("model", "inspect", adapted).stdout


def test_what_says_nothing_of_pronunciations_is_refused(corpus, tmp_path):
    result = run("train", corpus, tmp_path / "model", "--language", "tlh")
    assert result.exit_code == 4
    assert "give --dictionary FILE, --phones espeak, or --phones graphemes" in result.stderr


def test_another_language_than_english_is_noticed(tmp_path, examples):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in [("one", "Der Lappen liegt auf dem Eisschrank."), ("two", "Auf dem Tisch.")]:
        shutil.copy(examples / "slt" / "tea.flac", folder / f"{name}.flac")
        (folder / f"{name}.lab").write_text(text)
    told = (
        "warning: 4 of the 7 different words are not in the English dictionary, such as auf, dem, "
        "liegt, eisschrank; if the transcripts are in another language, "
    )
    result = run("train-align", folder, tmp_path / "out", "--gaussians", 1)
    assert result.stderr.startswith(told + "name it with --language, and")
    assert result.stderr.count("another language") == 1
    result = run("align", folder, tmp_path / "other")
    assert result.stderr.startswith(told + "choose a model of it, or universal-small with")
    result = run("train", folder, tmp_path / "graphemes", "--phones", "graphemes")
    assert "another language" not in result.stderr


def test_folder_that_holds_something_else_is_refused_before_the_work(corpus, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("1")
    result = run("train", corpus, tmp_path / "thesis")
    assert result.exit_code == 4
    assert "holds files, and no model" in result.stderr
    assert not (tmp_path / "thesis.work").exists()


def test_only_hmms_of_phones_are_adapted(corpus, tmp_path, monkeypatch):
    import speechalign.models

    monkeypatch.setattr(speechalign.models, "load_model", lambda _: object())
    result = run("adapt", corpus, "other", tmp_path / "model")
    assert result.exit_code == 4
    assert "only HMMs of phones can be adapted" in result.stderr


def test_nothing_to_train_on(tmp_path, examples):
    folder = tmp_path / "corpus"
    folder.mkdir()
    shutil.copy(examples / "slt" / "tea.flac", folder / "tea.flac")
    (folder / "tea.lab").write_text("...")
    result = run("train", folder, tmp_path / "model")
    assert result.exit_code == 4
    assert "no utterance can be used to train on" in result.stderr
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("command", ["train", "train-align", "find-oovs", "segment", "validate"])
def test_a_folder_without_recordings(tmp_path, command):
    (tmp_path / "empty").mkdir()
    out = [tmp_path / "out"] * (command not in ("find-oovs", "validate"))
    result = run(command, tmp_path / "empty", *out)
    assert result.exit_code == 4
    assert result.stderr.startswith(f"error: {tmp_path / 'empty'}: no recordings here; expected")


def test_full_disk_keeps_the_old_model_and_what_is_done(examples, tmp_path, monkeypatch):
    model = tmp_path / "model"
    options = ("--gaussians", 1, "-j", 1)
    assert run("train", examples, model, *options).exit_code == 0
    before = {file.name: file.read_bytes() for file in model.iterdir()}
    passes = []

    def no_space_later(file, **arrays):
        passes.append(file)
        if len(passes) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        savez(file, **arrays)

    savez = np.savez
    monkeypatch.setattr(np, "savez", no_space_later)
    result = run("train", examples, model, *options, "--seed", 1)
    assert result.exit_code == 4
    assert f"error: {model}.work/checkpoint.npz: No space left on device" in result.stderr
    assert {file.name: file.read_bytes() for file in model.iterdir()} == before
    monkeypatch.undo()
    result = run("train", examples, model, *options, "--seed", 1)
    assert result.exit_code == 0, result.stderr
    assert "pass 3 of" not in result.stderr
    assert "pass 4 of" in result.stderr
    assert not (tmp_path / "model.work").exists()


def test_corrected_times_are_used(tmp_path, examples):
    out = tmp_path / "out"
    assert run("align", examples, out).exit_code == 0
    refused = run("adapt", examples, "english-sphinx", tmp_path / "a", "--use-edits", out)
    assert refused.exit_code == 4
    assert "nothing was corrected or checked yet" in refused.stderr
    aligned = read_alignment(out / "slt/tea.TextGrid")
    likelihoods = []
    for shift in (0.0, 0.06):
        words = [
            replace(w, start=w.start - shift, end=w.end - shift) for w in aligned.tiers["words"]
        ]
        Alignment({"words": words}, aligned.duration).save(out / "slt/tea.TextGrid")
        model = tmp_path / f"model{shift}"
        result = run("adapt", examples, "english-sphinx", model, "--use-edits", out)
        assert result.exit_code == 0, result.output
        assert "utterances corrected or checked: 1" in result.stderr
        likelihoods += re.findall(r"pass 1 .*log-likelihood (-?[\d.]+)", result.stderr)
    right, wrong = map(float, likelihoods)
    # Frames that the neighbour has to explain are less likely.
    assert wrong < right - 0.2
