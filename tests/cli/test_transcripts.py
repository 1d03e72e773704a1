"""Transcripts as people write them: notes, speaker labels, abbreviations, numbers."""

import json

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from speechalign.cli.main import cli
from speechalign.pipeline.analysis import OOVS
from speechalign.pipeline.manifest import MANIFEST

pytestmark = pytest.mark.usefixtures("loaded_once")


def aligned(folder, *options):
    """Align a corpus with the command, and return the words of each utterance."""
    result = CliRunner().invoke(cli, ["align", str(folder), str(folder / "out"), *options])
    assert result.exit_code == 0, result.output
    lines = (folder / "out" / MANIFEST).read_text(encoding="utf-8").splitlines()
    return {line["utterance"]: line["words"] for line in map(json.loads, lines)}


NOTES = {
    "plain": "{0} {1} {2}",
    "several_words": "[phone rings twice] {0} [door slams in the distance] {1} {2}",
    "round": "(laughs) {0} (coughs) {1} {2} (she looks away)",
    "others": "&=laughs {0} ((unintelligible)) {1} %hesitation {2} <unk>",
    "speakers": "SPEAKER 1: {0} SPEAKER 2: {1} {2}",
    "names": "Anna: {0}\n>> {1}\nDr. Who: {2}",
    "codes": "{0} (pause) {1} [x 2] {2} [// ]",
}


@pytest.fixture(scope="module")
def with_notes(examples, tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    paths = [examples / name for name in ("rms/river", "slt/tea", "slt/harbour")]
    speech = [soundfile.read(path.with_suffix(".flac"), dtype="float32") for path in paths]
    rate = speech[0][1]
    room = np.random.default_rng(0).normal(0, 1e-3, rate // 2).astype("float32")
    samples = np.concatenate([speech[0][0], room, speech[1][0], room, speech[2][0]])
    texts = [path.with_suffix(".lab").read_text().strip() for path in paths]
    for name, pattern in NOTES.items():
        soundfile.write(folder / f"{name}.wav", samples, rate)
        (folder / f"{name}.lab").write_text(pattern.format(*texts))
    return aligned(folder, "--jobs", "1")


@pytest.mark.parametrize("name", sorted(NOTES))
def test_notes_are_no_words_and_move_none(with_notes, name):
    words = [word for word in with_notes[name] if word["source"] != "noise"]
    plain = with_notes["plain"]
    assert [word["label"] for word in words] == [word["label"] for word in plain]
    assert {word["source"] for word in words} == {"dictionary"}
    for word, alone in zip(words, plain):
        assert word["start"] == pytest.approx(alone["start"], abs=0.05)


def test_speaker_labels_may_be_told(examples, tmp_path):
    text = (examples / "slt/tea.lab").read_text().strip()
    for name in ("told", "none", "odd"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "tea.flac").write_bytes((examples / "slt/tea.flac").read_bytes())
        (tmp_path / name / "tea.lab").write_text(f"ann2> {text}")
    words = aligned(tmp_path / "told", "--speaker-labels", r"\w+\d>")["tea"]
    assert [word["label"] for word in words] == text.split()
    assert aligned(tmp_path / "none", "--speaker-labels", "")["tea"][0]["label"] == "ann2>"
    options = ["align", str(tmp_path / "odd"), str(tmp_path / "out"), "--speaker-labels", "("]
    result = CliRunner().invoke(cli, options)
    assert result.exit_code == 4
    assert "speaker_labels: expected a regular expression, got '('" in result.stderr


def test_a_pronunciation_in_the_transcript_is_taken(examples, tmp_path):
    text = (examples / "slt/tea.lab").read_text().strip()
    (tmp_path / "tea.flac").write_bytes((examples / "slt/tea.flac").read_bytes())
    (tmp_path / "tea.lab").write_text(text.replace("tea", "tea/T IH1 AH0/"), encoding="utf-8")
    words = {word["label"]: word for word in aligned(tmp_path)["tea"]}
    assert [phone for phone, _, _ in words["tea"]["phones"]] == ["T", "IH", "AH"]
    assert words["tea"]["source"] == "dictionary"


def test_notes_keep_what_was_written(with_notes):
    notes = [w["label"] for w in with_notes["several_words"] if w["source"] == "noise"]
    assert notes == ["[phone rings twice]", "[door slams in the distance]"]
    assert sum(word["source"] == "noise" for word in with_notes["others"]) == 4
    assert not any(word["source"] == "noise" for word in with_notes["codes"])


SPOKEN = {
    "war": "On Jan.=January 5th=fifth Lt.=Lieutenant Smith and Gen.=General Lee climbed "
    "Mt.=Mount Everest in World War II=two",
    "king": "King Henry VIII=the_eighth and Queen Elizabeth II=the_second signed chapter IV=four "
    "on Dec.=December 21st=twenty_first",
    "short": "King Henry VIII=eight and George V=five signed part II=two",
    "inc": "Smith Inc.=Incorporated and Jones Ltd.=Limited paid approx.=approximately "
    "$10k=ten_thousand_dollars per dept.=department to Capt.=Captain Brown on Mon.=Monday",
    "old": "In 1905=nineteen_hundred_and_five he paid $5.50=five_dollars_and_fifty_cents for "
    "105=one_hundred_and_five of them at 10:30=half_past_ten",
    "new": "In 1905=nineteen_oh_five he paid $5.50=five_dollars_fifty_cents for "
    "105=one_hundred_five of them at 10:30=ten_thirty",
}


@pytest.fixture(scope="module")
def with_abbreviations(tmp_path_factory):
    """Align synthetic speech with what people write, and with all of it written out."""
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    from speechalign.espeak import speak

    folder = tmp_path_factory.mktemp("abbreviations")
    for name, text in SPOKEN.items():
        said = " ".join(part.split("=")[-1].replace("_", " ") for part in text.split())
        speech = speak(said, voice="en-us")
        for suffix, label in (
            ("", " ".join(p.split("=")[0] for p in text.split())),
            ("-out", said),
        ):
            soundfile.write(folder / f"{name}{suffix}.wav", speech.samples, speech.sample_rate)
            (folder / f"{name}{suffix}.lab").write_text(label)
    return aligned(folder, "--jobs", "1")


@pytest.mark.parametrize("name", sorted(SPOKEN))
def test_what_was_said_is_chosen_by_its_sound(with_abbreviations, name):
    pairs = [(*part.split("="), part)[:2] for part in SPOKEN[name].split()]
    words, out = with_abbreviations[name], iter(with_abbreviations[f"{name}-out"])
    for word, (written, spoken) in zip(words, pairs, strict=True):
        assert (word["label"], word["spoken"]) == (written, spoken.lower().split("_"))
        assert word["source"] in ("dictionary", "g2p")
        own = [next(out) for _ in word["spoken"]]
        assert (word["start"], word["end"]) == pytest.approx((own[0]["start"], own[-1]["end"]))


def test_what_is_not_understood_is_reported(examples, tmp_path):
    text = (examples / "slt/tea.lab").read_text().strip()
    (tmp_path / "tea.flac").write_bytes((examples / "slt/tea.flac").read_bytes())
    (tmp_path / "tea.lab").write_text(f"{text} 猫.", encoding="utf-8")
    words = aligned(tmp_path)["tea"]
    assert (words[-1]["label"], words[-1]["source"]) == ("猫.", "unknown")
    rows = (tmp_path / "out" / OOVS).read_text(encoding="utf-8").splitlines()
    assert [row.split("\t")[:2] for row in rows if row.startswith("猫")] == [["猫", "1"]]
