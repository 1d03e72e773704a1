"""What phones are called in the results: phone sets, stress, maps of names."""

from types import SimpleNamespace

import pytest

from speechalign.alignment import Interval
from speechalign.errors import InputError
from speechalign.pronunciation.phone_names import PhoneNames
from speechalign.text.dictionary import Dictionary
from speechalign.text.phone_sets import ARPABET
from speechalign.text.word import Word

ENGLISH = SimpleNamespace(name="english", phones=[*ARPABET, "SIL", "+SPN+"])
GERMAN = SimpleNamespace(name="german", phones=["a", "ʃ", "ɔʏ", "sil"])


def word(spoken, *said, variants=None):
    """Make an aligned word, given the phones of each spoken word."""
    said = [tuple(phones.split()) for phones in said]
    phones = [phone for phones in said for phone in phones]
    times = [Interval(i, i + 1, phone) for i, phone in enumerate(phones)]
    variants = variants or tuple((phones,) for phones in said)
    return Word("x", tuple(spoken.split()), variants=variants, phones=tuple(times))


def labels(names, *arguments, **options):
    return " ".join(
        interval.label for interval in names.renamed(word(*arguments, **options)).phones
    )


def test_stress_is_that_of_the_pronunciation_that_was_said():
    names = PhoneNames(ENGLISH, phone_set="arpabet-stress")
    assert labels(names, "the", "DH AH") == "DH AH0"
    assert labels(names, "tomato", "T AH M EY T OW") == "T AH0 M EY1 T OW2"
    variants = ((("T", "AH"), ("T", "AH", "M")), (("M", "EY"), ("EY",)))
    assert labels(names, "ta may", "T AH", "M EY", variants=variants) == "T AH1 M EY1"
    assert labels(names, "blick", "B L IH K") == "B L IH1 K"


def test_stress_of_the_users_dictionary_comes_first():
    own = Dictionary({"the": {("DH", "AH"): 0.0}}, {("the", ("DH", "AH")): (None, 2)})
    names = PhoneNames(ENGLISH, phone_set="arpabet-stress", own=[own])
    assert labels(names, "the", "DH AH") == "DH AH2"


def test_every_phone_set():
    said = ("about", "AH B AW T")
    expected = {
        "arpabet": "AH B AW T",
        "arpabet-stress": "AH0 B AW1 T",
        "ipa": "ə b aʊ t",
        "xsampa": "@ b aU t",
    }
    for phone_set, names in expected.items():
        assert labels(PhoneNames(ENGLISH, phone_set=phone_set), *said) == names
    assert labels(PhoneNames(GERMAN, phone_set="xsampa"), "x", "a ʃ ɔʏ") == "a S OY"
    assert labels(PhoneNames(GERMAN, phone_set="ipa"), "x", "a ʃ ɔʏ") == "a ʃ ɔʏ"


def test_a_map_comes_after_the_phone_set():
    names = PhoneNames(ENGLISH, phone_set="ipa", names={"ə": "schwa", "AH": "never"})
    assert labels(names, "about", "AH B AW T") == "schwa b aʊ t"
    assert labels(PhoneNames(ENGLISH, names={"AH": "V"}), "about", "AH B AW T") == "V B AW T"


def test_noise_has_no_stress():
    names = PhoneNames(ENGLISH, phone_set="arpabet-stress")
    assert labels(names, "<noise>", "spn", variants=((("+SPN+",),),)) == "spn"


def test_times_and_confidences_stay():
    before = word("about", "AH B AW T")
    after = PhoneNames(ENGLISH, phone_set="ipa").renamed(before)
    assert [(i.start, i.end) for i in after.phones] == [(i.start, i.end) for i in before.phones]


@pytest.mark.parametrize(
    ("model", "phone_set", "message"),
    [
        (ENGLISH, "sampa", "expected one of arpabet, arpabet-stress, ipa, xsampa, got 'sampa'"),
        (GERMAN, "arpabet", "the phones of german have no ARPABET names"),
        (SimpleNamespace(name="letters"), "ipa", "letters has no phones"),
    ],
)
def test_what_is_refused(model, phone_set, message):
    with pytest.raises(InputError, match=message):
        PhoneNames(model, phone_set=phone_set)
