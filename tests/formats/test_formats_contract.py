"""Every format: what its docstring keeps comes back, and golden files stay as they are."""

import dataclasses
import os
import random
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import textgrid
from hypothesis import given
from strategies import alignments

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import FormatError, InputError
from speechalign.formats import (
    FORMATS,
    find_alignments,
    find_format,
    read_alignments,
    split_suffix,
)

GOLDEN = Path(__file__).parents[1] / "golden"


def no_confidence(tiers):
    return {
        name: [dataclasses.replace(i, confidence=None) for i in found]
        for name, found in tiers.items()
    }


def lone_speaker(tiers):
    """Drop the prefix where all tiers have the same."""
    speakers = {name.rpartition(" - ")[0] for name in tiers}
    return {
        name.rpartition(" - ")[2] if len(speakers) == 1 else name: found
        for name, found in tiers.items()
    }


def words_only(tiers):
    return [found for name, found in tiers.items() if name.rpartition(" - ")[2] == "words"]


def kept_textgrid(alignment):
    return no_confidence(alignment.tiers), alignment.duration


def kept_json(alignment):
    return alignment.tiers, alignment.duration


def kept_csv(alignment):
    tiers = {name: found for name, found in alignment.tiers.items() if found}
    end = max((found[-1].end for found in tiers.values()), default=0.0)
    return lone_speaker(tiers), end


def kept_lhotse(alignment):
    return lone_speaker(alignment.tiers), alignment.duration


def kept_ctm(alignment):
    tiers = {
        f"{speaker} - words": [
            dataclasses.replace(i, label=re.sub(r"\s", " ", i.label)) for i in found
        ]
        for speaker, found in zip(("Ann", "Bob"), words_only(alignment.tiers))
        if found
    }
    end = max((found[-1].end for found in tiers.values()), default=0.0)
    if len(tiers) < 2:
        tiers = {"words": [i for found in tiers.values() for i in found]}
    return tiers, end


def kept_audacity(alignment):
    (words,) = words_only(no_confidence(alignment.tiers))
    words = [dataclasses.replace(i, label=" ".join(i.label.split())) for i in words]
    return {"words": words}, words[-1].end if words else 0.0


KEPT = {
    "textgrid": kept_textgrid,
    "textgrid-short": kept_textgrid,
    "json": kept_json,
    "csv": kept_csv,
    "lhotse": kept_lhotse,
    "ctm": kept_ctm,
    "audacity": kept_audacity,
}
SUBTITLES = {"ass", "lrc", "srt", "ttml", "vtt"}  # see test_subtitles.py for their contract


def test_every_format_has_a_contract():
    assert set(FORMATS) == set(KEPT) | SUBTITLES


def assert_equal(found, tiers, duration, *, exact):
    assert list(found.tiers) == list(tiers)
    tolerance = 0 if exact else 1e-6
    assert found.duration == pytest.approx(duration, abs=tolerance, rel=0)
    for name, intervals in tiers.items():
        assert [i.label for i in found.tiers[name]] == [i.label for i in intervals]
        assert [i.confidence for i in found.tiers[name]] == [i.confidence for i in intervals]
        for ours, theirs in zip(found.tiers[name], intervals, strict=True):
            assert ours.start == pytest.approx(theirs.start, abs=tolerance, rel=0)
            assert ours.end == pytest.approx(theirs.end, abs=tolerance, rel=0)
        for (a, b), (c, d) in zip(pairwise(intervals), pairwise(found.tiers[name])):
            assert a.end < b.start or c.end == d.start, "neighbours no longer meet"


