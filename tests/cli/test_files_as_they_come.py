"""Files that other programs and people wrote, through the command line."""

import shutil

import pytest
from click.testing import CliRunner

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.cli.main import cli

pytestmark = pytest.mark.usefixtures("loaded_once")


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def tea(examples, tmp_path):
    """Return a corpus with one recording of 4.75 s, and its transcript."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    shutil.copy(examples / "slt/tea.flac", corpus / "x.flac")
    return corpus, (examples / "slt/tea.lab").read_text().strip()


def labels(path, tier="words"):
    return " ".join(i.label for i in read_alignment(path).tiers[tier])


# --- TextGrids

SHORT_WITH_POINTS = """File type = "ooTextFile short"
"TextGrid"

0
4.75
<exists>
2
"TextTier"
"clicks"
0
4.75
1
1.2
"click"
"IntervalTier"
"Ann"
0
4.75
1
0
4.75
"{}"
"""
LONG_WITH_A_COMMENT = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0 ! start
xmax = 4.75
tiers? <exists>
size = 1
item []:
    item [1]:
        class = "IntervalTier"
        name = "Ann"
        xmin = 0
        xmax = 4.75
        intervals: size = 1
        intervals [1]:
            xmin = 0
            xmax = 4.75
            text = "{}"
"""
CHRONOLOGICAL = """"Praat chronological TextGrid text file"
0 4.75   ! Time domain.
2   ! Number of tiers.
"IntervalTier" "Ann" 0 4.75
"TextTier" "clicks" 0 4.75

! clicks:
2 0.5
"click"

! Ann:
1 0 4.75
"{}"
"""
WITHOUT_TIERS = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 4.75
tiers? <absent>
"""


@pytest.mark.parametrize("content", [SHORT_WITH_POINTS, LONG_WITH_A_COMMENT, CHRONOLOGICAL])
def test_textgrids_of_praat_are_transcripts(tea, tmp_path, content):
    corpus, text = tea
    (corpus / "x.TextGrid").write_text(content.format(text))
    result = run("align", corpus, tmp_path / "out", "-j1")
    assert result.exit_code == 0, result.output
    assert labels(tmp_path / "out/x.TextGrid") == text
    assert run("convert", corpus / "x.TextGrid", tmp_path / "x.json").exit_code == 0
    assert labels(tmp_path / "x.json", "Ann") == text


def test_a_textgrid_without_tiers_is_no_transcript(tea, tmp_path):
    corpus, _ = tea
    (corpus / "x.TextGrid").write_text(WITHOUT_TIERS)
    result = run("align", corpus, tmp_path / "out", "-j1")
    assert result.exit_code == 4
    assert "no interval has text" in (tmp_path / "out/alignment_manifest.jsonl").read_text()


def test_a_result_is_aligned_again(tea, tmp_path):
    corpus, text = tea
    utterances = Alignment({"utterances": [Interval(0, 4.75, text)]}, 4.75)
    write_alignment(utterances, corpus / "x.TextGrid")
    assert run("align", corpus, tmp_path / "first", "-j1").exit_code == 0
    first = read_alignment(tmp_path / "first/x.TextGrid")
    assert list(first.tiers) == ["utterances", "words", "phones"]
    shutil.copy(tmp_path / "first/x.TextGrid", corpus)
    result = run("align", corpus, tmp_path / "again", "-j1")
    assert result.exit_code == 0
    assert "tiers left out of 1 TextGrid: words, phones (--tier chooses)" in result.stderr
    assert read_alignment(tmp_path / "again/x.TextGrid") == first


def test_a_result_without_utterances_is_aligned_again(tea, tmp_path):
    corpus, text = tea
    (corpus / "x.lab").write_text(text)
    assert run("align", corpus, tmp_path / "first", "-j1").exit_code == 0
    (corpus / "x.lab").unlink()
    shutil.copy(tmp_path / "first/x.TextGrid", corpus)
    assert run("align", corpus, tmp_path / "again", "-j1").exit_code == 0
    first = read_alignment(tmp_path / "first/x.TextGrid")
    assert read_alignment(tmp_path / "again/x.TextGrid") == first


def test_tiers_of_notes_are_no_speakers(tea, tmp_path):
    corpus, text = tea
    notes = [Interval(0.2, 0.9, "check this vowel"), Interval(2, 2.6, "creaky")]
    tiers = {"Ann": [Interval(0, 4.75, text)], "notes": notes}
    write_alignment(Alignment(tiers, 4.75), corpus / "x.TextGrid")
    result = run("align", corpus, tmp_path / "out", "-j1")
    assert "tiers left out of 1 TextGrid: notes (--tier chooses)" in result.stderr
    assert list(read_alignment(tmp_path / "out/x.TextGrid").tiers) == [
        "utterances",
        "words",
        "phones",
    ]
    assert labels(tmp_path / "out/x.TextGrid") == text


def test_the_tier_of_utterances_may_be_named(tea, tmp_path):
    corpus, text = tea
    tiers = {"aside": [Interval(0, 1, "never said")], "ipu": [Interval(0, 4.75, text)]}
    write_alignment(Alignment(tiers, 4.75), corpus / "x.TextGrid")
    result = run("align", corpus, tmp_path / "out", "-j1", "--tier", "ipu")
    assert result.exit_code == 0, result.output
    assert "left out" not in result.stderr
    assert labels(tmp_path / "out/x.TextGrid", "utterances") == text
    result = run("validate", corpus, "--tier", "sentences")
    assert result.exit_code == 5
    assert "no tier 'sentences', only 'aside', 'ipu'; choose with --tier" in result.stdout
