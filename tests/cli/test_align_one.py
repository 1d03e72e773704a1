"""``speechalign align-one``: a table on stdout, files where asked for, errors with names."""

import re
import shutil
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from small_neural_hmm import articulatory_hmm

from speechalign import read_alignment
from speechalign.cli.main import cli
from speechalign.models.neural_hmm.folder import save

pytestmark = pytest.mark.usefixtures("loaded_once")

TEA = "Two cups of tea cost $5.50, and the view is free."


def run(*arguments):
    return CliRunner().invoke(cli, ["align-one", *map(str, arguments)])


@pytest.fixture
def tea(examples, tmp_path):
    for suffix in (".flac", ".lab"):
        shutil.copy(examples / f"slt/tea{suffix}", tmp_path)
    return tmp_path / "tea.flac"


def test_the_table_is_all_there_is_on_stdout(tea):
    result = run(tea, TEA)
    assert (result.exit_code, result.stderr) == (0, "")
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["word", "start", "end", "confidence", "phones"]
    assert [row.split()[0] for row in rows] == TEA.split()
    assert rows[0].split()[4:] == ["T", "UW"]
    assert sorted(path.name for path in tea.parent.iterdir()) == ["tea.flac", "tea.lab"]


def test_pronunciations_of_ones_own(tea, tmp_path):
    mine, more = tmp_path / "mine.dict", tmp_path / "more.dict"
    mine.write_text("tea K AO1 F IY0\ncups k ʌ p\n$5.50 F AY V F IH F T IY\n", encoding="utf-8")
    more.write_text("tea T IY1\n")
    rows = run(tea, TEA, "--dictionary", mine).stdout.splitlines()
    phones = {row.split()[0]: row.split()[4:] for row in rows[1:]}
    assert phones["tea"] == ["K", "AO", "F", "IY"]
    assert phones["cups"] == ["K", "AH", "P"]
    assert phones["$5.50,"] == ["F", "AY", "V", "F", "IH", "F", "T", "IY"]
    rows = run(tea, TEA, "--dictionary", mine, "--dictionary", more).stdout.splitlines()
    assert {row.split()[0]: row.split()[4:] for row in rows[1:]}["tea"] == ["T", "IY"]
    more.write_text("tea T IYY\n")
    result = run(tea, TEA, "--dictionary", more)
    assert (result.exit_code, result.stdout) == (4, "")
    assert "more.dict:1: 'tea': the model has no phone 'IYY'" in result.stderr


def test_the_transcript_may_be_a_file(tea):
    assert run(tea, tea.with_suffix(".lab")).stdout == run(tea, TEA).stdout
    names = ("no.lab", "my notes.txt", "A.TXT", "notes.md", "a/b.ta", "./notes", "/tmp/x", "~/x")
    for name in names:
        result = run(tea, name)
        assert result.exit_code == 4
        assert result.stderr == (
            f"error: {name}: there is no such transcript; check its name (words that look like a "
            f"file name need a space at the end: '{name} ')\n"
        )
    tea.with_suffix(".lab").write_bytes(b"caf\xe9")
    result = run(tea, tea.with_suffix(".lab"))
    assert result.exit_code == 4
    assert re.match(r"error: .*tea\.lab: not UTF-8 at byte 3 \(0xe9\)", result.stderr)


@pytest.mark.parametrize(
    "text", ["notes.md ", "U.S.A.", "3.14", "and/or", "wait...", "/tea/", "Hi.", "tea.cups"]
)
def test_words_are_no_file_name(tea, text):
    result = run(tea, text)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split()[0] == text.strip()


def test_dots_between_syllables_make_no_file_name(tea, tmp_path):
    save(articulatory_hmm(), tmp_path / "any", texts={})
    for text, phones in (("ti.ka", ["t", "i", "k", "a"]), ("ˈma.ta.na", ["ˈm", *"atana"])):
        result = run(tea, text, "--model", tmp_path / "any")
        assert result.exit_code == 0
        assert result.stdout.splitlines()[1].split()[4:] == phones


def test_a_long_transcript_is_no_file_name(tea):
    result = run(tea, f"{TEA} " * 100)
    assert result.exit_code == 4
    assert re.fullmatch(
        r"error: .*tea\.flac: the transcript is longer than the audio can hold: its 3500 phones "
        r"need at least 105\.00 s, the audio lasts 4\.75 s; check that they belong together\n",
        result.stderr,
    )


@pytest.mark.parametrize("suffix", [".TextGrid", ".json"])
def test_output(tea, tmp_path, suffix):
    output = tmp_path / "new" / f"out{suffix}"
    assert run(tea, TEA, "-o", output).exit_code == 0
    written = output.read_bytes()
    assert [word.label for word in read_alignment(output).tiers["words"]] == TEA.split()
    again = run(tea, "Two cups", "-o", output)
    assert again.exit_code == 4
    assert again.stderr == f"error: {output}: exists; use --overwrite to replace it\n"
    assert output.read_bytes() == written
    assert run(tea, "Two cups", "-o", output, "--overwrite").exit_code == 0
    assert output.read_bytes() != written


