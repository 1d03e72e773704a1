"""Transcripts in IPA and X-SAMPA, and tables of letters."""

import pytest

from speechalign.errors import FormatError, InputError
from speechalign.text.ipa import IpaPhones, LetterTable, XSampaPhones, words, xsampa_words


def spoken(text):
    return [word.spoken for word in words(text)]


def test_white_space_separates_words_and_casing_stays():
    assert spoken("ʀa ˈʀa\n ɢi") == [("ʀa",), ("ˈʀa",), ("ɢi",)]
    with pytest.raises(InputError, match=r"'Ra': 'R' .*use r or ʀ; X-SAMPA needs"):
        words("Ra")


def test_punctuation_notes_and_break_marks_are_not_said():
    assert spoken("“aˈta”, | [cough] na!") == [("aˈta",), ("<noise>",), ("na",)]


def test_a_colon_is_no_speaker_label():
    assert spoken("sa: na") == [("sa:",), ("na",)]
    assert [word.spoken for word in words("ann: na", speaker_labels="ann:")] == [("na",)]


def test_a_question_mark_before_a_word_is_not_dropped():
    assert spoken("na?") == [("na",)]
    with pytest.raises(InputError, match=r"'\?a': '\?' \(QUESTION MARK\) is not a symbol.*use ʔ"):
        words("?a na?")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[ˈta.na ɢi]", [("ˈta.na",), ("ɢi",)]),
        (" /tana/\n", [("tana",)]),
        ("[tana]", [("tana",)]),
        ("/ta/, /na/", [("ta",), ("na",)]),
        ("[cough]", [("<noise>",)]),
        ("[ta] na", [("<noise>",), ("na",)]),
    ],
)
def test_brackets_around_a_whole_transcript_are_those_of_phonetics(text, expected):
    assert spoken(text) == expected


@pytest.mark.parametrize("text", ["ta %va", "ta &-va", "*ta*", "ta/ka", "t=a"])
def test_signs_of_other_transcripts_are_named(text):
    with pytest.raises(InputError, match="is not a symbol of the IPA"):
        words(text)


def test_words_are_pronounced_as_written_but_those_of_a_dictionary():
    [first, second] = words("tʃa tea", known={"tea"}.__contains__)
    assert (first.variants, second.variants) == (((("t", "ʃ", "a"),),), ())


def test_no_symbol_of_x_sampa_is_dropped():
    [first, second, third] = [word.spoken[0] for word in xsampa_words('"?a: !\\}? {:')]
    assert (first, second, third) == ('"?a:', "!\\}?", "{:")
    assert XSampaPhones("xsampa", {}).pronounce(first) == (("ˈʔ", "aː"),)
    assert XSampaPhones("xsampa", {}).pronounce(second) == (("ǃ", "ʉ", "ʔ"),)
    with pytest.raises(InputError, match=r"'\(' \(LEFT PARENTHESIS\) is not a symbol"):
        xsampa_words("(a")


@pytest.mark.parametrize(
    ("xsampa", "ipa"),
    [
        ('"tSa:', "ˈtʃaː"), ("S@Nk", "ʃəŋk"), ("p_ha", "pʰa"), ("J\\a", "ɟa"), ("n_j@", "nʲə"),
        ("{9y2", "æœyø"), ("R\\{", "ʀæ"),
    ],
)  # fmt: skip
def test_x_sampa_is_the_same_phones(xsampa, ipa):
    assert XSampaPhones("ipa", {}).pronounce(xsampa) == IpaPhones("ipa", {}).pronounce(ipa)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "letters.tsv"
    path.write_text("# Swahili-like\na\ta\nch\ttʃ\nc\tk\nng'\tŋ\nng\tŋ ɡ\nh\t\né\teː\n", "utf-8")
    return path


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("cha", ("t", "ʃ", "a")),
        ("ca", ("k", "a")),
        ("ng'a", ("ŋ", "a")),
        ("nga", ("ŋ", "ɡ", "a")),
        ("aha", ("a", "a")),
        ("e\u0301-a", ("eː", "a")),
    ],
)
def test_the_longest_letters_of_a_table_are_taken(table, word, phones):
    assert LetterTable(table).pronounce(word) == (phones,)


def test_letters_that_a_table_lacks_are_named(table):
    with pytest.raises(InputError, match=r"word 'cab': the letter 'b' is not in .*letters\.tsv"):
        LetterTable(table).pronounce("cab")
    assert LetterTable(table).pronounce("h") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a a\n", r":1: expected letters, a tab and phones of IPA"),
        ("a\ta\nb\tß\n", r":2: 'ß'.*is not a symbol of the IPA"),
        ("# nothing\n", r"expected lines of letters, a tab and phones; found none"),
    ],
)
def test_damaged_tables(tmp_path, text, message):
    path = tmp_path / "t.tsv"
    path.write_text(text, "utf-8")
    with pytest.raises(FormatError, match=message):
        LetterTable(path)


def test_a_table_that_is_missing(tmp_path):
    with pytest.raises(InputError, match=r"none\.tsv"):
        LetterTable(tmp_path / "none.tsv")
