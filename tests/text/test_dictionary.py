"""Pronunciation dictionaries: MFA's and CMU's formats, priors, and damaged lines."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import FormatError, InputError
from speechalign.text.dictionary import Dictionary, read_dictionary, write_dictionary
from speechalign.text.phone_sets import ARPABET


@pytest.fixture
def read(tmp_path):
    def read(text, **options):
        path = tmp_path / "x.dict"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_dictionary(path, **options)

    return read


@pytest.mark.parametrize(
    ("line", "phones", "prior"),
    [
        ("weg\tv e: k", "v e: k", 1),
        ("weg\t0.25\tv e: k", "v e: k", 0.25),
        ("weg\t0.25\t0.1\t1.3\t0.9\tv e: k", "v e: k", 0.25),
        ("weg 0.25 0.1 1.3 0.9 v e: k", "v e: k", 0.25),
        ("weg v e: k", "v e: k", 1),
        ("weg  1 v", "v", 1),
        ("weg\t1 2", "1 2", 1),  # with tabs, what comes last are phones
        ("weg 1", None, None),
        ("WEG(2)  V EH1 K # comment", "V EH1 K", 1),
        ("Weg\t0.5\tv \r", "v", 0.5),
    ],
)
def test_a_line(read, line, phones, prior):
    if phones is None:
        with pytest.raises(FormatError, match=r"x\.dict:1: 'weg' has no phones; complete"):
            read(line)
        return
    dictionary = read(line)
    assert dict(dictionary) == {"weg": (tuple(phones.split()),)}
    assert dictionary.log_priors("weg") == pytest.approx((math.log(prior),))


def test_variants_in_the_order_of_the_file(read):
    text = ";;; CMU\nTHE DH AH0\nCAT K AE1 T\nTHE(2)  DH AH1\nTHE(3) DH IY\n(1) W AH N\n"
    dictionary = read(text)
    assert dictionary["the"] == (("DH", "AH0"), ("DH", "AH1"), ("DH", "IY"))
    assert dictionary.log_priors("the") == (0, 0, 0)
    assert list(dictionary) == ["the", "cat", "(1)"]
    assert dictionary.phones == {"DH", "AH0", "AH1", "IY", "K", "AE1", "T", "W", "AH", "N"}


def test_without_stress_equal_variants_are_one(read):
    warned = []
    dictionary = read("THE DH AH0\nTHE(2) DH AH1\nX s1\n", stress=False, warn=warned.append)
    assert dict(dictionary) == {"the": (("DH", "AH"),), "x": (("s1",),)}
    assert len(warned) == 1


ENGLISH = {"AH", "DH", "IY", "K", "AE", "T", "SIL", *ARPABET}


def test_the_phones_of_a_model_with_the_stress_aside(read):
    dictionary = read("THE DH AH0\nTHE(2) DH AH1\nThe ð iː\nCat\t0.5\tk æ t\n", phones=ENGLISH)
    assert dict(dictionary) == {"the": (("DH", "AH"), ("DH", "IY")), "cat": (("K", "AE", "T"),)}
    assert dictionary.stress == {("the", ("DH", "AH")): (None, 0)}
    assert dictionary.log_priors("cat") == pytest.approx((math.log(0.5),))


def test_a_phone_that_the_model_lacks(read):
    with pytest.raises(
        FormatError, match=r"x\.dict:2: 'b': the model has no phone 'AHH'; the nearest are HH, AH"
    ):
        read("a AH\nb AHH\n", phones=ENGLISH)
    with pytest.raises(FormatError, match=r"no phone 'ʘ'; none is like it; it has AA AE"):
        read("b ʘ\n", phones=ENGLISH)
    faults = []
    assert list(read("a AH\nb AHH\n", phones=ENGLISH, fault=faults.append)) == ["a"]
    assert len(faults) == 1


def test_composed_and_decomposed_spellings_are_one_word(read):
    assert read("\ufeffU\u0308BEL y:\nübel y: b\n")["übel"] == (("y:",), ("y:", "b"))


def test_lines_that_are_passed_over_are_named(read):
    with pytest.warns(UserWarning, match=r"x\.dict") as warned:
        dictionary = read("a\t0.5\tx\n\n \t\na\t0.9\tx\nA x y\n")
    assert [re.sub(r"^.*x\.dict:", "", str(w.message)) for w in warned] == [
        "2: empty line",
        "3: empty line",
        "4: 'a' has the pronunciation 'x' already",
    ]
    assert dictionary["a"] == (("x",), ("x", "y"))
    assert dictionary.log_priors("a") == pytest.approx((math.log(0.5), 0))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a x\nb\n", r"x\.dict:2: 'b' has no phones; complete or remove"),
        ("a x\nb\t0.5\t\n", r"x\.dict:2: 'b' has no phones"),
        ("a x\nb(2)\t\n", r"x\.dict:2: 'b' has no phones"),
        ("a x\n\tb c\n", r"x\.dict:2: expected one word before the first tab, got ''"),
        ("a x\nnew york\tn y\n", r"x\.dict:2: expected one word before the first tab, got 'new y"),
        ("a\t0\tx\n", r"x\.dict:1: expected a probability in \(0, 1\] before the phones, got '0'"),
        ("a\t1.5\tx\n", r"x\.dict:1: expected a probability .*, got '1.5'; separate"),
        ("a\tx\ty\n", r"x\.dict:1: expected a probability .*, got 'x'; separate the phones by sp"),
        ("a\t1\t1\t1\t1\t1\tx\n", r"x\.dict:1: expected at most 6 columns between tabs, got 7"),
        ("a x\nb\xe4r y\n".encode("latin-1"), r"x\.dict:2: byte 1 of the line \(0xe4\) is not UTF"),
        (";;; only this\n", r"x\.dict: no word in it; expected lines"),
    ],
)
def test_damaged_files(read, text, message):
    with pytest.raises(FormatError, match=message):
        read(text)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputError, match=r"no\.dict: dictionary cannot be read: No such file"):
        read_dictionary(tmp_path / "no.dict")
    with pytest.raises(InputError, match="dictionary cannot be read: Is a directory"):
        read_dictionary(tmp_path)


@pytest.mark.parametrize("variants", [{}, {(): 0.0}])
def test_a_word_without_phones(variants):
    with pytest.raises(InputError, match="word 'b': expected at least one phone"):
        Dictionary({"a": {("x",): 0.0}, "b": variants})


NAMES = st.text("abcäŋ:1", min_size=1, max_size=3)
PHONES = st.lists(NAMES, min_size=1, max_size=4).map(tuple)


@given(
    st.dictionaries(
        NAMES, st.dictionaries(PHONES, st.floats(-9, 0), min_size=1, max_size=3), min_size=1
    )
)
def test_what_is_written_is_read_again(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("round") / "x.dict"
    write_dictionary(Dictionary(entries), path)
    dictionary = read_dictionary(path)
    assert {word: list(variants) for word, variants in entries.items()} == {
        word: list(variants) for word, variants in dictionary.items()
    }
    for word, variants in entries.items():
        assert dictionary.log_priors(word) == pytest.approx(tuple(variants.values()), abs=1e-5)


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.dict"
    write_dictionary(Dictionary({"a": {("x",): 0.0}}), path)
    with pytest.raises(FormatError, match="half a surrogate pair"):
        write_dictionary(Dictionary({"b": {("\ud800",): 0.0}}), path)
    assert path.read_text() == "a\tx\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.dict"]
