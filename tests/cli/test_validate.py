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
    assert result.stderr.strip() == ""  # rich before 14.3 ends its bar with an empty line


def test_options_reach_the_corpus(corpus, tmp_path):
    assert "warning" not in run(corpus, "--channel", "0").stdout.split("└")[1]
    assert run(corpus, "--channel", "1").exit_code == 5
    report = tmp_path / "report.json"
    run(corpus, "--speaker-characters", "1", "--json", report)
    assert json.loads(report.read_text())["speakers"] == 2
    (corpus / "wav.scp").touch()
    (corpus / "text").touch()
    with pytest.raises(InputError, match=r"no recordings here; expected .* a Kaldi directory"):
        run(corpus)
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


def test_a_dictionary_is_checked_and_missing_words_are_named(corpus, tmp_path):
    (corpus / "ann/two.lab").write_text("This was what? What blorptang, $5!")
    (corpus / "ann/[x].lab").write_text("no sound")
    path = tmp_path / "my: words.dict"
    good = "this\tDH IH S\nwas\tW AA Z\nfive\tF AY V\n"
    path.write_text(good + "is\tIH Z\nsaid\tS EH D\nwhat\tW AH T\ndollars\tD AA L ER Z\n")
    result = run(corpus, "--dictionary", path)
    assert result.exit_code == 5  # a transcript without sound
    lines = [line for line in result.stdout.splitlines() if "word" in line]
    kind, what = "warning (missing word)", "'blorptang', once in the corpus"
    assert lines == [f"{kind}: ann/two: {what}, is not in {path} or english-sphinx"]
    (corpus / "ann/[x].lab").unlink()
    assert run(corpus, "--dictionary", path).exit_code == 0

    report = tmp_path / "report.json"
    path.write_bytes(good.encode() + b"\nis\nthis\tDH IH S\nsaid\tS \xff D\nwhat\tW AH T\n")
    result = run(corpus, "--dictionary", path, "--language", "en", "--json", report)
    assert result.exit_code == 5
    findings = [f for f in json.loads(report.read_text())["findings"] if f["kind"] == "dictionary"]
    assert [(f["severity"], f["utterance"]) for f in findings] == [
        ("error", f"{path}:5"), ("error", f"{path}:7"), ("warning", f"{path}:4"),
        ("warning", f"{path}:6"),
    ]  # fmt: skip
    assert f"error (dictionary): {path}:7: byte 7 of the line (0xff) is not UTF-8;" in result.stdout
    assert f"warning (dictionary): {path}:4: empty line" in result.stdout
    assert "'dollars', once in the corpus" in result.stdout
    assert "'said', once in the corpus" in result.stdout


def test_transcripts_that_no_dictionary_can_help(corpus, tmp_path):
    path = tmp_path / "de.dict"
    path.write_text("zwei\tts v aI\n")
    (corpus / "ann/one.lab").write_text("2")
    (corpus / "ann/two.lab").write_text("...")
    result = run(corpus, "--dictionary", path, "--language", "de")
    assert result.exit_code == 5
    assert "error (transcript): ann/two: transcript: expected at least one word" in result.stdout
    assert "missing word" not in result.stdout
    assert "'two', once" in run(corpus, "--dictionary", path, "--language", "en").stdout
    with pytest.raises(InputError, match=r"gone\.dict: dictionary cannot be read"):
        run(corpus, "--dictionary", tmp_path / "gone.dict")


def test_no_utterance(tmp_path):
    with pytest.raises(InputError, match="no recordings here; expected sound files"):
        run(tmp_path)


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
    for option in ("--layout", "--speaker-characters", "--channel", "--dictionary", "--json"):
        assert option in result.stdout
