"""speechalign compare: real runs over folders, files and corpora."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.cli.main import cli
from speechalign.formats.tree import match_recordings, read_tree
from speechalign.pipeline.align_corpus import align_corpus


def run(*arguments):
    return CliRunner().invoke(cli, ["compare", *map(str, arguments)])


def alignment(shift=0.0, labels=("one", "two"), tier="words"):
    tiers = {tier: [Interval(i + 1 + shift, i + 2 + shift, w) for i, w in enumerate(labels)]}
    return Alignment(tiers, 10.0)


def write(path, *arguments, **keywords):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_alignment(alignment(*arguments, **keywords), path)


@pytest.fixture
def trees(tmp_path):
    """Return a reference of three recordings and a hypothesis 30 ms late, in another format."""
    for name in ("s1/a", "s1/b", "s2/a"):
        write(tmp_path / f"ref/{name}.TextGrid")
        write(tmp_path / f"hyp/{name}.json", 0.03)
    return tmp_path / "ref", tmp_path / "hyp"


def test_folders(trees, tmp_path):
    result = run(*trees, "--json", tmp_path / "out.json")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert rows[0] == "ms n mean median bias p95 ≤10 ≤25 ≤50 ≤100 ms F1@20 ms"
    assert rows[1] == "start 6 30.0 30.0 30.0 30.0 0.0 0.0 100.0 100.0 0.0"
    assert rows[3] == "both 12 30.0 30.0 30.0 30.0 0.0 0.0 100.0 100.0 0.0"
    assert "completion: 3 of 3 recordings (100.0 %), 6 of 6 labels (100.0 %)" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("signature: boundaries|tier:words|")
    content = json.loads((tmp_path / "out.json").read_text())
    assert content["pooled"]["both"]["mean"] == pytest.approx(0.03)
    assert list(content["recordings"]) == ["s1/a", "s1/b", "s2/a"]
    assert content["signature"] in result.stdout


def test_per_file(trees):
    (trees[1] / "s1/b.json").unlink()
    write(trees[1] / "s1/b.json", -0.01)
    rows = [line.split()[:5] for line in run(*trees, "--per-file").stdout.splitlines()]
    assert ["s1/b", "4", "10.0", "10.0", "-10.0"] in rows
    assert ["s2/a", "4", "30.0", "30.0", "30.0"] in rows
    assert ["both", "12", "23.3", "30.0", "16.7"] in rows


def test_confidence_intervals(trees, tmp_path):
    (trees[1] / "s1/b.json").unlink()
    write(trees[1] / "s1/b.json", -0.01)
    result = run(*trees, "--bootstrap", 500, "--json", tmp_path / "out.json")
    assert result.exit_code == 0
    # Recordings are 30, 10 and 30 ms off: their mean is 10 to 30 ms, as any of them may be missing.
    assert (
        "95 % intervals over 3 recordings: mean 10.0 to 30.0 ms, ≤25 ms 0.0 to 100.0 %, "
        "≤50 ms 100.0 to 100.0 %, F1@20 ms 0.0 to 100.0 %\n"
    ) in result.stdout
    intervals = json.loads((tmp_path / "out.json").read_text())["intervals"]
    assert intervals["mean"]["value"] == pytest.approx(0.07 / 3)
    assert "95 %" not in run(*trees).stdout


def test_a_missing_hypothesis(trees, tmp_path):
    (trees[1] / "s1/b.json").unlink()
    write(trees[1] / "x.json")
    result = run(*trees, "--json", tmp_path / "out.json")
    assert result.exit_code == 3
    assert "completion: 2 of 3 recordings (66.7 %), 4 of 6 labels" in result.stdout
    assert result.stderr == "missing: s1/b\nno reference: 1 of TEST, such as x\n"
    content = json.loads((tmp_path / "out.json").read_text())
    assert (content["missing"], content["no_reference"]) == (["s1/b"], ["x"])


def test_bad_files_are_named_and_the_others_scored(trees):
    (trees[1] / "s1/a.json").write_text("{")
    write(trees[1] / "s1/b.json", tier="phones")
    result = run(*trees)
    assert result.exit_code == 3
    assert "completion: 1 of 3 recordings" in result.stdout
    assert f"unusable: {trees[1] / 's1/a.json'}, line 1: not JSON" in result.stderr
    assert "s1/b: no tier 'words'; it has phones" in result.stderr
    assert "missing: s1/a\nmissing: s1/b\n" in result.stderr


def test_nothing_matches(trees, tmp_path):
    write(tmp_path / "other/z.json")
    result = run(trees[0], tmp_path / "other")
    assert (result.exit_code, result.stdout) == (4, "")
    assert f"no alignment for any of the 3 recordings of {trees[0]}" in result.stderr
    for file in trees[1].rglob("*.json"):
        write(file, labels=["else"])
    result = run(*trees)
    assert result.exit_code == 4
    assert "0 of 6 labels (0.0 %)" in result.stdout
    assert "both   0     -" in result.stdout


def test_single_files_whatever_their_names(tmp_path):
    write(tmp_path / "gold.TextGrid")
    write(tmp_path / "mine.csv", 0.01)
    result = run(tmp_path / "gold.TextGrid", tmp_path / "mine.csv")
    assert result.exit_code == 0
    assert "both   4  10.0" in result.stdout


def test_a_corpus_in_one_file(trees, tmp_path):
    ctm = tmp_path / "all.ctm"
    ctm.write_text("s1/a 1 1.01 1 one\ns1/a 1 2.01 1 two\nb 1 1.01 1 one\nq 1 0 1 one\n")
    result = run(trees[0], ctm)
    assert result.exit_code == 3
    assert "completion: 2 of 3 recordings (66.7 %), 3 of 6 labels" in result.stdout
    assert result.stderr == "missing: s2/a\nno reference: 1 of TEST, such as q\n"


def test_other_layouts_match_by_the_last_part(trees, tmp_path):
    shutil.rmtree(trees[0] / "s2")
    write(tmp_path / "flat/a.ctm")
    write(tmp_path / "flat/b.ctm")
    assert run(trees[0], tmp_path / "flat").exit_code == 0


def test_tier_and_several_formats(trees):
    for name in ("s1/a", "s1/b", "s2/a"):
        write(trees[1] / f"{name}.srt")
    result = run(*trees)
    assert result.exit_code == 4
    assert "s1/a has files in several formats (.json, .srt); say which with --format" in (
        result.stderr
    )
    assert run(*trees, "--format", "json").exit_code == 0
    assert run(*trees, "--format", "srt", "--tier", "words").exit_code == 4
    assert run(*trees, "--format", "jason").exit_code == 2


def test_tier_phones(tmp_path):
    write(tmp_path / "a.json", tier="phones")
    assert run(tmp_path / "a.json", tmp_path / "a.json").exit_code == 4
    result = run(tmp_path / "a.json", tmp_path / "a.json", "--tier", "phones")
    assert result.exit_code == 0
    assert "tier:phones|labels:exact" in result.stdout


@pytest.mark.parametrize("phone_set", ["arpabet", "ipa", "xsampa"])
def test_phones_in_other_phone_sets(tmp_path, phone_set):
    write(tmp_path / "gold/a.TextGrid", labels=("AH0", "tʃ"), tier="phones")
    write(tmp_path / "ours/a.TextGrid", labels=("ə", "CH"), tier="phones")
    options = (tmp_path / "gold", tmp_path / "ours", "--tier", "phones")
    assert run(*options).exit_code == 4
    result = run(*options, "--phone-set", phone_set)
    assert result.exit_code == 0, result.output
    assert "2 of 2 labels" in result.stdout
    assert f"tier:phones|labels:{phone_set}|" in result.stdout
    wrong = run(tmp_path / "gold", tmp_path / "ours", "--phone-set", phone_set)
    assert wrong.exit_code == 4
    assert "and the tier 'phones'" in wrong.stderr


def test_histogram(trees, tmp_path):
    pytest.importorskip("matplotlib")
    assert run(*trees, "--histogram", tmp_path / "h.png").exit_code == 0
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")


def test_histogram_without_matplotlib(trees, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = run(*trees, "--histogram", tmp_path / "h.png")
    assert result.exit_code == 4
    assert "pip install 'speechalign[plot]'" in result.stderr
    assert not (tmp_path / "h.png").exists()


def test_as_a_program(trees):
    program = Path(sys.executable).with_name("speechalign")
    result = subprocess.run([program, "compare", *trees], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == run(*trees).stdout


def test_two_files_of_one_recording_name(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.ctm").write_text("same 1 0 1 x\n")
    with pytest.raises(ValueError, match=r"b\.ctm: 'same' is in .*a\.ctm too"):
        read_tree(tmp_path)


def test_names_match_exactly_before_they_match_by_their_last_part():
    assert match_recordings(["a", "s/b"], ["x/a", "a", "b"]) == {"a": "a", "s/b": "b"}
    assert match_recordings(["s/a", "t/a"], ["a"]) == {"s/a": None, "t/a": None}


def test_how_far_the_aligner_was_off_by_corrections_of_it(tmp_path, examples, aligner):
    out = tmp_path / "out"
    align_corpus(examples, aligner, out)
    assert "nothing was corrected or checked yet" in run(out, "--edited").stderr
    file = out / "slt/tea.TextGrid"
    found = read_alignment(file)
    word = found.tiers["words"][0]
    late = [replace(word, end=word.end - 0.02), *found.tiers["words"][1:]]
    Alignment({**found.tiers, "words": late}, found.duration).save(file)
    result = run(out, "--edited")
    assert result.exit_code == 0
    assert result.stderr == "utterances corrected or checked: 1\n"
    rows = [line.split() for line in result.stdout.splitlines()]
    boundaries = 2 * len(late)
    assert rows[3][:5] == [
        "both", str(boundaries), f"{20 / boundaries:.1f}", "0.0", f"{20 / boundaries:.1f}",
    ]  # fmt: skip
    bias = tmp_path / "bias.json"
    assert run(out, "--edited", "--tier", "phones", "--save-corrections", bias).exit_code == 0
    assert json.loads(bias.read_text())["model"] == "english-sphinx"
    corrected = tmp_path / "corrected"
    given = [str(examples), str(corrected), "--corrections", str(bias)]
    assert CliRunner().invoke(cli, ["align", *given]).exit_code == 0
    assert read_alignment(corrected / "slt/tea.TextGrid") != found


@pytest.mark.parametrize(
    "extra",
    [
        [],
        ["hyp", "--edited"],
        ["--edited", "--phone-set", "ipa"],
        ["hyp", "--save-corrections", "b"],
    ],
)
def test_edited_takes_one_folder(trees, extra):
    given = [str(trees[1]) if word == "hyp" else word for word in extra]
    assert run(trees[0], *given).exit_code == 2


def test_groups_and_a_baseline(trees, tmp_path):
    gold, ours = trees
    baseline = tmp_path / "baseline"
    for path in sorted(ours.rglob("*.json")):
        write(baseline / path.relative_to(ours), 0.25)
    done = run(gold, ours, "--by", "speaker", "--by", "context", "--baseline", baseline,
               "--json", tmp_path / "out.json")  # fmt: skip
    assert "speaker" in done.stdout
    assert "unknown" in done.stdout  # there are no phones
    content = json.loads((tmp_path / "out.json").read_text())
    difference = content["differences"]["mean"]
    assert difference["value"] < 0
    assert difference["high"] < 0
    assert f"mean {1000 * difference['value']:+.1f} ms" in done.stdout
    assert set(content["groups"]) == {"speaker", "context"}
    done = run(gold, "--edited", "--baseline", baseline)
    assert done.exit_code == 2
    assert "--baseline need TEST" in done.output
