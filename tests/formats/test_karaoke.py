"""Subtitles that mark each word: the times of words survive, and other programs read them."""

import base64
import io
import re
from urllib.parse import urlparse

import numpy as np
import pytest
import soundfile
from hypothesis import assume, given
from strategies import alignments

from speechalign import Alignment, Interval, read_alignment, write_alignment
from speechalign.errors import FormatError

STEPS = {"vtt": 1e-3, "ttml": 1e-3, "ass": 1e-2, "lrc": 1e-2}
WORDS = [
    Interval(0.5, 0.92, "Hello,"),
    Interval(0.92, 1.4, "{world}"),
    Interval(1.6, 2.0, "R&D"),
    Interval(3.0, 3.75, "<unk>"),
]
ONE = Alignment({"words": WORDS}, 5.0)


def plain(intervals):
    return [(round(i.start, 3), round(i.end, 3), i.label) for i in intervals]


@pytest.mark.parametrize("form", STEPS)
def test_the_times_of_words_come_back(form, tmp_path):
    path = tmp_path / f"x.{form}"
    write_alignment(ONE, path, cue_highlight=True)
    found = read_alignment(path)
    assert plain(found.tiers["words"]) == plain(WORDS)
    assert plain(found.tiers["utterances"]) == [
        (0.5, 2.0, "Hello, {world} R&D"),
        (3.0, 3.75, "<unk>"),
    ]
    again = tmp_path / f"again.{form}"
    write_alignment(found, again, cue_highlight=True)
    assert again.read_text() == path.read_text()


@pytest.mark.parametrize("form", STEPS)
def test_any_words_come_back(form, tmp_path_factory):
    path = tmp_path_factory.mktemp(form) / f"x.{form}"

    @given(alignments(tiers=["words"], step=STEPS[form]))
    def check(alignment):
        labels = "".join(i.label for i in alignment.tiers["words"])
        assume(form != "ttml" or not re.search(r"[\x00-\x1f\ufffe\uffff]", labels))
        write_alignment(alignment, path, cue_highlight=True)
        words = [i for i in alignment.tiers["words"] if i.label.strip()]
        found = list(read_alignment(path).tiers.get("words", ()))
        assert [i.label for i in found] == [" ".join(i.label.split()) for i in words]
        for ours, theirs in zip(found, words):
            assert ours.start == pytest.approx(theirs.start, abs=1e-6)
            assert ours.end == pytest.approx(theirs.end, abs=1e-6)

    check()


@pytest.mark.parametrize("form", STEPS)
def test_words_shorter_than_the_clock_come_back(form, tmp_path):
    times = [(0.0, 1e-6), (1e-6, 2e-6), (2e-6, 1.0), (1.0, 1.000001), (1.000001, 1.000002)]
    words = [Interval(start, end, f"w{n}") for n, (start, end) in enumerate(times)]
    path = tmp_path / f"x.{form}"
    write_alignment(Alignment({"words": words}, 2.0), path, cue_highlight=True)
    found = read_alignment(path).tiers["words"]
    assert [word.label for word in found] == [word.label for word in words]
    for ours, theirs in zip(found, words):  # Each is moved by a tick for each that is too short.
        assert ours.start == pytest.approx(theirs.start, abs=4 * STEPS[form])
        assert ours.end == pytest.approx(theirs.end, abs=4 * STEPS[form])


@pytest.mark.parametrize("form", STEPS)
def test_without_highlights_there_are_no_times_of_words(form, tmp_path):
    path = tmp_path / f"x.{form}"
    write_alignment(ONE, path, cue_highlight=False)
    found = read_alignment(path)
    assert list(found.tiers) == ["utterances"]
    assert plain(found.tiers["utterances"])[0] == (0.5, 2.0, "Hello, {world} R&D")
    write_alignment(found, tmp_path / f"y.{form}", cue_highlight=False)
    assert (tmp_path / f"y.{form}").read_text() == path.read_text()


@pytest.mark.parametrize("form", ["vtt", "ttml", "ass"])
def test_speakers_and_their_words(form, tmp_path):
    path = tmp_path / f"x.{form}"
    tiers = {"A & B - words": [Interval(0, 2, "yes")], "C - words": [Interval(1, 3, "no <x>")]}
    write_alignment(Alignment(tiers, 3.0), path, cue_highlight=True)
    found = read_alignment(path)
    assert plain(found.tiers["A & B - words"]) == [(0, 2, "yes")]
    assert plain(found.tiers["C - words"]) == [(1, 3, "no <x>")]


def test_lrc_names_speakers(tmp_path):
    path = tmp_path / "x.lrc"
    tiers = {"Ann - words": [Interval(0, 2, "yes")], "Bob - words": [Interval(3, 4, "[laughs]")]}
    write_alignment(Alignment(tiers, 4.0), path)
    assert path.read_text() == (
        "[00:00.00]Ann: yes\n[00:02.00]\n[00:03.00]Bob: [laughs]\n[00:04.00]\n"
    )


def test_pysubs2_reads_ass(tmp_path):
    pysubs2 = pytest.importorskip("pysubs2", reason="needs pysubs2")
    path = tmp_path / "x.ass"
    words = [Interval(3600 + i.start, 3600 + i.end, i.label) for i in WORDS[:3]]
    write_alignment(Alignment({"Ann - words": words}, 4000.0), path)
    (event,) = pysubs2.load(str(path))
    assert (event.start, event.end, event.name) == (3_600_500, 3_602_000, "Ann")
    assert event.text == r"{\k42}Hello, {\k48}\{world\} {\k20}{\k40}R&D"
    subtitles = pysubs2.load(str(path))
    assert subtitles.styles["Default"].secondarycolor.r == 160
    subtitles.save(str(tmp_path / "y.ass"))
    assert read_alignment(tmp_path / "y.ass") == read_alignment(path)


