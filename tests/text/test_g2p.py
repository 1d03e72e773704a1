"""Grapheme-to-phoneme conversion: the toy models, the shipped model, and bad input."""

import math
import sys
from importlib.resources import files
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import FormatError, InputError
from speechalign.text.g2p import G2P, train_g2p

SHIPPED = files("speechalign.text") / "data" / "english_g2p.npz"
ONSETS = {"ch": "CH", "h": "HH", "c": "K", "t": "T", "p": "P", "s": "S"}
VOWELS = {"a": "AE", "i": "IH", "o": "AA"}
CODAS = {"t": "T", "p": "P", "ch": "CH", "x": "K S", "s": "S"}
HELD_OUT = {"pach": "P AE CH", "hix": "HH IH K S", "chop": "CH AA P"}
TOY = [
    (onset + vowel + coda, tuple(f"{ONSETS[onset]} {VOWELS[vowel]} {CODAS[coda]}".split()))
    for onset, vowel, coda in product(ONSETS, VOWELS, CODAS)
    if onset + vowel + coda not in HELD_OUT
]


@pytest.fixture(scope="module")
def english():
    return G2P.load(SHIPPED)


@pytest.fixture(scope="module")
def toy():
    return train_g2p(TOY, order=3)


def test_unseen_words_follow_the_training_words(toy):
    assert {word: " ".join(toy.pronounce(word)[0].phones) for word in HELD_OUT} == HELD_OUT


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("speechalign", "S P IY CH AH L AY N"),
        ("blorptastic", "B L AO R P T AE S T IH K"),
        ("nightshelf", "N AY T SH EH L F"),
        ("photobooths", "F OW T OW B UW DH Z"),
        ("quizzable", "K W IH Z AH B AH L"),
    ],
)
def test_shipped_model_on_words_no_dictionary_has(english, phones, word):
    assert phones in {" ".join(p.phones) for p in english.pronounce(word, n_best=5)}


def test_shipped_model_speaks_the_dictionary_phones(english):
    assert len(english.phones) == 39
    assert {"AA", "ZH", "NG", "ER"} <= english.phones


def test_n_best_is_ranked_distinct_and_begins_with_the_single_best(english):
    many = english.pronounce("bathometer", n_best=8)
    assert many[:1] == english.pronounce("bathometer")
    assert len({p.phones for p in many}) == len(many) == 8
    assert [p.score for p in many] == sorted((p.score for p in many), reverse=True)


def test_score_is_the_joint_log_probability_of_the_best_cut(toy):
    (best,) = toy.pronounce("tat")
    ids = {(g.letters, g.phones): i for i, g in enumerate(toy.inventory)}
    cut = [ids["t", ("T",)], ids["a", ("AE",)], ids["t", ("T",)], len(toy.inventory) + 1]
    _, state = toy.ngrams.step(0, len(toy.inventory))
    total = 0.0
    for symbol in cut:
        score, state = toy.ngrams.step(state, symbol)
        total += score
    assert best.phones == ("T", "AE", "T")
    assert best.score == pytest.approx(total)


@given(text=st.text(st.sampled_from("chatpiosx\u0301É7-猫"), max_size=30) | st.text(max_size=9))
def test_any_text_with_one_known_letter_gets_phones(toy, text):
    try:
        (best,) = toy.pronounce(text)
    except InputError:
        assert not set(text.lower()) & set("chatpiosx")
    else:
        assert best.phones
        assert -math.inf < best.score < 0


def test_letters_that_were_always_silent_still_sound():
    lexicon = [*TOY, *((f"{word}'", phones) for word, phones in TOY)]
    assert train_g2p(lexicon, order=3).pronounce("'''")[0].phones


def test_case_accents_and_unknown_characters(english):
    plain = english.pronounce("cafe")
    assert english.pronounce("CAFÉ") == plain
    assert english.pronounce("cafe\u0301") == plain
    assert english.pronounce("ca7fe猫") == plain


def test_an_accented_letter_that_was_trained_keeps_its_accent():
    model = train_g2p(
        [("für", ("F", "YY", "R")), ("fur", ("F", "UU", "R")), ("rüf", ("R", "YY", "F"))] * 2,
        order=2,
        min_count=1,
    )
    assert model.pronounce("FÜR")[0].phones == ("F", "YY", "R")
    assert model.pronounce("fu\u0308r")[0].phones == ("F", "YY", "R")


def test_other_scripts():
    latin = dict(zip("тмнаои", "tmnaoi"))
    words = ["".join(letters) for letters in product("тмн", "аои", "тмн", "аои")]
    lexicon = [(word, tuple(latin[letter] for letter in word)) for word in words]
    model = train_g2p((entry for entry in lexicon if entry[0] != "тома"), order=3)
    assert model.pronounce("Тома")[0].phones == tuple("toma")


def test_training_ignores_order_and_repeats(toy, tmp_path):
    again = train_g2p([*TOY[::-1], TOY[0]], order=3)
    toy.save(tmp_path / "a.npz")
    again.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_round_trip_through_a_file(toy, tmp_path):
    toy.save(tmp_path / "toy.npz")
    loaded = G2P.load(tmp_path / "toy.npz")
    for word in ("chatch", "t", "hhhh"):
        assert loaded.pronounce(word, n_best=4) == toy.pronounce(word, n_best=4)


def test_pruning_is_passed_on():
    assert len(train_g2p(TOY, order=4, threshold=0.01).ngrams) < len(
        train_g2p(TOY, order=4, threshold=0.0).ngrams
    )


def test_work_grows_less_than_with_the_square_of_the_length(english):
    calls = []
    for times in (4, 8):
        seen = 0

        def count(_frame, event, _argument):
            nonlocal seen
            seen += event in ("call", "c_call")

        sys.setprofile(count)
        try:
            found = english.pronounce("supercalifragilistic" * times)
        finally:
            sys.setprofile(None)
        assert found[0].phones
        calls.append(seen)
    assert calls[1] < 3 * calls[0]  # 2.5, until the beam is full; then 2


def test_the_shipped_file_is_small():
    assert len(SHIPPED.read_bytes()) < 2_500_000


def test_refusals(toy, tmp_path):
    with pytest.raises(InputError, match=r"word '7!': none of its characters"):
        toy.pronounce("7!")
    with pytest.raises(InputError, match="n_best: expected >= 1, got 0"):
        toy.pronounce("cat", n_best=0)
    with pytest.raises(InputError, match=r"lexicon: 'cat' with phones \(\)"):
        train_g2p([("cat", ())])
    with pytest.raises(InputError, match="no white space in a phone"):
        train_g2p([("cat", ("K AE", "T"))])
    with pytest.raises(InputError, match="no such grapheme-to-phoneme model"):
        G2P.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("not a model")
    np.savez(tmp_path / "other.npz", letters=np.zeros(2))
    np.save(tmp_path / "array.npy", np.zeros(2))
    toy.save(tmp_path / "cut.npz")
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:400])
    for name in ("text.npz", "other.npz", "array.npy", "cut.npz"):
        with pytest.raises(FormatError, match=f"{name}: not a grapheme-to-phoneme model"):
            G2P.load(tmp_path / name)
