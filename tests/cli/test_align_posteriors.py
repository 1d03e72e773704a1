"""speechalign align --with: files of real speech, a second run, and what is refused."""

import json

import pytest
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.formats import read_alignment


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_files_of_a_corpus_hold_intervals_goodness_and_pronunciations(examples, tmp_path):
    formats = [f"--output-format={name}" for name in ("textgrid", "json", "csv")]
    wanted = ("--with", "intervals, phone-confidence,n-best", *formats)
    found = run("align", examples, tmp_path, *wanted)
    assert found.exit_code == 0, found.output
    grid, tiers, table = (
        (tmp_path / "slt" / f"tea.{suffix}").read_text("utf-8")
        for suffix in ("TextGrid", "json", "csv")
    )
    assert '"phones boundaries"' in grid
    assert '"phones goodness"' in grid
    assert "Begin90Low" in table.splitlines()[0]
    phones = json.loads(tiers)["tiers"]["phones"]
    assert len(phones["intervals"]) == len(phones["goodness"]) == len(phones["entries"])
    low, high = phones["intervals"][1]["start"]["90"]
    assert low < phones["entries"][1][0] < high
    assert read_alignment(tmp_path / "slt" / "tea.json").tiers["phones"][1].goodness <= 0
    again = run("align", examples, tmp_path, *wanted)
    assert "kept from an earlier run (--overwrite aligns again): 3" in again.output
    without = run("align", examples, tmp_path, *formats)
    assert "kept" not in without.output
    assert "boundaries" not in (tmp_path / "slt" / "tea.TextGrid").read_text("utf-8")


@pytest.mark.parametrize("names", ["interval", "intervals,all"])
def test_an_unknown_name_is_an_error(examples, tmp_path, names):
    found = run("align", examples, tmp_path, "--with", names)
    assert found.exit_code == 4
    assert "expected some of intervals, phone-confidence, n-best" in found.output
