"""A file that cannot be read any more is given up; one that is read slowly is not."""

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from speechalign.audio import stalls
from speechalign.audio.sound_file import Sound
from speechalign.audio.stalls import VARIABLE, StalledError, in_time
from speechalign.errors import InputError
from speechalign.pipeline.align_corpus import align_corpus

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what a thread reads")


@pytest.fixture
def released():
    """Event that ends what blocks when the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def soon(monkeypatch):
    monkeypatch.setenv(VARIABLE, "0.1")


def test_what_is_read_is_returned_and_errors_are_raised():
    assert in_time(lambda: 7, "a.wav") == 7
    with pytest.raises(ZeroDivisionError):
        in_time(lambda: 1 / 0, "a.wav")


@pytest.mark.usefixtures("soon")
def test_what_blocks_is_given_up(released):
    with pytest.raises(StalledError, match=r"a.wav: cannot be read: nothing came for 0.1 s; "):
        in_time(released.wait, "a.wav")


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("step", [(1, 0.0), (0, 1.0)])
def test_slow_reading_and_work_are_no_stall(step, released, monkeypatch):
    asked = []

    def progress(_):
        asked.append(None)
        if len(asked) == 50:
            released.set()
        return tuple(len(asked) * part for part in step)

    monkeypatch.setattr(stalls._Thread, "progress", progress)
    assert in_time(released.wait, "a.wav")
    assert len(asked) >= 50


@pytest.mark.parametrize("value", ["no", "0", "-1", "inf", "nan"])
def test_a_limit_that_is_none_is_named(value, monkeypatch):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(InputError, match=f"{VARIABLE}: expected seconds above 0, got '{value}'"):
        in_time(lambda: 7, "a.wav")


@pytest.mark.usefixtures("soon")
def test_a_sound_that_has_stalled_is_left_alone(examples, released, monkeypatch):
    with Sound(examples / "slt/tea.flac") as sound:
        monkeypatch.setattr(sound._decoder, "blocks", lambda *_: released.wait())
        with pytest.raises(StalledError):
            sound.waveform()
        monkeypatch.undo()
        with pytest.raises(StalledError):
            _ = sound.sha256
    assert not sound._bytes.closed  # The thread may read from it yet.
    released.set()
    sound._opened.close()


@pytest.mark.usefixtures("soon")
def test_a_recording_that_stalls_costs_one_limit(
    examples, aligner, tmp_path, released, monkeypatch
):
    corpus = shutil.copytree(examples, tmp_path / "corpus")
    (corpus / "slt/tea.lab").unlink()
    (corpus / "slt/tea.TextGrid").write_text(TWO)
    opened, blocked = Path.open, []

    def block(path, *arguments, **options):
        if path.name == "tea.flac":
            blocked.append(path)
            released.wait()
            raise FileNotFoundError
        return opened(path, *arguments, **options)

    monkeypatch.setattr(Path, "open", block)
    found = align_corpus(corpus, aligner, tmp_path / "out", jobs=1).utterances
    assert len(blocked) == 1
    assert [r.recording for r in found if r.status.value == "aligned"] == [
        "rms/river",
        "slt/harbour",
    ]
    stalled = [r.reason for r in found if r.recording == "slt/tea"]
    assert len(stalled) == 2
    assert all("tea.flac: cannot be read: nothing came" in reason for reason in stalled)


TWO = """File type = "ooTextFile"
Object class = "TextGrid"

0
4
<exists>
1
"IntervalTier"
"utterances"
0
4
2
0
2
"Two cups"
2
4
"of tea"
"""


def test_the_command_gives_up_a_file_that_the_kernel_blocks(examples, tmp_path):
    """Opening a file that another has leased blocks for 45 s, as on a dead network."""
    corpus = shutil.copytree(examples, tmp_path / "corpus")
    ignored = signal.signal(signal.SIGIO, signal.SIG_IGN)
    lease = os.open(corpus / "slt/tea.flac", os.O_RDWR)
    try:
        try:
            fcntl.fcntl(lease, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError:
            pytest.skip("the system has no leases of files")
        done = subprocess.run(
            [sys.executable, "-m", "speechalign", "align", corpus, tmp_path / "out", "-j", "2"],
            env={**os.environ, VARIABLE: "1"},
            capture_output=True,
            text=True,
        )
    finally:
        os.close(lease)
        signal.signal(signal.SIGIO, ignored)
    assert done.returncode == 3, done.stderr
    assert "failed: slt/tea: " in done.stderr
    assert "cannot be read: nothing came for 1 s" in done.stderr
    assert "aligned: 2" in done.stderr
