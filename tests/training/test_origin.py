"""What a training depends on: what changes the model changes the hash, and nothing else does."""

from dataclasses import replace

import pytest

from speechalign.corpus import Utterance
from speechalign.pronunciation.lexicon import Pronunciations
from speechalign.text.dictionary import Dictionary
from speechalign.training.origin import is_trained_on, note_origin, training_hash

WORDS = Dictionary({"tea": {("t", "i"): 0.0}})


@pytest.fixture
def utterance(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"sound")
    return Utterance("a", "a", tmp_path / "a.wav", "tea")


def test_what_changes_the_hash(utterance, tmp_path):
    source = Pronunciations("en", WORDS, "english")
    known = training_hash([utterance], source, 1)
    (tmp_path / "b.wav").write_bytes(b"other")
    others = [
        training_hash([replace(utterance, text="teas")], source, 1),
        training_hash([replace(utterance, speaker="ann")], source, 1),
        training_hash([replace(utterance, audio=tmp_path / "b.wav")], source, 1),
        training_hash([replace(utterance, audio=tmp_path / "none.wav")], source, 1),
        training_hash([utterance], Pronunciations("de", WORDS, "english"), 1),
        training_hash([utterance], Pronunciations("en", WORDS, "graphemes"), 1),
        training_hash([utterance], Pronunciations("en", {}, "english"), 1),
        training_hash(
            [utterance],
            Pronunciations("en", Dictionary({"tea": {("t", "i"): -0.5}}), "english"),
            1,
        ),
        training_hash([utterance], source, 2),
    ]
    assert len({known, *others}) == 1 + len(others)


def test_names_of_files_do_not_matter(utterance, tmp_path):
    """The model that --dictionary alone teaches to pronounce lies elsewhere in each run."""
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"g2p")
    (tmp_path / "copy.wav").write_bytes(b"sound")
    moved = replace(utterance, audio=tmp_path / "copy.wav")
    assert training_hash(
        [utterance], Pronunciations("en", WORDS, str(tmp_path / "one"))
    ) == training_hash([moved], Pronunciations("en", WORDS, str(tmp_path / "two")))


def test_a_model_that_was_changed_is_not_what_was_trained(tmp_path):
    (tmp_path / "model.json").write_text("{}")
    assert not is_trained_on(tmp_path, "abc")
    note_origin(tmp_path, "abc")
    assert is_trained_on(tmp_path, "abc")
    assert not is_trained_on(tmp_path, "abd")
    (tmp_path / "model.json").write_text("{ }")
    assert not is_trained_on(tmp_path, "abc")