@pytest.mark.parametrize("name", sorted(KEPT))
def test_round_trip(name, tmp_path_factory):
    folder = tmp_path_factory.mktemp(name)
    path = folder / f"a recording{find_format('x', format=name).SUFFIXES[0]}"
    # CTM, CSV and Audacity have words of one kind to hold; the others take any tiers.
    fixed = {"audacity": ["words", "phones"], "ctm": ["Ann - words", "Bob - words", "phones"]}

    @given(alignments(tiers=fixed.get(name)))
    def check(alignment):
        write_alignment(alignment, path, format=name)
        found = read_alignment(path, format=name)
        tiers, duration = KEPT[name](alignment)
        if name == "ctm" and len(found.tiers) < 2:
            tiers = {"words": next(iter(tiers.values()))}
        assert_equal(found, tiers, duration, exact=name in {"json", "csv"})
        write_alignment(found, path, format=name)
        assert read_alignment(path, format=name) == found, "the second time, more is lost"
        assert list(folder.iterdir()) == [path], "a temporary file is left"

    check()


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_golden(name, tmp_path):
    suffix = find_format("x", format=name).SUFFIXES[0]
    golden = GOLDEN / name / f"sample{suffix}"
    sample = read_alignment(GOLDEN / "sample.json")
    path = tmp_path / golden.name
    write_alignment(sample, path, format=name)
    assert path.read_text(encoding="utf-8") == golden.read_text(encoding="utf-8")
    again = tmp_path / f"again{suffix}"
    write_alignment(read_alignment(golden, format=name), again, format=name)
    assert read_alignment(again, format=name) == read_alignment(golden, format=name)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_byte_order_mark_and_windows_lines(name, tmp_path):
    suffix = find_format("x", format=name).SUFFIXES[0]
    golden = GOLDEN / name / f"sample{suffix}"
    path = tmp_path / golden.name
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_text(golden.read_text(encoding="utf-8"), encoding=encoding, newline="\r\n")
        labels = [
            [" ".join(i.label.split()) for i in tier]
            for tier in read_alignment(path, format=name).tiers.values()
        ]
        assert labels == [
            [" ".join(i.label.split()) for i in tier]
            for tier in read_alignment(golden, format=name).tiers.values()
        ]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_text_in_another_encoding_is_refused(name, tmp_path):
    path = tmp_path / f"x{find_format('x', format=name).SUFFIXES[0]}"
    path.write_bytes("WEBVTT 1 é".encode("latin-1"))
    with pytest.raises(FormatError, match=r"not UTF-8 at byte 9 \(0xe9\); convert"):
        read_alignment(path, format=name)
    path.write_bytes(b"\xef\xbb\xbfab\xff")
    with pytest.raises(FormatError, match=r"not UTF-8 at byte 5 \(0xff\)"):
        read_alignment(path, format=name)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("kind", [np.float64, np.float32, np.float16])
def test_scalars_of_numpy_are_written_as_numbers(name, kind, tmp_path):
    words = [
        Interval(kind(0.25), kind(0.5), np.str_("yes"), kind(0.75)),
        Interval(1, np.int64(2), "b"),
    ]
    plain = [Interval(0.25, 0.5, "yes", 0.75), Interval(1.0, 2.0, "b")]
    for folder in "ab":
        (tmp_path / folder).mkdir()
    for file, tier, duration in (("a", words, kind(2)), ("b", plain, 2.0)):
        write_alignment(Alignment({"words": tier}, duration), tmp_path / f"{file}/x", format=name)
    assert (tmp_path / "a/x").read_bytes() == (tmp_path / "b/x").read_bytes()
    read_alignment(tmp_path / "a/x", format=name)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_failed_write_leaves_what_was_there(name, tmp_path):
    path = tmp_path / f"x{find_format('x', format=name).SUFFIXES[0]}"
    path.write_text("precious")
    for label, reason in (("half \ud83d pair", "half a surrogate pair"), ("a\0", "holds a zero")):
        if name in ("json", "lhotse") and "\0" in label:
            continue  # JSON can hold it
        with pytest.raises(FormatError, match=reason):
            write_alignment(Alignment({"words": [Interval(0, 1, label)]}, 1.0), path, format=name)
    assert path.read_text() == "precious"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_garbage_is_a_format_error(name, tmp_path):
    path = tmp_path / "x"
    for garbage in ("{", "1 2", '"ooTextFile" "TextGrid" 0', "[1]", "1\n0 --> x\n", "a,b\n1,2\n"):
        path.write_text(garbage)
        if name == "csv" and garbage[0] in "a":
            continue
        if name == "srt" and "-->" not in garbage:
            continue  # text without times is passed over
        with pytest.raises(FormatError, match=re.escape(str(path))):
            read_alignment(path, format=name)


