"""What commands report: --quiet, --verbose and --log, and terminals of other code pages."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechalign import Alignment, Interval, write_alignment
from speechalign.cli.main import cli
from speechalign.cli.messages import log


def run(*arguments):
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def corpus(examples, tmp_path, loaded_once):  # noqa: ARG001
    """Make a corpus of a good recording and of one without words, and return arguments."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name in ("tea", "empty"):
        (folder / f"{name}.flac").write_bytes((examples / "slt/tea.flac").read_bytes())
    (folder / "tea.lab").write_bytes((examples / "slt/tea.lab").read_bytes())
    (folder / "empty.lab").write_text("")
    return ["align", folder, tmp_path / "out", "--jobs", "1"]


def test_quiet_prints_what_failed_only(corpus):
    result = run(*corpus, "--quiet")
    assert result.exit_code == 3
    assert re.fullmatch(r"failed: empty: [^\n]+\n", result.stderr)


def test_verbose_prints_each_utterance(corpus):
    plain = run(*corpus).stderr
    assert "aligned: 1\n" in plain
    assert not re.search(r"^aligned: tea", plain, re.M)
    result = run(*corpus, "--verbose", "--overwrite")
    assert re.search(r"^aligned: tea: confidence 0\.\d\d$", result.stderr, re.M)
    assert plain.splitlines()[-1] in result.stderr


def test_a_run_whose_messages_nobody_reads_goes_on(corpus, tmp_path):
    for _ in range(2):  # `2>&1 | head`; the second run finds what the first one made
        reader, writer = os.pipe()
        os.close(reader)
        status = subprocess.call(
            [sys.executable, "-m", "speechalign", *map(str, corpus), "-v"],
            stdout=writer, stderr=writer,
        )  # fmt: skip
        os.close(writer)
        found = (tmp_path / "out/alignment_manifest.jsonl").read_text(encoding="utf-8")
        assert status == 3
        assert [json.loads(line)["status"] for line in found.splitlines()] == ["failed", "aligned"]


def test_a_log_has_all_details_with_times_and_is_added_to(corpus, tmp_path):
    log_file = tmp_path / "run.log"
    for options in (["-q"], ["--overwrite"]):
        assert run(*corpus, *options, "--log", log_file).exit_code == 3
    lines = log_file.read_text(encoding="utf-8").splitlines()
    assert sum(": confidence 0." in line for line in lines) == 2
    assert sum(" WARNING failed: empty: " in line for line in lines) == 2
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ [A-Z]+ ", line) for line in lines)
    assert log.handlers == []


def test_a_log_has_the_error_that_ended_a_command(tmp_path, monkeypatch):
    log_file = tmp_path / "run.log"
    assert run("validate", tmp_path, "--log", log_file).exit_code == 4
    assert " ERROR " in log_file.read_text()
    assert "no recordings here" in log_file.read_text()
    monkeypatch.setattr("speechalign.corpus.read_corpus", lambda *_, **__: 1 / 0)
    assert isinstance(run("validate", tmp_path, "--log", log_file).exception, ZeroDivisionError)
    assert "Traceback (most recent call last)" in log_file.read_text()


def test_quiet_and_verbose_exclude_each_other(tmp_path):
    result = run("validate", tmp_path, "-q", "-v")
    assert result.exit_code == 2
    assert "--quiet and --verbose exclude each other" in result.stderr


def test_a_log_that_cannot_be_written_is_named(tmp_path):
    result = run("validate", tmp_path, "--log", tmp_path / "no/run.log")
    assert result.exit_code == 4
    assert "no/run.log: No such file or directory" in result.stderr


NAME = "naïve-日本-ł"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", r"na\xefve-\u65e5\u672c-\u0142"),
        ("cp1252", r"naïve-\u65e5\u672c-\u0142"),
        ("utf-8", NAME),
    ],
)
def test_what_a_code_page_lacks_is_escaped(encoding, shown, tmp_path):
    for folder, shift in (("gold", 0.0), ("ours", 0.125)):
        (tmp_path / folder).mkdir()
        words = [Interval(0.5 + shift, 1.0, NAME)]
        write_alignment(Alignment({"words": words}, 2.0), tmp_path / folder / f"{NAME}.TextGrid")
    (tmp_path / "ours/ż.TextGrid").write_text("damaged")
    root = str(Path(__file__).resolve().parents[2])
    environment = {
        **os.environ, "PYTHONIOENCODING": encoding, "LC_ALL": "C",
        "PYTHONPATH": root,
    }  # fmt: skip

    def call(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "speechalign", *map(str, arguments)],
            cwd=tmp_path, env={**environment}, capture_output=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout.decode(encoding), done.stderr.decode(encoding)

    status, out, errors = call("compare", "gold", "ours", "--per-file")
    assert status == 3, errors
    assert f"{shown}  " in out
    assert "≤25" in out or encoding != "utf-8"
    damaged = "ż" if encoding == "utf-8" else r"\u017c"
    assert f"unusable: ours/{damaged}.TextGrid" in errors
    status, out, errors = call("compare", "gold", f"no-{NAME}")
    assert (status, out) == (2, "")
    assert f"no-{shown}" in errors
