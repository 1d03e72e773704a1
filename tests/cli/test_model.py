"""``speechalign model``: what acoustic models there are."""

import json
import shutil

import pytest
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.models import MODELS, known_names


def run(*arguments):
    return CliRunner().invoke(cli, ["model", *arguments])


def test_list():
    result = run("list")
    assert (result.exit_code, result.stdout.split()) == (0, known_names())
    assert {*MODELS, "torchaudio:MMS_FA"} <= set(known_names())


def test_inspect():
    result = run("inspect", "english-sphinx")
    assert result.exit_code == 0
    facts = dict(line.split(": ", 1) for line in result.stdout.splitlines())
    assert facts["name"] == "english-sphinx"
    assert facts["language"] == "en"
    assert facts["sample rate"] == "16000 Hz"
    assert facts["frame"] == "10 ms"
    assert facts["states"] == "126"
    assert len(facts["phones"].split()) == 42
    assert int(facts["words in the dictionary"]) > 120_000
    assert facts["other words"] == "english"
    assert "BSD-2-Clause" in facts["licence"]


def test_inspect_what_there_is_not():
    result = run("inspect", "swedish")
    assert result.exit_code == 4
    assert "swedish: no such model; expected a name that `speechalign model list`" in result.stderr


def test_the_embedded_model_becomes_a_folder(tmp_path):
    folder = tmp_path / "copy"
    result = run("export", "english-sphinx", str(folder))
    assert (result.exit_code, result.stdout) == (0, f"{folder}: english-sphinx\n")
    assert run("inspect", str(folder)).stdout == run("inspect", "english-sphinx").stdout
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith("# english-sphinx\n\n* language: en\n")
    assert "BSD-2-Clause" in card
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("1")
    refused = run("export", "english-sphinx", str(tmp_path / "thesis"))
    assert refused.exit_code == 4
    assert "holds files, and no model" in refused.stderr


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "model"
    assert (
        CliRunner().invoke(cli, ["model", "export", "english-sphinx", str(folder)]).exit_code == 0
    )
    return folder


def said(examples, model, out):
    """Align the example about tea, and return the phones of each word."""
    speaker = out.parent / "corpus" / "slt"
    speaker.mkdir(parents=True)
    for suffix in ("flac", "lab"):
        shutil.copy(examples / f"slt/tea.{suffix}", speaker)
    done = CliRunner().invoke(cli, ["align", str(speaker.parent), str(model), str(out)])
    assert done.exit_code == 0, done.stderr
    line = json.loads((out / "alignment_manifest.jsonl").read_text(encoding="utf-8"))
    return {word["label"]: [phone[0] for phone in word["phones"]] for word in line["words"]}


def test_a_line_added_by_hand_to_the_dictionary_of_an_exported_model_counts(
    exported, examples, tmp_path
):
    model = tmp_path / "model"
    shutil.copytree(exported, model)
    (model / "dictionary.txt").write_text("TEA  K AO1 F IY0\n")
    phones = said(examples, model, tmp_path / "out")
    assert phones["tea"] == ["K", "AO", "F", "IY"]
    assert phones["cups"] == ["K", "AH", "P", "S"]


def test_add_words(exported, examples, tmp_path):
    model, words = tmp_path / "model", tmp_path / "my.dict"
    shutil.copytree(exported, model)
    words.write_text("tea\t0.9\tk ˈɔː f i\ntea\t0.1\tT IY1\nxzmqkl\t0.5\tSH AH0 M IY1 K AH0 L\n")
    done = CliRunner().invoke(cli, ["model", "add-words", str(model), str(words)])
    assert (done.exit_code, done.output) == (0, f"{model}: 2 words added\n")
    words.write_text("cups\tK AH1 P\n")
    assert CliRunner().invoke(cli, ["model", "add-words", str(model), str(words)]).exit_code == 0
    assert (model / "dictionary.txt").read_text(encoding="utf-8").splitlines() == [
        "cups\t1\tK AH1 P",
        "tea\t0.9\tK AO1 F IY",
        "tea\t0.1\tT IY1",
        "xzmqkl\t0.5\tSH AH0 M IY1 K AH0 L",
    ]
    phones = said(examples, model, tmp_path / "out")
    assert phones["cups"] == ["K", "AH", "P"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("tea T IYY\n", "my.dict:1: 'tea': the model has no phone 'IYY'; the nearest are IY"),
        ("tea\n", "my.dict:1: 'tea' has no phones"),
    ],
)
def test_bad_words_leave_the_model_as_it_was(exported, tmp_path, line, message):
    words = tmp_path / "my.dict"
    words.write_text(line)
    before = (exported / "dictionary.txt").read_bytes()
    done = CliRunner().invoke(cli, ["model", "add-words", str(exported), str(words)])
    assert done.exit_code == 4
    assert message in done.stderr
    assert (exported / "dictionary.txt").read_bytes() == before