def test_format_by_suffix():
    assert find_format("x.TextGrid") is FORMATS["textgrid"]
    assert find_format("x.LABELS.TXT") is FORMATS["audacity"]
    with pytest.raises(FormatError, match=r"notes\.txt: no format goes by this suffix"):
        find_format("notes.txt")
    with pytest.raises(InputError, match="no entry 'praat'"):
        find_format("x.TextGrid", format="praat")


def test_split_suffix_keeps_dots_of_the_stem():
    assert split_suffix("a/b.c.d.textgrid") == ("b.c.d", ".textgrid")


def test_find_alignments_passes_over_reports_and_hidden_files(tmp_path):
    for name in (
        "b.TextGrid",
        "s/a.ctm",
        "s/alignment_manifest.jsonl",
        "alignment_analysis.csv",
        ".x.json",
        ".git/y.json",
        "notes.txt",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_alignments(tmp_path) == [tmp_path / "b.TextGrid", tmp_path / "s/a.ctm"]


def test_read_alignments_of_a_format_for_one(tmp_path):
    write_alignment(Alignment({"words": ()}, 1.0), tmp_path / "a.b.json")
    assert list(read_alignments(tmp_path / "a.b.json")) == ["a.b"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        write_alignment(Alignment({"words": ()}, 1.0), tmp_path / "x.json")


def test_missing_folder_is_an_os_error_of_the_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none/x\.json"):
        write_alignment(Alignment({"words": ()}, 1.0), tmp_path / "none/x.json")
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(IsADirectoryError, match=r"folder\.json"):
        write_alignment(Alignment({"words": ()}, 1.0), tmp_path / "folder.json")
    assert [path.name for path in tmp_path.iterdir()] == ["folder.json"]


@pytest.mark.filterwarnings("ignore::speechalign.errors.SpeechAlignWarning")
@pytest.mark.parametrize("name", sorted(FORMATS))
def test_damaged_files_raise_format_errors_only(name, tmp_path):
    golden = GOLDEN / name / f"sample{find_format('x', format=name).SUFFIXES[0]}"
    whole = golden.read_bytes()
    path = tmp_path / "damaged"
    generator = random.Random(name)
    messages = []
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(generator.randint(1, 3)):
            at = generator.randrange(len(data))
            match generator.randrange(4):
                case 0:
                    del data[at:]
                    data += b" "
                case 1:
                    del data[at : at + generator.randint(1, 20)]
                    data += b" "
                case 2:
                    data[at] = generator.choice(b'"0-19.:,{}[]<> \t\n\\aen')
                case 3:
                    data[at:at] = data[generator.randrange(len(data)) :][:30]
        path.write_bytes(data)
        try:
            read_alignments(path, format=name)
        except FormatError as error:
            messages.append(str(error))
    assert len(messages) > 30
    assert all(str(path) in message for message in messages)


@given(alignments())
def test_the_textgrid_library_reads_the_same(tmp_path_factory, alignment):
    path = tmp_path_factory.mktemp("grid") / "x.TextGrid"
    for name in ("textgrid", "textgrid-short"):
        write_alignment(alignment, path, format=name)
        grid = textgrid.TextGrid()
        grid.read(str(path), round_digits=15, encoding="utf-8")
        assert grid.maxTime == pytest.approx(alignment.duration, abs=1e-14)
        for tier, (their_name, intervals) in zip(grid, alignment.tiers.items(), strict=True):
            assert tier.name.replace('""', '"') == their_name
            assert tier[0].minTime == 0
            assert tier[-1].maxTime == grid.maxTime
            assert all(a.maxTime == b.minTime for a, b in pairwise(tier))
            assert [i.mark for i in tier if i.mark] == [i.label for i in intervals]
