"""Tokens: what is said, what is a sound, and what nobody says."""

import inspect
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.text import tokens as module
from speechalign.text.stage_directions import is_direction
from speechalign.text.tokens import NOISE, tokens

BLANKS = r"[\s\u200b\u2800\u3164\uffa0]"


def said(text, **options):
    """Return what is said, with ``~`` for a noise and ``.`` for nothing."""
    marks = {NOISE: "~", "": "."}
    return " ".join(marks.get(token.said, token.said) for token in tokens(text, **options))


def table():
    """Yield each example of the module's table, and what stands beside it."""
    for line in re.sub(r"\n {30,}", " ", inspect.getdoc(module)).splitlines():
        for example in re.findall("``(.+?)``", line[:38]):
            yield example, line[38:]


@pytest.mark.parametrize(("example", "kind"), list(table()))
def test_the_table_tells_the_truth(example, kind):
    found = tokens(f"{example} y </x>")[:-2]
    noises = [token.said for token in found if token.said == NOISE]
    if kind.startswith("`NOISE`"):
        assert noises or example in kind.partition("is said")[0], found
    elif kind.startswith("nothing"):
        assert not any(re.search(r"\w", token.said) for token in found)
    else:
        assert found
        assert not noises


def test_the_table_was_read():
    assert len(list(table())) > 30


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[phone rings twice] A heron [door slams in the distance] waits.", "~ A heron ~ waits."),
        ("yes[noise]no, [NOISE], “[sighs]” -[laughs]", "yes ~ no, ~ “ ~ - ~"),
        ("[laughs [loudly] yes] no {breath {deep}}", "~ no ~"),
        ("[laughs and goes", "~ and goes"),
        ("door slams] yes }x{", "door ~ yes ~"),
        ("(laughs) (Anna laughs) (she looks away) (APPLAUSE) (laughs loudly).", "~ ~ ~ ~ ~"),
        ("(END VIDEO CLIP) hello (NASA)", "~ hello (NASA)"),
        ("(well, almost) (in the distance) (s)he", "(well, almost) (in the distance) she"),
        ("word(s) f(x) +44 (0)20 7946 1) a)", "words f(x) +44 (0)20 7946 1) a)"),
        ("((unintelligible)) (( )) (()) ((we went)) (xxx)", "~ ~ ~ ((we went)) ~"),
        ("&=laughs, &=imit:dog &-uh &+fr AT&T R & D &*INV:yes", "~ ~ uh fr AT&T R & D ~"),
        ("%hesitation %um 50% %20 ++COUGH++ +5", "~ um 50% %20 ~ +5"),
        ("xxx, yyy www.x.org XXX", "~ ~ www.x.org XXX"),
        ("/unintelligible/ /?/ /RD-NAME-1/ and/or he/she/it", "~ ~ ~ and/or he/she/it"),
        ("<unk> <noise>. <laugh/> <|en|> <s> a </s> <sil>", "~ ~ ~ . . a . ."),
        ("<c.red>a</c> <v Ann>b</v> (off-screen) &uh", ". a . . b . ~ uh"),
        ("<i>word</i> <laugh>ha</laugh> <font color='red'>x</font>", ". word . . ha . . x ."),
        ("a < b and c > d <3 x<y", "a < b and c > d <3 x<y"),
        ("<I want> [/] I want [: to go] [= x] [* m] [x 3] [!]", "<I want> . I want . . . . ."),
        ("*laughs* *really* 2*3*4 *sighs heavily*.", "~ *really* 2*3*4 ~"),
        ("(pause) [silence] (.) (0.5) (long pause) [00:01:02] [1]", ". . . . . . ."),
        ("{F uh, } [laughter-yes] th[ey]- [s]he pic[k]", ". uh, } yes th- she pick"),
        ("（笑） 【拍手】 (räuspert sich) (Telefon klingelt) (смеётся)", "~ ~ ~ ~ ~"),
        ("a\u200bb c\u2060d e\u3000f g\u00a0h i\u1361j", "a b c\u2060d e f g h i\u1361 j"),
        ("Tom &amp; &quot;A&quot; it&#39;s &#xe9; R&D; x(&amp;)", "Tom & \"A\" it's é R&D; x(&)"),
        ("10\u00a0000 1\u202f234\u202f567 10 000", "10\u00a0000 1\u202f234\u202f567 10 000"),
    ],
)  # fmt: skip
def test_notes(text, expected):
    assert said(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SPEAKER 1: Hello. SPEAKER 2: No", ". . Hello. . . No"),
        ("speaker_01: hello Interviewer: why", ". hello . why"),
        ("Anna: Well. Ben: Hi! Note: a, and Note: b", ". Well. . Hi! Note: a, and Note: b"),
        ("Anna: hello\nDr. Smith: no\nOh: what", ". hello . . no Oh: what"),
        ("Note: keep this.", "Note: keep this."),
        ("He said: go. In Paris: rain.", "He said: go. In Paris: rain."),
        ("Paris: the city of light.", "Paris: the city of light."),
        (">> ANNA: hello >> no >>>BEN: yes", ". . hello . no . . yes"),
        ("*CHI: go there . *MOT: yes", ". go there . . yes"),
        ("Q: Why? A: So. JOHN (laughing): Yes.", ". Why? . So. . . Yes."),
        ("- Anna: hi\n- Ben: no", "- . hi - . no"),
        ("注意：今天下雨", "注意：今天下雨"),
        ("注意： 今天", "注意： 今天"),
        ("ملاحظة: نعم", "ملاحظة: نعم"),
        ("примечание: да", "примечание: да"),
        ("Примечание: Да", "Примечание: Да"),
        ("Анна: Да\nИван: Нет", ". Да . Нет"),
        ("élan: oui", "élan: oui"),
        ("[Anna]: hi [Speaker 2] no", ". hi . no"),
        ("10:30: go at 10:30", "10:30: go at 10:30"),
        ("Das Problem: Es regnet.", "Das Problem: Es regnet."),
        ("Anna:", "Anna:"),
    ],
)  # fmt: skip
def test_speaker_labels(text, expected):
    assert said(text) == expected


