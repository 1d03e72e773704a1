"""What pronounces words that no dictionary has: graphemes, eSpeak, a trained model ..."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechalign.errors import FormatError, InputError
from speechalign.text import PRONUNCIATIONS
from speechalign.text.g2p import train_g2p
from speechalign.text.graphemes import graphemes
from speechalign.text.pronunciation import pronouncer


def say(source, word, language="de"):
    return pronouncer(str(source), language=language, dictionary={}).pronounce(word)


@pytest.mark.parametrize(
    ("word", "units"),
    [
        ("Straße", "s t r a ß e"),
        ("u\u0308ber", "ü b e r"),
        ("d'Été-3", "d é t é 3"),
        ("ΣΟΦΟΣ", "σ ο φ ο ς"),
        ("мир", "м и р"),
        ("हिन्दी", "हि न् दी"),
        ("한국", "ᄒ ᅡ ᆫ ᄀ ᅮ ᆨ"),
        ("猫", "猫"),
        ("שָׁלוֹם", "שָׁ ל וֹ ם"),
        ("q\u0307", "q\u0307"),  # has no composed form
        ("\u0307a", "a"),
        ("'-", ""),
    ],
)
def test_graphemes_of_scripts(word, units):
    expected = tuple(unicodedata.normalize("NFC", unit) for unit in units.split())
    assert tuple(unicodedata.normalize("NFC", unit) for unit in graphemes(word)) == expected
    assert say("graphemes", word) == ((graphemes(word),) if units else ())


@given(st.text(max_size=12))
def test_graphemes_do_not_depend_on_how_characters_are_composed(word):
    decomposed = unicodedata.normalize("NFD", word)
    assert graphemes(decomposed) == graphemes(unicodedata.normalize("NFC", word))
    assert all(unit and not unit.isspace() for unit in graphemes(word))


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("straße", "ʃ t r a s ə"),
        ("verstehen", "f e r ʃ t e ə n"),
        ("fenster", "f e n s t ɐ"),
        ("nachtlicht", "n a x t l i ç t"),
        ("wachsen", "v a k s ə n"),
        ("könig", "k ø n i ç"),
        ("ungern", "u n ɡ ɐ n"),
        ("angst", "a ŋ s t"),
        ("tags", "t a k s"),
        ("rad", "r a t"),
        ("räder", "r ɛ d ɐ"),
        ("quelle", "k v e l ə"),
        ("katze", "k a ts ə"),
        ("der", "d e r"),
        ("sie", "z i"),
        ("neue", "n ɔʏ ə"),
        ("geht's", "ɡ e t s"),
    ],
)
def test_german_spelling(word, phones):
    assert say("german", word) == (tuple(phones.split()),)
    assert say("german", "'") == ()


def test_romanised_graphemes():
    assert say("uroman", "café") == (("c", "a", "f", "e"),)
    pytest.importorskip("uroman", reason="needs uroman")
    assert say("uroman", "мир", "ru") == (("m", "i", "r"),)
    assert say("uroman", "'") == ()


def test_espeak():
    pytest.importorskip("espeakng_loader", reason="needs espeakng-loader")
    assert say("espeak", "haus") == (("h", "aʊ", "s"),)
    assert say("espeak", "house", "en-us") == (("h", "aʊ", "s"),)
    assert say("espeak", "…") == ()
    assert say("espeak", "haus", "deu") == say("espeak", "haus", "DE") == (("h", "aʊ", "s"),)
    told = (
        r"no language 'germn'; near to it: de \(German\).*; expected a code such as de, .*--phones"
    )
    with pytest.raises(InputError, match=told):
        say("espeak", "haus", "germn")
    with pytest.raises(InputError, match=r"no language 'qqq'; expected .* or --dictionary FILE"):
        say("espeak", "haus", "qqq")


def test_a_trained_model(tmp_path):
    words = [a + b + c for a in "pt" for b in "aio" for c in "pt"]
    train_g2p(((word, tuple(word.upper())) for word in words), order=2).save(tmp_path / "m.npz")
    assert say(tmp_path / "m.npz", "topip")[0] == tuple("TOPIP")
    assert len(say(tmp_path / "m.npz", "topip")) <= 3
    assert say(tmp_path / "m.npz", "мир") == ()


def test_sources_that_are_not_there(tmp_path):
    message = r"'grapheme': no such name and no such file; did you mean graphemes\? expected"
    with pytest.raises(InputError, match=message):
        say("grapheme", "x")
    with pytest.raises(InputError, match="one of english, espeak, espeak-ipa, german, graphemes"):
        say("x.npz", "x")
    (tmp_path / "x.npz").write_text("no model")
    with pytest.raises(FormatError, match=r"x\.npz: not a grapheme-to-phoneme model"):
        say(tmp_path / "x.npz", "x")


@pytest.mark.parametrize("name", list(PRONUNCIATIONS))
def test_every_source_keeps_the_contract(name):
    packages = {"espeak": "espeakng_loader", "espeak-ipa": "espeakng_loader", "uroman": "uroman"}
    package = packages.get(name, "numpy")
    pytest.importorskip(package, reason=f"needs {package}")
    source = pronouncer(name, language="en", dictionary={})
    variants = source.pronounce("house")
    assert variants
    assert len(set(variants)) == len(variants)
    assert all(phone and phone == "".join(phone.split()) for v in variants for phone in v)
    assert source.pronounce("house") == variants
