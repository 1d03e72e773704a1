"""``--speakers``: words of a conversation go to those who say them."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign import read_alignment
from speechalign.cli.main import cli

pytestmark = pytest.mark.usefixtures("loaded_once")


def run(*arguments):
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture
def talk(tmp_path, examples):
    """Return a corpus of one recording, whose three sentences have two speakers, and an RTTM."""
    folder = tmp_path / "talks"
    folder.mkdir()
    pieces, lines, texts, at = [], [], [], 0.0
    for sound, speaker in zip(sorted(examples.rglob("*.flac")), ("ann", "bob", "ann")):
        samples, rate = soundfile.read(sound, dtype="float32")
        pieces.append(samples)
        length = len(samples) / rate
        lines.append(f"SPEAKER talk 1 {at:.3f} {length:.3f} <NA> <NA> {speaker} <NA> <NA>\n")
        texts.append(sound.with_suffix(".lab").read_text().strip())
        at += length
    soundfile.write(folder / "talk.wav", np.concatenate(pieces), rate)
    (folder / "talk.lab").write_text(" ".join(texts))
    rttm = tmp_path / "talk.rttm"
    rttm.write_text("".join(lines))
    return folder, rttm, texts


def test_every_format_has_the_speakers(talk, tmp_path):
    folder, rttm, texts = talk
    out = tmp_path / "out"
    formats = [
        f"--output-format={name}" for name in ("textgrid", "json", "ctm", "csv", "vtt", "srt")
    ]
    result = run("align", folder, out, "--speakers", rttm, *formats)
    assert result.exit_code == 0, result.output
    ann, bob = f"{texts[0]} {texts[2]}".split(), texts[1].split()
    for suffix in ("TextGrid", "json", "ctm", "csv"):
        tiers = read_alignment(out / f"talk.{suffix}").tiers
        assert [i.label for i in tiers["ann - words"]] == ann, suffix
        assert [i.label for i in tiers["bob - words"]] == bob, suffix
    cues = read_alignment(out / "talk.vtt").tiers
    assert " ".join(i.label for i in cues["bob - utterances"]).split() == bob
    assert "\nbob: " in (out / "talk.srt").read_text()
    (line,) = (out / "alignment_manifest.jsonl").read_text().splitlines()
    words = json.loads(line)["words"]
    assert [w["speaker"] for w in words].count("bob") == len(bob)

    again = run("align", folder, out, "--speakers", rttm, *formats)
    assert "kept from an earlier run (--overwrite aligns again): 1" in again.stderr
    rttm.write_text(rttm.read_text().replace("bob", "eve"))
    run("align", folder, out, "--speakers", rttm, *formats)
    assert "eve - words" in read_alignment(out / "talk.json").tiers
    run("align", folder, out, *formats)
    assert set(read_alignment(out / "talk.json").tiers) == {"words", "phones"}


def test_turns_of_another_recording(talk, tmp_path):
    folder, rttm, _ = talk
    text = rttm.read_text()
    rttm.write_text(text.replace("talk", "other"))
    result = run("align", folder, tmp_path / "out", "--speakers", rttm)
    assert result.exit_code == 4
    assert f"{rttm}: turns of 'other', and the corpus has only 'talk'" in result.stderr
    rttm.write_text(f"{text}SPEAKER talk 1 90 2 <NA> <NA> bob <NA> <NA>\n")
    result = run("align", folder, tmp_path / "out", "--speakers", rttm)
    assert result.exit_code == 4
    assert "failed: talk: " in result.stderr
    assert "these are the turns of another recording" in result.stderr


def test_one_recording(talk, tmp_path):
    folder, rttm, texts = talk
    out = tmp_path / "x.TextGrid"
    result = run(
        "align-one", folder / "talk.wav", folder / "talk.lab", "--speakers", rttm, "-o", out
    )
    assert result.exit_code == 0, result.output
    assert [i.label for i in read_alignment(out).tiers["bob - words"]] == texts[1].split()
