"""The command ``validate``."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.cli.validate import validate
from speechalign.errors import InputError


@pytest.fixture
def corpus(tmp_path):
    """Make a corpus of two good recordings, one of them in stereo."""
    folder = tmp_path / "my corpus"
    (folder / "ann").mkdir(parents=True)
    for name, channels in (("one", 1), ("two", 2)):
        soundfile.write(folder / f"ann/{name}.wav", np.zeros((32_000, channels)), 16_000)
        (folder / f"ann/{name}.lab").write_text("this is what was said")
    return folder


def run(*arguments):
    return CliRunner().invoke(validate, [str(a) for a in arguments], catch_exceptions=False)


def test_a_good_corpus(corpus):
    result = run(corpus)
    assert result.exit_code == 0
    rows = [line.strip("│ ").split("│") for line in result.stdout.splitlines() if "│" in line]
    counts = {name.strip(): value.strip() for name, value in rows}
    assert counts == {
        "sound files": "2",
        "utterances": "2",
        "speakers": "1",
        "hours": "0.001",
        "sample rates": "16000 Hz: 2",
        "errors": "0",
        "warnings": "1",
    }
    assert "warning (channels): ann/two: " in result.stdout
    assert result.stderr == ""


def test_options_reach_the_corpus(corpus, tmp_path):
    assert "warning" not in run(corpus, "--channel", "0").stdout.split("└")[1]
    assert run(corpus, "--channel", "1").exit_code == 5
    report = tmp_path / "report.json"
    run(corpus, "--speaker-characters", "1", "--json", report)
    assert json.loads(report.read_text())["speakers"] == 2
    (corpus / "wav.scp").touch()
    (corpus / "text").touch()
    assert run(corpus).exit_code == 4
    assert run(corpus, "--layout", "mfa").exit_code == 0


def test_errors(corpus):
    (corpus / "ann/one.wav").write_bytes(b"")
    (corpus / "ann/[red]x.lab").write_text("no sound")
    result = run(corpus)
    assert result.exit_code == 5
    assert "error (sound): ann/one: " in result.stdout
    assert "one.wav: the file has zero bytes; copy or record it again\n" in result.stdout
    assert "error (unusable): ann/[red]x: " in result.stdout


def test_many_findings_of_a_kind_are_cut_short_but_not_in_the_file(corpus, tmp_path):
    for number in range(30):
        (corpus / f"ann/{number:02}.lab").write_text("no sound")
    result = run(corpus, "--json", tmp_path / "report.json")
    assert result.stdout.count("no sound file beside it") == 20
    assert "error (unusable): 10 more; --json FILE writes all of them" in result.stdout
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (report["utterances"], report["recordings"]) == (32, 32)
    assert len(report["findings"]) == 31
    assert set(report["findings"][0]) == {"utterance", "severity", "kind", "message"}


def test_no_utterance(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 4
    assert "no sound file and no transcript in it" in result.stderr
    assert result.stdout == ""


def test_usage(corpus, tmp_path):
    assert run(tmp_path / "gone").exit_code == 2
    result = run(corpus, "--layout", "ctm")
    assert result.exit_code == 2
    assert "no layout 'ctm'; there is: kaldi, lhotse, manifest, mfa" in result.stderr
    assert run(corpus, "--channel", "-1").exit_code == 2
    assert run(corpus, "--speaker-characters", "0").exit_code == 2


def test_a_report_that_cannot_be_written(corpus, tmp_path):
    with pytest.raises(InputError, match=r"report\.json: cannot be written"):
        run(corpus, "--json", tmp_path / "gone" / "report.json")


def test_help():
    result = run("--help")
    assert result.exit_code == 0
    for option in ("--layout", "--speaker-characters", "--channel", "--json"):
        assert option in result.stdout
