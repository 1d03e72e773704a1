"""Kaldi data directories."""

import pytest

from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import InputError

GOOD = {
    "wav.scp": "a a.wav\nb sub folder/b.flac\n",
    "text": "a hello there\nb  two   words \n",
    "utt2spk": "a ann\nb bob\n",
}
SEGMENTED = {
    "wav.scp": "talk talk.wav\n",
    "segments": "ann-1 talk 0.5 1.25\nbob-1 talk 1.25 -1\n",
    "text": "ann-1 hello\nbob-1 hi\n",
    "utt2spk": "ann-1 ann\nbob-1 bob\n",
}


def directory(path, files, **more):
    for name, content in {**files, **more}.items():
        data = content if isinstance(content, bytes) else content.encode()
        (path / name).write_bytes(data)
    return path


def problems(path):
    return {u.id: u.problem for u in read_corpus(path)}


def test_without_segments(tmp_path, monkeypatch):
    directory(tmp_path, GOOD)
    (tmp_path / "a.wav").touch()
    monkeypatch.chdir("/")
    found = read_corpus(tmp_path)
    # Beside the files if it is there, else from the current folder, as in Kaldi.
    assert found[0] == Utterance("a", "a", tmp_path / "a.wav", "hello there", "ann")
    assert str(found[1].audio) == "sub folder/b.flac"
    assert (found[1].text, found[1].problem) == ("two   words", None)


def test_with_segments(tmp_path):
    ann, bob = read_corpus(directory(tmp_path, SEGMENTED))
    assert (ann.id, ann.recording, ann.start, ann.end, ann.speaker) == (
        "ann-1", "talk", 0.5, 1.25, "ann",
    )  # fmt: skip
    assert (bob.start, bob.end) == (1.25, None)
    assert ann.segmented
    assert bob.segmented
    assert ann.problem is bob.problem is None


def test_channels(tmp_path):
    directory(tmp_path, SEGMENTED, reco2file_and_channel="talk talk B\n")
    assert [u.channel for u in read_corpus(tmp_path)] == [1, 1]
    directory(tmp_path, SEGMENTED, reco2file_and_channel="talk talk A\n")
    assert [u.channel for u in read_corpus(tmp_path)] == [0, 0]
    directory(tmp_path, SEGMENTED, reco2file_and_channel="talk talk C\n")
    assert "expected 'FILE A' or 'FILE B', got 'talk C'" in problems(tmp_path)["ann-1"]


def test_speakers_are_optional(tmp_path):
    directory(tmp_path, SEGMENTED)
    (tmp_path / "utt2spk").unlink()
    assert [u.speaker for u in read_corpus(tmp_path)] == [None, None]
    assert [u.speaker for u in read_corpus(tmp_path, speaker_characters=3)] == ["ann", "bob"]


def test_the_order_of_lines_does_not_matter(tmp_path):
    directory(tmp_path, GOOD, text="b two\na one\n")
    assert [(u.id, u.text) for u in read_corpus(tmp_path)] == [("a", "one"), ("b", "two")]


@pytest.mark.parametrize(
    ("files", "utterance", "message"),
    [
        ({"wav.scp": "a sph2pipe -f wav a.sph |\nb b.wav"}, "a", "runs no commands"),
        ({"wav.scp": "b b.wav"}, "a", "wav.scp: no line for a"),
        ({"wav.scp": "a\nb b.wav"}, "a", "wav.scp: a: expected a path, got nothing"),
        ({"text": "b two"}, "a", "text: no line for a"),
        ({"text": "a\nb two"}, "a", "the transcript is empty"),
        ({"text": "a one\nb two\nc three"}, "c", "no line for c"),
        ({"text": "a one\nb two\na again"}, "a", "text: a is on lines 1, 3; keep one"),
        ({"text": b"b two\na \xe9t\xe9\n"}, "a", "text:2: not UTF-8 at byte 8 (0xe9)"),
        ({"utt2spk": "b bob"}, "a", "utt2spk: no line for a"),
        ({"utt2spk": "a x\na x\nb bob"}, "a", "utt2spk: a is on lines 1, 2"),
    ],
)
def test_a_bad_line_harms_no_other(tmp_path, files, utterance, message):
    found = problems(directory(tmp_path, {**GOOD, **files}))
    assert message in found[utterance]
    assert found["b"] is None


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ann-1 talk 0.5", "segments: ann-1: expected 'RECORDING START END', got 'talk 0.5'"),
        ("ann-1 talk zero one", "expected 'RECORDING START END'"),
        ("ann-1 talk 2 1", "expected 0 <= start < end in seconds, got 2.0 to 1.0"),
        ("ann-1 talk -0.5 1", "expected 0 <= start < end"),
        ("ann-1 talk nan 1", "expected 0 <= start < end"),
        ("ann-1 talk 0 inf", "expected 0 <= start < end"),
        ("ann-1 other 0 1", "wav.scp: no line for other"),
        ("", "segments: no line for ann-1"),
    ],
)
def test_bad_segments(tmp_path, line, message):
    directory(tmp_path, SEGMENTED, segments=f"{line}\nbob-1 talk 1.25 2\n")
    found = problems(tmp_path)
    assert message in found["ann-1"]
    assert found["bob-1"] is None


def test_a_directory_without_text(tmp_path):
    directory(tmp_path, {"wav.scp": "a a.wav\n"})
    with pytest.raises(InputError, match=r"text: cannot be read: .*No such file"):
        read_corpus(tmp_path)
