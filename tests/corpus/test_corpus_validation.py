"""Findings about a corpus before it is aligned."""

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from speechalign.corpus import Utterance
from speechalign.corpus.validation import validate


def sound(path, seconds=2.0, rate=16_000, channels=1, **options):
    samples = np.random.default_rng(0).uniform(-0.1, 0.1, (round(seconds * rate), channels))
    soundfile.write(path, samples, rate, **options)
    return path


def utterance(audio, name="u", text="this is what was said", **more):
    return Utterance(**{"id": name, "recording": audio.stem, "audio": audio, "text": text, **more})


def kinds(*utterances, **options):
    findings = validate(utterances, **options).findings
    return [(f.utterance, f.severity, f.kind) for f in findings]


def test_a_good_corpus(tmp_path):
    seen = []
    report = validate(
        [
            utterance(sound(tmp_path / "a.wav"), "a1", end=1.0, speaker="ann"),
            utterance(tmp_path / "a.wav", "a2", start=1.0, end=2.0, speaker="ann"),
            utterance(sound(tmp_path / "b.flac", 3, 44_100), "b", speaker="bob"),
            utterance(sound(tmp_path / "c.ogg", 1, 96_000), "c"),
        ],
        advance=seen.append,
    )
    assert report.findings == ()
    assert report.errors == 0
    assert (report.utterances, report.recordings, report.speakers) == (4, 3, 2)
    assert report.seconds == pytest.approx(6)
    assert report.sample_rates == {16_000: 1, 44_100: 1, 96_000: 1}
    assert seen == [tmp_path / "a.wav", tmp_path / "b.flac", tmp_path / "c.ogg"]


def test_nothing_at_all():
    report = validate([])
    assert (report.utterances, report.findings, report.seconds) == (0, (), 0)


def test_problems_of_the_layout_are_errors(tmp_path):
    report = validate([utterance(tmp_path / "x.wav", problem="no such luck")])
    assert [(f.kind, f.message) for f in report.findings] == [("unusable", "no such luck")]
    assert report.errors == 1


def test_a_missing_package_is_an_error_of_its_file(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    (tmp_path / "film.m4a").write_text("sound")
    good = utterance(sound(tmp_path / "good.wav"), "good")
    report = validate([utterance(tmp_path / "film.m4a", "film"), good])
    (found,) = report.findings
    assert (found.utterance, found.severity, found.kind) == ("film", "error", "sound")
    assert "pip install 'speechalign[media]'" in found.message
    assert report.sample_rates == {16_000: 1}


def test_conflicts_are_errors_of_each(tmp_path):
    path = sound(tmp_path / "a.wav")
    twice = utterance(path, "u", end=1.0), utterance(path, "u", start=1.0)
    assert kinds(*twice) == [("u", "error", "unusable")] * 2
    overlapping = utterance(path, "u", end=1.5), utterance(path, "v", start=1.0)
    assert kinds(*overlapping) == [("u", "error", "unusable"), ("v", "error", "unusable")]
    assert kinds(utterance(path, text=" ")) == [("u", "error", "unusable")]


def broken(path, how):
    if how == "folder":
        path.mkdir()
    elif how == "empty":
        path.touch()
    elif how == "no audio":
        path.write_text("hello")
    elif how == "no samples":
        sound(path, 0)
    elif how == "truncated":
        sound(path)
        path.write_bytes(path.read_bytes()[:-1000])
    elif how == "truncated flac":
        sound(path, 6, format="FLAC")
        path.write_bytes(path.read_bytes()[:-1000])
    elif how == "not finite":
        soundfile.write(path, np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    else:
        assert how == "missing"
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("missing", "no such file"),
        ("folder", "got a folder"),
        ("empty", "zero bytes"),
        ("no audio", "not a sound file"),
        ("no samples", "no samples"),
        ("truncated", "truncated"),
        ("truncated flac", "truncated or damaged"),
        ("not finite", "expected a finite number"),
    ],
)
def test_bad_sound_harms_no_other(tmp_path, how, message):
    bad = broken(tmp_path / "bad.wav", how)
    report = validate(
        [
            utterance(bad, "one", end=1.0),
            utterance(bad, "two", start=1.0),
            utterance(sound(tmp_path / "good.wav"), "three"),
        ]
    )
    (finding,) = report.findings
    assert (finding.utterance, finding.severity, finding.kind) == ("one", "error", "sound")
    assert message in finding.message
    assert "bad.wav" in finding.message
    assert (report.recordings, report.sample_rates) == (2, {16_000: 1})
    assert kinds(utterance(bad, "one"), check_audio=False) == []


def test_times_outside_the_file(tmp_path):
    path = sound(tmp_path / "a.wav", 2)
    assert kinds(utterance(path, start=0.5, end=2.05)) == []
    assert kinds(utterance(path, start=0.5, end=2.06)) == [("u", "error", "times")]
    assert kinds(utterance(path, start=2.0)) == [("u", "error", "times")]
    assert kinds(utterance(path, start=0.5, end=2.06), check_audio=False) == []


def test_channels(tmp_path):
    path = sound(tmp_path / "a.wav", channels=2)
    assert kinds(utterance(path)) == [("u", "warning", "channels")]
    assert kinds(utterance(path, channel=1)) == []
    assert kinds(utterance(path, channel=2)) == [("u", "error", "channel")]


def test_low_sample_rate(tmp_path):
    first, second = (
        utterance(sound(tmp_path / "a.wav", 2, 8000), "a", end=1.0),
        utterance(tmp_path / "a.wav", "b", start=1.0),
    )
    assert kinds(first, second) == [("a", "warning", "low rate")]


@pytest.mark.parametrize(
    ("seconds", "characters", "kind"),
    [
        (0.099, 1, ("error", "too short")),
        (0.1, 1, None),
        (2.0, 70, None),
        (2.0, 71, ("warning", "much text")),
        (5.0, 1, None),
        (8.0, 7, ("warning", "little text")),
        (8.0, 8, None),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_text_that_does_not_fit_the_sound(tmp_path, seconds, characters, kind, known):
    path = sound(tmp_path / "a.wav", seconds) if known else Path("a.wav")
    text = " ".join("x" * characters)
    given = utterance(path, text=text, end=None if known else seconds)
    assert kinds(given, check_audio=known) == ([("u", *kind)] if kind else [])


def test_a_long_piece(tmp_path):
    text = "word " * 100
    path = sound(tmp_path / "a.wav", 301, 16_000, format="FLAC")
    assert kinds(utterance(path, text=text)) == [("u", "warning", "long")]
    assert kinds(utterance(path, text=text, end=300.0)) == []


def test_errors_come_first(tmp_path):
    found = kinds(
        utterance(sound(tmp_path / "a.wav", channels=2), "a"),
        utterance(tmp_path / "gone.wav", "b"),
        utterance(tmp_path / "c.wav", "c", problem="x"),
    )
    assert found == [
        ("b", "error", "sound"), ("c", "error", "unusable"), ("a", "warning", "channels"),
    ]  # fmt: skip
