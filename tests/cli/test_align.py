"""``speechalign align``: bad input, exit statuses, and runs that are stopped."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from click.testing import CliRunner

from speechalign import read_alignment
from speechalign.aligners.aligner import Aligner
from speechalign.cli.main import cli
from speechalign.corpus import read_corpus
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.analysis import ANALYSIS, OOVS
from speechalign.pipeline.manifest import MANIFEST, Manifest

pytestmark = pytest.mark.usefixtures("loaded_once")

TEA = "Two cups of tea cost $5.50, and the view is free."


def run(*arguments):
    return CliRunner().invoke(cli, ["align", *map(str, arguments)])


def manifest(folder):
    lines = (folder / MANIFEST).read_text(encoding="utf-8").split("\n")[:-1]
    return {line["utterance"]: line for line in map(json.loads, lines)}


@pytest.fixture
def corpus(examples, tmp_path):
    return Path(shutil.copytree(examples, tmp_path / "corpus"))


# --- bad input, all of it in one corpus


def words_too_many(path):
    path.with_suffix(".lab").write_text(f"{TEA} " * 20)


def cut_off(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


def to_wav(path):
    samples, rate = soundfile.read(path)
    path.unlink()
    soundfile.write(path.with_suffix(".wav"), samples, rate)
    return path.with_suffix(".wav")


def not_finite(path):
    samples, rate = soundfile.read(path, dtype="float32")
    path.unlink()
    samples[1234] = np.nan
    soundfile.write(path.with_suffix(".wav"), samples, rate, subtype="FLOAT")


def transcript(data):
    return lambda path: path.with_suffix(".lab").write_bytes(data)


BAD = {
    "empty transcript": (transcript(b" \n"), r"empty transcript\.lab: the transcript is empty"),
    "nothing to say": (
        transcript("🙂 …".encode()), "expected at least one word, got only '🙂 …'; write what"
    ),
    "other script": (transcript("猫 が".encode()), "no letter of language 'en'; romanise them"),
    "no sound": (Path.unlink, r"no sound\.lab: no sound file beside it; expected one of"),
    "no transcript": (
        lambda path: path.with_suffix(".lab").unlink(),
        r"no transcript\.flac: no transcript beside it",
    ),
    "cut": (cut_off, r"cut\.flac: truncated or damaged: decoding stopped after \d+ of 76000"),
    "cut wav": (
        lambda path: cut_off(to_wav(path)), r"cut wav\.wav: truncated: 37\d\d\d of 76000 frames"
    ),
    "zero": (lambda path: path.write_bytes(b""), r"zero\.flac: the file has zero bytes"),
    "no samples": (
        lambda path: soundfile.write(path, np.zeros(0), 16000, format="WAV"),
        r"no samples\.flac: the file has no samples",
    ),
    "not sound": (
        lambda path: path.write_text("not sound"), r"not sound\.flac: not a sound file that can be"
    ),
    "nan": (not_finite, r"nan\.wav: samples\[1234\]: expected a finite number, got nan"),
    "latin1": (transcript(b"caf\xe9"), r"latin1\.lab: not UTF-8 at byte 3 \(0xe9\); convert"),
    "utf16": (
        transcript("tea".encode("utf-16-le")), r"utf16\.lab: expected UTF-8 text, got a zero at"
    ),
    "too long": (
        words_too_many,
        r"longer than the audio can hold: its \d+ phones need at least 21\.00 s, the audio lasts "
        r"4\.75 s",
    ),
}  # fmt: skip


def resampled(rate):
    def change(path):
        samples, _ = soundfile.read(path)
        soundfile.write(path, soxr.resample(samples, 16000, rate), rate, format="FLAC")

    return change


def stereo(path):
    samples, rate = soundfile.read(path)
    soundfile.write(path, np.stack([samples, samples], 1), rate)


def mp3(path):
    samples, rate = soundfile.read(path)
    path.unlink()
    soundfile.write(path.with_suffix(".mp3"), samples, rate)


def nothing(path):
    pass


ODD_BUT_GOOD = {
    "a/same": nothing,
    "b/same": nothing,
    "with spaces/name, (1)": nothing,
    "Zoë/猫🙂": nothing,
    "x/stereo": stereo,
    "x/8 kHz": resampled(8000),
    "x/96 kHz": resampled(96000),
    "x/compressed": mp3,
    "x/symbols": transcript(
        "Two — cups 🙂 of tea\tcost $5.50,\r\n& the [cough] view is free! ©".encode()
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def bad_run(examples, tmp_path_factory):
    """Align a corpus with one recording of each kind."""
    folder = tmp_path_factory.mktemp("bad")
    for name, change in {**{f"bad/{n}": c for n, (c, _) in BAD.items()}, **ODD_BUT_GOOD}.items():
        path = folder / "corpus" / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (".flac", ".lab"):
            shutil.copy(examples / f"slt/tea{suffix}", path.with_suffix(suffix))
        change(path)
    result = run(folder / "corpus", folder / "out")
    return result, manifest(folder / "out"), folder


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_by_name(bad_run, name):
    result, lines, folder = bad_run
    line = lines[f"bad/{name}"]
    assert line["status"] == "failed"
    assert re.search(BAD[name][1], line["reason"]), line["reason"]
    assert f"failed: bad/{name}: {line['reason']}\n" in result.stderr
    assert (line["outputs"], line["words"]) == ([], [])
    assert not (folder / f"out/bad/{name}.TextGrid").exists()


@pytest.mark.parametrize("name", ODD_BUT_GOOD)
def test_odd_input_is_aligned(bad_run, name):
    _, lines, folder = bad_run
    line = lines[name]
    assert (line["status"], line["reason"]) == ("aligned", None)
    sound = soundfile.info(folder / "corpus" / f"{name}{'.mp3' if 'comp' in name else '.flac'}")
    grid = read_alignment(folder / "out" / f"{name}.TextGrid")
    assert grid.duration == sound.frames / sound.samplerate
    text = (folder / "corpus" / f"{name}.lab").read_text(encoding="utf-8")
    labels = [word.label for word in grid.tiers["words"]]
    assert " ".join(labels) == " ".join(text.split())
    assert len(labels) == (12 if name == "x/symbols" else 11)
    assert (line["channels"], line["channel"]) == (2 if "stereo" in name else 1, None)
    assert line["sample_rate"] == sound.samplerate


def test_the_others_are_counted_and_the_exit_status_tells(bad_run):
    result, lines, folder = bad_run
    assert result.exit_code == 3
    assert result.stdout == ""
    assert len(lines) == len(BAD) + len(ODD_BUT_GOOD)
    assert result.stderr.count("failed: bad/") == len(BAD)
    for count in (
        f"utterances: {len(lines)}",
        f"aligned: {len(ODD_BUT_GOOD)}",
        f"failed: {len(BAD)}",
        "several channels, mixed (--channel chooses one): 1",
        "resampled from 8000 Hz to 16000 Hz: 1",
        "resampled from 96000 Hz to 16000 Hz: 1",
        f"every utterance is accounted for in {folder / 'out' / MANIFEST}",
    ):
        assert f"\n{count}\n" in result.stderr
    assert len(list((folder / "out").rglob("*.TextGrid"))) == len(ODD_BUT_GOOD)
    assert not list((folder / "out").rglob("*.tmp"))


# --- exit statuses and options


def test_all_is_well(corpus, tmp_path):
    before = {path: path.read_bytes() for path in corpus.rglob("*") if path.is_file()}
    result = run(corpus, tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "utterances: 3\naligned: 3\nwords: 32\n"
        f"every utterance is accounted for in {tmp_path / 'out' / MANIFEST}\n"
    )
    assert {path: path.read_bytes() for path in corpus.rglob("*") if path.is_file()} == before
    again = run(corpus, "english-sphinx", tmp_path / "out")
    assert again.exit_code == 0
    assert "of these, kept from an earlier run (--overwrite aligns again): 3\n" in again.stderr


def test_recordings_that_have_gone_from_the_corpus_are_told(corpus, tmp_path):
    run(corpus, tmp_path / "out")
    for name in ("slt/tea", "rms/river"):
        (corpus / f"{name}.lab").unlink()
        (corpus / f"{name}.flac").unlink()
    before = (tmp_path / "out/slt/tea.TextGrid").read_bytes()
    result = run(corpus, tmp_path / "out")
    assert result.exit_code == 0
    told = "from earlier runs, which this corpus does not have: {}; align into another folder"
    assert told.format("2 (rms/river, slt/tea)") in result.stderr
    assert (tmp_path / "out/slt/tea.TextGrid").read_bytes() == before
    (tmp_path / "out/rms/river.TextGrid").unlink()
    assert told.format("1 (slt/tea)") in run(corpus, tmp_path / "out").stderr
    assert "from earlier runs" not in run(corpus, tmp_path / "new").stderr


def test_kept_changed_and_overwritten(corpus, tmp_path):
    run(corpus, tmp_path / "out")
    grid = tmp_path / "out/slt/tea.TextGrid"
    (corpus / "slt/tea.lab").write_text("Two cups of tea")
    result = run(corpus, tmp_path / "out", "-v")
    assert result.exit_code == 0
    assert "aligned again: slt/tea: the transcript has changed since\n" in result.stderr
    assert "of these, kept from an earlier run (--overwrite aligns again): 2\n" in result.stderr
    assert len(read_alignment(grid).tiers["words"]) == 4
    grid.write_text("corrected by hand")
    (corpus / "slt/tea.lab").write_text("Two cups")
    result = run(corpus, tmp_path / "out")
    assert result.exit_code == 3
    assert (
        "stale: slt/tea: the transcript has changed since; slt/tea.TextGrid is left alone; "
        "--overwrite aligns again\n"
    ) in result.stderr
    assert manifest(tmp_path / "out")["slt/tea"]["status"] == "stale"
    assert grid.read_text() == "corrected by hand"
    assert run(corpus, tmp_path / "out", "--overwrite").exit_code == 0
    assert [word.label for word in read_alignment(grid).tiers["words"]] == ["Two", "cups"]


def test_swapped_transcripts_are_doubtful(corpus, tmp_path):
    (corpus / "slt/tea.lab").rename(corpus / "slt/x")
    (corpus / "slt/harbour.lab").rename(corpus / "slt/tea.lab")
    (corpus / "slt/x").rename(corpus / "slt/harbour.lab")
    result = run(corpus, tmp_path / "out")
    assert result.exit_code == 0
    for name in ("harbour", "tea"):
        line = manifest(tmp_path / "out")[f"slt/{name}"]
        assert line["status"] == "doubtful"
        assert re.fullmatch(
            r"confidence 0\.[0-4]\d is below 0\.5: the audio does not sound like the transcript; "
            "listen to it",
            line["reason"],
        )
        assert f"doubtful: slt/{name}: {line['reason']}\n" in result.stderr
        assert (tmp_path / f"out/slt/{name}.TextGrid").exists()
    assert manifest(tmp_path / "out")["rms/river"]["status"] == "aligned"


def test_nothing_aligned(corpus, tmp_path):
    for path in corpus.rglob("*.lab"):
        path.write_text("")
    assert run(corpus, tmp_path / "out").exit_code == 4
    assert {line["status"] for line in manifest(tmp_path / "out").values()} == {"failed"}
    # There is no partial result that could be allowed.
    assert run(corpus, tmp_path / "out", "--allow-partial").exit_code == 4


def test_partial_results_may_be_allowed(corpus, tmp_path):
    (corpus / "slt/tea.lab").write_text("")
    assert run(corpus, tmp_path / "out").exit_code == 3
    assert run(corpus, tmp_path / "out", "--allow-partial").exit_code == 0


def test_a_fault_of_ours_is_told(corpus, tmp_path, monkeypatch):
    sound = Aligner.align

    def broken(self, waveform, text, **options):
        if "harbour" in text:
            raise ZeroDivisionError("a bug")
        return sound(self, waveform, text, **options)

    monkeypatch.setattr(Aligner, "align", broken)
    result = run(corpus, tmp_path / "out")
    assert result.exit_code == 1
    assert "crashed: slt/harbour: ZeroDivisionError: a bug\n" in result.stderr
    assert "\naligned: 2\n" in result.stderr
    line = manifest(tmp_path / "out")["slt/harbour"]
    assert line["status"] == "crashed"
    assert line["reason"].startswith("Traceback (most recent call last):\n")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "Missing argument 'CORPUS'"),
        (["{corpus}"], 2, "Missing argument 'OUT'"),
        (["{corpus}", "a", "b", "c"], 2, "expected CORPUS [MODEL] OUT, got 4 arguments"),
        (["{corpus}", "out", "--output-format", "praat"], 2, "no format 'praat'; there is: ass, a"),
        (["{corpus}", "out", "--layout", "odd"], 2, "no layout 'odd'; there is: kaldi"),
        (["{corpus}", "out", "-j", "0"], 2, "0 is not in the range x>=1"),
        (["{corpus}/nowhere", "out"], 4, "nowhere: there is no such file or folder; check its"),
        (["{empty}", "out"], 4, "empty: no recordings here; expected sound files"),
        (["{corpus}", "swedish", "out"], 4, "swedish: no such model; expected a name that"),
        (["{corpus}", "{corpus}/slt/tea.lab"], 4, "tea.lab: cannot be written to: File exists;"),
        (["{corpus}", "{corpus}/slt/tea.lab/x"], 4, "cannot be written to: Not a directory; choo"),
        (["{corpus}", "out", "--output-format", "textgrid", "--output-format", "textgrid_short"],
         4, "two of textgrid, textgrid-short write the same files; choose one"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(corpus, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    places = {"corpus": str(corpus), "empty": str(tmp_path / "empty")}
    result = run(*(argument.format(**places) for argument in arguments))
    assert (result.exit_code, result.stdout) == (status, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_are_read(corpus, tmp_path):
    samples, rate = soundfile.read(corpus / "slt/tea.flac")
    noise = 0.1 * np.random.default_rng(0).normal(size=len(samples))
    for name in ("slt/tea", "slt/harbour", "rms/river"):
        samples, rate = soundfile.read(corpus / f"{name}.flac")
        noise = 0.1 * np.random.default_rng(0).normal(size=len(samples))
        soundfile.write(corpus / f"{name}.flac", np.stack([noise, samples], 1), rate)
    result = run(
        corpus, tmp_path / "out", "--channel", 1, "--speaker-characters", 2, "--layout", "mfa",
        "-j", 2, "--output-format", "json", "--output_format", "srt",
    )  # fmt: skip
    assert result.exit_code == 0
    assert "averaged" not in result.stderr
    line = manifest(tmp_path / "out")["slt/tea"]
    assert (line["speaker"], line["channels"], line["channel"]) == ("te", 2, 1)
    assert line["confidence"] > 0.9
    assert line["outputs"] == ["slt/tea.json", "slt/tea.srt"]
    assert run(corpus, tmp_path / "none", "--channel", 2).exit_code == 4
    line = manifest(tmp_path / "none")["slt/tea"]
    assert (
        "tea.flac: channel: expected 0 to 1, as the recording has 2 channels; got 2"
        in line["reason"]
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind root")
def test_a_folder_that_may_not_be_written_to(corpus, tmp_path):
    (tmp_path / "out").mkdir(mode=0o555)
    result = run(corpus, tmp_path / "out")
    assert result.exit_code == 4
    assert "out: cannot be written to: no permission to write; choose another" in result.stderr


def test_a_terminal_shows_a_bar_unless_quiet(corpus, tmp_path):
    if shutil.which("script") is None:
        pytest.skip("util-linux's script is not installed")
    (corpus / "slt/tea.lab").write_text("")
    command = f"{sys.executable} -m speechalign align {corpus} {tmp_path / 'out'}"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )  # fmt: skip
    assert done.returncode == 3
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout)
    assert "3/3" in shown
    assert "x real time" in shown
    assert re.search(r"failed: slt/tea: .*the transcript is empty; write what was said", shown)
    assert "\naligned: 2" in shown
    command += " --quiet --overwrite"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )  # fmt: skip
    assert done.stdout.replace("\r", "").count("\n") == 1
    assert done.stdout.startswith("failed: slt/tea: ")


# --- runs that are stopped


@pytest.fixture(scope="module")
def long_corpus(examples, tmp_path_factory):
    """Sixty recordings, and what comes of them when nothing interferes."""
    folder = tmp_path_factory.mktemp("long")
    for number in range(20):
        shutil.copytree(examples, folder / "corpus" / f"{number:02}")
    aligner = Aligner()
    align_corpus(read_corpus(folder / "corpus"), aligner, folder / "whole")
    return folder


def grids(folder):
    found = folder.rglob("*.TextGrid")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def start(corpus, out, *options):
    """Start a run in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "speechalign", "align", str(corpus), str(out), "-j", "2", *options],
        stderr=subprocess.PIPE, text=True,
        # A shell that runs the tests in the background has them ignore SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def stop(corpus, out, number, *options):
    """Start a run, and send it a signal after its first TextGrid."""
    before = grids(out)
    with start(corpus, out, *options) as process:
        while process.poll() is None and grids(out) == before:
            time.sleep(0.005)
        process.send_signal(number)
        stderr = process.stderr.read()
    return process.returncode, stderr


