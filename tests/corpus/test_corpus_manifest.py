"""JSONL manifests."""

import gzip
import json

import pytest

from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import FormatError


def manifest(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    written = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(written) + "\n", encoding="utf-8")
    return path


def entry(audio="a.wav", text="hello", **more):
    return {"audio_filepath": audio, "text": text, **more}


def test_keys(tmp_path):
    path = manifest(
        tmp_path / "m.jsonl",
        entry("sub/a.wav", " hello there ", lang="en"),
        "",
        entry("b.flac", "hi", id="second", speaker="bob", offset=1.1, duration=2.2, channel=1),
        entry("c.flac", "ho", speaker=17, duration=2.5),
    )
    assert read_corpus(path) == [
        Utterance(
            "second", "b", tmp_path / "b.flac", "hi", "bob", 1.1, 3.3, channel=1, segmented=True
        ),
        Utterance("c", "c", tmp_path / "c.flac", "ho", "17", 0.0, 2.5),
        Utterance("sub/a", "sub/a", tmp_path / "sub/a.wav", "hello there"),
    ]


def test_lines_of_one_sound_file_are_one_recording(tmp_path):
    path = manifest(
        tmp_path / "m.json",
        entry(offset=0, duration=0.7, text="one"),
        entry(offset=0.7, duration=1.1, text="two"),
        entry("./a.wav", offset=1.8, text="three"),
    )
    found = read_corpus(path)
    assert [(u.id, u.recording, u.start, u.end) for u in found] == [
        ("a#1", "a", 0.0, 0.7),
        ("a#2", "a", 0.7, 1.8),
        ("a#3", "a", 1.8, None),
    ]
    assert all(u.segmented and u.problem is None for u in found)


def test_sound_files_elsewhere_are_named_from_the_folder_that_holds_them_all(tmp_path):
    path = manifest(
        tmp_path / "lists/m.jsonl",
        entry(str(tmp_path / "data/ann/a.wav")),
        entry("../data/bob/a.wav"),
    )
    assert [(u.recording, u.audio) for u in read_corpus(path)] == [
        ("ann/a", tmp_path / "data/ann/a.wav"),
        ("bob/a", tmp_path / "data/bob/a.wav"),
    ]
    path = manifest(tmp_path / "lists/m.jsonl", entry("../data/ann/a.wav"))
    assert [u.recording for u in read_corpus(path)] == ["a"]


def test_a_relative_path_to_the_manifest(tmp_path, monkeypatch):
    manifest(tmp_path / "m.jsonl", entry())
    monkeypatch.chdir(tmp_path)
    assert read_corpus("m.jsonl")[0].audio == tmp_path / "a.wav"


def test_gzip_and_byte_order_mark(tmp_path):
    line = b"\xef\xbb\xbf" + json.dumps(entry()).encode()
    (tmp_path / "m.jsonl.gz").write_bytes(gzip.compress(line))
    assert read_corpus(tmp_path / "m.jsonl.gz")[0].problem is None


def test_speaker_characters_where_no_speaker_is_given(tmp_path):
    path = manifest(tmp_path / "m.jsonl", entry("x/ann01.wav"), entry("x/ann02.wav", speaker="bo"))
    assert [u.speaker for u in read_corpus(path, speaker_characters=3)] == ["ann", "bo"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"audio_filepath": "a.wav"', "m.jsonl:2: not JSON"),
        ("a.wav\thello", "m.jsonl:2: not JSON"),
        ('["a.wav", "hello"]', "m.jsonl:2: expected a JSON object"),
        ({"audio_filepath": "a.wav"}, "text: expected a transcript; the line has only 'audio_f"),
        (
            {"text": "a", "audio": "a.wav"},
            "m.jsonl:2: audio_filepath: expected the path of a",
        ),
        ({"text": "a", "audio": "a.wav"}, "the line has only 'text', 'audio'"),
        (entry(text=5), "m.jsonl:2: text: expected a string, got 5"),
        (entry("a\0.wav"), "m.jsonl:2: audio_filepath: expected a string"),
        (entry(""), "m.jsonl:2: audio_filepath: expected a sound file, got the folder"),
        (entry(id=["a"]), "m.jsonl:2: id: expected a string"),
        (entry(speaker={}), "m.jsonl:2: speaker: expected a string"),
        (entry(offset="1"), "m.jsonl:2: offset: expected seconds from 0 on, got '1'"),
        (entry(offset=-1), "m.jsonl:2: offset: expected seconds from 0 on, got -1"),
        (entry(offset=True), "m.jsonl:2: offset: expected seconds from 0 on, got True"),
        (entry(duration=float("nan")), "m.jsonl:2: duration: expected seconds from 0 on, got nan"),
        (entry(duration=0), "m.jsonl:2: duration: expected more than 0 s"),
        (entry(channel=-1), "m.jsonl:2: channel: expected an integer from 0 on, got -1"),
        (entry(channel=True), "m.jsonl:2: channel: expected an integer from 0 on, got True"),
        (entry(text=" "), "the transcript is empty"),
        (entry(text="half \ud800"), "lone surrogate"),
    ],
)
def test_a_bad_line_harms_no_other(tmp_path, line, message):
    path = manifest(tmp_path / "m.jsonl", entry("good.wav"), line, entry("fine.wav"))
    problems = {u.problem for u in read_corpus(path)}
    assert len(problems) == 2
    assert None in problems
    assert message in (problems - {None}).pop()
    assert len(read_corpus(path)) == 3


def test_a_line_that_is_not_utf8_is_named_with_its_byte_in_the_file(tmp_path):
    good = json.dumps(entry("good.wav")).encode() + b"\n"
    lines = good, b'{"text": "\xe9"}\n', good.replace(b"good", b"fine")
    (tmp_path / "m.jsonl").write_bytes(b"".join(lines))
    fine, good_one, bad = read_corpus(tmp_path / "m.jsonl")
    assert (fine.problem, good_one.problem) == (None, None)
    assert f"m.jsonl:2: not UTF-8 at byte {len(good) + 10} (0xe9)" in bad.problem


def test_ids_that_are_not_unique(tmp_path):
    path = manifest(tmp_path / "m.jsonl", entry("a.wav", id="x"), entry("b.wav", id="x"))
    assert [u.problem for u in read_corpus(path)] == [
        "the id x is given to 2 utterances; rename them"
    ] * 2


def test_sound_files_whose_results_would_overwrite_each_other(tmp_path):
    path = manifest(tmp_path / "m.jsonl", entry("a.wav"), entry("a.flac"), entry("b.wav"))
    first, second, third = read_corpus(path)
    for found in (first, second):
        assert "the recording a has more than one sound file" in found.problem
        assert "a.flac" in found.problem
    assert third.problem is None


def test_a_manifest_that_is_no_gzip(tmp_path):
    (tmp_path / "m.jsonl.gz").write_bytes(b"plain")
    with pytest.raises(FormatError, match=r"m\.jsonl\.gz: cannot be decompressed"):
        read_corpus(tmp_path / "m.jsonl.gz")
