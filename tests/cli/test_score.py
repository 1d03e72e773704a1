"""speechalign score: real runs, and every kind of bad input with its exit status."""

import json
import re
from itertools import pairwise

import pytest
from click.testing import CliRunner

from speechalign import Alignment, Interval, write_alignment
from speechalign.cli.main import cli

GOLD = "1-1 1-5 2-3 3-4 4-2\n"
HYP = "1-1 4-2 2-3 4-4 3-5\n"


def run(metric, *arguments):
    return CliRunner().invoke(cli, ["score", metric, *map(str, arguments)])


@pytest.fixture
def files(tmp_path):
    """Return a function that writes files and returns the arguments to score them."""

    def write(**texts):
        arguments = []
        for name, text in texts.items():
            path = tmp_path / name
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            arguments += [f"--{name}", path]
        return arguments

    return write


def times(folder, *sentences):
    """Write a TextGrid for each sentence, with words of the given lengths."""
    folder.mkdir()
    for number, lengths in enumerate(sentences, start=1):
        starts = [sum(lengths[:k]) for k in range(len(lengths) + 1)]
        words = [Interval(a, b, f"w{k}") for k, (a, b) in enumerate(pairwise(starts))]
        write_alignment(
            Alignment({"words": words}, float(starts[-1])), folder / f"{number:03}.TextGrid"
        )
    return folder


def rate(result):
    assert result.exit_code == 0, result.output
    return next(
        float(line.split()[2]) for line in result.stdout.splitlines() if line[:10] == "error rate"
    )


def test_aer(files):
    result = run("aer", *files(gold=GOLD, hyp=HYP))
    assert rate(result) == 40.0
    assert "signature: aer|links:all" in result.stdout
    assert "gold: pharaoh, words counted from 1\n" in result.stderr
    assert "sentences: 1\n" in result.stdout


def test_the_bases_may_differ_and_are_printed(files):
    zero = "0-0 3-1 1-2 3-3 2-4\n"
    result = run("aer", *files(gold=GOLD, hyp=zero))
    assert rate(result) == 40.0
    assert "hyp: pharaoh, words counted from 0" in result.stderr
    result = run("aer", *files(gold=GOLD, hyp=zero), "--hyp-base", "1")
    assert result.exit_code == 4
    assert "sentence 1: link 0-0 in a file that counts words from 1; is its base 0?" in (
        result.stderr
    )
    assert rate(run("aer", *files(gold=GOLD, hyp=HYP), "--gold-base", "0")) > 40


def test_swap(files):
    result = run("aer", *files(gold=GOLD, hyp="1-1 2-4 3-2 4-4\n"), "--swap")
    assert rate(result) == 33.33


def test_times(files, tmp_path):
    german = times(tmp_path / "de", [1, 2, 3, 4])
    english = times(tmp_path / "en", [1, 2, 3, 4, 5])
    options = files(gold=GOLD, hyp=HYP)
    result = run("tw-saer", *options, "--source-times", german)
    assert rate(result) == 44.0
    assert "note: without --text, the words that have times are taken for all" in result.stderr
    both = [*options, "--source-times", german, "--target-times", english]
    assert rate(run("tw-saer", *both)) == 61.54
    assert rate(run("tw-saer", *both, "--setting", "s2t")) == 44.0
    assert rate(run("saer", *both)) == 40.0
    back = files(gold=GOLD, hyp="1-1 2-4 3-2 4-4\n")
    back += ["--swap", "--source-times", english, "--target-times", german]
    assert rate(run("tw-saer", *back)) == 52.38


def test_times_in_the_layout_of_the_data_set(files, tmp_path):
    lists = tmp_path / "words.json"
    words = {"000": {"de": [["a", 0, 1], [",", None, None], ["b", 1, 4]]}}
    lists.write_text(json.dumps(words))
    options = files(gold="1-1 2-2 3-3\n", hyp="1-1\n")
    result = run("tw-saer", *options, "--source-times", lists)
    assert rate(result) == 60.0  # 1 - (1 + 1) / (1 + 4)
    words["000"]["other"] = []
    lists.write_text(json.dumps(words))
    result = run("tw-saer", *options, "--source-times", lists)
    assert result.exit_code == 4
    assert "words.json: 000: expected one voice, got de, other; keep one in the file" in (
        result.stderr
    )


def test_punctuation_has_no_time(files, tmp_path):
    german = times(tmp_path / "de", [1, 1])
    options = files(gold="1-1 2-2 3-3\n", hyp="1-1 2-2\n", text="a , b ||| x , y\n")
    result = run("saer", *options, "--source-times", german)
    assert rate(result) == 33.33
    assert "without --text" not in result.stderr
    assert "words:said" in result.stdout


def test_text_tells_punctuation_and_what_is_out_of_range(files):
    options = files(gold="1-1 2-2 3-3\n", hyp="1-1 3-3 2-1\n", text="a , b ||| x , y\n")
    assert rate(run("saer", *options)) == 0
    assert rate(run("aer", *options)) == 33.33
    options = files(gold="1-1\n", hyp="1-4\n", text="a , b ||| x , y\n")
    for metric in ("aer", "saer"):
        result = run(metric, *options)
        assert result.exit_code == 4
        assert "sentence 1: link 0-3 (counted from 0) is out of range: the target has 3 words" in (
            result.stderr
        )