def test_ctrl_c_leaves_whole_files_and_a_manifest(long_corpus, tmp_path):
    out = tmp_path / "out"
    status, stderr = stop(long_corpus / "corpus", out, signal.SIGINT)
    assert status == 130
    assert stderr.endswith("interrupted\n")
    assert "Traceback" not in stderr
    whole, done = grids(long_corpus / "whole"), grids(out)
    assert 0 < len(done) < len(whole) == 60
    assert done.items() <= whole.items()
    assert not list(out.rglob("*.tmp"))
    lines = manifest(out)
    assert len(lines) == 60
    for name, line in lines.items():
        written = f"{name}.TextGrid" in done
        assert line["status"] == ("aligned" if written else "interrupted")
        assert bool(line["words"]) == written
    result = run(long_corpus / "corpus", out)
    assert result.exit_code == 0
    assert grids(out) == whole
    assert manifest(out) == manifest(long_corpus / "whole")


@pytest.mark.parametrize("options", [(), ("--overwrite",)])
def test_a_killed_run_can_be_resumed(long_corpus, tmp_path, options):
    out = tmp_path / "out"
    if options:  # There are files already, of other transcripts.
        other = shutil.copytree(long_corpus / "corpus", tmp_path / "other")
        for lab in other.rglob("*.lab"):
            lab.write_text("something else")
        run(other, out)
        (tmp_path / "other").rename(tmp_path / "gone")
    before = grids(out)
    status, _ = stop(long_corpus / "corpus", out, signal.SIGKILL, *options)
    assert status == -signal.SIGKILL
    whole, now = grids(long_corpus / "whole"), grids(out)
    done = {name for name in now if now[name] != before.get(name)}
    assert 0 < len(done) < len(whole)
    assert all(now[name] == whole[name] for name in done)
    assert len(list(out.rglob("*.tmp"))) <= 2  # one a thread, and hidden
    lines = Manifest(out).read()
    assert len(lines) == 60
    for name, line in lines.items():  # Nothing describes a file that is another one.
        for file, wanted in zip(line.outputs, line.outputs_sha256):
            assert hashlib.sha256(now[file]).hexdigest() == wanted, name
    result = run(long_corpus / "corpus", out)
    assert result.exit_code == 0
    assert grids(out) == whole
    assert manifest(out) == manifest(long_corpus / "whole")
    for table in (ANALYSIS, OOVS):
        assert (out / table).read_bytes() == (long_corpus / "whole" / table).read_bytes()


