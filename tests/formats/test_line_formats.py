"""CTM, CSV, JSON, Audacity labels and lhotse: other programs' files, and what is refused."""

import importlib.util
import json

import pytest

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import FormatError, SpeechAlignWarning
from speechalign.formats import read_alignments


def words(alignment, tier="words"):
    return [(i.start, i.end, i.label, i.confidence) for i in alignment.tiers[tier]]


def test_ctm_of_kaldi_and_nemo(tmp_path):
    path = tmp_path / "x.ctm"
    path.write_text(
        ";; comment\nutt-1 1 0.37 0.13 hello 0.98\nutt-1 A\t0.5  0.2 you\n"
        "utt-2 1 0.10 0.25 <b> NA lex NA\n\n"
    )
    found = read_alignments(path)
    assert list(found) == ["utt-1", "utt-2"]
    assert words(found["utt-1"], "1 - words") == [(0.37, 0.5, "hello", 0.98)]
    assert words(found["utt-1"], "A - words") == [(0.5, 0.7, "you", None)]
    assert words(found["utt-2"]) == [(0.1, 0.35, "<b>", None)]
    with pytest.raises(FormatError, match=r"expected one recording, got 2 \('utt-1', 'utt-2'"):
        read_alignment(path)


def test_ctm_is_text_that_other_readers_split(tmp_path):
    path = tmp_path / "a b.ctm"
    tier = [Interval(0.1, 0.2, "hello\u00a0😀", 0.5), Interval(0.2, 0.3, "you\n")]
    write_alignment(Alignment({"words": tier}, 9.0), path)
    assert [line.split() for line in path.read_text().splitlines()] == [
        ["a<space>b", "1", "0.100000", "0.100000", "hello<space>😀", "0.5"],
        ["a<space>b", "1", "0.200000", "0.100000", "you<space>"],
    ]
    assert list(read_alignments(path)) == ["a b"]


def test_ctm_without_words(tmp_path):
    write_alignment(Alignment({"words": ()}, 1.0), tmp_path / "x.ctm")
    assert read_alignment(tmp_path / "x.ctm") == Alignment({"words": ()}, 0.0)
    assert read_alignments(tmp_path / "x.ctm") == {}


def test_short_words_that_overlap_by_a_frame(tmp_path):
    (tmp_path / "x.ctm").write_text("a 1 0 0.4 see\na 1 0.39 0.08 the\na 1 0.43 0.2 cat\n")
    with pytest.warns(SpeechAlignWarning, match=r"'the' starts at 0\.39 s, .*; cut there \(1 more"):
        found = read_alignment(tmp_path / "x.ctm")
    assert words(found) == [
        (0, 0.39, "see", None),
        (0.39, 0.43, "the", None),
        (0.43, 0.63, "cat", None),
    ]


def test_rows_in_any_order(tmp_path):
    (tmp_path / "x.ctm").write_text("a 1 0.5 0.5 second\na 1 0 0.5 first\n")
    found = read_alignment(tmp_path / "x.ctm")
    assert [i.label for i in found.tiers["words"]] == ["first", "second"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a 1 0.5", "line 2: expected 'recording channel start duration label"),
        ("a 1 x 1 w", "line 2: expected a number, got 'x'"),
        ("a 1 0.5 1 w 1.5", r"line 2, tier 'words': 'w': expected a confidence in \[0, 1\]"),
        ("a 1 1 0 w", "line 2, tier 'words': 'w': expected 0 <= start < end"),
        ("a 1 nan 1 w", "line 2, tier 'words': 'w': expected finite times"),
    ],
)
def test_ctm_refuses(tmp_path, line, message):
    (tmp_path / "x.ctm").write_text(f"a 1 0 0.5 v\n{line}\n")
    with pytest.raises(FormatError, match=message):
        read_alignment(tmp_path / "x.ctm")


