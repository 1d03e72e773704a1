"""Articulation: phones of IPA words, their attributes, and symbols that cannot be read."""

import unicodedata

import pytest

from speechalign.errors import InputError
from speechalign.text.articulation import (
    ATTRIBUTES,
    COLUMNS,
    SILENCE,
    articulation,
    mistakable,
    modifiers,
    segments,
    variants,
)
from speechalign.text.ipa_phones import phones_of_word


def values(phone, attribute, target=0):
    return set(articulation(phone).targets[target][attribute])


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("ˈt͡ʃaːt.nʲə", ["ˈt͡ʃ", "aː", "t", "nʲ", "ə"]),
        ("pʰadˤa", ["pʰ", "a", "dˤ", "a"]),
        ("k͡paɡ͡ba", ["k͡p", "a", "ɡ͡b", "a"]),
        ("ǃaǁa", ["ǃ", "a", "ǁ", "a"]),
        ("k͡ǃa", ["k͡ǃ", "a"]),
        ("kʼat'", ["kʼ", "a", "t'"]),
        ("'ta", ["ˈt", "a"]),
        ("ɓiɗu", ["ɓ", "i", "ɗ", "u"]),
        ("ⁿda", ["ⁿd", "a"]),
        ("n̩b̤a̰", ["n̩", "b̤", "a̰"]),
        ("ma˥na˧˩", ["m", "a˥", "n", "a˧˩"]),
        ("ma˦.nà", ["m", "a˦", "n", "à"]),
        ("ça", ["ç", "a"]),
        ("aⁿda", ["a", "ⁿd", "a"]),
        ("adⁿ", ["a", "dⁿ"]),
        ("ãⁿda", ["ãⁿ", "d", "a"]),
        ("ˀmaᵐb", ["ˀm", "a", "ᵐb"]),
        ("t͡sʼɔ̃ːkʷʼ", ["t͡sʼ", "ɔ̃ː", "kʷʼ"]),
        ("s’a’ta", ["s’", "a", "ˈt", "a"]),
        ("ŋ͡ǃʱa", ["ŋ͡ǃʱ", "a"]),
        ("ŋ!a", ["ŋ", "!", "a"]),
        ("γε:ǝ", ["γ", "ε:", "ǝ"]),
        ("ź̩˥", ["ź̩˥"]),
        ("ma⁵⁵", ["m", "a⁵⁵"]),
    ],
)
def test_phones_of_a_word(word, phones):
    expected = tuple(unicodedata.normalize("NFC", phone) for phone in phones)
    assert phones_of_word(word) == expected
    assert phones_of_word(unicodedata.normalize("NFD", word)) == expected


def test_stress_stays_on_its_phone_and_breaks_are_no_phones():
    assert phones_of_word("a.ˈta") == phones_of_word("aˈta") == ("a", "ˈt", "a")
    assert articulation("ˈt") == articulation("t")


@pytest.mark.parametrize(
    ("phone", "attribute", "expected"),
    [
        ("n̥", "voicing", {"voiceless"}),
        ("s̬", "voicing", {"voiced"}),
        ("b̤", "voicing", {"voiceless", "voiced"}),
        ("a̰", "voicing", {"voiceless", "voiced"}),
        ("t̪", "place", {"dental", "alveolar"}),
        ("nʲ", "palatalised", {"yes"}),
        ("n", "palatalised", {"no"}),
        ("ë", "backness", {"front", "central"}),
        ("t͡s", "manner", {"affricate"}),
        ("ts", "manner", {"affricate"}),
        ("t͡ɬ", "manner", {"affricate"}),
        ("k͡p", "place", {"velar", "bilabial"}),
        ("ŋ͡m", "manner", {"nasal"}),
        ("ʘ", "place", {"bilabial"}),
        ("k͡ǃ", "place", {"velar", "alveolar", "postalveolar"}),
        ("ɡ͡ǃ", "voicing", {"voiced"}),
        ("l̥", "manner", {"lateral", "fricative"}),
        ("β̞", "manner", {"fricative", "approximant"}),
        ("r̝", "manner", {"trill", "fricative"}),
        ("ʀ", "place", {"uvular"}),
        ("y", "rounding", {"yes"}),
        ("pʼ", "manner", {"stop"}),
    ],
)
def test_attributes(phone, attribute, expected):
    assert values(phone, attribute) == expected


def test_length_and_diphthongs():
    lengths = [articulation(phone).length for phone in ("ă", "a", "aˑ", "aː", "aːː")]
    assert lengths == sorted(set(lengths))
    assert articulation("a").length == 1
    assert articulation("aː").targets == articulation("a").targets
    both = articulation("a͡ɪ").targets
    assert [set(target["height"]) for target in both] == [{"open"}, {"close"}]
    assert articulation("a͡ɪ̯").targets == both


