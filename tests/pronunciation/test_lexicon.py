"""Words of a transcript with their pronunciations, and where those come from."""

import re
from itertools import product

import pytest

from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.pronunciation.lexicon import Lexicon, Pronunciations, normaliser


class SmallModel:
    """What a lexicon asks of a model, with a dictionary of three words."""

    name = "small"
    language = "en"
    noise = "NOISE"
    pronunciation = "english"
    own_words = frozenset()
    phones = None

    def __init__(self):
        self.dictionary = {
            "the": (("DH", "AH"), ("DH", "IY")),
            "five": (("F", "AY", "V"),),
            "cat": (("K", "AE", "T"),),
        }


@pytest.fixture(scope="module")
def lexicon():
    return Lexicon(SmallModel())


def only(words):
    (word,) = words
    return word


def test_all_pronunciations_of_the_dictionary(lexicon):
    word = only(lexicon.words("“THE”,"))
    assert (word.label, word.spoken, word.source) == ("“THE”,", ("the",), "dictionary")
    assert word.variants == ((("DH", "AH"), ("DH", "IY")),)


def test_a_word_that_is_spoken_as_several(lexicon):
    word = only(lexicon.words("The-cat"))
    assert word.spoken == ("the", "cat")
    assert word.variants == ((("DH", "AH"), ("DH", "IY")), (("K", "AE", "T"),))


def test_a_guess_for_any_part_makes_the_word_guessed(lexicon):
    word = only(lexicon.words("$5"))
    assert word.spoken == ("five", "dollars")
    assert word.variants[0] == (("F", "AY", "V"),)
    assert len(word.variants[1]) > 1
    assert all(phones[0] == "D" for phones in word.variants[1])
    assert word.source == "g2p"
    assert lexicon.is_guessed("dollars")
    assert not lexicon.is_guessed("five")


def test_genitives_are_known_with_their_noun(lexicon):
    word = only(lexicon.words("cat's"))
    assert word.variants == ((("K", "AE", "T", "S"),),)


def test_noise_and_other_scripts_are_any_sound(lexicon):
    words = lexicon.words("the [door slams] [cough] 猫 кот")
    found = {word.label: (word.source, word.variants) for word in words}
    assert found["[cough]"] == ("noise", ((("NOISE",),),))
    assert found["猫"] == found["кот"] == ("unknown", ((("NOISE",),),))
    assert not any(lexicon.is_guessed(spoken) for word in words[-3:] for spoken in word.spoken)


def test_guesses_depend_on_nothing_else(lexicon):
    alone = only(lexicon.words("blorptang"))
    assert lexicon.words("the blorptang Blorptang!")[1].variants == alone.variants
    assert Lexicon(SmallModel()).words("blorptang") == (alone,)


def test_phones_are_the_models():
    model = load_model("english-sphinx")
    text = "Zqueeb 95 [x] 猫 cat's blorptang's R&D naïve x² $5k TVs o'clock"
    words = Lexicon(model).words(text)
    assert len(words) == len(text.split())
    for word in words:
        assert len(word.variants) == len(word.spoken)
        for variants in word.variants:
            assert variants
            assert all(phones and set(phones) <= set(model.phones) for phones in variants)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "transcript: expected at least one word, got nothing; write what is said"),
        ("\t\n", "transcript: expected at least one word, got nothing; write what is said"),
        ("— 🙂", "transcript: expected at least one word, got only '— 🙂'; write what is"),
        ("猫 кот", "transcript: '猫' and all other words have no letter of language 'en'"),
    ],
)
def test_transcripts_that_cannot_be_said(lexicon, text, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}"):
        lexicon.words(text)


def model(language, dictionary, pronunciation, phones=None):
    small = SmallModel()
    small.language, small.dictionary = language, dictionary
    small.pronunciation, small.phones = pronunciation, phones
    return small


def test_a_language_without_a_normaliser_and_without_a_dictionary():
    found = Lexicon(Pronunciations("pl", pronunciation="graphemes")).words("Żółw, 2 [śmiech]!")
    assert [(word.label, word.spoken, word.source) for word in found] == [
        ("Żółw,", ("żółw",), "g2p"),
        ("2", ("dwa",), "g2p"),
        ("[śmiech]!", ("<noise>",), "noise"),
    ]
    assert found[0].variants == ((("ż", "ó", "ł", "w"),),)
    assert found[2].variants == ((("spn",),),)


def test_the_dictionary_comes_first():
    lexicon = Lexicon(Pronunciations("de", {"der": (("d", "E"),)}, "graphemes"))
    der, kater = lexicon.words("Der Kater")
    assert (der.variants, der.source) == (((("d", "E"),),), "dictionary")
    assert (kater.variants, kater.source) == ((tuple((tuple("kater"),)),), "g2p")


def test_words_that_nothing_pronounces_are_any_sound():
    lexicon = Lexicon(Pronunciations("de", {"der": (("d", "E"),)}))
    _, kater = lexicon.words("Der Kater")
    assert (kater.variants, kater.source) == (((("spn",),),), "unknown")
    with pytest.raises(InputError, match="nothing pronounces 'Kater' and all other words"):
        lexicon.words("Kater")


def test_phones_that_the_model_lacks_are_any_sound():
    lexicon = Lexicon(model("de", {}, "graphemes", phones=["k", "a", "t", "NOISE"]))
    kater, ei = lexicon.words("Kater Ei")
    assert kater.variants == ((("k", "a", "t", "NOISE", "NOISE"),),)
    assert (kater.source, ei.source) == ("g2p", "unknown")


def test_a_word_known_in_part_is_unknown():
    lexicon = Lexicon(model("pl", {"dwa": (("d", "w", "a"),)}, None))
    (word,) = lexicon.words("2/kot")
    assert (word.spoken, word.source) == (("dwa", "kot"), "unknown")
    assert word.variants == ((("d", "w", "a"),), (("NOISE",),))


@pytest.mark.parametrize(
    ("language", "spoken"), [("en-gb", "five"), ("DE", "fünf"), ("fr", "cinq"), ("tlh", "5")]
)
def test_the_normaliser_of_a_language(language, spoken):
    (word,) = normaliser(language)("5", lambda _: False)
    assert word.spoken == (spoken,)


def test_a_token_that_may_be_read_in_several_ways():
    lexicon = Lexicon(load_model("english-sphinx"))
    word = lexicon.words("in 1905")[1]
    (merged,) = word.variants
    assert len(merged) == len(word.choices) == len(set(merged))
    assert word.choices[0][0] == word.spoken
    for pronunciation, (spoken, variants) in zip(merged, word.choices):
        assert len(spoken) == len(variants)
        lengths = [[len(phones) for phones in one] for one in variants]
        assert len(pronunciation) in {sum(ways) for ways in product(*lengths)}
    number = next(n for n, (spoken, _) in enumerate(word.choices) if "hundred" in spoken)
    chosen = word.chosen(number)
    assert (chosen.spoken, chosen.choices) == (word.choices[number][0], ())
    assert len(chosen.variants) == len(chosen.spoken)
