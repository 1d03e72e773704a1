"""convert_alignments: trees of files converted from Python, and every problem named."""

import pytest

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import InputError
from speechalign.formats.conversion import convert_alignments

ONE = Alignment({"words": [Interval(0.5, 1.0, "yes")]}, 2.0)


@pytest.fixture
def tree(tmp_path):
    """Write a tree of two alignments and a damaged file."""
    for name in ("s1/a.TextGrid", "s2/b.json"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True)
        write_alignment(ONE, path)
    (tmp_path / "in/s2/bad.json").write_text("{")
    return tmp_path / "in"


def test_files_and_problems_come_in_order(tree, tmp_path):
    files = convert_alignments(str(tree), str(tmp_path / "out"), format="textgrid")
    first = next(files)
    assert (first.path, first.problem) == (tmp_path / "out/s1/a.TextGrid", None)
    assert read_alignment(first.path) == ONE
    assert not (tmp_path / "out/s2").exists()
    b, bad = files
    assert (b.path, b.problem) == (tmp_path / "out/s2/b.TextGrid", None)
    assert bad.path == tree / "s2/bad.json"
    assert bad.problem.startswith(f"{bad.path}, line 1: not JSON")


def test_options_reach_the_format(tree, tmp_path):
    out = tmp_path / "x.srt"
    words = [Interval(k, k + 0.5, "word") for k in range(4)]
    write_alignment(Alignment({"words": words}, 4.0), tree / "s1/a.TextGrid")
    (file,) = convert_alignments(tree / "s1/a.TextGrid", out, cue_seconds=0.6)
    assert file.problem is None
    assert out.read_text().count(" --> ") == 4
    with pytest.raises(InputError, match="cue_colour"):
        list(convert_alignments(tree / "s1/a.TextGrid", tmp_path / "y.srt", cue_colour=1))


def test_what_cannot_be_asked_for(tree, tmp_path):
    with pytest.raises(InputError, match=r"a folder of files: name a format \(--to\)"):
        list(convert_alignments(tree, tmp_path / "out"))
    with pytest.raises(InputError, match="praat"):
        list(convert_alignments(tree, tmp_path / "out", format="praat"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="empty: no alignment in it"):
        list(convert_alignments(tmp_path / "empty", tmp_path / "out", format="json"))
