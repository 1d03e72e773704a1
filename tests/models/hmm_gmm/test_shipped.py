"""Models of our own that come with the package: they load, and align speech they were made for."""

import json

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.models.hmm_gmm.shipped import _DATA
from speechalign.pronunciation.lexicon import Lexicon

GERMAN = ["kater", "straße", "über", "äpfel", "quälgeist", "jux", "zypresse", "chor", "giraffe"]


@pytest.fixture(scope="module")
def german():
    return Aligner("german-gmm")


def test_german_needs_nothing_else(german):
    words = Lexicon(german.model).words(" ".join(GERMAN))
    assert {word.source for word in words} == {"g2p"}
    phones = {phone for word in words for (variant,) in word.variants for phone in variant}
    assert german.model.noise not in phones
    assert phones <= set(german.model.phones)
    assert (german.model.name, german.model.language) == ("german-gmm", "de")
    assert german.model.licence == "CC0-1.0"


@pytest.mark.parametrize(
    "folder",
    sorted(path.parent for path in _DATA.glob("*/model.json")),
    ids=lambda folder: folder.name,
)
def test_every_folder_has_a_card_and_a_name(folder, load_named):
    described = json.loads((folder / "model.json").read_text())
    if described["kind"] == "conv-ctc":
        pytest.importorskip("torch", reason="needs torch")
    assert load_named(described["name"]).name == described["name"]
    card = (folder / "MODEL_CARD.md").read_text()
    assert card.startswith(f"# {described['name']}\n")
    assert described["licence"] in card
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8e6


def test_german_speech(german, shared):
    folder = shared / "data" / "speech" / "german" / "kerstin"
    lines = (folder / "manifest.jsonl").read_text().splitlines()[:3]
    for entry in map(json.loads, lines):
        waveform = read_waveform(folder / entry["audio_filepath"], sample_rate=16000)
        right = german.align(waveform, entry["text"])
        assert [word.interval.label for word in right.words] == entry["text"].split()
        assert right.confidence > 0.8
        wrong = german.align(waveform, "Ganz andere Worte stehen in diesem Satz hier")
        assert wrong.confidence < right.confidence
        assert np.mean([word.interval.duration for word in right.words]) > 0.1
