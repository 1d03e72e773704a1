"""Tokens that a user's dictionary has as they are written, and what is left to the normaliser."""

import unicodedata

import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.errors import FormatError, InputError
from speechalign.models import load_model
from speechalign.models.ctc.network_ctc import NetworkCtc
from speechalign.pronunciation.dictionaries import read_dictionaries, with_dictionaries
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


def test_dictionaries_of_speakers(tmp_path):
    for name, phone in (("all", "T"), ("ann", "K"), ("bob", "P")):
        (tmp_path / f"{name}.dict").write_text(f"tea {phone} IY1\nonly{name} {phone}\n")
    file = tmp_path / "speakers.yaml"
    file.write_text("default: all.dict\nann: ann.dict\nbob: [ann.dict, bob.dict]\n")
    read = read_dictionaries(load_model("english-sphinx"), [tmp_path / "bob.dict", file])
    assert {speaker: one["tea"] for speaker, one in read.items()} == {
        "default": (("T", "IY"),),
        "ann": (("K", "IY"),),
        "bob": (("P", "IY"),),
    }
    assert set(read["default"]) == {"tea", "onlyall", "onlybob"}
    assert set(read["ann"]) == {"tea", "onlyall", "onlybob", "onlyann"}


def test_speakers_of_a_file_from_another_machine(tmp_path):
    (tmp_path / "Zoë.dict").write_text("tea K IY1\n")
    file = tmp_path / "speakers.yaml"
    file.write_text(unicodedata.normalize("NFD", "Zoë: Zoë.dict\n"), encoding="utf-8")
    read = read_dictionaries(load_model("english-sphinx"), file)
    assert set(read) == {"default", "Zoë"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "expected lines of a speaker and a dictionary"),
        ("", "expected lines of a speaker"),
        ("ann: {x: y}", "ann: expected lines of a speaker .* got {'x': 'y'}"),
        ("ann: []", r"ann: expected .* got \[\]"),
        ("ann: [", "not YAML"),
    ],
)
def test_a_file_of_speakers_that_is_none(tmp_path, text, message):
    file = tmp_path / "speakers.yml"
    file.write_text(text)
    with pytest.raises(FormatError, match=rf"speakers\.yml: .*{message}"):
        read_dictionaries(load_model("english-sphinx"), file)


def test_each_speaker_is_aligned_with_their_dictionary(tmp_path, examples):
    (tmp_path / "ann.dict").write_text("tea K AO1 F IY0\n")
    (tmp_path / "speakers.yaml").write_text("ann: ann.dict\n")
    aligner = Aligner(dictionary=tmp_path / "speakers.yaml", phone_set="arpabet-stress")
    said = {}
    for speaker in ("ann", "bob"):
        result = aligner.for_speaker(speaker, None).align(examples / "slt/tea.flac", "the tea")
        said[speaker] = [phone.label for phone in result.words[1].phones]
    assert said == {"ann": ["K", "AO1", "F", "IY0"], "bob": ["T", "IY1"]}