def test_speaker_labels_may_be_told():
    assert said("Note: x S1: y Anna: z", speaker_labels=r"S\d:") == "Note: x . y Anna: z"
    assert said("SPEAKER 1: x", speaker_labels="") == "SPEAKER 1: x"
    assert said("Frau Meier 2: x", speaker_labels=r"Frau \w+ \d:") == ". . . x"


@pytest.mark.parametrize(
    ("text", "word", "phones"),
    [
        ("a tomato/T AH0 M AA1 T OW0/, b", "tomato,", "T AH0 M AA1 T OW0"),
        ("a tea/t iː/ b", "tea", "t iː"),
        ("a [x] so/S OW/", "so", "S OW"),
        ("a so/AH0/", "so", "AH0"),
        ("a and/or/not he/she b/c/ 24/7 1/2/ either/or", None, None),
        ("(x /T IY/ a /unintelligible/", None, None),
    ],
)
def test_pronunciations(text, word, phones):
    found = [(token.label, " ".join(token.phones)) for token in tokens(text) if token.phones]
    assert found == ([] if word is None else [(word, phones)])


def test_groups_of_digits():
    assert said("a 10 000 b", grouped_by_spaces=True).split(" ", 1)[1] == "10 000 b"
    assert [t.label for t in tokens("1 234 567 89", grouped_by_spaces=True)] == ["1 234 567", "89"]
    assert [t.label for t in tokens("10 000")] == ["10", "000"]


@given(
    st.text(
        st.sampled_from("ab Z1[](){}<>*&=%+/-.,:\u200b\n|笑（）") | st.characters(), max_size=40
    )
)
def test_no_character_is_lost(text):
    found = tokens(text)
    if any(token.phones for token in found):
        return
    labels = "".join(token.label for token in found)
    assert re.sub(BLANKS, "", labels) == re.sub(BLANKS, "", text)


@pytest.mark.parametrize(
    "unit",
    [
        "[",
        "(",
        "(a",
        "<",
        "<a",
        "{a]",
        "*a",
        "+a",
        "/a",
        "&=",
        "%a",
        "[a ",
        "a: ",
        "Aa: ",
        "<a>",
        "(a) ",
    ],
)
def test_time_is_linear(unit):
    assert tokens(unit * 20000)  # where it is not, this takes minutes


SAID_IN_BRACKETS = """
well, almost|or so I thought|s|which is nice|about ten|born in 1970|as it were|he says|you know
the red one|and then she laughs at me|they cry|Paris|the music|my sister|if any|in French
no music here|unlike the others|it rained|or cry|the noise|see below|thank you|left|so-called|dogs
""".strip().replace("\n", "|").split("|")  # fmt: skip


@pytest.mark.parametrize("content", SAID_IN_BRACKETS)
def test_what_is_said_in_round_brackets_is_no_note(content):
    assert not is_direction(content)


NOTES = """
laughs|laughing|laughter|Laughter|LAUGHS|coughs|clears throat|sighs deeply|applause|cheering
audience laughs|crowd cheering|door slams|phone rings|dog barks|inaudible|inaudible 00:03|crosstalk
speaking Spanish|speaks foreign language|music playing|upbeat music|music fades|indistinct chatter
whispers|crying|sobbing|he laughs nervously|John sighs|everybody laughs|background noise|beep
unintelligible|lacht|hustet|räuspert sich|rires|risas|risate|музыка|笑|kahkaha|śmiech|takes a breath
""".strip().replace("\n", "|").split("|")  # fmt: skip


@pytest.mark.parametrize("content", NOTES)
def test_notes_in_round_brackets(content):
    assert is_direction(content)
