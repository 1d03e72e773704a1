"""Word error rate of folders of transcripts, and its normalisations."""

import json

import pytest
from click.testing import CliRunner

from speechalign.alignment import Alignment, Interval
from speechalign.cli.main import cli
from speechalign.errors import InputError
from speechalign.formats import write_alignment
from speechalign.pipeline.score_transcripts import score_transcripts


@pytest.fixture
def folders(tmp_path):
    gold, ours = tmp_path / "gold", tmp_path / "ours"
    for folder in (gold, ours):
        (folder / "anna").mkdir(parents=True)
    (gold / "anna/a.lab").write_text("The cat, the Cat's hat.")
    (ours / "anna/a.txt").write_text("the cat the cats hat now")
    (gold / "anna/b.lab").write_text("It costs $5.")
    segments = [Interval(0, 1, "it costs"), Interval(2, 3, "five dollars")]
    write_alignment(Alignment({"utterances": segments}, 3.0), ours / "anna/b.TextGrid")
    (gold / "anna/c.lab").write_text("One two.")
    return gold, ours


@pytest.mark.parametrize(
    ("normalisation", "words", "edits"),
    [
        ("none", 10, (6, 2, 2)),  # The cat, Cat's hat. It $5.
        ("plain", 10, (2, 2, 2)),  # cat's; 5 -> five dollars; now
        ("spoken", 11, (1, 2, 1)),
    ],
)
def test_errors_by_normalisation(folders, normalisation, words, edits):
    found = score_transcripts(*folders, normalisation=normalisation)
    counted = found.pooled.statistics
    assert counted.words == words
    assert (counted.substitutions, counted.deletions, counted.insertions) == edits
    assert found.missing == ("anna/c",)
    told = "spoken-en" if normalisation == "spoken" else normalisation
    assert found.pooled.signature == f"word-errors|words:{told}|insertions:speech|v:1"


def test_whisper_normaliser(folders):
    pytest.importorskip("transformers", reason="needs transformers")
    found = score_transcripts(*folders, normalisation="whisper")
    assert found.recordings["anna/b"].error_rate == 0.0  # five dollars is $5 there


def test_manifests_and_folders_are_alike(folders, tmp_path):
    gold, ours = folders
    rows = [
        {"audio_filepath": f"x/anna/{name}.flac", "text": text}
        for name, text in (("a", "the cat the cats"), ("a", "hat now"), ("b", "it costs 5"))
    ]
    manifest = tmp_path / "hyp.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    found = score_transcripts(gold, manifest)
    assert found.recordings["anna/a"] == score_transcripts(gold, ours).recordings["anna/a"]
    assert found.recordings["anna/b"].error_rate == 0.0


def test_command(folders, tmp_path):
    out = tmp_path / "scores.json"
    options = ["--bootstrap", "50", "--json", str(out)]
    done = CliRunner().invoke(cli, ["score", "wer", *map(str, folders), *options])
    assert done.exit_code == 0, done.output
    assert "WER %             60.00" in done.stdout
    assert "signature: word-errors|words:plain|" in done.stdout
    assert json.loads(out.read_text())["pooled"]["error_rate"] == pytest.approx(0.6)


def test_what_cannot_be_scored(folders, tmp_path):
    gold, _ = folders
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match=r"has no transcripts \(\.lab"):
        score_transcripts(gold, tmp_path / "other")
    (tmp_path / "other/z.lab").write_text("one")
    with pytest.raises(InputError, match=r"has none of the 3 recordings .* the same names"):
        score_transcripts(gold, tmp_path / "other")
    with pytest.raises(InputError, match="normalisation: expected one of plain, spoken"):
        score_transcripts(gold, gold, normalisation="all")
