import pytest

from speechalign.text.english_g2p import EnglishG2P

DICTIONARY = {
    "cat": (("K", "AE", "T"),),
    "dog": (("D", "AO", "G"),),
    "church": (("CH", "ER", "CH"),),
    "data": (("D", "EY", "T", "AH"), ("D", "AE", "T", "AH")),
    "cats": (("K", "AE", "T", "S"),),
}


@pytest.mark.parametrize(
    ("word", "pronunciations"),
    [
        ("cat's", ["K AE T S"]),
        ("dog's", ["D AO G Z"]),
        ("church's", ["CH ER CH IH Z"]),
        ("data's", ["D EY T AH Z", "D AE T AH Z"]),
        ("cats'", ["K AE T S"]),
    ],
)
def test_genitives_of_known_words_follow_the_dictionary(
    word: str, pronunciations: list[str]
) -> None:
    found = EnglishG2P("en", DICTIONARY).pronounce(word)
    assert [" ".join(phones) for phones in found] == pronunciations


def test_other_words_are_read_from_their_spelling() -> None:
    found = EnglishG2P("en", DICTIONARY).pronounce("zorptang")
    assert found[0] == ("Z", "AO", "R", "P", "T", "AE", "NG")
    assert 1 < len(set(found)) == len(found) <= 3


def test_a_genitive_of_an_unknown_word_is_read_from_its_spelling() -> None:
    found = EnglishG2P("en", DICTIONARY).pronounce("blicket's")
    assert found[0][-1] in ("S", "Z")
