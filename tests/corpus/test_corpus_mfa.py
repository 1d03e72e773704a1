"""Folders of sound files and transcripts, as the Montreal Forced Aligner takes them."""

import os
import re

import numpy as np
import pytest
import soundfile
import textgrid

from speechalign.corpus import Utterance, read_corpus
from speechalign.errors import SpeechAlignWarning


def sound(path, channels=1, seconds=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros((round(8000 * seconds), channels)), 8000)
    return path


def text(path, content="hello there"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def grid(path, tiers, seconds=10.0):
    """Write a TextGrid of {tier: [(start, end, text)]}; overlaps are written as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "",
        "xmin = 0", f"xmax = {seconds}", "tiers? <exists>", f"size = {len(tiers)}", "item []:",
    ]  # fmt: skip
    for number, (name, intervals) in enumerate(tiers.items(), 1):
        lines += [
            f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"',
            "        xmin = 0", f"        xmax = {seconds}",
            f"        intervals: size = {len(intervals)}",
        ]  # fmt: skip
        for index, (start, end, mark) in enumerate(intervals, 1):
            mark = mark.replace('"', '""')
            lines += [
                f"        intervals [{index}]:", f"            xmin = {start}",
                f"            xmax = {end}", f'            text = "{mark}"',
            ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def only(path, **options):
    (utterance,) = read_corpus(path, **options)
    return utterance


def test_a_sound_file_by_itself(tmp_path):
    path = sound(tmp_path / "ann/a.wav")
    sound(tmp_path / "ann/a.flac")
    text(tmp_path / "ann/b.lab")
    assert "a.wav: no transcript beside it" in only(path).problem
    text(tmp_path / "ann/a.lab")
    assert read_corpus(path) == [Utterance("a", "a", path, "hello there")]
    assert only(path, speaker_characters=1).speaker == "a"
    grid(tmp_path / "ann/c.TextGrid", {"Ann": [(0, 1, "one")], "ipu": [(0, 1, "two")]})
    assert only(sound(tmp_path / "ann/c.wav"), tiers="ipu").text == "two"


def test_a_tree_of_speakers(tmp_path):
    for name in ("ann/a", "ann/b", "bob/a", "z"):
        sound(tmp_path / f"{name}.wav")
        text(tmp_path / f"{name}.lab", f"  this is {name}\n")
    assert read_corpus(tmp_path) == [
        Utterance("ann/a", "ann/a", tmp_path / "ann/a.wav", "this is ann/a", "ann"),
        Utterance("ann/b", "ann/b", tmp_path / "ann/b.wav", "this is ann/b", "ann"),
        Utterance("bob/a", "bob/a", tmp_path / "bob/a.wav", "this is bob/a", "bob"),
        Utterance("z", "z", tmp_path / "z.wav", "this is z", None),
    ]


@pytest.mark.parametrize("suffix", ["wav", "WAV", "flac", "ogg", "opus", "mp3", "aiff", "Aif"])
def test_every_suffix_in_any_case(tmp_path, suffix):
    (tmp_path / f"x.{suffix}").touch()
    text(tmp_path / "x.LAB")
    assert only(tmp_path).problem is None


def test_lab_is_preferred_to_txt_and_txt_to_a_textgrid(tmp_path):
    sound(tmp_path / "x.wav")
    grid(tmp_path / "x.TextGrid", {"ann": [(0, 1, "from grid")]})
    assert only(tmp_path).text == "from grid"
    text(tmp_path / "x.txt", "from txt")
    assert only(tmp_path).text == "from txt"
    text(tmp_path / "x.lab", "from txt\r\n")
    assert only(tmp_path).text == "from txt"
    text(tmp_path / "x.lab", "from lab")
    with pytest.warns(SpeechAlignWarning, match=r"x\.lab is the transcript, not x\.txt, which"):
        assert only(tmp_path).text == "from lab"


def test_speaker_characters(tmp_path):
    sound(tmp_path / "folder/ann01.wav")
    text(tmp_path / "folder/ann01.lab")
    assert only(tmp_path).speaker == "folder"
    assert only(tmp_path, speaker_characters=3).speaker == "ann"


def test_names_with_spaces_and_letters_of_any_script(tmp_path):
    sound(tmp_path / "Žižek šť/two  words 发音.take1.wav")
    text(tmp_path / "Žižek šť/two  words 发音.take1.lab", "ahoj 🎙")
    found = only(tmp_path)
    assert found.id == found.recording == "Žižek šť/two  words 发音.take1"
    assert (found.speaker, found.text, found.problem) == ("Žižek šť", "ahoj 🎙", None)


def test_hidden_files_and_readmes_are_left_out(tmp_path):
    sound(tmp_path / ".hidden/x.wav")
    sound(tmp_path / ".x.wav")
    text(tmp_path / "._y.lab")
    text(tmp_path / "README.txt")
    text(tmp_path / "LICENSE.TXT")
    text(tmp_path / "notes.md")
    assert read_corpus(tmp_path) == []


def test_linked_folders_are_followed_once(tmp_path):
    sound(tmp_path / "elsewhere/x.wav")
    text(tmp_path / "elsewhere/x.lab")
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "ann").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/loop").symlink_to(corpus)
    assert [u.id for u in read_corpus(corpus)] == ["ann/x"]


def test_a_textgrid_has_a_tier_for_each_speaker(tmp_path):
    sound(tmp_path / "talk/x.wav", seconds=10)
    grid(
        tmp_path / "talk/x.TextGrid",
        {
            "Ann": [(0, 1, ""), (1, 2.5, 'she said "no"'), (2.5, 4, "  "), (4, 5.25, "more")],
            "Bob": [(2, 3.000125, "yes\nand no"), (3.000125, 10, "")],
            "": [(9, 10, "who is this")],
        },
    )
    path = tmp_path / "talk/x.wav"
    assert read_corpus(tmp_path) == [
        Utterance("talk/x#1", "talk/x", path, 'she said "no"', "Ann", 1.0, 2.5, segmented=True),
        Utterance("talk/x#2", "talk/x", path, "yes\nand no", "Bob", 2.0, 3.000125, segmented=True),
        Utterance("talk/x#3", "talk/x", path, "more", "Ann", 4.0, 5.25, segmented=True),
        Utterance("talk/x#4", "talk/x", path, "who is this", "talk", 9.0, 10.0, segmented=True),
    ]


@pytest.mark.parametrize(
    ("tiers", "channels"), [(1, [None]), (2, [0, 1]), (3, [0, 0, 1]), (4, [0, 0, 1, 1])]
)
def test_two_channels_are_shared_out_among_the_tiers(tmp_path, tiers, channels):
    sound(tmp_path / "x.wav", channels=2, seconds=10)
    grid(tmp_path / "x.TextGrid", {f"s{n}": [(n, n + 1, "hello")] for n in range(tiers)})
    assert [u.channel for u in read_corpus(tmp_path)] == channels
    assert {u.channel for u in read_corpus(tmp_path, channel=1)} == {1}


@pytest.mark.parametrize("channels", [1, 3])
def test_other_channels_are_not(tmp_path, channels):
    sound(tmp_path / "x.wav", channels=channels, seconds=10)
    grid(tmp_path / "x.TextGrid", {"s0": [(0, 1, "a")], "s1": [(1, 2, "b")]})
    assert [u.channel for u in read_corpus(tmp_path)] == [None, None]


def test_textgrids_of_praat_in_utf16_and_in_the_short_form(tmp_path):
    sound(tmp_path / "x.wav")
    path = grid(tmp_path / "x.TextGrid", {"ann": [(0, 1, "été")]}, 1)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-16")
    assert only(tmp_path).text == "été"
    path.write_text(
        'File type = "ooTextFile"\nObject class = "TextGrid"\n\n0\n1\n<exists>\n1\n'
        '"IntervalTier"\n"ann"\n0\n1\n1\n0\n1\n"hiver"\n'
    )
    assert only(tmp_path).text == "hiver"


def test_point_tiers_are_no_speakers(tmp_path):
    sound(tmp_path / "x.wav", seconds=10)
    made = textgrid.TextGrid(maxTime=10)
    tier = textgrid.IntervalTier("ann", 0, 10)
    tier.add(1, 2, "hello")
    points = textgrid.PointTier("marks", 0, 10)
    points.add(1.5, "here")
    made.append(points)
    made.append(tier)
    made.write(str(tmp_path / "x.TextGrid"))
    assert (only(tmp_path).text, only(tmp_path).speaker) == ("hello", "ann")


def test_overlap_within_a_tier_spares_the_others(tmp_path):
    sound(tmp_path / "x.wav", seconds=10)
    grid(tmp_path / "x.TextGrid", {"ann": [(0, 2, "one"), (1, 3, "two"), (3, 4, "three")]})
    one, two, three = read_corpus(tmp_path)
    assert "overlaps x#2, of the same speaker and recording (1.000 s to 3.000 s)" in one.problem
    assert "overlaps x#1" in two.problem
    assert three.problem is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is no TextGrid", r"x.TextGrid, line 1: expected the file type, found the end"),
        (b"", r"x.TextGrid, line 1: expected the file type, found the end"),
        (b'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = \xe9\n',
         r"x.TextGrid: not UTF-8 at byte 68 \(0xe9\)"),
        (b"\xff\xfeF\0i", r"x.TextGrid: not UTF-16 at byte 4"),
    ],
)  # fmt: skip
def test_textgrids_that_cannot_be_read(tmp_path, content, message):
    sound(tmp_path / "x.wav")
    (tmp_path / "x.TextGrid").write_bytes(content)
    assert re.search(message, only(tmp_path).problem)


def test_a_textgrid_cut_off_anywhere_is_a_problem_and_no_exception(tmp_path):
    sound(tmp_path / "x.wav")
    whole = grid(tmp_path / "x.TextGrid", {"ann": [(0, 1, "one")], "bob": [(0, 1, "two")]}, 1)
    data = whole.read_bytes()
    end = data.rindex(b'"')
    for size in range(0, end, 7):
        whole.write_bytes(data[:size])
        assert re.search("found the end; the file is cut short", only(tmp_path).problem)


def test_a_textgrid_that_is_an_alignment_or_has_no_text(tmp_path):
    sound(tmp_path / "x.wav")
    tiers = {"A - words": [(0, 1, "hello")], "B - words": [(1, 2, "you")]}
    grid(tmp_path / "x.TextGrid", tiers)
    assert "its tiers ('A - words', 'B - words') are those of an" in only(tmp_path).problem
    grid(tmp_path / "x.TextGrid", {"phones": [(0, 1, "HH")]})
    assert "its tiers ('phones') are those of an alignment" in only(tmp_path).problem
    grid(tmp_path / "x.TextGrid", {"ann": [(0, 1, "")]})
    assert "no interval has text" in only(tmp_path).problem


def test_no_transcript(tmp_path):
    sound(tmp_path / "ann/x.wav")
    found = only(tmp_path)
    assert (found.id, found.speaker) == ("ann/x", "ann")
    assert "x.wav: no transcript beside it (x.lab, x.txt or x.TextGrid)" in found.problem


@pytest.mark.parametrize("content", ["", " \n\t\n", "\ufeff"])
def test_empty_transcript(tmp_path, content):
    sound(tmp_path / "x.wav")
    text(tmp_path / "x.lab", content)
    assert "x.lab: the transcript is empty" in only(tmp_path).problem


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9 noir", "x.lab: not UTF-8 at byte 3 (0xe9); convert the file"),
        (b"\xef\xbb\xbfcaf\xe9", "x.lab: not UTF-8 at byte 6 (0xe9)"),
        (b"\xff\xfeh\0e", "x.lab: not UTF-16 at byte 4 (0x65)"),
        ("hello".encode("utf-16-le"), "x.lab: expected UTF-8 text, got a zero at byte 1"),
    ],
)
def test_a_transcript_that_is_not_utf8(tmp_path, content, message):
    sound(tmp_path / "x.wav")
    (tmp_path / "x.lab").write_bytes(content)
    sound(tmp_path / "y.wav")
    text(tmp_path / "y.lab")
    bad, good = read_corpus(tmp_path)
    assert message in bad.problem
    assert good.problem is None


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_is_accepted(tmp_path, encoding):
    sound(tmp_path / "x.wav")
    (tmp_path / "x.lab").write_text("été", encoding=encoding)
    assert (only(tmp_path).text, only(tmp_path).problem) == ("été", None)


def test_a_transcript_that_is_a_folder(tmp_path):
    sound(tmp_path / "x.wav")
    (tmp_path / "x.lab").mkdir()
    assert "no transcript" in only(tmp_path).problem


def test_no_sound_file(tmp_path):
    text(tmp_path / "x.lab")
    assert "x.lab: no sound file beside it; expected one of x.wav" in only(tmp_path).problem
    (tmp_path / "x.mid").touch()
    assert "but x.mid, which cannot be read" in only(tmp_path).problem


def test_a_folder_called_like_a_sound_file_is_left_to_the_reader(tmp_path):
    (tmp_path / "x.wav").mkdir()
    text(tmp_path / "x.lab")
    assert only(tmp_path).audio == tmp_path / "x.wav"


def test_two_sound_files_for_one_transcript(tmp_path):
    sound(tmp_path / "ann/x.wav")
    sound(tmp_path / "ann/x.flac")
    text(tmp_path / "ann/x.lab")
    found = read_corpus(tmp_path)
    assert [u.id for u in found] == ["ann/x.flac", "ann/x.wav"]
    assert all("x.flac and x.wav in" in u.problem for u in found)


def test_one_stem_in_two_folders_is_two_recordings(tmp_path):
    for folder in ("a", "b"):
        sound(tmp_path / folder / "x.wav")
        text(tmp_path / folder / "x.lab")
    found = read_corpus(tmp_path)
    assert [(u.recording, u.problem) for u in found] == [("a/x", None), ("b/x", None)]


def test_a_name_that_is_not_utf8(tmp_path):
    (tmp_path / "x.lab").write_text("hello")
    os.rename(tmp_path / "x.lab", os.fsencode(tmp_path) + b"/caf\xe9.lab")
    found = only(tmp_path)
    assert found.id == r"caf\xe9"
    assert r"the name of caf\xe9 is not UTF-8" in found.problem
    found.id.encode("utf-8")
