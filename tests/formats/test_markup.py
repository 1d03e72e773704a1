"""Markup of subtitles: gone when read, and what looks like it comes back when written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.formats.markup import SUBRIP, WEBVTT, escape, plain

PIECES = st.lists(
    st.sampled_from(
        ["<i>", "</i>", "<", ">", "<unk>", "i", "{\\an8}", "{", "}", "\\", "&amp;", "&", "amp;",
         "#38;", "&lt", ";", "-->", "--", "<v Ann>", "<00:01.000>", " ", "b", "{b}", "<br/>", "x"]
    ),
    max_size=8,
).map("".join)  # fmt: skip


@pytest.mark.parametrize("markup", [SUBRIP, WEBVTT])
@given(text=PIECES)
def test_any_text_comes_back(markup, text):
    written = escape(text, markup)
    assert plain(written, markup) == text
    assert "-->" not in written


@pytest.mark.parametrize(
    ("marked", "subrip", "webvtt"),
    [
        ("<i>A heron</i> waits", "A heron waits", "A heron waits"),
        ('<font color="red">a</font>', "a", "a"),
        ("{\\an8}Two {\\i1}cups{\\i0}", "Two cups", "Two cups"),
        ("{b}bold{/b} {y:i}it", "bold it", "bold it"),
        ("R&amp;D &lt;3&nbsp;&#233;&#xe9;", "R&D <3\u00a0éé", "R&D <3\u00a0éé"),
        ("&notit; &foo; AT&T; a & b", "&notit; &foo; AT&T; a & b", "&notit; &foo; AT&T; a & b"),
        ("<unk> i < 3 > 2", "<unk> i < 3 > 2", " i  2"),
        ("one<br>two<br />three", "one two three", "one two three"),
        ("a<00:00:01.500><c.loud> b</c>", "a b", "a b"),
        ("<ruby>漢<rt>kan</rt></ruby>", "漢kan", "漢kan"),
        ("<island> <brown>", "<island> <brown>", " "),
    ],
)
def test_markup_is_no_text(marked, subrip, webvtt):
    assert plain(marked, SUBRIP) == subrip
    assert plain(marked, WEBVTT) == webvtt


def test_text_without_markup_is_written_as_it_is():
    assert escape("R&D {x} <unk> 5 > 3", SUBRIP) == "R&D {x} <unk> 5 > 3"