def test_ass_of_others(tmp_path):
    path = tmp_path / "x.ass"
    path.write_text(
        "[Script Info]\n; made by hand\nTitle: x\n\n[V4 Styles]\nFormat: Name\n\n[Events]\n"
        "Format: Start, End, Name, Text\n"
        "Comment: 0:00:00.00,0:00:01.00,,not shown\n"
        r"Dialogue: 0:00:01.00,0:00:04.00,Ann,{\an8\kf50}Hel{\K50}lo{\k30} {\ko70}there,\Nyou"
        "\n"
        r"Dialogue: 0:00:04.00,0:00:05.00,,{\p1}m 0 0 l 1 1{\p0}shown\h{\i1}here"
        "\n"
    )
    found = read_alignment(path)
    assert plain(found.tiers["Ann - utterances"]) == [(1, 4, "Hello there, you")]
    assert plain(found.tiers["Ann - words"]) == [(1, 2, "Hello"), (2.3, 3, "there, you")]
    assert plain(found.tiers["utterances"]) == [(4, 5, "shown here")]
    path.write_text("[Script Info]\n\n[Events]\nDialogue: 0,0:00:01.00,x,Default,,0,0,0,,a\n")
    with pytest.raises(FormatError, match=r"line 4: expected a time h:mm:ss\.cc, got 'x'"):
        read_alignment(path)


def test_lrc_of_others(tmp_path):
    path = tmp_path / "x.lrc"
    path.write_text(
        "[ti:Song]\n[offset:+500]\n[00:12.00][00:20.5]Again\n[00:14.00]<00:14.20>one "
        "<00:14.80>two\n[01:00:00]end\n"
    )
    found = read_alignment(path)
    assert plain(found.tiers["utterances"]) == [
        (11.5, 13.5, "Again"), (13.5, 20.0, "one two"), (20.0, 59.5, "Again"), (59.5, 63.5, "end")
    ]  # fmt: skip
    assert plain(found.tiers["words"]) == [(13.7, 14.3, "one"), (14.3, 20.0, "two")]


def test_ttml_of_others(tmp_path):
    path = tmp_path / "x.ttml"
    path.write_text(
        '<?xml version="1.0" encoding="latin-1"?><tt xmlns="http://www.w3.org/ns/ttml" '
        'xmlns:ttp="http://www.w3.org/ns/ttml#parameter" ttp:frameRate="25" ttp:tickRate="1000">'
        '<head/><body begin="10s"><div begin="1m"><p begin="00:00:01:05" dur="300t">a<br/>b '
        '<span>c</span></p><p end="2.5s" begin="1500ms"><span begin="0.5s">d</span></p><p>no</p>'
        "</div></body></tt>"
    )
    found = read_alignment(path)
    assert plain(found.tiers["utterances"]) == [(71.2, 71.5, "a b c"), (71.5, 72.5, "d")]
    assert plain(found.tiers["words"]) == [(72.0, 72.5, "d")]
    path.write_text("<html/>")
    with pytest.raises(FormatError, match="expected the element tt, got 'html'"):
        read_alignment(path)


def test_xml_has_no_control_characters(tmp_path):
    with pytest.raises(FormatError, match=r"XML cannot hold the character '\\x1b'; repair"):
        write_alignment(Alignment({"words": [Interval(0, 1, "a\x1b")]}, 1.0), tmp_path / "x.ttml")


def test_a_browser_lights_words_up_as_they_are_said(page, tmp_path):
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    path = tmp_path / "talk.vtt"
    words = [Interval(0.5, 1, "Hello,"), Interval(1, 2, "world"), Interval(2.5, 3, "again")]
    write_alignment(Alignment({"words": words}, 4.0), path, cue_highlight=True)
    sound = io.BytesIO()
    soundfile.write(sound, np.zeros(4 * 8000), 8000, format="WAV")
    data = base64.b64encode(sound.getvalue()).decode()
    html = (
        '<body style="margin:0;background:black"><video width="800" height="300" '
        f'src="data:audio/wav;base64,{data}"><track src="talk.vtt"></video>'
    )
    files = {"/": ("text/html", html), "/talk.vtt": ("text/vtt", path.read_text())}

    def answer(route):
        kind, body = files.get(urlparse(route.request.url).path, ("text/plain", ""))
        route.fulfill(content_type=kind, body=body)

    page.route("**/*", answer)
    page.goto("http://talk.test/")
    page.evaluate("document.querySelector('video').textTracks[0].mode = 'showing'")
    page.wait_for_function(
        "document.querySelector('track').readyState == 2"
        " && document.querySelector('video').readyState >= 2"
    )
    lit = []
    for time in (0.7, 1.5, 2.2, 2.7):
        shown = page.evaluate(
            """async time => {
              const video = document.querySelector('video');
              await new Promise(done => { video.onseeked = done; video.currentTime = time; });
              await new Promise(requestAnimationFrame);
              await new Promise(requestAnimationFrame);
              return video.textTracks[0].activeCues[0].getCueAsHTML().textContent;
            }""",
            time,
        )
        assert shown == "Hello, world again"
        pixels = np.array(image.open(io.BytesIO(page.screenshot())).convert("L"))
        columns = np.flatnonzero((pixels > 200).any(axis=0))
        lit.append(columns[-1] - columns[0])
    assert lit[0] < lit[1] == lit[2] < lit[3]