def test_plot(tea, tmp_path):
    pytest.importorskip("librosa")
    plot = tmp_path / "plot.png"
    assert run(tea, TEA, "--plot", plot).exit_code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert run(tea, TEA, "--plot", plot).exit_code == 4
    assert run(tea, TEA, "--plot", plot, "--overwrite").exit_code == 0


def test_plot_of_a_model_of_attributes(tea, tmp_path):
    pytest.importorskip("librosa")
    save(articulatory_hmm(), tmp_path / "any", texts={})
    pictures = [tmp_path / "any.svg", tmp_path / "sphinx.svg"]
    assert run(tea, "ti", "--model", tmp_path / "any", "--plot", pictures[0]).exit_code == 0
    assert run(tea, TEA, "--plot", pictures[1]).exit_code == 0
    heights = [float(re.search(r'height="([\d.]+)pt"', p.read_text())[1]) for p in pictures]
    assert heights[0] > 1.5 * heights[1]  # a panel for each attribute


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.praat"], "x.praat: no format goes by this suffix"),
        (["-o", "tea.flac/x.TextGrid"], "tea.flac: File exists"),
        (["--plot", "x"], "x: expected a name that ends in .png, .pdf, .svg"),
        (
            ["--model", "swedish"],
            "swedish: no such model; expected a name that `speechalign model list`",
        ),
        (["--channel", "1"], "tea.flac: channel: expected 0 to 0, as the recording has 1 channel"),
    ],
)
def test_what_cannot_be_done(tea, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = run(tea, TEA, *arguments)
    assert (result.exit_code, result.stdout) == (4, "")
    assert result.stderr.startswith("error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert len(list(tmp_path.iterdir())) == 2


def test_what_was_done_to_the_sound_is_reported(tea, tmp_path):
    samples, rate = soundfile.read(tea)
    path = tmp_path / "two.wav"
    twice = np.repeat(samples, 2)
    soundfile.write(path, np.stack([twice, 0.5 * twice], 1), 2 * rate)
    assert run(path, TEA).stderr == (
        "channels: mean of channels 0 and 1 (--channel chooses one)\n"
        "resampled from 32000 Hz to 16000 Hz\n"
    )
    assert run(path, TEA, "--channel", 0).stderr == "resampled from 32000 Hz to 16000 Hz\n"


def test_another_transcript_is_doubtful(tea):
    result = run(tea, "In 1995 the harbour froze; nobody had seen that before.")
    assert result.exit_code == 0
    assert re.fullmatch(
        r"doubtful: confidence 0\.[0-4]\d is below 0\.5: the audio does not sound like the "
        r"transcript; listen to it\n",
        result.stderr,
    )


@pytest.mark.parametrize(("audio", "message"), [("none.wav", "no such file"), (".", "a folder")])
def test_audio_that_cannot_be_read(tmp_path, audio, message):
    result = run(tmp_path / audio, TEA)
    assert result.exit_code == 4
    assert result.stderr.startswith(f"error: {tmp_path / audio}: ")
    assert message in result.stderr


def phones_of(result):
    assert result.exit_code == 0, result.stderr
    return {row.split()[0]: " ".join(row.split()[4:]) for row in result.stdout.splitlines()[1:]}


def test_phone_sets(tea, tmp_path):
    assert phones_of(run(tea, TEA, "--phone-set", "arpabet-stress"))["view"] == "V Y UW1"
    assert phones_of(run(tea, TEA, "--phone-set", "ipa"))["the"] == "ð ə"
    names = tmp_path / "names.txt"
    names.write_text("@ schwa\n")
    options = ("--phone-set", "xsampa", "--phone-names", names)
    assert phones_of(run(tea, TEA, *options))["the"] == "D schwa"
    result = run(tea, TEA, "--model", "german-gmm", "--phone-set", "arpabet")
    assert (result.exit_code, result.stdout) == (4, "")
    assert "the phones of german-gmm have no ARPABET names" in result.stderr


def test_pauses(tea):
    def gaps(*options):
        rows = [row.split() for row in run(tea, TEA, *options).stdout.splitlines()[1:]]
        return [float(b[1]) - float(a[2]) for a, b in pairwise(rows)]

    assert max(gaps()) > 0.05
    assert max(gaps("--min-pause", 10)) == 0
    assert max(gaps("--pause-probability", "0.9")) > 0.05
    assert (
        "pause_probability: expected a number between 0 and 1, got 3.0"
        in run(tea, TEA, "--pause-probability", 3).stderr
    )
