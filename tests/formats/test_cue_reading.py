"""Subtitles as others write them: rolling captions, overlaps, blank lines, word times."""

import json
import re

import pytest

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import FormatError, InputError, SpeechAlignWarning

YOUTUBE = """WEBVTT
Kind: captions
Language: en

00:00:00.160 --> 00:00:02.470 align:start position:0%
 
hello<00:00:00.480><c> and</c><00:00:00.640><c> welcome</c>

00:00:02.470 --> 00:00:02.480 align:start position:0%
hello and welcome
 

00:00:02.480 --> 00:00:05.110 align:start position:0%
hello and welcome
to<00:00:02.720><c> the</c><00:00:02.960><c> show</c>

00:00:05.110 --> 00:00:05.120 align:start position:0%
to the show
 

00:00:05.120 --> 00:00:06.000 align:start position:0%
to the show
bye
"""  # noqa: W293
ROLLED = [(0.16, 2.47, "hello and welcome"), (2.48, 5.11, "to the show"), (5.12, 6, "bye")]
TIMED = [
    (0.16, 0.48, "hello"), (0.48, 0.64, "and"), (0.64, 2.47, "welcome"),
    (2.48, 2.72, "to"), (2.72, 2.96, "the"), (2.96, 5.11, "show"),
]  # fmt: skip


def srt(*cues):
    """Return a SubRip file of (start, end, text), in seconds."""
    text = "".join(
        f"{number}\n00:00:{start:06.3f} --> 00:00:{end:06.3f}\n{text}\n\n"
        for number, (start, end, text) in enumerate(cues, 1)
    )
    return re.sub(r"(\d)\.(\d{3})", r"\1,\2", text)


def triples(alignment, tier="utterances"):
    return [(i.start, i.end, i.label) for i in alignment.tiers[tier]]


@pytest.mark.parametrize("blank", [" ", ""])
def test_captions_of_youtube_are_read_once(tmp_path, blank):
    path = tmp_path / "x.vtt"
    path.write_text(YOUTUBE.replace("\n \n", f"\n{blank}\n"))
    with pytest.warns(SpeechAlignWarning, match=r"4 of 5 cues repeat text of the cue before"):
        found = read_alignment(path)
    assert triples(found) == ROLLED
    assert triples(found, "words") == TIMED
    path = tmp_path / "x.srt"
    write_alignment(found, path)
    assert triples(read_alignment(path)) == ROLLED


def test_captions_of_youtube_as_subrip(tmp_path):
    path = tmp_path / "x.srt"
    cues = YOUTUBE.split("\n\n", 1)[1].replace(" align:start position:0%", "")
    path.write_text(cues)
    with pytest.warns(SpeechAlignWarning, match="4 of 5 cues repeat"):
        assert triples(read_alignment(path)) == ROLLED


def test_captions_that_roll_up_by_lines(tmp_path):
    path = tmp_path / "x.srt"
    path.write_text(
        srt((0, 1, "one"), (1, 2, "one\ntwo"), (2, 3, "one\ntwo\nthree"), (3, 4, "three\nfour"))
    )
    with pytest.warns(SpeechAlignWarning, match="3 of 4 cues repeat"):
        found = read_alignment(path)
    assert [label for *_, label in triples(found)] == ["one", "two", "three", "four"]


