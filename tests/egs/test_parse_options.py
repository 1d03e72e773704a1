"""Options of experiment scripts: what sets a variable, and what ends the script."""

import subprocess
from pathlib import Path

import pytest

PARSE_OPTIONS = Path(__file__).resolve().parents[2] / "egs" / "utils" / "parse_options.sh"

SCRIPT = """#!/usr/bin/env bash
# Does nothing much.
#
# --stage N   where to begin
set -euo pipefail
cd "$(dirname "$0")"
stage=0
corpus_dir=
mini=false
. {parse_options}
echo "$stage|$corpus_dir|$mini"
"""


@pytest.fixture
def run(tmp_path):
    script = tmp_path / "folder" / "run.sh"
    script.parent.mkdir()
    script.write_text(SCRIPT.format(parse_options=PARSE_OPTIONS))

    def call(*options):
        # By a path that leads nowhere after the script has changed its folder.
        command = ["bash", "folder/run.sh", *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=20)

    return call


@pytest.mark.parametrize(
    ("options", "printed"),
    [
        ([], "0||false"),
        (["--stage", "3", "--mini", "true"], "3||true"),
        (["--corpus-dir", "a b"], "0|a b|false"),
        (["--corpus-dir=a=b", "--stage=2"], "2|a=b|false"),
        (["--corpus-dir", ""], "0||false"),
    ],
)
def test_options_set_variables(run, options, printed):
    done = run(*options)
    assert (done.returncode, done.stdout) == (0, printed + "\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--path", "/"], "run.sh: there is no option --path; --help lists the options"),
        (["--stage"], "run.sh: --stage: expected a value"),
        (["--mini", "yes"], "run.sh: --mini: expected true or false, got yes"),
        (["3"], "run.sh: expected options only, got 3"),
    ],
)
def test_anything_else_ends_the_script(run, options, message):
    done = run(*options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_help_is_the_head_of_the_script(run):
    done = run("--stage", "1", "--help")
    assert (done.returncode, done.stdout) == (
        0,
        "Does nothing much.\n\n--stage N   where to begin\n",
    )
