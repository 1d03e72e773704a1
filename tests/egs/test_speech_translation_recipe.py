"""egs/speech_translation: its scripts as such, and all stages of the mini mode."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.links import read_links, read_parallel

FOLDER = Path(__file__).resolve().parents[2] / "egs" / "speech_translation"


def _environment():
    found = [str(FOLDER.parents[1]), os.environ.get("PYTHONPATH", "")]
    return os.environ | {
        "PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(filter(None, found)),
    }


def _run(*arguments, script="run.sh", timeout=120):
    command = ["bash"] if script.endswith(".sh") else [sys.executable]
    return subprocess.run(
        [*command, script, *map(str, arguments)],
        cwd=FOLDER,
        env=_environment(),
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_an_unknown_pair_needs_languages(tmp_path):
    done = _run("--pair", "xxyy", "--exp", tmp_path)
    assert done.returncode == 2
    assert "--pair xxyy: give --source, --target and --swap" in done.stderr


def test_made_up_sentences_have_all_links(tmp_path):
    done = _run(tmp_path, "--scored", 150, "--more", 20, script="local/00_make_bilingual.py")
    assert done.returncode == 0, done.stderr
    pairs = read_parallel(tmp_path / "scored.txt")
    gold = list(read_links(tmp_path / "gold.talp").sentences.values())
    assert len(pairs) == len(gold) == 150
    assert len(read_parallel(tmp_path / "more.txt")) == 20
    crossing = 0
    for (source, target), links in zip(pairs, gold):
        assert links.sure == links.possible
        assert {i for i, _ in links.sure} == set(range(len(source)))
        assert {j for _, j in links.sure} == {j for j, t in enumerate(target) if t != ","}
        said = {(source[i], target[j]) for i, j in links.sure}
        assert all(b != "Hund" or a == "dog" for a, b in said)
        assert all(b not in ("im", "am", "vom") or a in "the in at from" for a, b in said)
        crossing += any(a < c and d < b for a, b in links.sure for c, d in links.sure)
    assert crossing > 140


def test_a_gold_set_and_more_text(tmp_path):
    import gzip

    (tmp_path / "g").write_text("1-1 2-2\n1p1\n", encoding="utf-8")
    (tmp_path / "s").write_text("der Hund ||| the dog\nja ||| oh yes\n", encoding="utf-8")
    for name, text in {"a": "A dog's life.\n" + "x " * 13 + "\n", "b": "Ein Hund!\nx\n"}.items():
        with gzip.open(tmp_path / name, "wt", encoding="utf-8") as file:
            file.write(text)
    arguments = [tmp_path / "out", "--gold", tmp_path / "g", "--sentences", tmp_path / "s"]
    arguments += ["--swap", "--limit", 1, "--more", tmp_path / "a", tmp_path / "b"]
    done = _run(*arguments, script="local/00_take_text.py")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "scored.txt").read_text() == "the dog ||| der Hund\n"
    assert (tmp_path / "out" / "gold.talp").read_text() == "1-1 2-2\n"
    assert (tmp_path / "out" / "more.txt").read_text() == "a dog's life . ||| ein hund !\n"


@pytest.fixture
def corpus(tmp_path):
    """Write a sentence of three words, the last of which takes half of the time."""
    grids = tmp_path / "corpus" / "en" / "textgrids"
    grids.mkdir(parents=True)
    (tmp_path / "corpus" / "sentences.txt").write_text("a b , c 's ||| x , y z\n")
    words = [Interval(0.0, 0.5, "a"), Interval(0.5, 1.0, "b"), Interval(1.5, 2.8, "c 's")]
    write_alignment(Alignment({"words": words}, 3.0), grids / "000.TextGrid")
    return tmp_path / "corpus"


def test_baselines(corpus, tmp_path):
    done = _run(corpus, "en", tmp_path / "links", script="local/04_baselines.py")
    assert done.returncode == 0, done.stderr
    links = {
        name: sorted(read_links(tmp_path / "links" / f"{name}.talp", base="1").sentences["1"].sure)
        for name in ("chance", "diagonal", "diagonal_time")
    }
    assert links["diagonal"] == [(0, 0), (3, 2), (4, 3)]
    assert links["diagonal_time"] == [(0, 0), (1, 2), (3, 3)]
    assert [j for _, j in sorted(links["chance"], key=lambda link: link[1])] == [0, 2, 3]
    assert 2 not in {i for name in links for i, _ in links[name]}


def test_the_times_of_an_aligner_get_the_tokens_of_the_gold_set(corpus, tmp_path):
    aligned = tmp_path / "aligned" / "000"
    aligned.mkdir(parents=True)
    words = [Interval(0.02, 0.5, "a"), Interval(0.5, 1.2, "b"), Interval(1.5, 2.7, "c's")]
    write_alignment(Alignment({"words": words}, 3.0), aligned / "000_v.TextGrid")
    arguments = [tmp_path / "aligned", corpus / "en", tmp_path / "times"]
    done = _run(*arguments, script="local/06_relabel.py")
    assert done.returncode == 0, done.stderr
    found = read_alignment(tmp_path / "times" / "000.TextGrid").tiers["words"]
    assert [(i.label, i.start) for i in found] == [("a", 0.02), ("b", 0.5), ("c 's", 1.5)]
    assert "median distance 10 ms, 66.7 % within 50 ms" in done.stdout
    write_alignment(Alignment({"words": words[:2]}, 3.0), aligned / "000_v.TextGrid")
    done = _run(*arguments, script="local/06_relabel.py")
    assert done.returncode == 1
    assert "000: expected 3 words, got 2" in done.stderr


@pytest.mark.slow
def test_mini(tmp_path):
    for package in ("espeakng_loader", "torch", "yaml"):
        pytest.importorskip(package, reason=f"needs {package}")
    done = _run("--mini", "true", "--exp", tmp_path, "--threads", 2, timeout=3600)
    assert done.returncode == 0, done.stderr
    rates = {
        path.name: json.loads(path.read_text())["intervals"]["error_rate"]
        for path in (tmp_path / "scores").iterdir()
    }
    for metric in ("saer", "tw-saer"):
        baselines = [rates[f"{name}.{metric}.json"] for name in ("diagonal", "diagonal_time")]
        attention = rates[f"attention.{metric}.json"]
        assert attention["high"] < min(rate["low"] for rate in baselines)
        ours = rates[f"attention_aligner.{metric}.json"]
        assert abs(ours["value"] - attention["value"]) <= 0.02
    assert "| cross-attention |" in (tmp_path / "RESULTS.md").read_text()
    assert (tmp_path / "plots" / "index.html").exists()
