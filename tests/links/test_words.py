"""When words are said: counts that must agree, punctuation, words that share their time."""

import pytest

from speechalign import Alignment, Interval
from speechalign.errors import FormatError, InputError
from speechalign.links import (
    Links,
    TimedWord,
    WeightedLinks,
    fit_words,
    match_sentences,
    read_word_lists,
    read_words,
    timed_words,
)

SAID = Alignment({"words": [Interval(0.5, 1, "Oh"), Interval(1, 3, "of the")]}, 4.0)


def test_labels_are_the_words():
    expected = [TimedWord("Oh", 0.5, 1), TimedWord("of", 1, 3), TimedWord("the", 1, 3)]
    assert timed_words(SAID) == expected


def test_punctuation_takes_no_time_and_shared_time_counts_for_each():
    words = timed_words(SAID, ["oh", ",", "of", "the", "..."])
    assert [word.seconds for word in words] == [0.5, 0, 2, 2, 0]
    assert [word.label for word in words] == ["oh", ",", "of", "the", "..."]
    assert words[1] == TimedWord(",")


@pytest.mark.parametrize("words", [None, ["ah", "!", "so", "-", "ja"]])
def test_punctuation_on_the_label_of_a_word_takes_no_time(words):
    said = Alignment({"words": [Interval(0, 1, "ah !"), Interval(1, 2, "so - ja")]}, 2.0)
    assert [word.seconds for word in timed_words(said, words)] == [1, 0, 1, 0, 1]


def test_spoken_punctuation_keeps_its_time_where_labels_are_the_words():
    said = Alignment({"words": [Interval(0, 1, "a"), Interval(1, 2, "-")]}, 2.0)
    assert [word.seconds for word in timed_words(said, ["a", "-"])] == [1, 1]
    assert [word.seconds for word in timed_words(said, ["a", ","])] == [1, 0]


def test_other_counts_are_refused():
    with pytest.raises(
        InputError, match=r"expected times of 2 words \(oh the\), got 3 \(Oh of the\); are they"
    ):
        timed_words(SAID, ["oh", "the", "."])
    with pytest.raises(InputError, match=r"expected a tier 'phones', got \['words'\]"):
        timed_words(SAID, tier="phones")


def test_recordings_of_sentences():
    assert match_sentences(["1", "2"], ["a/01", "a/02"]) == {"1": "a/01", "2": "a/02"}
    assert match_sentences(["1", "2"], ["000", "001"]) == {"1": "000", "2": "001"}
    assert match_sentences(["1", "2"], ["2"]) == {"1": None, "2": "2"}
    assert match_sentences(["s1", "s2"], ["x/s2"]) == {"s1": None, "s2": "x/s2"}
    assert match_sentences(["1"], ["s1"]) == {"1": None}


def test_weights():
    with pytest.raises(InputError, match=r"target_weights\[1\]: expected a finite number >= 0, "):
        WeightedLinks(Links([]), [1.0], [1.0, -1.0])
    with pytest.raises(InputError, match=r"source_weights\[0\]: expected a finite"):
        WeightedLinks(Links([]), [float("nan")])
    with pytest.raises(InputError, match=r"link 1-0 .* out of range: the source has 1 words"):
        WeightedLinks(Links([(1, 0)]), [1.0])
    assert WeightedLinks(Links([(0, 9)]), [1.0]).target_weights is None


def test_read_words(tmp_path):
    path = tmp_path / "tokens"
    path.write_bytes("▁a b \u3000\n\nc".encode())
    assert read_words(path) == [["▁a", "b", "\u3000"], [], ["c"]]
    path.write_bytes(b"a\n\xe9\n")
    with pytest.raises(FormatError, match="tokens, line 2: byte 0xe9 is not UTF-8"):
        read_words(path)


LISTS = '{"000": {"de": [["ja", 0, 0.5], [",", null, null]], "x": []}}'


def test_word_lists_of_the_data_set(tmp_path):
    path = tmp_path / "words.json"
    path.write_text(LISTS)
    found = read_word_lists(path)
    assert found == {"000": {"de": [TimedWord("ja", 0, 0.5), TimedWord(",")], "x": []}}
    assert fit_words(found["000"]["de"], ["Ja", "!"]) == [TimedWord("Ja", 0, 0.5), TimedWord("!")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "words: not JSON: "),
        ("[]", "words: sentences: expected a JSON object"),
        ('{"7": []}', "sentence 7: voices: expected a JSON object"),
        ('{"7": {"a": {}}}', "sentence 7: a: expected a list of words"),
        ('{"7": {"a": [["x", 0, 1], ["y", 2, 1]]}}', r"a: word 1: expected .*, got \['y', 2, 1\]"),
        ('{"7": {"a": [["x", 0, null]]}}', r"word 0: expected \[word, start, end\] or"),
        ('{"7": {"a": [["x", NaN, 1]]}}', "word 0: expected"),
    ],
)
def test_word_lists_of_another_layout(text, message, tmp_path):
    path = tmp_path / "words"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_word_lists(path)