def test_bootstrap_and_baseline(files, tmp_path):
    gold = GOLD * 30
    result = run(
        "aer", *files(gold=gold, hyp=GOLD * 30, baseline=HYP * 30), "--json", tmp_path / "o.json",
        "--bootstrap", 200, "--seed", 3,
    )  # fmt: skip
    assert result.exit_code == 0
    assert "95 % (200 resamples)" in result.stdout
    found = json.loads((tmp_path / "o.json").read_text())
    assert found["pooled"]["error_rate"] == 0
    assert found["differences"]["error_rate"]["value"] == pytest.approx(-0.4)
    assert found["differences"]["error_rate"]["p_randomisation"] == pytest.approx(1 / 201)
    assert found["intervals"]["error_rate"] == {"value": 0, "low": 0, "high": 0}
    assert list(found["sentences"])[:2] == ["1", "2"]
    assert found["sentences"]["1"]["precision"] == 1


def test_undefined_figures_are_null(files, tmp_path):
    options = files(gold="1-1\n", hyp="\n", baseline="\n")
    result = run("aer", *options, "--json", tmp_path / "o.json")
    row = next(line for line in result.stdout.splitlines() if line.startswith("precision"))
    assert row.split()[1:] == ["-"] * 6
    assert "NaN" not in (tmp_path / "o.json").read_text()
    assert json.loads((tmp_path / "o.json").read_text())["intervals"]["precision"]["low"] is None


def test_per_sentence(files):
    rows = run("aer", *files(gold=GOLD + GOLD, hyp=HYP + "\n"), "--per-sentence").stdout
    assert "1                         40.00      60.00      60.00      60.00" in rows
    assert "2                        100.00          -       0.00          -" in rows


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"gold": GOLD + GOLD, "hyp": HYP}, r"hyp: sentence 2 of"),
        ({"gold": GOLD, "hyp": HYP + HYP}, "hyp: sentence 2 is not in"),
        ({"gold": GOLD + "1:1\n", "hyp": HYP + HYP}, "gold, line 2: sentence 2: expected a link"),
        ({"gold": GOLD + GOLD, "hyp": HYP.encode() + b"1-\xff\n"},
         "hyp, line 2: sentence 2: byte 0xff is not UTF-8"),
        ({"gold": GOLD + GOLD, "hyp": HYP + HYP, "baseline": HYP}, "baseline: sentence 2 of"),
    ],
)  # fmt: skip
def test_bad_input_is_named_or_skipped_and_counted(texts, message, files):
    options = files(**texts)
    result = run("aer", *options)
    assert (result.exit_code, result.stdout) == (4, "")
    assert re.search(message, result.stderr)
    assert (
        "--skip-bad (skip_bad=True) leaves such out" in result.stderr or "line 2" in result.stderr
    )
    result = run("aer", *options, "--skip-bad")
    assert result.exit_code == 3
    assert "sentences: 1\n" in result.stdout
    assert "skipped 1 sentences" in result.stderr


def test_bad_times_are_named_or_skipped(files, tmp_path):
    three = times(tmp_path / "three", [1, 2, 3, 4], [1, 2, 3], [1, 2, 3, 4])
    options = files(gold=GOLD * 4, hyp=HYP * 4)
    result = run("tw-saer", *options, "--source-times", three)
    assert result.exit_code == 4
    assert "sentence 2: link 3-1 (counted from 0) is out of range: the source has 3" in (
        result.stderr
    )
    result = run("tw-saer", *options, "--source-times", three, "--skip-bad")
    assert result.exit_code == 3
    assert "sentences: 2\n" in result.stdout
    assert "skipped: sentence 4: " in result.stderr
    assert "three: no word times of this sentence" in result.stderr
    texts = files(gold=GOLD * 2, hyp=HYP * 2, text="a b c d ||| v w x y z\n" * 2)
    result = run("saer", *texts, "--source-times", three)
    assert "002: expected times of 4 words (a b c d), got 3 (w0 w1 w2)" in result.stderr
    texts = files(gold=GOLD * 2, hyp=HYP * 2, text="a b c d ||| v w x y z\n")
    result = run("saer", *texts, "--source-times", three, "--skip-bad")
    assert "text: expected a line 2, got 1 lines" in result.stderr


def test_nothing_to_score(files):
    for texts, message in (
        ({"gold": "1p1\n", "hyp": "\n"}, "no sure link that weighs anything in 1 sentences, and"),
        ({"gold": "", "hyp": ""}, "no sentence can be scored"),
    ):
        result = run("aer", *files(**texts))
        assert (result.exit_code, result.stdout) == (4, "")
        assert message in result.stderr
    assert rate(run("aer", *files(gold="\n1-1\n", hyp="\n1-1\n"))) == 0


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ("bleu", [], "No such command 'bleu'"),
        ("tw-saer", [], "Missing option '--source-times'"),
        *(
            ("aer", [option, "."], f"No such option.*{option}")
            for option in ("--source-times", "--target-times", "--tier", "--setting")
        ),
        ("saer", ["--setting", "s2t"], "No such option.*--setting"),
        ("tw-saer", ["--setting", "s2s", "--source-times", "."], "s2s needs --target-times"),
        ("saer", ["--target-times", "."], "--target-times needs --source-times"),
        ("aer", ["--gold-format", "moses"], "no format 'moses'; there is: giza, naacl, pharaoh"),
        ("aer", ["--hyp-base", "2"], "'2' is not one of"),
    ],
)
def test_usage(metric, options, message, files):
    result = run(metric, *files(gold=GOLD, hyp=HYP), *options)
    assert result.exit_code == 2
    assert re.search(message, result.stderr)


def test_other_formats(files):
    result = run(
        "aer", *files(gold="SENT: 0\nS 0 0\nP 1 1\n", hyp="1 1 1\n1 2 2\n"),
        "--gold-format", "rwth", "--hyp-format", "naacl",
    )  # fmt: skip
    assert rate(result) == 0
    assert "gold: rwth, words counted from 0" in result.stderr
