"""egs/aligner_comparison: all stages on the examples, bad gold, bad rivals, foreign trees."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from speechalign import Alignment, Interval, read_alignment, write_alignment

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "egs" / "aligner_comparison"


def run(exp, *arguments):
    return subprocess.run(
        ["bash", str(FOLDER / "run.sh"), "--exp", str(exp), *map(str, arguments)],
        env=os.environ | {"PYTHON": sys.executable, "PATH": f"{exp}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def rows_of(exp):
    rows = json.loads((exp / "scores.json").read_text(encoding="utf-8"))["rows"]
    return {(row["gold"], row["condition"], row["aligner"]): row for row in rows}


@pytest.fixture
def external(tmp_path):
    """Return the gold of two examples, 40 ms late, in another layout, with one file unmatched."""
    for name in ("tea", "river"):
        (source,) = (ROOT / "examples/gold").rglob(f"{name}.TextGrid")
        gold = read_alignment(source)
        late = [Interval(i.start + 0.04, i.end + 0.04, i.label) for i in gold.tiers["words"]]
        target = tmp_path / "external/deep/er" / f"{name}.json"
        target.parent.mkdir(parents=True, exist_ok=True)
        write_alignment(Alignment({"words": late}, gold.duration + 1), target)
    return tmp_path / "external"


@pytest.mark.slow
def test_mini(tmp_path, external):
    pytest.importorskip("matplotlib", reason="needs matplotlib")
    exp = tmp_path / "exp"
    only = "english-sphinx,train-align,english-whisper,MFA"
    (exp / "environments").mkdir(parents=True)
    (exp / "environments/mfa.txt").write_text("mfa: not installed: needs conda\n")
    done = run(exp, "--mini", "true", "--only", only, "--external", f"theirs={external}")
    assert done.returncode == 0, done.stderr
    rows = rows_of(exp)
    ours = rows["examples", "clean", "english-sphinx"]["score"]
    assert ours["both"]["mean"] < 0.01
    assert rows["examples", "white 10 dB", "english-sphinx"]["score"]["both"]["mean"] > 0.01
    theirs = rows["examples", "clean", "theirs"]
    assert theirs["score"]["both"]["mean"] == pytest.approx(0.04)
    assert theirs["missing"] == ["slt/harbour"]
    assert "not matched: slt/harbour" in (exp / "external.txt").read_text()
    assert rows["examples", "clean", "MFA"]["reason"] == "mfa: not installed: needs conda"
    assert "--encoder" in rows["examples", "clean", "english-whisper"]["reason"]
    report = (exp / "RESULTS.md").read_text(encoding="utf-8")
    assert "english-sphinx − *theirs*" in report
    assert "mfa: not installed: needs conda" in report
    for name in ("errors", "contexts", "speed", "noise"):
        assert (exp / f"{name}.png").stat().st_size > 10_000
    kept = exp / "aligned/examples/clean/english-sphinx/slt/tea.TextGrid"
    before = kept.stat().st_mtime_ns
    again = run(exp, "--mini", "true", "--only", only, "--stage", 3, "--stop-stage", 3)
    assert again.returncode == 0, again.stderr
    assert kept.stat().st_mtime_ns == before


@pytest.fixture
def gold(tmp_path):
    """Return a corpus of the examples, and gold times with faults."""
    corpus, times = tmp_path / "corpus", tmp_path / "times"
    shutil.copytree(ROOT / "examples/english", corpus)
    shutil.copytree(ROOT / "examples/gold", times)
    shutil.copy(corpus / "slt/tea.flac", corpus / "slt/silent.flac")
    (corpus / "slt/silent.lab").write_text("No times.")
    (corpus / "slt/tea.lab").write_text("Two cups of TEA cost $5.50, and the view is free.")
    (corpus / "rms/river.lab").write_text("A heron waits by the sea, as patient as a stone.")
    harbour = times / "slt/harbour.TextGrid"
    words = read_alignment(harbour).tiers["words"]
    overlap = Interval(words[0].start, words[1].end, "both")
    harbour.unlink()
    tiers = {"words": words, "words (2)": [overlap]}
    write_alignment(Alignment(tiers, 9.0), harbour)
    (times / "rms/other.TextGrid").write_text("This is no TextGrid.")
    write_alignment(Alignment({"words": words}, 9.0), times / "spare.TextGrid")
    return corpus, times


def test_faults_of_gold_are_counted_and_named(tmp_path, gold):
    exp = tmp_path / "exp"
    given = f"mine={gold[0]}:{gold[1]}"
    done = run(exp, "--mini", "true", "--gold", given, "--stop-stage", 0)
    assert done.returncode == 0, done.stderr
    assert "mine: 3 recordings, 7 problems" in done.stdout
    problems = (exp / "gold/mine/problems.txt").read_text(encoding="utf-8")
    for expected in (
        "unreadable: ",
        "no gold: slt/silent",
        "other casing: slt/tea",
        "other words: slt/harbour: gold 'both'",
        "other words: rms/river: gold 'river,', transcript 'sea,'",
        "slt/harbour: words, words (2)",
        "no recording: spare",
    ):
        assert expected in problems


def test_more_recordings_to_train_on(tmp_path):
    """They are in a corpus of aligners that train, without times, under names of their own."""
    exp, more = tmp_path / "exp", ROOT / "examples/english"
    given = "--sized", "examples", "--sizes", 2, "--more", more
    done = run(exp, "--mini", "true", *given, "--stop-stage", 0)
    assert done.returncode == 0, done.stderr
    assert {f.name for f in (exp / "corpora").iterdir()} == {
        "examples", "examples@2.1", "examples@6.1"
    }  # fmt: skip
    enlarged = exp / "corpora/examples@6.1/clean"
    for recording in ("slt/tea", "rms/river"):
        own, other = enlarged / f"{recording}.wav", enlarged / f"more/0/{recording}.wav"
        assert own.read_bytes() == other.read_bytes()
    gold = exp / "gold/examples@6.1"
    timed = {f.relative_to(gold / "gold").as_posix() for f in gold.rglob("*.TextGrid")}
    assert timed == {"slt/tea.TextGrid", "slt/harbour.TextGrid", "rms/river.TextGrid"}
    description = json.loads((gold / "gold.json").read_text())
    whole = json.loads((exp / "gold/examples/gold.json").read_text())
    assert description["words"] == whole["words"]
    assert description["seconds"] == pytest.approx(2 * whole["seconds"])


def test_a_gold_corpus_without_recordings(tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    given = f"mine={ROOT / 'examples/english'}:{empty}"
    done = run(tmp_path / "exp", "--mini", "true", "--gold", given, "--stop-stage", 0)
    assert done.returncode == 1
    assert "mine: no recording of" in done.stderr
    done = run(tmp_path / "exp", "--mini", "true", "--gold", "mine", "--stop-stage", 0)
    assert "--gold mine: expected NAME=CORPUS:GOLD" in done.stderr


def test_an_aligner_that_crashes_is_a_row(tmp_path):
    exp = tmp_path / "exp"
    whisper = tmp_path / "whisper"
    whisper.mkdir()  # no model
    arguments = "--mini", "true", "--whisper", whisper, "--only", "Whisper attention,Gentle"
    for stages in ((0, 0), (3, 3)):
        done = run(exp, *arguments, "--stage", stages[0], "--stop-stage", stages[1])
        assert done.returncode == 0, done.stderr
    folder = exp / "aligned/examples/clean"
    assert json.loads((folder / "Whisper attention.json").read_text())["reason"]
    assert "not installed" in json.loads((folder / "Gentle.json").read_text())["reason"]


def test_each_rival_is_pinned_and_each_command_runs_it():
    listed = subprocess.run(
        [sys.executable, "tools/rivals/environment.py", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    used = (FOLDER / "local/aligners.py").read_text(encoding="utf-8")
    scripts = {path.stem for path in (ROOT / "tools/rivals").glob("*.py")} - {"environment"}
    assert len(scripts) >= 5
    for name in scripts:
        header = (ROOT / f"tools/rivals/{name}.py").read_text(encoding="utf-8").partition('///\n"')
        assert re.search(r"=\d|dependencies = \[\]", header[0]), name
        assert name in listed
        assert f'_rival("{name}"' in used


@pytest.mark.parametrize("layout", ["flat CTM", "ambiguous"])
def test_other_layouts_of_a_tree_made_elsewhere(tmp_path, layout):
    exp, tree = tmp_path / "exp", tmp_path / "theirs"
    done = run(exp, "--mini", "true", "--stop-stage", 0)
    assert done.returncode == 0, done.stderr
    (exp / "aligned/examples/clean").mkdir(parents=True)
    tree.mkdir()
    for source in (ROOT / "examples/gold").rglob("*.TextGrid"):
        words = read_alignment(source).tiers["words"]
        if layout == "flat CTM":
            lines = [f"{source.stem} 1 {i.start} {i.duration} {i.label}\n" for i in words]
            with (tree / "all.ctm").open("a", encoding="utf-8") as out:
                out.writelines(lines)
        else:  # two files of each name: which is meant cannot be told
            for folder in ("one", "two"):
                (tree / folder).mkdir(exist_ok=True)
                shutil.copy(source, tree / folder)
    done = run(
        exp, "--mini", "true", "--stage", 5, "--stop-stage", 5, "--external", f"theirs={tree}"
    )
    assert done.returncode == 0, done.stderr
    row = rows_of(exp)["examples", "clean", "theirs"]
    if layout == "flat CTM":
        assert row["score"]["both"]["mean"] < 1e-6
    else:
        assert row["reason"] == f"{tree}: no recording of examples"
        assert "theirs: examples: not matched: slt/tea" in (exp / "external.txt").read_text()
