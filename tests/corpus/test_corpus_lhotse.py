"""Lhotse cut sets; the dictionaries are what lhotse 1.33 writes."""

import copy
import gzip
import json

import pytest

from speechalign.corpus import Utterance, read_corpus

RECORDING = {
    "id": "talk-1",
    "sources": [{"type": "file", "channels": [0], "source": "audio/a.wav"}],
    "sampling_rate": 16000,
    "num_samples": 32000,
    "duration": 2.0,
    "channel_ids": [0],
}
CUT = {
    "id": "cut-1",
    "start": 0.0,
    "duration": 2.0,
    "channel": 0,
    "supervisions": [
        {
            "id": "sup-1",
            "recording_id": "talk-1",
            "start": 0,
            "duration": 2.0,
            "channel": 0,
            "text": "hello there",
            "language": "en",
            "speaker": "ann",
        }
    ],
    "recording": RECORDING,
    "type": "MonoCut",
}


def changed(*, recording=None, supervision=None, **more):
    """Copy the cut with other values in it, in its recording and in its supervision."""
    cut = copy.deepcopy(CUT) | more
    if recording:
        cut["recording"].update(recording)
    if supervision:
        cut["supervisions"][0].update(supervision)
    return cut


def cut_set(path, *cuts):
    data = "".join(json.dumps(cut) + "\n" for cut in cuts).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def only(tmp_path, cut):
    (utterance,) = read_corpus(cut_set(tmp_path / "cuts.jsonl", cut))
    return utterance


@pytest.mark.parametrize("name", ["cuts.jsonl", "cuts.jsonl.gz", "my_cuts.jsonl.gz"])
def test_a_cut_of_a_whole_recording(tmp_path, name):
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/a.wav").touch()
    expected = Utterance(
        "sup-1", "talk-1", tmp_path / "audio/a.wav", "hello there", "ann", channel=0
    )
    path = cut_set(tmp_path / name, CUT)
    assert read_corpus(path) == [expected]
    if name.startswith("cuts"):
        assert read_corpus(tmp_path) == [expected]


def test_relative_paths_are_lhotses_own_where_nothing_is_beside_the_manifest(tmp_path):
    assert str(only(tmp_path, CUT).audio) == "audio/a.wav"


def test_supervisions_are_relative_to_the_cut(tmp_path):
    second = {"id": "sup-2", "start": 0.7, "duration": 0.2, "text": "you", "speaker": "ann"}
    cut = changed(start=0.5, duration=1.0, supervision={"start": 0.1, "duration": 0.6})
    cut["supervisions"].append(second)
    one, two = read_corpus(cut_set(tmp_path / "cuts.jsonl", cut))
    assert (one.start, one.end, one.segmented, one.problem) == (0.6, 1.2, True, None)
    assert (two.start, two.end, two.segmented, two.problem) == (1.2, 1.4, True, None)
    assert one.recording == two.recording == "talk-1"


def test_a_supervision_that_begins_before_its_cut(tmp_path):
    found = only(tmp_path, changed(start=0.5, supervision={"start": -0.2, "duration": 1.0}))
    assert (found.start, found.end) == (0.3, 1.3)


STEREO = {
    "sources": [{"type": "file", "channels": [0, 1], "source": "b.wav"}],
    "channel_ids": [0, 1],
}
TWO_FILES = {
    "sources": [
        {"type": "file", "channels": [0], "source": "l.wav"},
        {"type": "file", "channels": [1], "source": "r.wav"},
    ],
    "channel_ids": [0, 1],
}


@pytest.mark.parametrize(
    ("recording", "channel", "audio", "expected"),
    [
        (STEREO, 0, "b.wav", 0),
        (STEREO, 1, "b.wav", 1),
        (STEREO, [1], "b.wav", 1),
        (STEREO, [0, 1], "b.wav", None),
        (TWO_FILES, 1, "r.wav", 0),
    ],
)
def test_channels(tmp_path, recording, channel, audio, expected):
    kind = "MultiCut" if isinstance(channel, list) else "MonoCut"
    found = only(
        tmp_path,
        changed(recording=recording, supervision={"channel": channel}, channel=channel, type=kind),
    )
    assert (found.audio.name, found.channel, found.problem) == (audio, expected, None)


