"""Files that other programs and people wrote, through the command line."""

import re
import shutil

import numpy as np
import pytest
import soundfile
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


# --- subtitles

TWO_CUES = """1
00:00:00,100 --> 00:00:03,600
<i>A heron waits by the river,</i>
as patient as a stone.

2
00:00:03,700 --> 00:00:08,400
{\\an8}Two cups of tea cost $5.50,
&amp; the view is <b>free</b>.
"""


@pytest.fixture
def river_and_tea(examples, tmp_path):
    """Return a corpus with one recording that has both examples, and no transcript."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    pieces = [soundfile.read(examples / f"{name}.flac")[0] for name in ("rms/river", "slt/tea")]
    soundfile.write(corpus / "x.wav", np.concatenate(pieces), 16000)
    return corpus


def aligned_subtitles(corpus, tmp_path, content, suffix, *options):
    """Convert subtitles, align them, and convert the result; return the new file's text."""
    old = tmp_path / f"old{suffix}"
    old.write_text(content)
    assert run("convert", old, corpus / "x.TextGrid").exit_code == 0
    result = run("align", corpus, tmp_path / "out", "-j1")
    assert result.exit_code == 0, result.output
    assert (
        run("convert", tmp_path / "out", tmp_path / "new", "--to", "srt", *options).exit_code == 0
    )
    return (tmp_path / "new/x.srt").read_text()


@pytest.mark.parametrize("suffix", [".srt", ".vtt"])
def test_markup_is_not_said_and_cues_survive(river_and_tea, tmp_path, suffix):
    content = TWO_CUES
    if suffix == ".vtt":
        content = "WEBVTT\n\n" + re.sub(r"(\d),(\d{3})", r"\1.\2", content)
    new = aligned_subtitles(river_and_tea, tmp_path, content, suffix)
    cues = read_alignment(tmp_path / "new/x.srt").tiers["utterances"]
    assert [cue.label for cue in cues] == [
        "A heron waits by the river, as patient as a stone.",
        "Two cups of tea cost $5.50, & the view is free.",
    ]
    assert new.split("\n")[2:4] == ["A heron waits by the river,", "as patient as a stone."]
    words = read_alignment(tmp_path / "out/x.TextGrid").tiers["words"]
    assert cues[0].start == pytest.approx(words[0].start, abs=1e-3)
    assert cues[1].end == pytest.approx(words[-1].end, abs=1e-3)
    manifest = (tmp_path / "out/alignment_manifest.jsonl").read_text()
    assert not set("<{") & {letter for word in words for letter in word.label}
    assert '"an"' not in manifest


def test_limits_of_cues_are_options(river_and_tea, tmp_path):
    options = ("--cue-characters", "25", "--cue-lines", "1")
    new = aligned_subtitles(river_and_tea, tmp_path, TWO_CUES, ".srt", *options)
    lines = [cue.split("\n")[2:] for cue in new.strip().split("\n\n")]
    assert all(len(cue) == 1 and len(cue[0]) <= 25 for cue in lines)
    assert " ".join(line for (line,) in lines) == (
        "A heron waits by the river, as patient as a stone. "
        "Two cups of tea cost $5.50, & the view is free."
    )
    result = run("convert", tmp_path / "out", tmp_path / "ctm", "--to", "ctm", *options)
    assert result.exit_code == 4
    assert (
        "cue_characters: no option of ctm; the formats ass, lrc, srt, ttml, vtt have it"
        in result.stderr
    )


def test_align_takes_the_limits_of_cues(river_and_tea, tmp_path):
    (tmp_path / "old.srt").write_text(TWO_CUES)
    run("convert", tmp_path / "old.srt", river_and_tea / "x.TextGrid")
    formats = ("--output-format", "srt", "--output-format", "textgrid")
    result = run("align", river_and_tea, tmp_path / "out", "-j1", *formats, "--cue-seconds", "2")
    assert result.exit_code == 0, result.output
    cues = read_alignment(tmp_path / "out/x.srt").tiers["utterances"]
    assert len(cues) >= 4
    assert all(cue.duration <= 2.001 for cue in cues)
    assert " ".join(cue.label for cue in cues) == labels(tmp_path / "out/x.TextGrid")
    result = run("align", river_and_tea, tmp_path / "no", "--cue-seconds", "2")
    assert result.exit_code == 4
    assert (
        "cue_seconds: no option of textgrid; the formats ass, lrc, srt, ttml, vtt have it"
        in result.stderr
    )
    assert not (tmp_path / "no").exists()


OVERLAPPING = {
    "x.vtt": "WEBVTT\n\n00:00:01.000 --> 00:00:03.000 position:36%\nSo the boats\n\n"
    "00:00:01.000 --> 00:00:03.000 position:23%\ncame in at noon?\n",
    "x.srt": "1\n00:00:01,000 --> 00:00:03,100\nHello there.\n\n"
    "2\n00:00:03,000 --> 00:00:05,000\nHow are you?\n",
    "x.ctm": "rec 1 0.000 0.400 hello 0.9\nrec 1 0.390 0.300 there 0.8\n",
    "x.labels.txt": "0.0\t1.2\tone\n1.1\t2.0\ttwo\n",
}


@pytest.mark.parametrize("name", OVERLAPPING)
def test_overlaps_are_kept_and_reported(tmp_path, name):
    (tmp_path / name).write_text(OVERLAPPING[name])
    result = run("convert", tmp_path / name, tmp_path / "x.TextGrid")
    assert (result.exit_code, result.stdout) == (0, "")
    assert f"note: {tmp_path / name}, line " in result.stderr
    found = read_alignment(tmp_path / "x.TextGrid")
    assert sum(len(tier) for tier in found.tiers.values()) == 2


def test_a_file_that_cannot_be_read_has_one_reason(tmp_path):
    (tmp_path / "x.srt").write_text("1\n00:00:01,000 -> 00:00:0x,100\n-->\n")
    result = run("convert", tmp_path / "x.srt", tmp_path / "x.TextGrid")
    assert result.exit_code == 4
    assert result.stderr.startswith("failed: ")
    assert "Usage" not in result.stderr


def test_overlapping_cues_are_aligned(river_and_tea, tmp_path):
    content = TWO_CUES.replace("00:00:03,700", "00:00:01,000")
    new = aligned_subtitles(river_and_tea, tmp_path, content, ".srt")
    assert new.count("-->") == 2
    assert "unknown" not in new
