"""Tokens that a user's dictionary has as they are written, and what is left to the normaliser."""

import unicodedata

import pytest

from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.models.ctc.network_ctc import NetworkCtc
from speechalign.pronunciation.dictionaries import with_dictionaries
from speechalign.pronunciation.lexicon import Lexicon, Pronunciations
from speechalign.pronunciation.own_words import OwnWords
from speechalign.text.dictionary import Dictionary


def known(word):
    return word in {"rock", "r2"}


@pytest.mark.parametrize(
    ("token", "found"),
    [
        ("NI3", "ni3"),
        ("„ni3“,", "ni3"),
        ("peut‑être", "peut-être"),
        (unicodedata.normalize("NFD", "peut-être"), "peut-être"),
        ("l’homme", "l' homme"),
        ("L'homme,", "l' homme"),
        ("l'anti-rock's", "l' anti- rock 's"),
        ("anti-r2", "anti- r2"),
        ("anti-r3", ""),
        ("'aan", "'aan"),
        ("no.", ""),  # the normaliser knows that it may be a number
        ("no", "no"),
        ("café!", "café"),
        ("[noise]", "[noise]"),
        ("homme", ""),
        ("l'", "l'"),
        ("-", ""),
        ("", ""),
    ],
)
def test_what_is_found(token, found):
    words = ["ni3", "peut-être", "l'", "anti-", "'s", "'aan", "no", "café", "[noise]"]
    assert " ".join(OwnWords(words, known)(token)) == found


def test_pronunciations_replace_those_of_the_model_and_keep_its_other_words():
    model = load_model("english-sphinx")
    own = Dictionary({"tea": {("K", "AO"): -0.1, ("T", "IY"): -2.0}, "x-ray5": {("EH",): 0.0}})
    extended = with_dictionaries(model, own)
    assert extended.dictionary["tea"] == (("K", "AO"), ("T", "IY"))
    assert extended.variant_priors[(("K", "AO"), ("T", "IY"))] == (-0.1, -2.0)
    assert model.dictionary["tea"] == (("T", "IY"),)
    words = Lexicon(extended).words("Tea, x-ray5 No. 5")
    assert [word.spoken for word in words] == [("tea",), ("x-ray5",), ("number",), ("five",)]
    assert {word.source for word in words} == {"dictionary"}


def test_the_last_dictionary_counts():
    model = load_model("english-sphinx")
    first, second = (Dictionary({"tea": {(p,): 0.0}}) for p in ("T", "K"))
    assert with_dictionaries(model, [first, second]).dictionary["tea"] == (("K",),)
    assert with_dictionaries(model, []) is model


def test_a_dictionary_to_train_with_is_asked_first_too():
    source = Pronunciations("zh", {"ni3": (("n", "i"),)}, None)
    assert [word.source for word in Lexicon(source).words("Ni3 ni3")] == ["dictionary"] * 2


def test_a_model_without_phones():
    class Letters:
        name = "letters"

    with pytest.raises(InputError, match="letters reads what is written and has no phones"):
        with_dictionaries(Letters(), Dictionary({"a": {("A",): 0.0}}))
    letters = NetworkCtc.__new__(NetworkCtc)
    letters.unit, letters.name = "characters", "ctc"
    with pytest.raises(InputError, match="ctc reads characters, not phones"):
        letters.with_dictionary(Dictionary({"a": {("A",): 0.0}}))
