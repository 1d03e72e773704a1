"""``speechalign model``: what acoustic models there are."""

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
    assert "swedish: no such model; expected a folder or one of: english-ctc-small" in result.stderr


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
