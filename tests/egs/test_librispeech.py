"""egs/librispeech: its scripts as such; CI runs all stages of the mini mode."""

import os
import subprocess
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "egs" / "librispeech"


def run(*command, **environment):
    return subprocess.run(
        command,
        cwd=FOLDER,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def choose(*arguments, **environment):
    return run("bash", "local/00_choose_corpus.sh", *map(str, arguments), **environment)


def test_mini_is_generated():
    assert choose("true", "").stdout == "generated\n"


def test_a_corpus_is_known_by_what_is_in_it(tmp_path):
    (tmp_path / "libri" / "LibriSpeech" / "train-clean-5").mkdir(parents=True)
    (tmp_path / "folder" / "speaker").mkdir(parents=True)
    (tmp_path / "folder" / "speaker" / "manifest.jsonl").touch()
    (tmp_path / "empty").mkdir()
    assert (
        choose("false", tmp_path / "libri").stdout == f"librispeech {tmp_path}/libri/LibriSpeech\n"
    )
    assert choose("false", tmp_path / "folder").stdout == f"manifests {tmp_path}/folder\n"
    refused = choose("false", tmp_path / "empty")
    assert refused.returncode == 2
    assert "expected LibriSpeech's train-*, or a manifest.jsonl" in refused.stderr


def test_without_network_it_says_that_it_runs_the_mini_corpus(tmp_path):
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nexit 6\n")
    curl.chmod(0o755)
    done = choose("false", "", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 0
    assert "no network to download LibriSpeech: running the mini corpus" in done.stderr
    assert done.stdout == "generated\n" or done.stdout.startswith("manifests /")


def test_with_network_it_downloads(tmp_path):
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nexit 0\n")
    curl.chmod(0o755)
    assert choose("false", "", PATH=f"{tmp_path}:{os.environ['PATH']}").stdout == "download\n"
