"""Commands with models of other makers: aligned with all words, inspected, exported, calibrated."""

import json
import shutil

import pytest
from click.testing import CliRunner

from speechalign import read_alignment
from speechalign.cli.main import cli

pytest.importorskip("torch", reason="needs torch")
pytest.importorskip("transformers", reason="needs transformers")


def run(*arguments):
    return CliRunner().invoke(cli, list(map(str, arguments)))


def test_align_with_a_model_of_hugging_face(tiny, examples, tmp_path):
    result = run("align", examples, tiny("wav2vec2"), tmp_path, "--device", "cpu", "--offline")
    assert result.exit_code == 0, result.stderr
    lines = (tmp_path / "alignment_manifest.jsonl").read_text(encoding="utf-8").splitlines()
    for told in map(json.loads, lines):
        alignment = read_alignment(tmp_path / f"{told['recording']}.TextGrid")
        assert list(alignment.tiers) == ["words", "characters"]
        assert [i.label for i in alignment.tiers["words"]] == told["text"].split()
        assert (told["model"], told["licence"], told["unit"]) == ("wav2vec2", "apache-2.0",
                                                                  "characters")  # fmt: skip
        for word in told["words"]:
            assert word["phones"] == []
            assert all(word["label"][first:last] for _, _, _, first, last in word["tokens"])
    again = run("align", examples, tiny("wav2vec2"), tmp_path)
    assert "of these, kept from an earlier run" in again.stderr


@pytest.mark.parametrize("format", ["ctm", "csv", "json", "srt", "vtt", "audacity", "lhotse"])
def test_every_format_takes_characters(tiny, examples, tmp_path, format):
    (tmp_path / "corpus").mkdir()
    for suffix in ("flac", "lab"):
        shutil.copy(examples / f"slt/tea.{suffix}", tmp_path / "corpus")
    arguments = (tmp_path / "corpus", tiny("wav2vec2"), tmp_path / "out", "--output-format", format)
    result = run("align", *arguments)
    assert result.exit_code == 0, result.stderr


def test_characters_can_be_compared(tiny, examples, tmp_path):
    for name in ("a", "b"):
        assert run("align", examples, tiny("hubert"), tmp_path / name, "--language", "en"
                   ).exit_code == 0  # fmt: skip
    result = run("compare", tmp_path / "a", tmp_path / "b", "--tier", "characters")
    assert result.exit_code == 0, result.stderr
    assert "tier:characters" in result.stdout


def test_align_one_with_whisper(tiny, examples):
    result = run("align-one", examples / "slt/tea.flac", "Two cups of tea",
                 "--model", tiny("whisper"), "--language", "en")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["word", "start", "end", "confidence", "tokens"]
    assert [row.split()[0] for row in rows] == ["Two", "cups", "of", "tea"]


def test_inspect_export_and_align(tiny, examples, tmp_path):
    pytest.importorskip("onnxscript", reason="needs onnxscript")
    shutil.copytree(tiny("onnx"), tmp_path / "exported")
    facts = dict(
        line.split(": ", 1)
        for line in run("model", "inspect", tmp_path / "exported").stdout.splitlines()
    )
    assert facts["first frame"] == "from 2.5 ms to 22.5 ms"
    assert facts["runs in"] == "onnxruntime"
    assert facts["licence"] == "apache-2.0"
    aligned = run("align-one", examples / "slt/tea.flac", "Two cups", "--model",
                  tmp_path / "exported")  # fmt: skip
    assert aligned.exit_code == 0, aligned.stderr
    refused = run("model", "export", tiny("parakeet"), tmp_path / "none")
    assert refused.exit_code == 4
    assert "only CTC models of characters or phones" in refused.stderr


def test_bias_is_measured_and_taken_off(tiny, examples, tmp_path):
    model = tiny("wav2vec2")
    assert run("align", examples, model, tmp_path / "gold").exit_code == 0
    calibration = tmp_path / "late.json"
    measured = ("model", "inspect", model, "--corpus", examples, "--gold", tmp_path / "gold")
    result = run(*measured, "--save-calibration", calibration)
    assert result.exit_code == 0, result.stderr
    assert "onset bias: +0.0 ms, median of 32 words" in result.stdout
    told = json.loads(calibration.read_text())
    calibration.write_text(json.dumps({**told, "bias": 0.1}))
    late = run(*measured, "--calibration", calibration)
    assert late.exit_code == 0, late.stderr
    shift = float(late.stdout.split("onset bias: ")[1].split(" ms")[0])
    assert shift < -20
    aligned = run("align", examples, model, tmp_path / "moved", "--calibration", calibration)
    assert aligned.exit_code == 0
    assert run("model", "inspect", model, "--gold", tmp_path / "gold").exit_code == 2
    empty = run("model", "inspect", model, "--corpus", examples, "--gold", tmp_path / "corpus")
    assert empty.exit_code == 4


@pytest.mark.parametrize("family", ["whisper", "wav2vec2"])
def test_find_oovs_needs_a_dictionary(tiny, examples, family):
    result = run("find-oovs", examples, "--model", tiny(family))
    assert result.exit_code == 4
    assert "has no dictionary, so no word is missing from it" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["nowhere/at-all", "out", "--offline"], 4, "it is not in the cache and may not be"),
        (["{model}", "out", "--device", "abacus"], 4, "device: 'abacus' is not there"),
        (["english-sphinx", "out", "--device", "cuda"], 4, "runs on the CPU only, got cuda"),
        (["english-sphinx", "out", "--language", "de"], 4, "knows no other words; got 'de'"),
        (["{model}", "out", "--calibration", "none.json"], 4, "none.json: cannot be read"),
        (["torchaudio:MMS", "out"], 4, "torchaudio has no CTC bundle of this name"),
    ],
)
def test_what_cannot_be_done(tiny, examples, tmp_path, monkeypatch, arguments, status, message):
    monkeypatch.chdir(tmp_path)
    result = run("align", examples, *(a.format(model=tiny("wav2vec2")) for a in arguments))
    assert (result.exit_code, message in result.stderr) == (status, True), result.stderr


def test_download_without_network(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    result = run("model", "download", "org/none")
    assert result.exit_code == 4
    assert "speechalign model download org/none" in result.stderr
