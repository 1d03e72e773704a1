"""speechalign align --allow: what differs is in the manifest with its reason, and in the files."""

import json
import shutil

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.audio.sound_file import read_waveform
from speechalign.cli.main import cli
from speechalign.formats import read_alignment
from speechalign.pipeline.manifest import MANIFEST

pytestmark = pytest.mark.usefixtures("loaded_once")
RATE = 16000
ALL = "skips,repeats,insertions"
NEVER = "Nobody ever mentioned these seven sentences aloud."


def run(*arguments):
    return CliRunner().invoke(cli, ["align", *map(str, arguments)])


def line(out):
    (one,) = (out / MANIFEST).read_text(encoding="utf-8").splitlines()
    return json.loads(one)


@pytest.fixture
def corpus(tmp_path, examples):
    """Make a corpus of one recording: a text, noise, another text, and the first one again."""
    (one, first), (two, second) = [
        (read_waveform(path, sample_rate=RATE).samples, path.with_suffix(".lab").read_text())
        for path in sorted((examples / "slt").glob("*.flac"))[:2]
    ]
    noise = 0.05 * np.random.default_rng(0).normal(size=2 * RATE)
    folder = tmp_path / "corpus"
    folder.mkdir()
    soundfile.write(folder / "talk.wav", np.concatenate([one, noise, two, one]), RATE)
    (folder / "talk.txt").write_text(f"{first.strip()} {NEVER} {second.strip()}", "utf-8")
    return folder, len(one) / RATE, len(first.split())


@pytest.mark.parametrize("model", ["english-sphinx", "english-ctc-small"])
def test_each_misfit_has_its_reason(corpus, tmp_path, model):
    if model == "english-ctc-small":
        pytest.importorskip("torch", reason="needs torch")
    folder, seconds, count = corpus
    out = tmp_path / "out"
    wanted = ("--allow", ALL, "--with", "intervals,phone-confidence,n-best")
    done = run(folder, model, out, *wanted)
    assert done.exit_code == 0, done.output
    found = line(out)
    text = (folder / "talk.txt").read_text("utf-8").split()
    words = found["words"]
    assert [w["label"] for w in words if w["status"] != "repeated"] == text
    assert [w["label"] for w in words if w["status"] == "skipped"] == NEVER.split()
    assert [w["label"] for w in words if w["status"] == "repeated"] == text[:count]
    assert all((w["start"] is None) == (w["status"] == "skipped") for w in words)
    kinds = {misfit["kind"]: misfit for misfit in found["misfits"]}
    assert len(kinds) == len(found["misfits"]) == 3
    assert kinds["skipped"]["text"] == NEVER
    assert kinds["skipped"]["reason"].startswith("no speech like it between")
    assert kinds["repeated"]["reason"].startswith("said again; the first time from 0.")
    noise = kinds["untranscribed"]
    assert (noise["start"], noise["end"]) == pytest.approx((seconds, seconds + 2), abs=0.4)
    assert noise["reason"].endswith(" s of sound that is not in the text")
    said = [w for w in words if w["status"] != "skipped"]
    assert all(w["margins"] and w["goodness"] and w["pronunciations"] for w in said)
    tiers = read_alignment(out / "talk.TextGrid").tiers
    assert [i.label for i in tiers["misfits"]] == ["untranscribed", "repeated"]
    assert "kept from an earlier run" in run(folder, model, out, *wanted).output
    assert line(out)["misfits"] == found["misfits"]


def test_speech_that_falls_into_a_pause_is_told(tmp_path, examples):
    """Every word has its sound and no more of it: only the pause behind them tells."""
    folder, out = tmp_path / "corpus", tmp_path / "out"
    folder.mkdir()
    shutil.copy(examples / "rms/river.flac", folder / "talk.flac")
    text = (examples / "rms/river.lab").read_text("utf-8")
    words = text.split()[:6]
    assert words[-1] == "river,"
    (folder / "talk.txt").write_text(" ".join(words), "utf-8")
    assert run(folder, out).exit_code == 0
    found = line(out)
    ((label, start, end),) = found["spoken_pauses"]
    assert (label, found["status"]) == ("speech", "doubtful")
    assert (start, end) == (found["words"][-1]["end"], found["audio_duration"])
    assert found["reason"] == (
        f"the pause from {start:.2f} to {end:.2f} s sounds like speech: listen to it; add what the "
        "transcript lacks, or align with --allow insertions"
    )
    assert "kept from an earlier run" in run(folder, out).output
    assert line(out) == found
    assert run(folder, out, "--allow", "insertions", "--overwrite").exit_code == 0
    found = line(out)
    assert (found["status"], found["spoken_pauses"]) == ("aligned", [])
    assert [misfit["kind"] for misfit in found["misfits"]] == ["untranscribed"]
    (folder / "talk.txt").write_text(text, "utf-8")
    assert run(folder, out, "--overwrite").exit_code == 0
    assert (line(out)["status"], line(out)["spoken_pauses"]) == ("aligned", [])


def test_a_filler_between_words(tmp_path, examples):
    """Half a second of a cough, which no word takes."""
    pairs = [
        (read_waveform(path, sample_rate=RATE).samples, path.with_suffix(".lab").read_text())
        for path in sorted((examples / "slt").glob("*.flac"))[:2]
    ]
    rng = np.random.default_rng(0)
    cough = 0.1 * rng.normal(size=RATE // 2) * np.hanning(RATE // 2)
    (one, first), (two, second) = pairs
    folder = tmp_path / "corpus"
    folder.mkdir()
    soundfile.write(folder / "talk.wav", np.concatenate([one, cough, two]), RATE)
    (folder / "talk.txt").write_text(f"{first} {second}", "utf-8")
    done = run(folder, "english-sphinx", tmp_path / "out", "--allow", "fillers")
    assert done.exit_code == 0, done.output
    words = line(tmp_path / "out")["words"]
    assert {w["status"] for w in words} == {"aligned"}
    last, after = words[len(first.split()) - 1], words[len(first.split())]
    begin, end = len(one) / RATE, len(one) / RATE + 0.5
    assert last["end"] < begin + 0.1
    assert after["start"] > end - 0.1