@pytest.mark.parametrize("mark", ["\u0303", "\u0329", "˥", "²", "\u0301", "ˠ", "\u031a"])
def test_marks_without_an_attribute_change_nothing(mark):
    for base in ("k", "n", "a"):
        assert articulation(base + mark) == articulation(base)


@pytest.mark.parametrize(
    ("phone", "begin", "end"),
    [
        ("tʰ", {"stop"}, {"stop", "fricative"}),
        ("ʰt", {"stop", "fricative"}, {"stop"}),
        ("ⁿd", {"nasal", "stop"}, {"stop"}),
        ("dⁿ", {"stop"}, {"stop", "nasal"}),
        ("n͡d", {"nasal"}, {"stop"}),
        ("ᵑɡ͡b", {"nasal", "stop"}, {"stop"}),
        ("kʷ", {"stop"}, {"stop", "approximant"}),
        ("dˡ", {"stop"}, {"stop", "lateral"}),
        ("kʼ", {"stop"}, {"stop", "silence"}),
        ("k'", {"stop"}, {"stop", "silence"}),
        ("t͡ɬʼ", {"affricate"}, {"affricate", "stop", "silence"}),
        ("ˀm", {"nasal", "stop"}, {"nasal"}),
        ("mˀ", {"nasal"}, {"nasal", "stop"}),
        ("n͡ǃ", {"nasal"}, {"stop", "affricate"}),
    ],
)
def test_edges_of_a_phone_with_modifiers(phone, begin, end):
    targets = articulation(phone).targets
    assert (set(targets[0]["manner"]), set(targets[-1]["manner"])) == (begin, end)


def test_manners_of_a_phone_are_those_of_its_letters():
    assert articulation("kʼ").manners == {"stop"}
    assert articulation("n͡d").manners == {"nasal", "stop"}
    assert "fricative" in articulation("n̥").manners


@pytest.mark.parametrize("letter", sorted(segments()))
def test_every_letter_has_values_of_every_attribute(letter):
    [target] = articulation(letter).targets
    assert target.keys() == ATTRIBUTES.keys()
    for attribute, allowed in target.items():
        assert allowed
        assert allowed <= set(ATTRIBUTES[attribute])
    consonant, vowel = target["manner"] != {"vowel"}, "vowel" in target["manner"]
    assert consonant == (target["place"] != {"none"}) == ("none" in target["height"])
    assert vowel == ("none" in target["place"]) == (target["height"] != {"none"})
    assert "silence" not in target["manner"]
    # No language of the training data has pharyngeals: their place alone would be a guess.
    assert target["place"] != {"pharyngeal"}


def test_every_mark_can_follow_every_kind_of_letter():
    for mark in modifiers():
        for letter in ("t", "k", "n", "s", "a", "u", "ə"):
            for target in articulation(letter + mark).targets:
                assert all(target[name] <= set(ATTRIBUTES[name]) for name in ATTRIBUTES)


def test_silence_and_columns():
    assert SILENCE.targets[0]["manner"] == {"silence"}
    assert len(set(COLUMNS)) == len(COLUMNS) == sum(map(len, ATTRIBUTES.values()))


@pytest.mark.parametrize(
    ("word", "symbol", "offered"),
    [
        ("taß", "'ß'", "LATIN SMALL LETTER SHARP S"),
        ("tа", "'а'", "CYRILLIC SMALL LETTER A"),
        ("Ta", "'T'", "use t"),
        ("ta3", "'3'", "use a tone letter ˥˦˧˨˩ or a superscript digit"),
        ("šo", "'š'", "use ʃ"),
        ("ta|ka", "'|'", "use ǀ"),
        ("taω", "'ω'", "use ɔ"),
        ("ta漢", "'漢'", "write it in IPA"),
    ],
)
def test_symbols_that_are_not_ipa_are_named_and_others_offered(word, symbol, offered):
    with pytest.raises(InputError, match="is not a symbol of the IPA") as found:
        phones_of_word(word)
    assert repr(word) in str(found.value)
    assert symbol in str(found.value)
    assert offered in str(found.value)


@pytest.mark.parametrize("word", ["taˈ", "ta'", "taⁿ.ˈ", "t͡", "ˈⁿ"])
def test_nothing_at_the_end_of_a_word_is_dropped(word):
    with pytest.raises(InputError, match="expected a letter of the IPA"):
        phones_of_word(word)


