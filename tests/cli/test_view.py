"""speechalign view: the real command, on speech that was aligned."""

import re
import shutil
import signal
import subprocess
import sys
from urllib.request import urlopen

import pytest
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.pipeline.align_corpus import align_corpus


@pytest.fixture
def aligned_folder(tmp_path, examples, aligner):
    shutil.copytree(examples / "slt", tmp_path / "corpus/slt")
    align_corpus(tmp_path / "corpus", aligner, tmp_path / "out")
    return tmp_path / "out"


def test_it_prints_an_address_that_answers(aligned_folder):
    command = [sys.executable, "-m", "speechalign", "view", str(aligned_folder), "--no-browser"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True,
        # A shell that runs the tests in the background has them ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        try:
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)
            with urlopen(address, timeout=20) as answer:
                assert b"speechalign" in answer.read()
            with urlopen(address.replace("/?", "/api/utterances?"), timeout=20) as answer:
                assert b"slt/tea" in answer.read()
        finally:
            process.send_signal(signal.SIGINT)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["nowhere"], "nowhere: expected a folder that `speechalign align` wrote, found no"),
        (["out", "nowhere"], "nowhere: expected the folder of the sound files"),
        (["out", "--host", "192.0.2.1"], "192.0.2.1, port 0: cannot be listened on"),
    ],
)
def test_what_is_not_there_is_named(tmp_path, monkeypatch, given, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/alignment_manifest.jsonl").write_text("")
    result = CliRunner().invoke(cli, ["view", *given])
    assert result.exit_code == 4
    assert message in result.stderr


def test_a_report_is_written_to_a_file(tmp_path, aligned_folder):
    file = tmp_path / "report.html"
    result = CliRunner().invoke(cli, ["view", str(aligned_folder), "--html", str(file)])
    assert (result.exit_code, result.stderr) == (0, f"report: {file}\n")
    assert "slt/tea" in file.read_text(encoding="utf-8")