def test_captions_that_grow_word_by_word(tmp_path):
    path = tmp_path / "x.srt"
    shown = ["we", "we all", "<i>we all know</i>", "we all know\nwhat", "we all know\nwhat comes"]
    path.write_text(srt(*((n, n + 1, text) for n, text in enumerate([*shown, "next", "last"]))))
    with pytest.warns(SpeechAlignWarning, match="4 of 7 cues repeat"):
        found = read_alignment(path)
    assert triples(found) == [
        (0, 3, "we all know"), (3, 5, "what comes"), (5, 6, "next"), (6, 7, "last"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cues",
    [
        [(0, 1, "Oh."), (1, 2, "Oh."), (2, 2.01, "Oh.")],
        [(0, 1, "Yes"), (1, 2, "Yes I do"), (2, 3, "And"), (3, 4, "you?")],
        [(0, 1, "No."), (1, 2, "No."), (2, 3, "No!"), (3, 4, "No!")],
        [(0, 1, "La la la"), (3, 4, "La la la\nla"), (6, 7, "La la la\nla")],
        [(0, 1, "a\nb"), (1, 2, "a\nc")],
    ],
)
def test_what_is_said_twice_is_read_twice(tmp_path, cues):
    path = tmp_path / "x.srt"
    path.write_text(srt(*cues))
    assert [label for *_, label in triples(read_alignment(path))] == [
        " ".join(text.split("\n")) for *_, text in cues
    ]


def test_word_times_out_of_order_are_left_out(tmp_path):
    path = tmp_path / "x.vtt"
    path.write_text("WEBVTT\n\n00:01.000 --> 00:02.000\na<00:01.500>b<00:01.200>c\n")
    found = read_alignment(path)
    assert dict(found.tiers) == {"utterances": (Interval(1, 2, "abc"),)}


def test_each_voice_of_a_cue_is_a_speaker(tmp_path):
    path = tmp_path / "x.vtt"
    path.write_text(
        "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Hi</v>\n<v.loud Bob &amp; Co>Ho <i>ho\n"
    )
    found = read_alignment(path)
    assert dict(found.tiers) == {
        "Ann - utterances": (Interval(1, 2, "Hi"),),
        "Bob & Co - utterances": (Interval(1, 2, "Ho ho"),),
    }


def test_blank_lines_inside_a_subrip_cue(tmp_path):
    path = tmp_path / "x.srt"
    path.write_text(
        "1\n00:00:01,000 --> 00:00:02,000\n\n first\n\nsecond\n \n"
        "2\n00:00:03,000 --> 00:00:04,000\n42\n\n"
        "3\n00:00:05,000 --> 00:00:06,000\nlast\n3\n00:00:07 --> 00:00:8\nend"
    )
    assert triples(read_alignment(path)) == [
        (1, 2, "first second"), (3, 4, "42"), (5, 6, "last"), (7, 8, "end"),
    ]  # fmt: skip
    path.write_text(srt((1, 2, "a --> b")) + "2\n00:00:0x,000 --> 00:00:05,000\nlost\n")
    with pytest.raises(FormatError, match="line 6: expected 'hh:mm:ss"):
        read_alignment(path)


OVERLAPS = {
    "x.srt": "1\n00:00:01,000 --> 00:00:03,100\na\n\n2\n00:00:03,000 --> 00:00:05,000\nb\n",
    "x.vtt": "WEBVTT\n\n00:01.000 --> 00:03.100\na\n\n00:03.000 --> 00:05.000\nb\n",
    "x.ctm": "x 1 1 2.1 a\nx 1 3 2 b\n",
    "x.labels.txt": "1\t3.1\ta\n3\t5\tb\n",
    "x.csv": "Begin,End,Label,Type,Speaker\n1,3.1,a,words,\n3,5,b,words,\n",
    "x.json": '{"end": 9, "tiers": {"words": {"entries": [[1, 3.1, "a"], [3, 5, "b"]]}}}',
    "x.TextGrid": '"ooTextFile" "TextGrid" 0 9 <exists> 1 "IntervalTier" "words" 0 9 2 '
    '1 3.1 "a" 3 5 "b"',
    "x.jsonl": '{"recording_id": "x", "start": 0, "duration": 9, "alignment": '
    '{"word": [["a", 1, 2.1], ["b", 3, 2]]}}',
}


@pytest.mark.parametrize("name", OVERLAPS)
def test_ragged_neighbours_are_cut_and_others_go_to_another_tier(tmp_path, name):
    path = tmp_path / name
    path.write_text(OVERLAPS[name])
    with pytest.warns(
        SpeechAlignWarning, match=r"'b' starts at 3 s, before 'a' ends at 3\.1 s; cut"
    ):
        found = read_alignment(path)
    (tier,) = found.tiers
    assert triples(found, tier) == [(1, 3, "a"), (3, 5, "b")]
    path.write_text(
        OVERLAPS[name].replace("3.1", "4.1").replace("03,1", "04,1").replace("2.1", "3.1")
    )
    with pytest.warns(SpeechAlignWarning, match=r"a' ends at 4\.1 s; put on a further tier"):
        found = read_alignment(path)
    assert list(found.tiers) == [tier, f"{tier} (2)"]
    assert triples(found, tier) == [(1, 4.1, "a")]
    assert triples(found, f"{tier} (2)") == [(3, 5, "b")]
    again = tmp_path / f"again{name[1:]}"
    write_alignment(found, again)
    if name in ("x.csv", "x.json", "x.TextGrid", "x.jsonl"):
        assert read_alignment(again) == found
    else:
        with pytest.warns(SpeechAlignWarning):
            assert read_alignment(again) == found


def test_overlaps_take_as_few_tiers_as_can_be(tmp_path):
    path = tmp_path / "x.json"
    entries = [[0, 9, "long"], [1, 3, "a"], [2, 4, "b"], [3, 5, "c"], [9, 9.5, "after"]]
    tiers = {"words": {"entries": entries}, "words (2)": {"entries": []}}
    path.write_text(json.dumps({"end": 9.5, "tiers": tiers}))
    with pytest.warns(SpeechAlignWarning, match=r"\(2 more that overlap\)"):
        found = read_alignment(path)
    assert {name: [i.label for i in tier] for name, tier in found.tiers.items()} == {
        "words": ["long", "after"],
        "words (2)": [],
        "words (3)": ["a", "c"],
        "words (4)": ["b"],
    }


RIVER = "A heron waits by the river, as patient as a stone."


def retimed():
    """Return an alignment of two utterances, whose words are half a second each."""
    starts = iter(range(100))
    tiers = {"utterances": [], "words": []}
    for text in (RIVER, "Yes."):
        first = next(starts)
        words = [
            Interval(first + n / 2 + 0.1, first + n / 2 + 0.5, w)
            for n, w in enumerate(text.split())
        ]
        starts = iter(range(first + len(words) + 2, 100))
        tiers["words"] += words
        tiers["utterances"].append(Interval(first, words[-1].end + 0.2, text))
    return Alignment(tiers, 100.0)


@pytest.mark.parametrize("form", ["srt", "vtt"])
def test_a_cue_for_each_utterance(tmp_path, form):
    path = tmp_path / f"x.{form}"
    write_alignment(retimed(), path)
    assert triples(read_alignment(path)) == [(0.1, 5.5, RIVER), (13.1, 13.5, "Yes.")]
    assert "river,\nas patient" in path.read_text()


@pytest.mark.parametrize("form", ["srt", "vtt"])
@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"cue_characters": 30}, [RIVER, "Yes."]),
        ({"cue_lines": 1}, ["A heron waits by the river,", "as patient as a stone.", "Yes."]),
        ({"cue_lines": 2, "cue_characters": 12},
         ["A heron waits", "by the river,", "as patient as a stone.", "Yes."]),
        ({"cue_seconds": 3},
         ["A heron waits by the river,", "as patient as a stone.", "Yes."]),
        ({"cue_gap": 0.05}, [*RIVER.split(), "Yes."]),
    ],
)  # fmt: skip
def test_limits_of_cues(tmp_path, form, options, texts):
    path = tmp_path / f"x.{form}"
    write_alignment(retimed(), path, **options)
    assert [label for *_, label in triples(read_alignment(path))] == texts
    wide = options.get("cue_characters", 42)
    assert all(len(line) <= wide or "-->" in line for line in path.read_text().split("\n"))


def test_options_that_nobody_takes(tmp_path):
    with pytest.raises(InputError, match=r"cue_lines: no option of ctm; the formats ass, lrc,"):
        write_alignment(retimed(), tmp_path / "x", format="ctm", cue_lines=2)
    with pytest.raises(InputError, match=r"cue_rows: no option of \.srt; no format has it"):
        write_alignment(retimed(), tmp_path / "x.srt", cue_rows=2)
    with pytest.raises(InputError, match=r"cue_lines: expected a number above 0, got 0"):
        write_alignment(retimed(), tmp_path / "x.srt", cue_lines=0)
    assert not list(tmp_path.iterdir())


def test_words_outside_utterances_are_cues_of_their_own(tmp_path):
    words = [Interval(n / 2, n / 2 + 0.4, f"w{n}") for n in range(6)]
    tiers = {"utterances": [Interval(0.9, 2.0, "w2 w3")], "words": words}
    write_alignment(Alignment(tiers, 9.0), tmp_path / "x.srt")
    assert triples(read_alignment(tmp_path / "x.srt")) == [
        (0, 0.9, "w0 w1"), (1, 1.9, "w2 w3"), (2, 2.9, "w4 w5"),
    ]  # fmt: skip