def test_each_file_of_a_recording_has_its_own_result(tmp_path):
    cuts = [
        changed(
            recording=TWO_FILES, channel=c, supervision={"id": f"s{c}", "channel": c, "text": "x"}
        )
        for c in (0, 1)
    ]
    found = read_corpus(cut_set(tmp_path / "cuts.jsonl", *cuts))
    assert [(u.recording, u.problem) for u in found] == [("talk-1-l", None), ("talk-1-r", None)]


def test_a_speaker_that_is_not_named(tmp_path):
    cut = changed()
    del cut["supervisions"][0]["speaker"]
    path = cut_set(tmp_path / "cuts.jsonl", cut)
    assert read_corpus(path)[0].speaker is None
    assert read_corpus(path, speaker_characters=4)[0].speaker == "talk"


def test_transforms_that_keep_the_times_are_ignored(tmp_path):
    resample = {"name": "Resample", "kwargs": {"target_sampling_rate": 8000}}
    assert only(tmp_path, changed(recording={"transforms": [resample]})).problem is None


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ({"id": "m", "tracks": [], "type": "MixedCut"}, "a MixedCut cannot be aligned"),
        ({"id": "p", "duration": 1.0, "type": "PaddingCut"}, "a PaddingCut cannot be aligned"),
        (changed(type="SomeCut"), "a SomeCut cannot be aligned: expected a MonoCut"),
        (changed(supervisions=[]), "cut cut-1: it has no supervision"),
        ({k: v for k, v in CUT.items() if k != "recording"}, "cut cut-1: it has features"),
        (
            changed(recording={"transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]}),
            "recording talk-1: transformed by Speed",
        ),
        *(
            (
                changed(recording={"sources": [{"type": kind, "channels": [0], "source": "x"}]}),
                f"its audio is of type {kind}: {reason}",
            )
            for kind, reason in {
                "command": "speechalign runs no commands",
                "url": "speechalign downloads nothing",
                "memory": "the audio is inside",
                "shar": "the audio is in a Shar",
                "film": "expected file",
            }.items()
        ),
        (changed(supervision={"channel": 5}), "channels [5] are neither one channel nor all"),
        (
            changed(recording=TWO_FILES, supervision={"channel": [0, 1]}),
            "channels [0, 1] are neither one channel nor all of one file",
        ),
        (changed(supervision={"text": None}), "not a cut as lhotse writes it"),
        (changed(supervision={"id": 7}), "not a cut as lhotse writes it"),
        (changed(supervision={"speaker": 7}), "not a cut as lhotse writes it"),
        (changed(supervision={"start": "0"}), "not a cut as lhotse writes it"),
        (changed(recording=None, supervision={"text": "  "}), "the transcript is empty"),
        (changed(start=float("nan")), "expected 0 <= start < end"),
        ({"type": "MonoCut"}, "not a cut as lhotse writes it (KeyError"),
        ([1, 2], "not a cut as lhotse writes it"),
    ],
)
def test_a_bad_cut_harms_no_other(tmp_path, cut, message):
    good = changed(recording={"id": "good"}, supervision={"id": "good"})
    found = read_corpus(cut_set(tmp_path / "cuts.jsonl", good, cut))
    problems = [u.problem for u in found]
    assert len(problems) == 2
    assert None in problems
    assert message in next(p for p in problems if p)


def test_a_line_that_is_no_json(tmp_path):
    path = cut_set(tmp_path / "cuts.jsonl", CUT)
    path.write_bytes(path.read_bytes() + b'{"id": \xff}\n{"id":\n' + b"[" * 200_000)
    broken = [u.problem for u in read_corpus(path) if u.problem]
    assert "cuts.jsonl:2: not UTF-8" in broken[0]
    assert "cuts.jsonl:3: not a cut as lhotse writes it (JSONDecodeError" in broken[1]
    assert "cuts.jsonl:4: not a cut as lhotse writes it (RecursionError" in broken[2]
