"""speechalign st-align: real runs, from maps and word times to scored links."""

import re

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign import Alignment, Interval, write_alignment
from speechalign.audio.sound_file import read_waveform
from speechalign.cli.main import cli
from speechalign.links import Links, read_links


def run(*arguments):
    return CliRunner().invoke(cli, [*map(str, arguments)])


def times(folder, *sentences, duration=1.0):
    folder.mkdir()
    for number, sentence in enumerate(sentences):
        words = [Interval(start, end, label) for label, start, end in sentence]
        write_alignment(Alignment({"words": words}, duration), folder / f"{number:03}.json")
    return folder


@pytest.fixture
def corpus(tmp_path):
    """Make two sentences: three words said, then two, and tokens that come from one word each."""
    said = times(
        tmp_path / "de",
        [("das", 0, 0.2), ("große", 0.2, 0.6), ("haus", 0.6, 1.0)],
        [("gute", 0.0, 0.5), ("nacht", 0.5, 1.0)],
    )
    (tmp_path / "maps").mkdir()
    for number, columns in enumerate(([8, 0, 4, 4], [2, 7, 7])):
        values = np.full((len(columns), 10), 0.1)
        values[np.arange(len(columns)), columns] = 2.0
        np.save(tmp_path / f"maps/{number:03}.npy", values)
    (tmp_path / "tokens").write_text("▁house ▁the ▁gre at\n▁good ▁night !\n")
    (tmp_path / "text").write_text(
        "das große haus . ||| house the great\ngute nacht , ||| good night !\n"
    )
    return [tmp_path / "maps", "--source-times", said, "--target-tokens", tmp_path / "tokens",
            "--output", tmp_path / "links"]  # fmt: skip


def found(corpus):
    return list(read_links(corpus[-1]).sentences.values())


EXPECTED = [Links([(2, 0), (0, 1), (1, 2)]), Links([(0, 0), (1, 1)])]


def test_speech_to_text(corpus):
    result = run("st-align", *corpus)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "note: without --text" in result.stderr
    assert corpus[-1].read_text() == "1-2 2-3 3-1\n1-1 2-2\n"
    assert "links: 5 links in 2 sentences, words counted from 1" in result.stderr
    assert found(corpus) == EXPECTED
    assert run("st-align", *corpus, "--base", "0").exit_code == 0
    assert corpus[-1].read_text() == "0-1 1-2 2-0\n0-0 1-1\n"


def test_words_of_the_text_and_punctuation(corpus, tmp_path):
    text = ["--text", tmp_path / "text"]
    assert run("st-align", *corpus, *text).exit_code == 0
    assert found(corpus) == EXPECTED
    assert run("st-align", *corpus, *text, "--punctuation").exit_code == 0
    assert found(corpus)[1] == Links([(0, 0), (1, 1), (1, 2)])
    scored = run(
        "score", "tw-saer", "--gold", corpus[-1], "--hyp", corpus[-1], "--source-times",
        corpus[2], *text,
    )  # fmt: skip
    assert scored.exit_code == 0, scored.stderr
    assert "error rate       0.00" in scored.stdout


def test_speech_to_speech(corpus, tmp_path):
    german = times(tmp_path / "x", [("ja", 0, 0.4), ("gut", 0.4, 1.0)])
    english = times(tmp_path / "y", [("good", 0, 0.5), ("yes", 0.5, 1.0)])
    (tmp_path / "m").mkdir()
    values = np.zeros((4, 5))
    values[:2, 3], values[2:, 1] = 1, 1
    np.save(tmp_path / "m/1.npy", values)
    options = [tmp_path / "m", "--source-times", german, "--target-times", english, "--output",
               corpus[-1]]  # fmt: skip
    assert run("st-align", *options).exit_code == 0
    assert found(corpus) == [Links([(1, 0), (0, 1)])]
    # Frames twice as long: only the first half of the map is within the recording.
    values = np.zeros((8, 10))
    values[:2, 3], values[2:4, 1] = 1, 1
    np.save(tmp_path / "m/1.npy", values)
    frames = ["--source-frame", "0.2", "--target-frame", "0.25"]
    assert run("st-align", *options, *frames).exit_code == 0
    assert found(corpus) == [Links([(1, 0), (0, 1)])]


def test_text_to_text_and_methods(corpus, tmp_path):
    (tmp_path / "src").write_text("das große haus\ngute nacht\n")
    (tmp_path / "m").mkdir()
    for name, size in (("a", (4, 3)), ("b", (3, 2))):
        np.save(tmp_path / f"m/{name}.npy", np.eye(*size) + 0.2)
    options = [tmp_path / "m", "--source-tokens", tmp_path / "src", *corpus[3:]]
    assert run("st-align", *options).exit_code == 0
    assert found(corpus)[0] == Links([(0, 0), (1, 1), (2, 2)])
    for method in ("intersection", "union", "grow-diag", "grow-diag-final", "grow-diag-final-and"):
        assert run("st-align", *options, "--method", method).exit_code == 0
    assert run("st-align", *options, "--method", "threshold", "--threshold", 0.1).exit_code == 0
    assert len(found(corpus)[0].sure) == 9
    assert run("st-align", *options, "--subwords", "words").exit_code == 0
    assert len(found(corpus)[0].sure) == 4