@pytest.mark.parametrize("name", ["ctm", "audacity"])
def test_what_line_formats_cannot_hold(tmp_path, name):
    short = Alignment({"words": [Interval(0.5, 0.5 + 1e-8, "a")]}, 1.0)
    with pytest.raises(FormatError, match=r"'a' at 0\.5 s is shorter than the format's resolution"):
        write_alignment(short, tmp_path / "x", format=name)
    with pytest.raises(FormatError, match=r"has only the tiers \['phones'\]"):
        write_alignment(Alignment({"phones": ()}, 1.0), tmp_path / "x", format=name)
    assert not list(tmp_path.iterdir())


def test_ctm_refuses_the_mark_of_a_space(tmp_path):
    with pytest.raises(FormatError, match="'a<space>b' holds <space>"):
        write_alignment(Alignment({"words": [Interval(0, 1, "a<space>b")]}, 1), tmp_path / "x.ctm")


def test_csv_of_mfa(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("Begin,End,Label,Type,Speaker\n0.1,0.5,yes,words,ann\n0.1,0.3,Y,phones,ann\n")
    found = read_alignment(path)
    assert {name: words(found, name) for name in found.tiers} == {
        "words": [(0.1, 0.5, "yes", None)],
        "phones": [(0.1, 0.3, "Y", None)],
    }
    path.write_text(path.read_text() + "0.2,0.3,no,words,bob\n")
    assert list(read_alignment(path).tiers) == ["ann - words", "ann - phones", "bob - words"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Begin,End,Label\n", "no column Type; expected Begin,End,Label,Type,Speaker"),
        ("", "no column Begin, End, Label, Type"),
        ("Begin,End,Label,Type\n0,1,a\n", "line 2: the row is shorter than the header"),
        ("Begin,End,Label,Type\n0,1,a,words\n1,x,b,words\n", "line 3: expected a number, got 'x'"),
        ('Begin,End,Label,Type\n0,1,"a"b,words\n', "line 2: ',' expected after '\"'"),
    ],
)
def test_csv_refuses(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_alignment(tmp_path / "x.csv")


def test_json_of_mfa(tmp_path):
    path = tmp_path / "x.json"
    content = {"start": 0, "end": 2, "tiers": {"words": {"type": "interval", "entries": []}}}
    content["tiers"]["words"]["entries"] = [[0, 1, ""], [1, 2, "yes"]]
    content["tiers"]["tones"] = {"type": "point", "entries": [[0.5, "H"]]}
    path.write_text(json.dumps(content))
    assert read_alignment(path) == Alignment({"words": [Interval(1, 2, "yes")]}, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "line 1: not JSON: .* at line 1, column 2"),
        ("[]", "line 1: expected a JSON object, got"),
        ("[" * 200_000, "line 1: not JSON that can be read: maximum recursion depth"),
        ('{"end": true, "tiers": {}}', "expected the keys 'end', a number, and 'tiers'"),
        ('{"end": 1, "tiers": {"a": []}}', r"tiers\['a'\]: expected an object with a list"),
        (
            '{"end": 1, "tiers": {"a": {"entries": [[0, "1", "x"]]}}}',
            r"entry 0, tier 'a': expected \[start, end, label\]",
        ),
        ('{"end": 1' + 400 * "0" + ', "tiers": {}}', "duration: expected a finite number >= 0"),
        (
            '{"end": 1, "tiers": {"a": {"entries": [[0, 1, "x"]], "confidence": []}}}',
            r"tiers\['a'\]: expected as many entries, 1, in 'confidence'",
        ),
        (
            '{"end": 1, "tiers": {"a": {"entries": [[0, 2, "x"]]}}}',
            r"entry 0, tier 'a': 'x' ends at 2\.0 s, after the recording ends at 1\.0 s",
        ),
    ],
)
def test_json_refuses(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_alignment(tmp_path / "x.json")


def test_audacity_passes_over_points_and_spectral_lines(tmp_path):
    path = tmp_path / "x.labels.txt"
    path.write_text("0.5\t1.0\ta b\n\\\t80.0\t5000.0\n1.5\t1.5\tpoint\n2.0\t2.5\t\n")
    assert read_alignment(path) == Alignment({"words": [Interval(0.5, 1, "a b")]}, 1.0)


def test_audacity_refuses(tmp_path):
    path = tmp_path / "x.labels.txt"
    path.write_text("0.5\t1.0\n")
    with pytest.raises(FormatError, match="line 1: expected start, end and label between tabs"):
        read_alignment(path)
    two = Alignment({"A - words": (), "B - words": ()}, 1.0)
    with pytest.raises(FormatError, match="got 2 speakers"):
        write_alignment(two, path)


def supervision(**changes):
    content = {"id": "s", "recording_id": "r", "start": 1.0, "duration": 2.0, "channel": 0}
    return json.dumps(content | changes) + "\n"


def test_lhotse_segments_of_a_corpus(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(
        supervision(speaker="ann", alignment={"word": [["yes", 1.1, 0.2, 0.5], ["no", 2.0, 0.5]]})
        + supervision(start=4.0, speaker="bob", alignment={"word": [["so", 4.5, 0.25, None]]})
        + supervision(recording_id="q", speaker="ann", alignment={"phone": [["AH", 1.5, 0.5]]})
        + supervision(recording_id="p")
    )
    found = read_alignments(path)
    assert list(found) == ["r", "q", "p"]
    assert words(found["r"], "ann - words") == [(1.1, 1.3, "yes", 0.5), (2.0, 2.5, "no", None)]
    assert words(found["r"], "bob - words") == [(4.5, 4.75, "so", None)]
    assert found["r"].duration == 6.0
    assert words(found["q"], "phones") == [(1.5, 2.0, "AH", None)]
    assert found["p"] == Alignment({}, 3.0)
    with pytest.raises(FormatError, match="expected one recording, got 3"):
        read_alignment(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no supervision in it"),
        ('{"id": "x"}', "line 1: no 'recording_id'"),
        (supervision(start=None), "line 1: expected numbers 'start' and 'duration'"),
        (supervision(alignment=[1]), "line 1: expected an object 'alignment'"),
        (supervision(alignment={"word": 3}), r"line 1: alignment\['word'\]: expected a list"),
        (supervision(alignment={"word": [[1, 2, 3]]}), "tier 'words': expected .symbol, start"),
    ],
)
def test_lhotse_refuses(tmp_path, text, message):
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(FormatError, match=message):
        read_alignment(tmp_path / "x.jsonl")


def test_lhotse_cannot_hold_its_own_names_as_tiers(tmp_path):
    with pytest.raises(FormatError, match="tier 'word' would read back as 'words'"):
        write_alignment(Alignment({"word": ()}, 1.0), tmp_path / "x.jsonl")
    with pytest.raises(FormatError, match="needs a duration above 0 s"):
        write_alignment(Alignment({"words": ()}, 0.0), tmp_path / "x.jsonl")


@pytest.mark.skipif(importlib.util.find_spec("lhotse") is None, reason="lhotse is not installed")
def test_lhotse_itself_reads_it(tmp_path):
    from lhotse import SupervisionSet

    path = tmp_path / "rec.jsonl"
    tiers = {
        "A - words": [Interval(0.25, 0.5, "yes", 0.5)],
        "A - phones": [Interval(0.25, 0.5, "Y")],
        "B - words": [Interval(0.75, 1.0, "no")],
    }
    write_alignment(Alignment(tiers, 1.5), path)
    ann, bob = SupervisionSet.from_jsonl(path)
    assert (ann.id, ann.recording_id, ann.speaker, ann.text) == ("rec-A", "rec", "A", "yes")
    assert (ann.start, ann.end, bob.channel) == (0, 1.5, 0)
    assert ann.alignment["word"][0] == ("yes", 0.25, 0.25, 0.5)
    assert ann.alignment["phone"][0].end == 0.5
    SupervisionSet.from_segments([ann, bob]).to_jsonl(path)
    assert read_alignment(path) == Alignment(tiers, 1.5)
