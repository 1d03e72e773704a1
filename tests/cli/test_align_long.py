"""``speechalign align`` on long recordings: progress, runs that are stopped, memory, bad texts."""

import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import speechalign.aligners.search
import speechalign.pipeline.run
from speechalign.cli.main import cli
from speechalign.cli.progress import AlignmentProgress
from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.pipeline import memory
from speechalign.pipeline.manifest import MANIFEST

pytestmark = pytest.mark.usefixtures("loaded_once")
STEPS = ["scoring", "searching", "placing boundaries"]


def run(*arguments):
    return CliRunner().invoke(cli, ["align", *map(str, arguments)])


def only_line(out):
    (line,) = (out / MANIFEST).read_text(encoding="utf-8").splitlines()
    return json.loads(line)


@pytest.fixture(scope="module")
def speech(examples):
    """Return samples of the examples, their rate, and their words."""
    sounds = sorted(examples.rglob("*.flac"))
    samples = np.concatenate([soundfile.read(sound, dtype="float32")[0] for sound in sounds])
    texts = [sound.with_suffix(".lab").read_text(encoding="utf-8") for sound in sounds]
    return samples, soundfile.info(sounds[0]).samplerate, " ".join(texts)


@pytest.fixture
def corpus_of(tmp_path):
    def write(samples, rate, text):
        (tmp_path / "corpus").mkdir()
        soundfile.write(tmp_path / "corpus" / "talk.flac", samples, rate)
        (tmp_path / "corpus" / "talk.lab").write_text(text, encoding="utf-8")
        return tmp_path / "corpus"

    return write


# From ten seconds on, an utterance counts as long.
SHORTER = """
import speechalign.pipeline.run as run
from speechalign.cli.main import main
run._LONG = 10.0
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_long_recording_tells_its_steps_and_leaves_nothing_half(
    speech, corpus_of, tmp_path, monkeypatch
):
    corpus, out = corpus_of(*speech), tmp_path / "out"
    for step, number, status in (
        ("searching", signal.SIGINT, 130),
        ("placing boundaries", signal.SIGKILL, -signal.SIGKILL),
    ):
        with subprocess.Popen(
            [sys.executable, "-c", SHORTER, "align", str(corpus), str(out)],
            stderr=subprocess.PIPE,
            text=True,
            # A shell that runs the tests in the background has them ignore SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        ) as process:
            for line in process.stderr:
                if f"talk: {step}" in line:
                    process.send_signal(number)
        assert process.returncode == status
        assert only_line(out)["status"] == "interrupted"
        assert not [path for path in out.rglob("*") if path.suffix in (".TextGrid", ".tmp")]
    monkeypatch.setattr(speechalign.pipeline.run, "_LONG", 10.0)
    result = run(corpus, out)
    assert result.exit_code == 0, result.stderr
    told = re.findall(r"^talk: (.*), (\d+) % done$", result.stderr, re.MULTILINE)
    assert [step for step, _ in told] == STEPS
    assert only_line(out)["status"] == "aligned"
    assert (out / "talk.TextGrid").exists()


def test_the_bar_moves_within_a_long_utterance(caplog):
    class Bar:
        visible = True

        def move(self, done, *, note):
            moves.append((done, note))

    moves = []
    progress = AlignmentProgress(Bar())
    progress.step("talk", "searching", 0.25)
    progress.step("other", "scoring", 0.5)
    progress([])
    assert moves[:2] == [(0.25, "talk: searching"), (0.75, "other: scoring")]
    assert moves[2][0] == 0.75
    assert not caplog.records  # A bar needs no lines beside it.


def test_memory_is_estimated_before_the_work(speech, corpus_of, tmp_path):
    samples, rate, text = speech
    corpus = corpus_of(samples, rate, text)
    result = run(corpus, tmp_path / "out", "--memory", "100M")
    assert result.exit_code == 4
    found = re.search(
        r"expected at most 0\.10 GB, but english-sphinx needs about (\d\.\d\d) GB, "
        r"(\d\.\d\d) GB of them for talk; cut it",
        result.stderr,
    )
    assert found, result.stderr
    assert 0.1 < float(found[2]) < float(found[1])
    assert not (tmp_path / "out" / "talk.TextGrid").exists()
    assert run(corpus, tmp_path / "out", "--memory", "64 GB").exit_code == 0
    assert "expected a size" in run(corpus, tmp_path / "out", "--memory", "much").stderr


def test_the_estimate_grows_with_length_and_jobs(monkeypatch, aligner):
    monkeypatch.setattr(memory, "_resident", lambda: 3e8)
    hours = [
        Utterance(f"u{n}", "r", "r.wav", "a", start=0.0, end=3600.0 * (n + 1)) for n in range(3)
    ]
    estimates = [
        [memory.check_memory(hours[:n], aligner, 1e12, jobs=jobs) for n in (1, 2, 3)]
        for jobs in (1, 2)
    ]
    scores = 3600 * 100 * len(aligner.model.vocabulary) * 4
    for one, more in zip(estimates[0], estimates[0][1:]):
        assert more - one > scores  # an hour more, of the longest
    assert estimates[1][0] == estimates[0][0]
    assert estimates[1][2] > estimates[0][2] + scores
    with pytest.raises(InputError, match="use --jobs 1, or allow more"):
        memory.check_memory(hours, aligner, estimates[0][2] + 1, jobs=2)


@pytest.mark.parametrize("search", ["full", "band"])
def test_the_text_of_another_book_is_doubted(speech, corpus_of, tmp_path, monkeypatch, search):
    if search == "band":
        monkeypatch.setattr(speechalign.aligners.search, "_FULL", 0.0)
    samples, rate, _ = speech
    other = "Mice in old barns never sleep before winter; nobody knows whether they dream. " * 3
    result = run(corpus_of(np.tile(samples, 3), rate, other), tmp_path / "out")
    line = only_line(tmp_path / "out")
    assert line["status"] in ("failed", "doubtful"), line["reason"]
    assert line["search"]["method"] == search
    assert "doubtful: talk" in result.stderr


@pytest.mark.parametrize(
    ("times", "tail", "reason"),
    [
        (10, b"", "the transcript is longer than the audio can hold"),
        (0, b"", "talk.lab"),
        (1, b"\0" * 4000, "talk.flac"),
    ],
    ids=["ten times too long", "empty", "corrupt tail"],
)
def test_what_cannot_be_aligned_fails(speech, corpus_of, tmp_path, times, tail, reason):
    samples, rate, text = speech
    corpus = corpus_of(samples, rate, text * times)
    sound = corpus / "talk.flac"
    content = sound.read_bytes()
    sound.write_bytes(content[: len(content) - len(tail)] + tail)
    result = run(corpus, tmp_path / "out")
    assert result.exit_code == 4
    line = only_line(tmp_path / "out")
    assert line["status"] == "failed"
    assert reason in line["reason"]


def test_silence_is_doubted(corpus_of, tmp_path):
    corpus = corpus_of(np.zeros(16000 * 30, np.float32), 16000, "Nobody says a word of this.")
    run(corpus, tmp_path / "out")
    assert only_line(tmp_path / "out")["status"] in ("failed", "doubtful")
