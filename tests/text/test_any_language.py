"""Transcripts in any language: words, numbers as they are read, and places in the user's text."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import BackendError
from speechalign.text import romanise as module
from speechalign.text.any_language import words
from speechalign.text.places import places
from speechalign.text.romanise import romanise
from speechalign.text.tokens import tokens
from speechalign.text.word import NOISE, UNKNOWN, Word

BLANKS = r"[\s\u200b\u2800\u3164\uffa0]"


def spoken(text, language="und"):
    return [" ".join(word.spoken) for word in words(text, language=language)]


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("Ça, c'est L’été!", "fr", ["ça", "c'est", "l'été"]),
        ("И-так… Привет!", "ru", ["и так", "привет"]),
        ("नमस्ते, दुनिया।", "hi", ["नमस्ते", "दुनिया"]),
        ("東京 へ", "ja", ["東京", "へ"]),
        ("ISPARTA'da İYİ", "tr", ["ısparta'da", "iyi"]),
        ("3 Pförtner", "de", ["drei", "pförtner"]),
        ("1.234,5", "fr", ["mille deux cent trente quatre virgule cinq"]),
        ("1.234", "de", ["eintausendzweihundertvierunddreißig"]),
        ("3,14 3.14", "sv", ["tre komma ett fyra", UNKNOWN]),  # 3.14: two past three?
        ("٣ كتب", "ar", ["ثلاثة", "كتب"]),
        ("12 und", "und", ["12", "und"]),
        ("20% 5€", "fr", ["vingt pour cent", f"cinq {UNKNOWN}"]),
        ("[bruit] oui <rire>", "fr", [NOISE, "oui", NOISE]),
        ("‘hi’ U.S.A. rock'n'roll", "sv", ["hi", "usa", "rock'n'roll"]),
        ("ab\u200dc co\u00adop", "und", ["abc", "coop"]),
        ("— 🙂 …", "de", []),
        ("ｆｕｌｌ ②　ﬁn x\u0301 ☺\ufe0f", "fr", ["full", UNKNOWN, "fin", "x\u0301"]),
        ("a\u200bb c\u2060d \u200fe\u200e f\u1361g\u1361", "und", ["a", "b", "cd", "e", "f", "g"]),
        ("می\u200cخواهم ســلام", "fa", ["میخواهم", "سلام"]),
        ("don‘t don´t don`t donʼt don＇t", "sv", ["don't"] * 5),
        ("И\u2011так и\u2010так", "ru", ["и так", "и так"]),
        ("今日はいい天気。 3.5円", "ja", ["今", "日", "は", "い", "い", "天", "気", "三 点 五 円"]),
        ("コンピューターゲーム", "ja", ["コンピューターゲーム"]),
        (
            "ภาษาไทยไม่เว้นวรรคระหว่างคำ",
            "th",
            [
                "ภา",
                "ษา",
                "ไท",
                "ย",
                "ไม่",
                "เว้",
                "น",
                "ว",
                "ร",
                "ร",
                "ค",
                "ระ",
                "ห",
                "ว่า",
                "ง",
                "คำ",
            ],
        ),
        (
            "Louis XIV au XVIe siècle VII.",
            "fr",
            ["louis", UNKNOWN, "au", UNKNOWN, "siècle", UNKNOWN],
        ),
        ("VI ÄR VI", "sv", ["vi", "är", "vi"]),
        ("（笑） はい [laughs]", "ja", [NOISE, "はい", NOISE]),
        ("(rires) oui (presque) &=tousse", "fr", [NOISE, "oui", "presque", NOISE]),
    ],
)
def test_what_is_said(text, language, said):
    assert spoken(text, language) == said


@given(st.text(), st.sampled_from(["und", "de", "ru", "tr", "xx"]))
def test_no_text_is_refused_and_none_is_lost(text, language):
    found = words(text, language=language)
    if found:
        labels = "".join(word.label for word in found)
        kept = "".join(token.label for token in tokens(text) if token.said)
        assert re.sub(BLANKS, "", labels) == re.sub(BLANKS, "", kept)
    for word in found:
        assert word.spoken
        assert all(part.strip() == part and part for part in word.spoken)


@given(st.text(st.characters(categories=["L", "M"]), min_size=1, max_size=8))
def test_letters_are_found_at_their_place(text):
    for word in words(text, language="und"):
        spans = list(itertools.chain(*places(word)))
        assert len(spans) == sum(map(len, word.spoken))
        assert spans == sorted(spans)
        assert all(0 <= start < end <= len(word.label) for start, end in spans)


@pytest.mark.parametrize(
    ("word", "found"),
    [
        (Word("«Já»,", ("já",)), (((1, 2), (2, 3)),)),
        (Word("A-B", ("a", "b")), (((0, 1),), ((2, 3),))),
        (Word("5k", ("five", "thousand")), (((0, 2),) * 4, ((0, 2),) * 8)),
        (Word("café", ("cafe",)), (((0, 1), (1, 2), (2, 3), (3, 4)),)),
        (Word("[x]", (NOISE,)), (((0, 3),) * len(NOISE),)),
    ],
)
def test_places(word, found):
    assert places(word) == found


def test_latin_words_need_no_uroman(monkeypatch):
    monkeypatch.setattr(module, "_loaded_uroman", None)
    assert romanise("où'x", "fr") == (("o", 0, 1), ("u", 1, 2), ("'", 2, 3), ("x", 3, 4))


def test_other_scripts_are_romanised():
    pytest.importorskip("uroman", reason="needs uroman")
    assert "".join(part for part, _, _ in romanise("привет", "ru")) == "privet"
    for word, language in (("東京", "ja"), ("सड़क", "hi"), ("straße", "de")):
        found = romanise(word, language)
        assert all(part.isascii() for part, _, _ in found)
        assert [start for _, start, _ in found] == sorted(start for _, start, _ in found)
        assert found[-1][2] == len(word)


def test_a_missing_uroman_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "uroman", None)
    module._loaded_uroman.cache_clear()
    with pytest.raises(BackendError, match=r"pip install 'speechalign\[uroman\]'"):
        romanise("привет", "ru")
