"""``speechalign segment``: from recordings to TextGrids that ``align`` reads."""

import shutil

import numpy as np
import soundfile
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.formats import read_alignment


def run(*arguments):
    return CliRunner().invoke(cli, [*map(str, arguments)])


def test_recordings_become_a_corpus(tmp_path, examples):
    folder = tmp_path / "talks" / "ann"
    folder.mkdir(parents=True)
    sounds = sorted(examples.rglob("*.flac"))
    pieces, rate = [], 0
    for sound in sounds[:2]:
        samples, rate = soundfile.read(sound, dtype="float32")
        pieces += [np.zeros(rate, np.float32), samples]
    soundfile.write(folder / "talk.wav", np.concatenate(pieces), rate)
    (folder / "broken.wav").write_bytes(b"RIFF")
    soundfile.write(folder / "quiet.wav", np.zeros(rate), rate)
    result = run("segment", tmp_path / "talks", tmp_path / "talks")
    assert result.exit_code == 3, result.output
    assert "failed: ann/broken: " in result.stderr
    assert "no speech: ann/quiet\n" in result.stderr
    assert "recordings: 2 written, 1 failed\nsegments: 2, " in result.stderr
    grid = folder / "talk.TextGrid"
    segments = read_alignment(grid).tiers["utterances"]
    assert [s.label for s in segments] == ["[speech]", "[speech]"]

    kept = grid.read_text()
    again = run("segment", tmp_path / "talks", tmp_path / "talks")
    assert again.exit_code == 4
    assert f"{grid}: exists; use --overwrite to replace it" in again.stderr
    assert grid.read_text() == kept

    for sound in sounds[:2]:
        kept = kept.replace("[speech]", sound.with_suffix(".lab").read_text().strip(), 1)
    grid.write_text(kept)
    for name in ("broken", "quiet"):
        (folder / f"{name}.wav").unlink()
    (folder / "quiet.TextGrid").unlink()
    aligned = run("align", tmp_path / "talks", tmp_path / "out")
    assert aligned.exit_code == 0, aligned.output
    assert "aligned: 2" in aligned.stderr


def test_limits_are_options(tmp_path, examples):
    shutil.copy(next(examples.rglob("*.flac")), tmp_path / "x.flac")
    result = run("segment", tmp_path, tmp_path / "out", "--longest", 1.5, "--padding", 0)
    assert result.exit_code == 0, result.output
    segments = read_alignment(tmp_path / "out/x.TextGrid").tiers["utterances"]
    assert len(segments) > 1
    assert all(segment.duration <= 1.5 for segment in segments)
    assert run("segment", tmp_path, tmp_path / "o", "--longest", 0).exit_code == 4


def test_a_detector_that_is_none(tmp_path, examples):
    shutil.copy(next(examples.rglob("*.flac")), tmp_path / "x.flac")
    result = run("segment", tmp_path, tmp_path / "out", "--detector", "sylero")
    assert result.exit_code == 4
    assert "sylero" in result.stderr


def test_one_transcript_is_distributed_over_segments(tmp_path, examples):
    folder = tmp_path / "talks"
    folder.mkdir()
    pieces, texts = [], []
    for sound in sorted(examples.rglob("*.flac")):
        samples, rate = soundfile.read(sound, dtype="float32")
        pieces += [np.zeros(rate, np.float32), samples]
        texts.append(sound.with_suffix(".lab").read_text().strip())
    soundfile.write(folder / "talk.wav", np.concatenate(pieces), rate)
    (folder / "talk.lab").write_text(" ".join(texts))
    for _ in range(2):  # the second time, results are read from the manifest
        result = run("align", folder, tmp_path / "out", "--segments", "auto")
        assert result.exit_code == 0, result.output
    tiers = read_alignment(tmp_path / "out/talk.TextGrid").tiers
    assert [segment.label for segment in tiers["utterances"]] == texts
    assert "kept from an earlier run (--overwrite aligns again): 1" in result.stderr
    run("align", folder, tmp_path / "out")
    assert "utterances" not in read_alignment(tmp_path / "out/talk.TextGrid").tiers
