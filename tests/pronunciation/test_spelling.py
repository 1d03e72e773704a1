"""How CTC models read words: characters in their casing, pieces of words, and what they lack."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.pronunciation.spelling import Alphabet, load_speller, separator
from speechalign.vocabulary import Piece, Vocabulary


class Small:
    name, language, unit = "small", "und", "characters"

    def __init__(self, symbols, language="und"):
        self.vocabulary = Vocabulary(symbols, blank=symbols[0])
        self.language = language


def read(symbols, word):
    alphabet = Alphabet(Vocabulary(symbols, blank=symbols[0]))
    return [
        ("?" if piece.label is None else symbols[piece.label], word[piece.start : piece.end])
        for piece in alphabet.spell(word)
    ]


@pytest.mark.parametrize(
    ("symbols", "word", "found"),
    [
        (["_", "A", "B"], "ab", [("A", "a"), ("B", "b")]),
        (["_", "a", "e"], "ÄÉ", [("a", "Ä"), ("e", "É")]),
        (["_", "ä", "a"], "äa", [("ä", "ä"), ("a", "a")]),
        (["_", "s", "c", "h", "sch"], "schs", [("sch", "sch"), ("s", "s")]),
        (["_", "s"], "ß", [("s", "ß"), ("s", "ß")]),
        (["_", "f", "i"], "ﬁ", [("f", "ﬁ"), ("i", "ﬁ")]),
        (["_", "n", "t"], "n't", [("n", "n"), ("t", "t")]),
        (["_", "a"], "a12a", [("a", "a"), ("?", "12"), ("a", "a")]),
        (["_", "ض"], "ضَ", [("ض", "ض")]),
        (["_", "<s>", "s"], "s<", [("s", "s"), ("?", "<")]),
        (["_", "▁a", "▁", "a", "b"], "ab", [("▁a", "a"), ("b", "b")]),
        (["_", "▁a", "▁", "a", "b"], "ba", [("▁", "b"), ("b", "b"), ("a", "a")]),
    ],
)
def test_alphabets(symbols, word, found):
    assert read(symbols, word) == found


@given(st.text(max_size=8))
def test_any_word_can_be_spelled(word):
    pieces = Alphabet(Vocabulary(["_", "a", "E", "st", "é"], blank="_")).spell(word)
    assert all(0 <= piece.start < piece.end <= len(word) for piece in pieces)
    starts = [piece.start for piece in pieces]
    assert starts == sorted(starts)
    unknown = [piece.label is None for piece in pieces]
    assert not any(a and b and p.end == q.start for (a, p), (b, q) in
                   zip(zip(unknown, pieces), zip(unknown[1:], pieces[1:])))  # fmt: skip


@pytest.mark.parametrize(
    ("symbols", "column"), [(["_", "a", "|"], 2), (["_", " "], 1), (["_", "a"], None)]
)
def test_separators(symbols, column):
    assert separator(Vocabulary(symbols, blank="_")) == column


def test_places_are_in_the_label():
    speller = load_speller(Small(["_", *"abcdeéfinuxz", "|"]), language="fr")
    (cafe, six) = speller.words("«Ça fée»  6")[1:]
    assert [(p.start, p.end) for p in cafe.readings[0][0]] == [(0, 1), (1, 2), (2, 3)]
    # Said otherwise than written: the whole word; "s" is not in the alphabet.
    assert six.spoken == ("six",)
    assert {(p.start, p.end) for p in six.readings[0][0]} == {(0, 1)}
    assert six.source == "unknown"
    assert cafe.source == "letters"


def test_romanised_models_read_any_script():
    pytest.importorskip("uroman", reason="needs uroman")
    model = Small(["_", *"abcdefghijklmnopqrstuvwxyz'"], language="mul")
    (word,) = load_speller(model, language="ru").words("Привет!")
    symbols = "".join(model.vocabulary.symbols[p.label] for p in word.readings[0][0])
    assert symbols == "privet"
    assert [(p.start, p.end) for p in word.readings[0][0]] == [(n, n + 1) for n in range(6)]
    assert word.source == "letters"


def test_phones_of_any_language_by_rule():
    pytest.importorskip("espeakng_loader", reason="needs eSpeak NG")

    from speechalign.espeak import phonemes

    ((ja, *_), (nein, *_)) = phonemes(["ja", "nein"], "de")

    class Phones:
        name, language, unit, noise, pronunciation = "ipa", "en-us", "phones", "<noise>", "espeak"
        vocabulary = Vocabulary(["_", *dict.fromkeys([*ja, *nein])], blank="_")
        phones = vocabulary.symbols[1:]
        dictionary = {}  # noqa: RUF012
        own_words = frozenset()

    (yes, no, noise) = load_speller(Phones(), language="de").words("Ja, nein [lacht]")
    for word, phones in ((yes, ja), (no, nein)):
        assert [p.label for p in word.readings[0][0]] == Phones.vocabulary.ids(phones)
    assert noise.readings == (((Piece(None, 0, 7),),),)


def test_notes_are_any_sound():
    speller = load_speller(Small(["_", *"abcdefghijklmnopqrstuvwxyz"], "de"), language="de")
    words = speller.words("[Telefon klingelt] Ja (lacht) nein (oder so) 猫")
    assert [(word.label, word.source) for word in words] == [
        ("[Telefon klingelt]", "noise"), ("Ja", "letters"), ("(lacht)", "noise"),
        ("nein", "letters"), ("(oder", "letters"), ("so)", "letters"), ("猫", "unknown"),
    ]  # fmt: skip
    assert words[0].readings == (((Piece(None, 0, 18),),),)