def test_two_runs_at_once_in_one_folder(long_corpus, tmp_path):
    halves = [tmp_path / "a", tmp_path / "b"]
    for number, half in enumerate(halves):
        for folder in sorted((long_corpus / "corpus").iterdir())[number::2]:
            shutil.copytree(folder, half / folder.name)
    processes = [start(half, tmp_path / "out") for half in (*halves, halves[0])]
    for process in processes:
        with process:
            _, stderr = process.communicate()
            assert process.returncode == 0, stderr
    assert grids(tmp_path / "out") == grids(long_corpus / "whole")
    lines, whole = manifest(tmp_path / "out"), manifest(long_corpus / "whole")
    assert lines.keys() == whole.keys()
    for name, line in lines.items():
        assert {**line, "audio": whole[name]["audio"]} == whole[name]
    assert (tmp_path / "out" / ANALYSIS).read_bytes() == (
        long_corpus / "whole" / ANALYSIS
    ).read_bytes()


def test_runs_of_some_recordings_add_up(corpus, tmp_path):
    (corpus / "rms/river.lab").write_text("This is not what is said in it at all")
    for speaker in ("rms", "slt"):
        shutil.copytree(corpus / speaker, tmp_path / speaker / speaker)
        assert run(tmp_path / speaker, tmp_path / "out").exit_code == 0
    lines = manifest(tmp_path / "out")
    assert {name: line["status"] for name, line in lines.items()} == {
        "rms/river": "doubtful", "slt/harbour": "aligned", "slt/tea": "aligned",
    }  # fmt: skip
    again = run(corpus, tmp_path / "out")
    assert "doubtful: rms/river: " in again.stderr
    assert "of these, kept from an earlier run (--overwrite aligns again): 3\n" in again.stderr
    assert manifest(tmp_path / "out") == lines


def test_each_speaker_has_a_dictionary_and_a_changed_one_is_noticed(examples, tmp_path):
    (tmp_path / "slt.dict").write_text("tea K AO1 F IY0\n")
    (tmp_path / "all.dict").write_text("the DH AH1\n")
    (tmp_path / "speakers.yaml").write_text("slt: slt.dict\ndefault: all.dict\n")
    options = ("--dictionary", tmp_path / "speakers.yaml", "--phone-set", "arpabet-stress")

    def said():
        result = run(examples, tmp_path / "out", *options)
        assert result.exit_code == 0, result.stderr
        return {
            (name, word["label"]): " ".join(phone[0] for phone in word["phones"])
            for name, line in manifest(tmp_path / "out").items()
            for word in line["words"]
        }

    first = said()
    assert first["slt/tea", "tea"] == "K AO1 F IY0"
    assert first["slt/tea", "the"] == "DH AH1"
    assert first["rms/river", "the"] == "DH AH1"
    (tmp_path / "slt.dict").write_text("tea K AO1 F IY2\n")
    assert said()["slt/tea", "tea"] == "K AO1 F IY2"