# The charts of the IPA (2020) and of its extensions, and superscripts of Unicode.
CHART = (
    "pbtdʈɖcɟkɡqɢʔmɱnɳɲŋɴʙrʀⱱɾɽɸβfvθðszʃʒʂʐçʝxɣχʁħʕhɦɬɮʋɹɻjɰlɭʎʟ"
    "ʘǀǃǂǁɓɗʄɠʛʍwɥʜʢʡɕʑɺɧᶑꞎʪʫʩʬʭ"
    "iyɨʉɯuɪʏʊeøɘɵɤoəɛœɜɞʌɔæɐaɶɑɒɚɝ"
)
MARKS = (
    "ʰʱʷʲˠˤⁿˡʼːˑ˞ˀ"
    "\u0325\u030a\u032c\u0324\u0330\u033c\u032a\u033a\u033b\u031f\u0320\u0339\u031c"
    "\u0308\u033d\u0329\u032f\u0334\u031d\u031e\u0318\u0319\u0303\u031a\u0306"
    "\u030b\u0301\u0304\u0300\u030f\u030c\u0302\u1dc4\u1dc5\u1dc8˥˦˧˨˩ꜜꜛ↗↘"
    "\u034d\u0346\u033a\u032b\u0348\u0349\u034a\u034b\u034c\u034e\u0347"
)
SUPERSCRIPTS = "ᵐᶬⁿᶯᶮᵑᶰᵖᵇᵗᵈᶜᶡᵏᶢˢᶻᶴᶾᶿᶞᶠᵛᶲᵝˣˠᵡʶʰʱʴʵᶣᶭᶹʷʲᵃᵄᵅᵉᵋᵒᵓᵘᶦᶷᶤᶶᵚᵊⁱʸ¹²³⁴⁵⁰"


@pytest.mark.parametrize("symbol", CHART)
def test_every_letter_of_the_chart_is_a_phone_with_every_mark(symbol):
    assert phones_of_word(symbol) == (symbol,)
    for mark in MARKS + SUPERSCRIPTS:
        if unicodedata.normalize("NFC", symbol + mark) in mistakable():
            continue  # š is rather ʃ
        [phone] = phones_of_word(symbol + mark)
        assert unicodedata.normalize("NFD", phone) == unicodedata.normalize("NFD", symbol + mark)
        assert articulation(phone).targets


SEGMENTS = (
    "k͡xʼ ɡ͡ǀʱ ŋ̊͡ǃʰ ᵑǁ ǂq͡χʼ t̪͡θ d̠͡ʒ t͡sʷʼ ɗ̥ ʔ͡b n͡d͡z ᵐb͡v q͡ʡ k͡ʟ̝̊ t͡ɬʰ l̪ˠ ɾ̪̃ r̝̊ ɹ̩̞ ʁ̞ β̞ ð̞ˠ m̰ w̰̃ ˀj "
    "n̩ː ŋ̍ ə̯ o̞͡u̯ a̘ e̙ ɛ̃ːˑ ʉ̟ ɯ̽ ɤ̞ ø̞̈ i̤ u̥ ḛ̃ aˤ eˠ ɔ˞ a˥˩ è᷄ a͜i t͜ʃ s͢θ ɡ̊ b̥ʱ x͈ t͉ s͎ ɦ̃ ʜ ʡ͡ʜ ɽ͡r ʙ̥ t̪͡ʙ̥ ⱱ̟ ɧ "
    "ʘ̬ ɺ̢ ʎ̝̊ 𝼆 ꞎ ᶑ ƙ ƥ ɿ ʅ ȵ ȶ t͡ɕ pᶲ kˣ dᶻ bᵐ tⁿˡ ʰp ᵗs ʷa"
)


@pytest.mark.parametrize("phone", SEGMENTS.split())
def test_segments_of_many_inventories(phone):
    found = [p for p in phones_of_word(phone) if articulation(p).targets]
    assert len(found) == (2 if phone == "ǂq͡χʼ" else 1)


@pytest.mark.parametrize("symbol", sorted(variants()))
def test_other_forms_of_a_symbol_have_its_articulation(symbol):
    base = "" if variants()[symbol] in segments() else "k"
    assert articulation(base + symbol) == articulation(base + variants()[symbol])


def test_tables_agree():
    assert not segments().keys() & modifiers().keys()
    assert not (segments().keys() | modifiers().keys()) & (variants().keys() | mistakable().keys())
    assert set(variants().values()) <= segments().keys() | modifiers().keys()


@pytest.mark.parametrize("word", ["", "ˈ", "..", "ː"])
def test_a_word_needs_a_letter(word):
    with pytest.raises(InputError, match="expected a letter of the IPA, found none"):
        phones_of_word(word)
