"""Detecting layouts, and what all layouts have in common."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.corpus import LAYOUTS, Utterance, read_corpus
from speechalign.corpus.conflicts import mark_conflicts
from speechalign.errors import InputError


def test_the_layout_is_detected(tmp_path):
    tree, kaldi = tmp_path / "tree", tmp_path / "kaldi"
    for folder in (tree, kaldi):
        folder.mkdir()
        (folder / "x.lab").write_text("hello")
        (folder / "x.wav").touch()
    (kaldi / "wav.scp").write_text("k k.wav")
    (kaldi / "text").write_text("k hello")
    line = json.dumps({"audio_filepath": "m.wav", "text": "hello"})
    (tmp_path / "m.jsonl").write_text(line)
    (tmp_path / "recordings.jsonl").write_text('{"id": "r", "sources": []}')
    assert [u.id for u in read_corpus(tree)] == ["x"]
    assert [u.id for u in read_corpus(kaldi)] == ["k"]
    assert [u.id for u in read_corpus(kaldi, layout="mfa")] == ["x"]
    assert [u.id for u in read_corpus(tmp_path / "m.jsonl")] == ["m"]
    # A lhotse file that holds no cuts.
    assert "audio_filepath" in read_corpus(tmp_path / "recordings.jsonl")[0].problem


def test_what_is_no_corpus(tmp_path):
    (tmp_path / "x.doc").touch()
    with pytest.raises(InputError, match=r"x\.doc: not a corpus; expected .* one sound file"):
        read_corpus(tmp_path / "x.doc")
    with pytest.raises(InputError, match="gone: there is no such file or folder"):
        read_corpus(tmp_path / "gone")
    with pytest.raises(InputError, match=r"speechalign\.corpus: no entry 'ctm'"):
        read_corpus(tmp_path, layout="ctm")
    with pytest.raises(InputError, match="speaker_characters: expected 1 or more, got 0"):
        read_corpus(tmp_path, speaker_characters=0)
    with pytest.raises(InputError, match="channel: expected 0 or more, got -1"):
        read_corpus(tmp_path, channel=-1)


def test_an_empty_folder_is_an_empty_corpus(tmp_path):
    assert read_corpus(tmp_path) == []


def test_the_channel_is_set_everywhere(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps({"audio_filepath": "m.wav", "text": "hello", "channel": 3}))
    assert read_corpus(path)[0].channel == 3
    assert read_corpus(path, channel=0)[0].channel == 0


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_survives_any_file(tmp_path_factory, name):
    layout = LAYOUTS[name]

    @given(st.binary(max_size=60))
    def check(data):
        root = tmp_path_factory.mktemp("any")
        for file in ("cuts.jsonl", "wav.scp", "text", "segments", "x.TextGrid", "x.lab", "y.txt"):
            (root / file).write_bytes(data)
        (root / "x.wav").touch()
        (root / "y.wav").touch()
        path = root / "cuts.jsonl" if name == "manifest" else root
        assert layout.recognises(path) or name == "lhotse"
        for utterance in mark_conflicts(layout.read(path)):
            if utterance.problem is None:
                assert utterance.text.strip()
                utterance.text.encode("utf-8")

    check()


def utterance(name, **more):
    return Utterance(
        **{"id": name, "recording": "r", "audio": Path("r.wav"), "text": "hello", **more}
    )


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 4) | st.none(), st.sampled_from(["a", "b"])),
        max_size=7,
    )
)
def test_overlaps_are_found_in_any_order(spans):
    utterances = [
        utterance(str(n), start=float(start), end=None if size is None else float(start + size),
                  speaker=speaker)
        for n, (start, size, speaker) in enumerate(spans)
    ]  # fmt: skip
    marked = {u.id for u in mark_conflicts(utterances) if u.problem}
    end = [1e9 if u.end is None else u.end for u in utterances]
    overlapping = {
        u.id
        for i, u in enumerate(utterances)
        for j, v in enumerate(utterances)
        if i != j and u.speaker == v.speaker and u.start < end[j] and v.start < end[i]
    }
    # Between them the utterances that are left never overlap, and none is marked for nothing.
    assert marked <= overlapping
    left = [(i, u) for i, u in enumerate(utterances) if u.id not in marked]
    assert not any(
        u.speaker == v.speaker and u.start < end[j] and v.start < end[i]
        for i, u in left
        for j, v in left
        if i != j
    )


def test_speakers_may_overlap_each_other():
    pair = [utterance("1", speaker="a"), utterance("2", speaker="b")]
    assert mark_conflicts(pair) == pair


def test_marking_again_changes_nothing():
    once = mark_conflicts([utterance("1"), utterance("1"), utterance("2", text="")])
    assert all(u.problem for u in once)
    assert mark_conflicts(once) == once


@pytest.mark.parametrize("name", ["/etc/x", "../x", "a/../../x", ""])
def test_recordings_stay_in_the_output_folder(name):
    (found,) = mark_conflicts([utterance("1", recording=name)])
    assert "leads out of the output folder" in found.problem


def test_a_known_problem_stays_and_harms_no_other():
    broken = utterance("1", problem="broken", audio=Path("other.wav"))
    assert mark_conflicts([broken, utterance("2")]) == [broken, utterance("2")]
    assert replace(broken, problem=None) != broken
