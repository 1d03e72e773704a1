"""egs/librispeech: which speech is used, and that it is said; CI runs all stages of mini."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "egs" / "librispeech"


def run(*arguments, **environment):
    return subprocess.run(
        ["bash", str(FOLDER / "run.sh"), *map(str, arguments)],
        env=os.environ | {"PYTHON": sys.executable} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("options", "speech", "exp"),
    [
        (["--corpus", "english"], "DATA/speech/english/cathy DATA/speech/english/", "english"),
        (["--corpus", "english", "--corpus-dir", "/x", "--parts", "a b"], "/x/a /x/b.", "english"),
        (["--corpus-dir", "/x"], "/x.", "librispeech"),
        (["--corpus", "librispeech"], "exp/librispeech/data/download/LibriSpeech", "librispeech"),
        (["--corpus", "librispeech", "--corpus-dir", "/x"], "/x.", "librispeech"),
        (["--mini", "true"], "exp/mini/data/generated", "mini"),
    ],
)
def test_options_decide_the_speech_and_the_folder_and_it_is_said_first_and_last(
    tmp_path, options, speech, exp
):
    done = run(*options, "--stage", 10, SPEECHALIGN_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    first, last = done.stderr.splitlines()
    assert first == last
    assert first.startswith("Speech: ")
    assert speech.replace("DATA", str(tmp_path)) in first
    assert first.endswith(f"Everything is written to {FOLDER / 'exp' / exp}.")


def test_without_network_it_is_the_mini_corpus_which_is_said_first_and_last(tmp_path):
    """The site is asked with curl, which here is a program that fails, or succeeds."""
    curl = tmp_path / "curl"
    for status, speech, exp in (
        (6, "NOT LibriSpeech, which cannot be downloaded now. Speech: ", "mini"),
        (0, "Speech: ", "librispeech"),
    ):
        curl.write_text(f"#!/bin/sh\nexit {status}\n")
        curl.chmod(0o755)
        done = run("--stage", 10, PATH=f"{tmp_path}:{os.environ['PATH']}")
        first, last = done.stderr.splitlines()
        assert first == last
        assert first.startswith(speech)
        assert first.endswith(f"Everything is written to {FOLDER / 'exp' / exp}.")


def test_times_by_hand_are_used_where_they_are_named(tmp_path):
    (plain,) = set(run("--stage", 10, "--corpus", "english").stderr.splitlines())
    assert f"against {FOLDER}/exp/english/reference/test." in plain
    (named,) = {x for x in run("--stage", 10, "--gold-dir", tmp_path).stderr.splitlines()}
    assert f"against {tmp_path}/gold." in named


def test_a_missing_corpus_ends_the_run_and_a_relative_folder_is_meant_from_the_caller(tmp_path):
    done = subprocess.run(
        ["bash", str(FOLDER / "run.sh"), "--corpus", "english", "--exp", "e"],
        cwd=tmp_path,
        env=os.environ | {"SPEECHALIGN_DATA": "corpora"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert f"{tmp_path}/corpora/speech/english/cathy: missing; egs/README.md says" in done.stderr
    assert f"Everything is written to {tmp_path}/e." in done.stderr
    assert not (tmp_path / "e").exists()


def test_an_unknown_corpus_is_refused():
    done = run("--corpus", "timit")
    assert done.returncode == 2
    assert "--corpus: expected librispeech or english, got timit" in done.stderr


def test_manifests_of_several_folders_are_split(tmp_path, examples):
    """The parts that are named are split, and no others."""
    (audio,) = list(examples.rglob("*.flac"))[:1]
    for part, speakers in (("one", 120), ("two", 120), ("three", 1)):
        folder = tmp_path / "speech" / part
        folder.mkdir(parents=True)
        lines = [
            {"audio_filepath": str(audio), "id": f"{part}{n}", "text": f"{part} {n}",
             "speaker": f"{part}{n}"}
            for n in range(speakers)
        ]  # fmt: skip
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / "manifest.jsonl").write_text(text)
    done = run(
        "--corpus", "english", "--corpus-dir", tmp_path / "speech", "--parts", "one two",
        "--exp", tmp_path / "exp", "--stop-stage", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [
        json.loads(line)["id"]
        for name in ("train", "dev", "test", "known")
        for line in (tmp_path / "exp/data" / f"{name}.jsonl").read_text().splitlines()
    ]
    assert {name.rstrip("0123456789") for name in found} == {"one", "two"}
