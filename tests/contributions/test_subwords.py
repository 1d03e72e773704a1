"""Subwords: every scheme, with and without the words at hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.contributions import find_scheme, group_subwords
from speechalign.errors import InputError


@pytest.mark.parametrize(
    ("scheme", "tokens", "groups"),
    [
        ("sentencepiece", ["▁Hel", "lo", ",", "▁wor", "ld", "!", "</s>"],
         [("Hello", [0, 1]), (",", [2]), ("world", [3, 4]), ("!", [5])]),
        ("sentencepiece", ["▁", "Hi", "▁", "."], [("Hi", [0, 1]), (".", [2, 3])]),
        ("sentencepiece", ["hi", "▁<unk>"], [("hi", [0]), ("<unk>", [1])]),
        ("sentencepiece", ["▁", "<0xC3>", "<0xA9>", "t", "<unk>"],
         [("ét", [0, 1, 2, 3]), ("<unk>", [4])]),
        ("sentencepiece", ["__deu__", "▁a", "b"], [("ab", [1, 2])]),
        ("byte-level", ["He", "llo", ",", "ĠÃ©", "t", "Ã©", "<|endoftext|>"],
         [("Hello", [0, 1]), (",", [2]), ("été", [3, 4, 5])]),
        ("byte-level", ["ĠÃ", "©"], [("é", [0, 1])]),
        ("bpe", ["hel@@", "lo", ",", "w@@", "or@@", "ld"],
         [("hello", [0, 1]), (",", [2]), ("world", [3, 4, 5])]),
        ("bpe", ["'@@", "s"], [("'s", [0, 1])]),
        ("wordpiece", ["[CLS]", "hel", "##lo", ",", "world", "[SEP]"],
         [("hello", [1, 2]), (",", [3]), ("world", [4])]),
        ("words", ["a", "b", "."], [("a", [0]), ("b", [1]), (".", [2])]),
    ],
)  # fmt: skip
def test_words_by_their_marks(scheme, tokens, groups):
    assert group_subwords(tokens, scheme) == groups
    # Given the words, the same tokens belong to them.
    words = [word for word, _ in groups]
    assert group_subwords(tokens, scheme, words) == groups


def test_words_of_another_tokenization():
    tokens = ["▁don", "'", "t", "▁stop", "."]
    assert group_subwords(tokens, "sentencepiece", ["do", "n't", "stop."]) == [
        ("do", [0]), ("n't", [0, 1, 2]), ("stop.", [3, 4]),
    ]  # fmt: skip
    assert group_subwords(["▁New", "▁York"], "sentencepiece", ["New York"]) == [
        ("New York", [0, 1])
    ]


def test_case_and_compatibility_do_not_matter():
    tokens = ["▁STRASSE", "▁fi"]
    assert group_subwords(tokens, "sentencepiece", ["Straße", "ﬁ"]) == [
        ("Straße", [0]), ("ﬁ", [1]),
    ]  # fmt: skip


def test_another_text_is_refused():
    with pytest.raises(
        InputError, match="words of the sentence, which go on with 'ld', got 'd'; tokenize the"
    ):
        group_subwords(["▁hello", "▁word"], "sentencepiece", ["hello", "world"])
    with pytest.raises(InputError, match="go on with '', got 'b'"):
        group_subwords(["a", "b"], "words", ["a"])
    with pytest.raises(InputError, match="'ж' is no byte; is it byte-level"):
        group_subwords(["ж"], "byte-level")


def test_schemes_are_found():
    assert find_scheme([["Ġa", "b"], []]) == "byte-level"
    assert find_scheme([["a"], ["##b"]]) == "wordpiece"
    assert find_scheme([]) == "words"


WORDS = st.lists(st.text("abcé漢.", min_size=1, max_size=5), min_size=1, max_size=5)


@given(WORDS, st.data())
def test_any_split_finds_its_words_again(words, data):
    tokens, expected = [], []
    for word in words:
        cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(word) - 1)), max_size=2)))
        ends = [*[cut for cut in cuts if cut < len(word)], len(word)]
        parts = [word[a:b] for a, b in zip([0, *ends], ends)]
        expected.append(list(range(len(tokens), len(tokens) + len(parts))))
        tokens += ["▁" + parts[0], *parts[1:]]
    assert group_subwords(tokens, "sentencepiece", words) == list(zip(words, expected))