def test_plots(corpus, tmp_path):
    pytest.importorskip("matplotlib")
    assert run("st-align", *corpus, "--plot", tmp_path / "plots").exit_code == 0
    for name in ("1.png", "2.png"):
        assert (tmp_path / "plots" / name).read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "plots/index.html").read_text()
    assert page.count("●") == 1 + 5  # the key, and the links
    assert re.findall(r'<th scope="row">(\w+)', page) == ["house", "the", "great", "good", "night"]


def spoil_nan(tmp_path):
    values = np.load(tmp_path / "maps/001.npy")
    values[0, 0] = np.nan
    np.save(tmp_path / "maps/001.npy", values)


def spoil_rows(tmp_path):
    np.save(tmp_path / "maps/001.npy", np.ones((4, 10)))


def spoil_file(tmp_path):
    (tmp_path / "maps/001.npy").write_text("x")


def spoil_map(tmp_path):
    (tmp_path / "maps/001.npy").unlink()


def spoil_times(tmp_path):
    (tmp_path / "de/001.json").unlink()


def spoil_tokens(tmp_path):
    (tmp_path / "tokens").write_text("▁house ▁the ▁gre at\n\n")
    np.save(tmp_path / "maps/001.npy", np.ones((0, 10)))


def spoil_words(tmp_path):
    (tmp_path / "text").write_text("das große haus ||| house the great\na ||| good night !\n")


def spoil_text(tmp_path):
    (tmp_path / "text").write_text("das große haus ||| house the great\na b ||| good day !\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_nan, r"001\.npy: row 0, column 0: expected a finite number >= 0, got nan"),
        (spoil_rows, "expected 4 tokens as in the map, got 3; leave out the row"),
        (spoil_file, r"001\.npy: not a contribution map"),
        (spoil_map, "maps: no map of this sentence"),
        (spoil_times, "de: no word times of this sentence"),
        (spoil_tokens, "the sentence is empty"),
        (spoil_words, r"001: expected times of 1 words \(a\), got 2 \(gute nacht\)"),
        (spoil_text, "expected tokens of the words of the sentence"),
    ],
)
def test_bad_sentences_are_named_or_skipped_and_counted(spoil, message, corpus, tmp_path):
    spoil(tmp_path)
    arguments = ["st-align", *corpus, "--text", tmp_path / "text"]
    result = run(*arguments)
    assert result.exit_code == 4
    assert re.search(f"error: sentence 2: .*{message}", result.stderr), result.stderr
    assert not corpus[-1].exists()
    result = run(*arguments, "--skip-bad")
    assert result.exit_code == 3
    assert re.search(f"skipped: sentence 2: .*{message}", result.stderr)
    assert "skipped 1 sentences" in result.stderr
    assert found(corpus) == [EXPECTED[0], Links([])]


def test_nothing_usable(corpus, tmp_path):
    (tmp_path / "empty").mkdir()
    for arguments, message in (
        ([tmp_path / "empty", *corpus[1:]], "empty: expected files .npy, .npz, .pt or .json, got"),
        ([*corpus[:-2], "--output", tmp_path / "o", "--text", tmp_path / "de/000.json"], "line 1"),
    ):
        result = run("st-align", *arguments)
        assert result.exit_code == 4
        assert message in result.stderr
    for map_file in (tmp_path / "maps").iterdir():
        map_file.write_bytes(b"")
    result = run("st-align", *corpus, "--skip-bad")
    assert result.exit_code == 4
    assert "none of 2 sentences could be linked" in result.stderr


def test_other_numbers_of_lines(corpus, tmp_path):
    (tmp_path / "tokens").write_text("▁house ▁the ▁gre at\n")
    result = run("st-align", *corpus)
    assert result.exit_code == 4
    assert "maps: expected maps of 1 sentences, got one of 2" in result.stderr
    result = run("st-align", *corpus, "--text", tmp_path / "text")
    assert "expected files of as many lines" in result.stderr
    for name in ("000", "001"):
        (tmp_path / f"maps/{name}.npy").rename(tmp_path / f"maps/s{name}.npy")
    result = run("st-align", *corpus)
    assert "maps: expected 1 maps, one for each line, got 2" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target-times", "."], "expected one of --target-times and --target-tokens"),
        (["--method", "threshold"], "--threshold goes with --method threshold"),
        (["--threshold", "0.5"], "--threshold goes with --method threshold"),
        (["--target-frame", "0.1"], "--target-frame goes with --target-times"),
    ],
)
def test_usage(options, message, corpus):
    result = run("st-align", *corpus, *options)
    assert result.exit_code == 2
    assert message in result.stderr


def test_word_times_of_our_own_aligner_on_real_speech(examples, aligner, tmp_path):
    recording = examples / "slt/tea.flac"
    transcript = recording.with_suffix(".lab").read_text()
    aligned = aligner.align(read_waveform(recording, sample_rate=16000), transcript)
    (tmp_path / "times").mkdir()
    write_alignment(aligned.alignment, tmp_path / "times/1.TextGrid")
    seconds = soundfile.info(recording).duration
    size = round(seconds / 0.02)
    (tmp_path / "maps").mkdir()
    np.save(tmp_path / "maps/1.npy", np.eye(size))
    result = run(
        "st-align", tmp_path / "maps", "--source-times", tmp_path / "times", "--target-times",
        tmp_path / "times", "--output", tmp_path / "links",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    count = len(aligned.alignment.tiers["words"])
    assert read_links(tmp_path / "links").sentences["1"] == Links((i, i) for i in range(count))
