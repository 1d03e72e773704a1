"""Names in composed and decomposed characters, which are the same names."""

import unicodedata

import pytest
import soundfile
from click.testing import CliRunner

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.cli.main import cli
from speechalign.corpus import read_corpus
from speechalign.files.names import composed, existing
from speechalign.formats.tree import read_tree
from speechalign.metrics.boundaries import statistics

NFC = "Zoë Ångström"
NFD = unicodedata.normalize("NFD", NFC)
ONE = Alignment({"words": [Interval(0.5, 1, "one")]}, 2.0)


def sound(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, [0.0] * 8000, 8000)
    return path


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.mark.parametrize(("here", "there"), [(NFC, NFD), (NFD, NFC), (NFC, NFC)])
def test_existing(tmp_path, here, there):
    made = sound(tmp_path / here / f"{here}.wav")
    assert existing(tmp_path / there / f"{there}.wav") == made
    missing = tmp_path / there / "missing ë.wav"
    assert existing(missing).name == missing.name
    long = tmp_path / ("ë" * 300)
    assert existing(long) == long


def test_sound_and_transcript_from_two_machines(tmp_path):
    sound(tmp_path / NFC / f"{NFC}.wav")
    (tmp_path / NFD).mkdir()
    (tmp_path / NFD / f"{NFD}.lab").write_text("hello")
    (found,) = read_corpus(tmp_path)
    assert (found.recording, found.speaker) == (f"{NFC}/{NFC}", NFC)
    assert (found.text, found.problem) == ("hello", None)


@pytest.mark.parametrize(("disk", "listed"), [(NFC, NFD), (NFD, NFC)])
def test_manifests_from_another_machine(tmp_path, disk, listed):
    made = sound(tmp_path / f"{disk}.wav")
    (tmp_path / "m.jsonl").write_text(
        f'{{"audio_filepath": "{listed}.wav", "text": "a", "speaker": "{listed}"}}\n',
        encoding="utf-8",
    )
    (found,) = read_corpus(tmp_path / "m.jsonl")
    assert (found.audio, found.recording, found.speaker) == (made, NFC, NFC)


def test_kaldi_files_from_two_machines(tmp_path):
    name = {form: unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD")}
    made = sound(tmp_path / f"{name['NFD']}.wav")
    for file, text in {
        "wav.scp": f"{name['NFC']} {name['NFC']}.wav",
        "text": f"{name['NFD']} hello",
        "utt2spk": f"{name['NFC']} {name['NFD']}",
    }.items():
        (tmp_path / file).write_text(text + "\n", encoding="utf-8")
    (found,) = read_corpus(tmp_path)
    assert (found.id, found.speaker, found.audio) == ("Zoë", "Zoë", made)
    assert (found.text, found.problem) == ("hello", None)


def test_trees_are_compared_by_composed_names(tmp_path):
    for folder, name in (("ref", NFC), ("test", NFD)):
        (tmp_path / folder / name).mkdir(parents=True)
        write_alignment(ONE, tmp_path / folder / name / f"{name}.TextGrid")
    assert list(read_tree(tmp_path / "ref").alignments) == [f"{NFC}/{NFC}"]
    result = run("compare", tmp_path / "ref", tmp_path / "test")
    assert result.exit_code == 0, result.output
    assert "1 of 1 labels" in result.stdout


def test_labels_and_speakers_are_compared_by_composed_names():
    ours, theirs = (
        Alignment(
            {f"{name} - words": [Interval(0, 1, name)], "B - words": [Interval(1, 2, "b")]}, 2.0
        )
        for name in (NFC, NFD)
    )
    assert len(statistics(ours, theirs).start_errors) == 2


def test_converted_trees_have_composed_names(tmp_path):
    (tmp_path / "in" / NFD).mkdir(parents=True)
    write_alignment(ONE, tmp_path / "in" / NFD / f"{NFD}.TextGrid")
    result = run("convert", tmp_path / "in", tmp_path / "out", "--to", "json")
    assert result.exit_code == 0, result.output
    assert read_alignment(tmp_path / "out" / NFC / f"{NFC}.json") == ONE
    (tmp_path / "out" / NFC / f"{NFC}.json").rename(tmp_path / "out" / NFC / f"{NFD}.json")
    result = run("convert", tmp_path / "in", tmp_path / "out", "--to", "json")
    assert "exists; use --overwrite" in result.stderr
    result = run("convert", tmp_path / "in", tmp_path / "out", "--to", "json", "--overwrite")
    assert result.exit_code == 0
    assert [p.name for p in (tmp_path / "out" / NFC).iterdir()] == [f"{NFD}.json"]


def test_two_files_of_one_name_are_not_written_over_each_other(tmp_path):
    (tmp_path / "in").mkdir()
    for name in (NFC, NFD):
        write_alignment(ONE, tmp_path / "in" / f"{name}.TextGrid")
    result = run("convert", tmp_path / "in", tmp_path / "out", "--to", "json")
    assert result.exit_code == 3
    assert "another file has this name too" in result.stderr
    assert composed(NFD) == NFC
