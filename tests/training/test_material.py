"""Preparing material: features on disk, what is left out, and what an earlier run left."""

import shutil

import numpy as np
import pytest
from toy_speech import Quiet
from toy_speech import material as toy_material

from speechalign.audio.sound_file import read_waveform
from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError
from speechalign.models.hmm_gmm.sphinx_features import sphinx_cepstra
from speechalign.pronunciation.lexicon import Lexicon, Pronunciations
from speechalign.training import material as module
from speechalign.training.material import check_usable, in_order, prepare

LETTERS = Pronunciations("en", {}, "graphemes")


def prepared(utterances, folder, *, jobs=1, told=None):
    told = [] if told is None else told
    return prepare(
        utterances, Lexicon(LETTERS), folder, jobs=jobs, progress=lambda *done: told.append(done)
    )


@pytest.fixture
def corpus(examples, tmp_path):
    folder = tmp_path / "corpus"
    shutil.copytree(examples, folder)
    return folder


def test_features_of_every_utterance_are_in_the_file(corpus, tmp_path):
    told = []
    utterances = read_corpus(corpus)
    found = prepared(utterances, tmp_path / "work", told=told)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [spoken.id for spoken in found.spoken] == [u.id for u in utterances]
    for utterance, spoken in zip(utterances, found.spoken):
        samples = read_waveform(utterance.audio, sample_rate=16000).samples
        cepstra = sphinx_cepstra(samples).astype(np.float32)
        np.testing.assert_array_equal(found.cepstra(spoken), cepstra)
        assert spoken.speaker == utterance.speaker
        assert 10 < spoken.signal_to_noise < 90
    assert found.frames == sum(spoken.frames for spoken in found.spoken)
    three = prepared(utterances, tmp_path / "threads", jobs=3)
    assert three.path.read_bytes() == found.path.read_bytes()
    assert three.spoken == found.spoken


def test_a_second_run_reads_no_audio(corpus, tmp_path, monkeypatch):
    first = prepared(read_corpus(corpus), tmp_path / "work")
    monkeypatch.setattr(Utterance, "waveform", None)
    assert prepared(read_corpus(corpus), tmp_path / "work") == first


@pytest.mark.parametrize("change", ["transcript", "audio", "features cut off"])
def test_what_has_changed_is_read_again(corpus, tmp_path, change):
    first = prepared(read_corpus(corpus), tmp_path / "work")
    if change == "transcript":
        (corpus / "slt" / "tea.lab").write_text("One cup of tea.")
    elif change == "audio":
        shutil.copy(corpus / "slt" / "harbour.flac", corpus / "slt" / "tea.flac")
    else:
        first.path.write_bytes(first.path.read_bytes()[:-4])
        with pytest.raises(InputError, match="cut off; remove its folder"):
            first.cepstra(first.spoken[-1])
    told = []
    second = prepared(read_corpus(corpus), tmp_path / "work", told=told)
    assert len(told) == 3
    assert (second.fingerprint == first.fingerprint) == (change == "features cut off")


def test_what_cannot_be_used_is_left_out_by_name(corpus, tmp_path, monkeypatch):
    tea = corpus / "slt" / "tea.flac"
    (corpus / "empty.wav").write_bytes(b"")
    utterances = [
        Utterance("good", "good", tea, "tea"),
        Utterance("corrupt", "corrupt", corpus / "empty.wav", "tea"),
        Utterance("silent", "silent", tea, "..."),
        Utterance("short", "short", tea, "tea " * 200),
        Utterance("marked", "marked", tea, "tea", problem="the reader says so"),
    ]
    found = prepared(utterances, tmp_path / "work")
    assert [spoken.id for spoken in found.spoken] == ["good"]
    reasons = dict(found.left_out)
    assert list(reasons) == ["corrupt", "silent", "short", "marked"]
    assert "zero bytes" in reasons["corrupt"]
    assert "expected at least one word" in reasons["silent"]
    # 600 letters of three states, and as long as a frame each.
    assert "its phones need at least 1800 frames of 10 ms, the audio has" in reasons["short"]
    assert reasons["marked"] == "the reader says so"
    assert dict(prepared(utterances, tmp_path / "work").left_out) == reasons
    monkeypatch.setattr(module, "LONGEST", 1.0)
    reasons = dict(prepared(utterances, tmp_path / "other").left_out)
    assert "cut it into utterances of at most 1 s" in reasons["good"]


def test_warnings(tmp_path):
    toy = toy_material(tmp_path / "toy", utterances=19)[0]
    progress = Quiet()
    check_usable(toy, progress.warn)
    assert len(progress.warnings) == 1
    assert progress.warnings[0].startswith("utterances to train on: 19; with fewer")
    check_usable(toy_material(tmp_path / "more", utterances=20)[0], pytest.fail)


def test_chunks_hold_everything_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 500)
    toy = toy_material(tmp_path / "toy")[0]
    chunks = toy.chunks(toy.spoken)
    assert [u for chunk in chunks for u in chunk] == list(toy.spoken)
    assert len(chunks) > 3
    assert toy.chunks(()) == []


def test_results_come_in_order_and_errors_come_through():
    assert list(in_order(lambda n: n * n, range(50), 3)) == [n * n for n in range(50)]
    found = in_order(lambda n: 1 // (5 - n), range(50), 2)
    with pytest.raises(ZeroDivisionError):
        list(found)
