"""The command: from recordings alone to transcripts, and to alignments."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.formats import read_alignment


@pytest.fixture
def corpus(tmp_path, examples):
    folder = tmp_path / "corpus" / "slt"
    folder.mkdir(parents=True)
    (folder / "tea.flac").write_bytes((examples / "slt/tea.flac").read_bytes())
    soundfile.write(folder / "silence.wav", np.zeros(16000, np.float32), 16000)
    return folder.parent


def run(*arguments):
    return CliRunner().invoke(cli, ["transcribe", *map(str, arguments)])


@pytest.mark.usefixtures("loaded_once")
def test_words_that_are_made_up_are_named(corpus, tiny, tmp_path, monkeypatch):
    from speechalign.models.whisper_attention import WhisperAttention

    told = "Two cups of tea cost $5.50, and the view is free. Then the sailors sang"
    monkeypatch.setattr(
        WhisperAttention, "generate", lambda _, heard, *__, **___: [(told, "en", -0.2)] * len(heard)
    )
    out = tmp_path / "out"
    turns = tmp_path / "turns.rttm"
    turns.write_text("SPEAKER tea 1 0.0 4.5 <NA> <NA> Anna <NA> <NA>\n")
    formats = ("--output-format", "textgrid", "--output-format", "srt")
    done = run(corpus, tiny("whisper"), out, "-v", *formats, "--speakers", turns, "--align")
    assert done.exit_code == 0, done.output
    assert "no speech: slt/silence" in done.stderr
    assert "segments by language: en 1" in done.stderr
    assert "not heard: slt/tea: 'sailors'" in done.stderr
    tiers = read_alignment(out / "slt/tea.TextGrid").tiers
    (words,) = (tiers[name] for name in tiers if name.endswith("words"))
    assert [word.label for word in words] == told.split()
    (line,) = (out / "alignment_manifest.jsonl").read_text().splitlines()
    result = json.loads(line)
    assert result["model"] == "english-sphinx"
    assert {word["speaker"] for word in result["words"] if word["end"] < 4.5} == {"Anna"}
    assert not (out / "slt/tea.lab").exists()
    cues = (out / "slt/tea.srt").read_text().split("\n\n")
    lines = [cue.strip().split("\n")[2:] for cue in cues if cue.strip()]
    assert max(map(len, lines)) == 2
    assert max(len(line) for own in lines for line in own) <= 42


def test_transcripts_alone(corpus, tiny, tmp_path, monkeypatch):
    from speechalign.models.whisper_attention import WhisperAttention

    told = "Two cups of tea cost $5.50, and the view is free."
    monkeypatch.setattr(WhisperAttention, "generate", lambda *_, **__: [(told, "en", -0.2)])
    out = tmp_path / "out"
    done = run(corpus, tiny("whisper"), out, "--language", "en")
    assert done.exit_code == 0, done.output
    lines = (out / "transcripts.jsonl").read_text().splitlines()
    assert [json.loads(line)["recording"] for line in lines] == ["slt/tea"]
    assert (out / "slt/tea.lab").read_text().strip() == json.loads(lines[0])["text"]

    shards = tmp_path / "shards"
    for index in (1, 2):
        done = run(corpus, tiny("whisper"), shards, "--language", "en", "--shard", f"{index}/2")
        assert done.exit_code == 0, done.output
    done = CliRunner().invoke(cli, ["merge", str(shards)])
    assert done.exit_code == 0, done.output
    assert "transcribed: 1\nno speech: 1" in done.stderr
    assert (shards / "transcripts.jsonl").read_text().splitlines() == lines
    done = CliRunner().invoke(cli, ["status", str(shards)])
    assert "recordings" in done.output
    assert "utterances" not in done.output


def test_what_the_model_does_not_believe_is_left_out(corpus, tiny, tmp_path):
    out = tmp_path / "out"
    done = run(corpus, tiny("whisper"), out, "--language", "en")  # of random weights
    assert done.exit_code == 0, done.output
    assert "unclear: slt/tea: " in done.stderr
    assert "unclear segments, left out: " in done.stderr
    assert (out / "transcripts.jsonl").read_text() == ""


def test_what_is_refused(corpus, tmp_path):
    done = run(corpus, "english-sphinx", tmp_path / "out")
    assert done.exit_code == 4
    assert "english-sphinx: aligns, but cannot transcribe" in done.stderr
    done = run(corpus, "english-sphinx", tmp_path / "out", "--translate", "--align")
    assert done.exit_code == 2
    assert "exclude each other" in done.stderr
    done = run(corpus, "english-sphinx", tmp_path / "out", "--shard", "1/2", "--align")
    assert done.exit_code == 2
    assert "a shard writes transcripts only" in done.stderr
    turns = tmp_path / "turns.rttm"
    turns.write_text("SPEAKER another 1 0.0 60.0 <NA> <NA> Anna <NA> <NA>\n")
    done = run(corpus, "english-sphinx", tmp_path / "out", "--speakers", turns)
    assert done.exit_code == 2
    assert "--speakers needs --align" in done.stderr
    done = run(corpus, "english-sphinx", tmp_path / "out", "--speakers", turns, "--align")
    assert done.exit_code == 4
    assert "turns.rttm: " in done.stderr
    assert run(corpus, "a", "b", "c").exit_code == 2
    (tmp_path / "empty").mkdir()
    done = run(tmp_path / "empty", "english-sphinx", tmp_path / "out")
    assert done.exit_code == 4
    assert "empty: no recordings here; expected sound files" in done.stderr
