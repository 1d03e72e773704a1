"""speechalign convert: files, trees, and what must not happen to them."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.cli.main import cli
from speechalign.cli.output_options import CUE_OPTIONS
from speechalign.formats import cues


def run(*arguments):
    return CliRunner().invoke(cli, ["convert", *map(str, arguments)])


ONE = Alignment({"words": [Interval(0.5, 1, "one")], "phones": [Interval(0.5, 1, "W")]}, 2.0)


@pytest.fixture
def tree(tmp_path):
    for name in ("s1/a.b.TextGrid", "s 2/ü.TextGrid"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True)
        write_alignment(ONE, path)
    return tmp_path / "in"


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_one_file_by_suffix(tree, tmp_path):
    result = run(tree / "s1/a.b.TextGrid", tmp_path / "deep/x.json")
    assert (result.exit_code, result.stderr) == (0, "1 written, 0 failed\n")
    assert read_alignment(tmp_path / "deep/x.json") == ONE


def test_the_short_form_by_name(tree, tmp_path):
    for number, name in enumerate(("textgrid-short", "textgrid_short")):
        target = tmp_path / f"{number}.TextGrid"
        assert run(tree / "s1/a.b.TextGrid", target, "--to", name).exit_code == 0
        assert "xmin" not in target.read_text()
        assert read_alignment(target) == ONE


def test_a_tree_is_mirrored(tree, tmp_path):
    (tree / "s1/a.wav").touch()
    result = run(tree, tmp_path / "out", "--to", "audacity")
    assert (result.exit_code, result.stderr) == (0, "2 written, 0 failed\n")
    assert files(tmp_path / "out") == ["s 2/ü.labels.txt", "s1/a.b.labels.txt"]


def test_nothing_is_overwritten_unless_asked(tree, tmp_path):
    kept = tmp_path / "out/s1/a.b.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("precious")
    result = run(tree, tmp_path / "out", "--to", "json")
    assert result.exit_code == 3
    assert result.stderr == (
        f"failed: {kept}: exists; use --overwrite to replace it\n1 written, 1 failed\n"
    )
    assert kept.read_text() == "precious"
    assert run(tree, tmp_path / "out", "--to", "json", "--overwrite").exit_code == 0
    assert read_alignment(kept) == ONE


def test_a_file_may_replace_itself_if_asked(tree):
    path = tree / "s1/a.b.TextGrid"
    assert run(path, path, "--to", "textgrid-short").exit_code == 4
    assert run(path, path, "--to", "textgrid-short", "--overwrite").exit_code == 0
    assert read_alignment(path) == ONE


def test_a_bad_file_is_named_and_the_others_are_converted(tree, tmp_path):
    (tree / "s1/bad.json").write_text("{")
    write_alignment(Alignment({"phones": ()}, 1.0), tree / "s1/no-words.json")
    result = run(tree, tmp_path / "out", "--to", "ctm")
    assert result.exit_code == 3
    assert f"failed: {tree / 's1/bad.json'}, line 1: not JSON" in result.stderr
    assert "has only the tiers ['phones']" in result.stderr
    assert result.stderr.endswith("2 written, 2 failed\n")
    assert files(tmp_path / "out") == ["s 2/ü.ctm", "s1/a.b.ctm"]


def test_two_files_for_one_target(tree, tmp_path):
    write_alignment(ONE, tree / "s1/a.b.json")
    result = run(tree, tmp_path / "out", "--to", "csv", "--overwrite")
    assert result.exit_code == 3
    assert "another file has this name too" in result.stderr
    assert result.stderr.endswith("2 written, 1 failed\n")


def test_a_corpus_in_one_file_becomes_a_folder(tmp_path):
    ctm = tmp_path / "all.ctm"
    ctm.write_text("s1/a 1 0 1 one\nb 1 0 1 two\n../evil 1 0 1 x\n/evil 1 0 1 x\n")
    result = run(ctm, tmp_path / "out", "--to", "textgrid")
    assert result.exit_code == 3
    assert "recording '../evil' would lie outside " in result.stderr
    assert files(tmp_path) == ["all.ctm", "out/b.TextGrid", "out/s1/a.TextGrid"]
    assert "out2: a folder of files: name a format (--to)" in run(ctm, tmp_path / "out2").stderr


def test_one_file_into_a_folder(tree, tmp_path):
    (tmp_path / "out").mkdir()
    assert run(tree / "s1/a.b.TextGrid", tmp_path / "out", "--to", "json").exit_code == 0
    assert files(tmp_path / "out") == ["a.b.json"]


def test_usage(tree, tmp_path):
    result = run(tree, tmp_path / "out")
    assert result.exit_code == 2
    assert "name the format to write with --to" in result.stderr
    result = run(tree, tmp_path / "out", "--to", "praat")
    assert result.exit_code == 2
    assert "no format 'praat'; there is: ass, audacity, csv" in result.stderr
    assert run(tmp_path / "none", tmp_path / "out").exit_code == 2


def test_nothing_usable(tree, tmp_path):
    (tmp_path / "empty").mkdir()
    result = run(tmp_path / "empty", tmp_path / "out", "--to", "json")
    assert result.exit_code == 4
    assert "no alignment in it" in result.stderr
    result = run(tree / "s1/a.b.TextGrid", tmp_path / "x.unknown")
    assert result.exit_code == 4
    assert "x.unknown: no format goes by this suffix" in result.stderr
    (tmp_path / "nothing.ctm").touch()
    assert "no recording in it" in run(tmp_path / "nothing.ctm", tmp_path / "x.json").stderr


def test_subtitles_that_mark_words(tree, tmp_path):
    assert set(CUE_OPTIONS) == cues.CUE_OPTIONS
    result = run(tree, tmp_path / "out", "--to", "vtt", "--cue-highlight", "--cue-speed", 5)
    assert result.exit_code == 0, result.output
    assert "note: " in result.stderr
    assert "1 of 1 subtitles are faster than 5 characters a second" in result.stderr
    assert "<c>one</c>" in (tmp_path / "out/s1/a.b.vtt").read_text()
    assert run(tree, tmp_path / "out", "--to", "ass").exit_code == 0
    assert r"{\k50}one" in (tmp_path / "out/s1/a.b.ass").read_text()
    assert run(tree, tmp_path / "plain", "--to", "ass", "--no-cue-highlight").exit_code == 0
    assert r"{\k" not in (tmp_path / "plain/s1/a.b.ass").read_text()
    result = run(tree, tmp_path / "x", "--to", "srt", "--cue-highlight")
    assert "cue_highlight: no option of srt; the formats ass, lrc, ttml, vtt" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_target(tree, tmp_path):
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    result = run(tree, out, "--to", "json")
    assert result.exit_code == 4
    assert "Permission denied" in result.stderr


def test_a_target_that_is_a_file(tree, tmp_path):
    target = tmp_path / "file"
    target.write_text("precious")
    assert run(tree, target, "--to", "json").exit_code == 4
    assert Path(target).read_text() == "precious"
