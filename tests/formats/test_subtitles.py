"""SRT and WebVTT: words become cues that are good to read, and cues come back as utterances."""

from itertools import pairwise

import pytest
from hypothesis import given
from strategies import LABELS, alignments

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import FormatError, SpeechAlignWarning

FORMS = ("srt", "vtt")


def sentence(*words, tier="words"):
    """Return an alignment of (start, end, label) triples."""
    return Alignment({tier: [Interval(*word) for word in words]}, 100.0)


def utterances(alignment, tmp_path, form):
    path = tmp_path / f"x.{form}"
    write_alignment(alignment, path)
    return [(i.start, i.end, i.label) for i in read_alignment(path).tiers["utterances"]]


def one_line(text):
    return " ".join(text.split())


@pytest.mark.parametrize("form", FORMS)
def test_contract(form, tmp_path_factory):
    path = tmp_path_factory.mktemp(form) / f"x.{form}"

    @given(alignments(tiers=["words", "phones"], step=1e-3))
    def check(alignment):
        write_alignment(alignment, path)
        found = read_alignment(path)
        assert list(found.tiers) == ["utterances"]
        cues, words = found.tiers["utterances"], list(alignment.tiers["words"])
        # Every word is there, in order, and cues begin and end where their words do.
        assert " ".join(c.label for c in cues) == " ".join(one_line(w.label) for w in words)
        for cue in cues:
            members = []
            while " ".join(one_line(w.label) for w in members) != cue.label:
                members.append(words.pop(0))
            assert cue.start == pytest.approx(members[0].start, abs=5.1e-4)
            assert cue.end == pytest.approx(members[-1].end, abs=5.1e-4)
            if len(members) > 1:
                assert len(cue.label) <= 42
                assert cue.end - cue.start <= 6.0011
                assert all(b.start - a.end <= 0.5 for a, b in pairwise(members))
        before = path.read_bytes()
        write_alignment(found, path)
        assert path.read_bytes() == before, "cues read and written again differ"

    check()


@pytest.mark.parametrize("form", FORMS)
@given(label=LABELS)
def test_any_label_is_text(form, label, tmp_path_factory):
    found = utterances(sentence((0, 1, label)), tmp_path_factory.mktemp("x"), form)
    assert found == [(0, 1, one_line(label))]


@pytest.mark.parametrize("form", FORMS)
def test_cues_split_at_pauses_length_and_duration(form, tmp_path):
    assert utterances(sentence((0, 1, "a"), (1.5, 2, "b"), (2.6, 3, "c")), tmp_path, form) == [
        (0, 2, "a b"),
        (2.6, 3, "c"),
    ]
    assert utterances(sentence((0, 1, "a" * 20), (1, 2, "b" * 21)), tmp_path, form) == [
        (0, 2, "a" * 20 + " " + "b" * 21)
    ]
    assert len(utterances(sentence((0, 1, "a" * 20), (1, 2, "b" * 22)), tmp_path, form)) == 2
    assert len(utterances(sentence((0, 3, "a"), (3, 6, "b")), tmp_path, form)) == 1
    assert len(utterances(sentence((0, 3, "a"), (3, 6.01, "b")), tmp_path, form)) == 2
    assert utterances(sentence((0, 9, "a" * 50)), tmp_path, form) == [(0, 9, "a" * 50)]


@pytest.mark.parametrize("form", FORMS)
def test_short_words_last_a_millisecond(form, tmp_path):
    words = [(1, 1.0001, "a" * 42), (1.0002, 1.0004, "b" * 42), (1.0005, 1.5, "c" * 42)]
    times = [(start, end) for start, end, _ in utterances(sentence(*words), tmp_path, form)]
    assert times == [(1, 1.001), (1.001, 1.002), (1.002, 1.5)]


@pytest.mark.parametrize("form", FORMS)
def test_utterances_stand_in_for_words(form, tmp_path):
    alignment = sentence((0, 1, "one"), (1, 2, "two"), tier="utterances")
    assert utterances(alignment, tmp_path, form) == [(0, 1, "one"), (1, 2, "two")]
    with pytest.raises(FormatError, match=r"holds words or utterances, and .* \['phones'\]"):
        write_alignment(Alignment({"phones": ()}, 1.0), tmp_path / f"x.{form}")


TWO = Alignment(
    {"A & B - words": [Interval(0, 2, "yes")], "C - words": [Interval(1, 3, "no <unk>")]}, 3.0
)


def test_srt_names_several_speakers(tmp_path):
    path = tmp_path / "x.srt"
    write_alignment(TWO, path)
    assert path.read_text() == (
        "1\n00:00:00,000 --> 00:00:02,000\nA & B: yes\n\n"
        "2\n00:00:01,000 --> 00:00:03,000\nC: no <unk>\n\n"
    )
    with pytest.warns(
        SpeechAlignWarning, match=r"line 6, tier 'utterances': 'C: no <unk>' starts at 1 s"
    ):
        found = read_alignment(path)
    assert {name: [i.label for i in tier] for name, tier in found.tiers.items()} == {
        "utterances": ["A & B: yes"],
        "utterances (2)": ["C: no <unk>"],
    }
    before = path.read_bytes()
    write_alignment(found, path)
    assert path.read_bytes() == before


def test_vtt_keeps_several_speakers(tmp_path):
    path = tmp_path / "x.vtt"
    write_alignment(TWO, path)
    found = read_alignment(path)
    assert list(found.tiers) == ["A & B - utterances", "C - utterances"]
    assert found.tiers["C - utterances"][0] == Interval(1, 3, "no <unk>")


def test_srt_of_others(tmp_path):
    path = tmp_path / "x.srt"
    path.write_text("\ufeff1\r\n0:00:01.5 --> 01:00:02,250 X1:40\r\n- one\r\n- <i>two</i>\r\n")
    assert read_alignment(path).tiers["utterances"] == (Interval(1.5, 3602.25, "- one - two"),)


def test_vtt_of_others(tmp_path):
    path = tmp_path / "x.vtt"
    path.write_text(
        "WEBVTT - title\n\nNOTE\nno cue\n\nSTYLE\n::cue { color: red }\n\nintro\n"
        "00:01.000 --> 00:02.000 align:start\n<v.loud Ann Lee>Oh <i>yes</i> &lt;3&nbsp;now</v>\n\n"
        "01:00:03.000 --> 01:00:04.000\nnobody\n"
    )
    tiers = read_alignment(path).tiers
    assert tiers["Ann Lee - utterances"] == (Interval(1, 2, "Oh yes <3\u00a0now"),)
    assert tiers["utterances"] == (Interval(3603, 3604, "nobody"),)


def test_refuses(tmp_path):
    path = tmp_path / "x.srt"
    path.write_text("1\n00:01 -> 00:02\nx\n\n2\n1 --> 2\nx\n")
    with pytest.raises(FormatError, match=r"line 6: expected 'hh:mm:ss\.mmm --> "):
        read_alignment(path)
    path = tmp_path / "x.vtt"
    path.write_text("1\n00:00:00,000 --> 00:00:02,000\nA\n")
    with pytest.raises(FormatError, match=r"line 1: expected WEBVTT, got .*is it an \.srt"):
        read_alignment(path)
