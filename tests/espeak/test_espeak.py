"""Speech whose times are known, and pronunciations, from eSpeak NG."""

import ctypes.util
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import pairwise

import numpy as np
import pytest

from speechalign.errors import BackendError, InputError
from speechalign.espeak import languages, library, phonemes, speak

if find_spec("espeakng_loader") is None and ctypes.util.find_library("espeak-ng") is None:
    pytest.skip("needs espeakng-loader or the system's libespeak-ng", allow_module_level=True)

_TEXTS = {
    "en-us": "Hello, the well-known man in the house; he paid 1982 dollars & left . Why ?",
    "en-us+f3": "Zürich naïve 😀 café\n“quoted” e-mail's of the end!",
    "de": "Der Hund , der 42 Knochen fraß, schläft (heute) im T-Shirt.",
    "fr": "il y a , parce que le bruit ; montrez - nous l'hôtel .",
    "ro": "si , de atunci , n - au gresit fetița .",
}


@pytest.fixture(scope="module", params=_TEXTS)
def spoken(request):
    """Return a text and what was said of it."""
    return _TEXTS[request.param], speak(_TEXTS[request.param], voice=request.param)


def _labels(speech, tier="words"):
    return [interval.label for interval in speech.alignment.tiers[tier]]


def _samples(speech, start, end):
    return speech.samples[round(start * speech.sample_rate) : round(end * speech.sample_rate)]


def _digest(speech):
    times = [(i.label, i.start, i.end) for t in speech.alignment.tiers.values() for i in t]
    return hashlib.sha256(speech.samples.tobytes() + repr(times).encode()).hexdigest()


def test_samples_and_length(spoken):
    _, speech = spoken
    assert speech.sample_rate == 22050
    assert speech.samples.dtype == np.float32
    assert speech.samples.ndim == 1
    assert 0.1 < np.abs(speech.samples).max() <= 1
    assert speech.alignment.duration == len(speech.samples) / 22050


def test_words_are_the_tokens_that_are_said(spoken):
    text, speech = spoken
    expected = [token for token in text.split() if token not in {",", ".", "?", ";", "-"}]
    assert _labels(speech) == expected


def test_words_begin_and_end_with_their_phones(spoken):
    _, speech = spoken
    phones = speech.alignment.tiers["phones"]
    starts, ends = {p.start for p in phones}, {p.end for p in phones}
    words = speech.alignment.tiers["words"]
    assert all(word.start in starts and word.end in ends for word in words)
    assert all(any(w.start <= p.start and p.end <= w.end for w in words) for p in phones)


def test_pauses_are_silent_and_words_are_not(spoken):
    _, speech = spoken
    for interval in speech.alignment.contiguous("phones"):
        if not interval.label:
            assert np.abs(_samples(speech, interval.start, interval.end)).max() < 2e-3
    for word in speech.alignment.tiers["words"]:
        assert np.sqrt(np.mean(_samples(speech, word.start, word.end) ** 2)) > 0.005


def test_a_comma_makes_a_pause_of_a_tenth_of_a_second():
    speech = speak("one two, three")
    one, two, three = speech.alignment.tiers["words"]
    assert two.start - one.end < 0.05
    assert three.start - two.end > 0.1


def test_phones_are_where_they_sound():
    """A fricative crosses zero far more often than a vowel."""
    speech = speak("see sue saw", rate=120)
    rates = {"s": [], "vowel": []}
    for phone in speech.alignment.tiers["phones"]:
        signs = np.signbit(_samples(speech, phone.start, phone.end))
        rates["s" if phone.label == "s" else "vowel"].append(np.mean(signs[1:] != signs[:-1]))
    assert len(rates["s"]) == len(rates["vowel"]) == 3
    assert min(rates["s"]) > 2 * max(rates["vowel"])


def test_the_closure_of_a_stop_is_part_of_it():
    """It is silent, and begins where the phone before it ends; after a pause nobody hears it."""
    speech = speak("a big cat took it, ten", rate=150)
    phones = speech.alignment.tiers["phones"]
    stops = [phone for phone in phones if phone.label in ("k", "t")]
    assert "".join(stop.label for stop in stops) == "kttktt"
    for stop in stops[:5]:
        assert any(phone.end == stop.start for phone in phones)
        assert not _samples(speech, stop.start + 0.001, stop.start + 0.04).any()
        assert np.abs(_samples(speech, stop.start, stop.end)).max() > 0.01
    assert np.abs(_samples(speech, stops[5].start, stops[5].start + 0.005)).max() > 0.01


def test_the_break_before_a_word_is_part_of_neither_word():
    ein, schaf = speak("ein Schaf", voice="de").alignment.tiers["words"]
    assert schaf.start - ein.end == pytest.approx(0.013, abs=0.001)


def test_a_number_is_one_word():
    speech = speak("in 1982 it")
    _, number, _ = speech.alignment.tiers["words"]
    phones = speech.alignment.tiers["phones"]
    inside = [p.label for p in phones if number.start <= p.start < number.end]
    assert tuple(inside) == phonemes(["1982"], "en-us")[0][0]


def test_words_said_as_one_are_parted_by_their_own_phones():
    speech = speak("out of the box")
    assert _labels(speech) == ["out", "of", "the", "box"]
    of, the = speech.alignment.tiers["words"][1:3]
    phones = speech.alignment.tiers["phones"]
    assert [p.label for p in phones if of.start <= p.start < of.end][-1] == "v"
    assert [p.label for p in phones if the.start <= p.start < the.end] == ["ð", "ə"]


def test_a_hyphen_between_spaces_belongs_to_no_word():
    assert _labels(speak("peut - être", voice="fr")) == ["peut", "être"]


def test_words_do_not_move_when_others_follow():
    """The times of the first sentence are those it has alone."""
    alone = speak("The dog sleeps.").alignment.tiers["words"]
    followed = speak("The dog sleeps. So does the cat.").alignment.tiers["words"]
    assert [(w.start, w.end) for w in followed[:3]] == [(w.start, w.end) for w in alone]


def test_a_long_text_keeps_its_order():
    text = " ".join(f"word{i} and, the rest." for i in range(80))
    speech = speak(text, rate=449)
    assert _labels(speech) == text.split()
    assert speech.alignment.duration > 40
    gaps = [b.start - a.end for a, b in pairwise(speech.alignment.tiers["words"])]
    assert min(gaps) >= 0


def test_rate_pitch_and_voice_are_heard():
    plain = speak("seventy seven", pitch=20)
    assert len(speak("seventy seven", rate=350, pitch=20).samples) < 0.7 * len(plain.samples)
    high = speak("seventy seven", pitch=90)
    assert len(high.samples) == pytest.approx(len(plain.samples), rel=0.02)
    assert _digest(high) != _digest(plain)
    assert _digest(speak("seventy seven", voice="en-us+f3")) != _digest(speak("seventy seven"))


@pytest.mark.parametrize("voice", ["en-us", "de+f2", "en-us+whisper"])
def test_the_same_bytes_whatever_was_said_before(voice):
    first = _digest(speak("It is of the essence.", voice=voice))
    speak("Etwas anderes", voice="de+m3", rate=300, pitch=80)
    assert _digest(speak("It is of the essence.", voice=voice)) == first


def test_the_same_bytes_in_threads_and_processes():
    texts = [f"sentence {i}" for i in range(8)]
    serial = [_digest(speak(text)) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda text: _digest(speak(text)), texts)) == serial
    program = (
        "import hashlib; from speechalign.espeak import speak;"
        "print(hashlib.sha256(speak('sentence 3').samples.tobytes()).hexdigest())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == hashlib.sha256(speak("sentence 3").samples.tobytes()).hexdigest()


def test_pronunciations():
    words = ["church", "bottle", "fire", "U.S.", "17", "…", "a", "judge's"]
    church, bottle, fire, us, number, ellipsis, a, judges = phonemes(words, "en-us")
    assert church == (("tʃ", "ɜː", "tʃ"),)
    assert bottle == (("b", "ɑː", "ɾ", "əl"),)
    assert fire[0] == ("f", "aɪɚ")
    assert us[0] == ("j", "uː", "ɛ", "s")
    assert number[0] == ("s", "ɛ", "v", "ə", "n", "t", "iː", "n")
    assert ellipsis == ()
    assert a == (("eɪ",), ("ɐ",))
    assert judges[0] == ("dʒ", "ʌ", "dʒ", "ᵻ", "z")


def test_a_word_of_another_language_has_no_marks_of_it():
    assert phonemes(["T-Shirt"], "de")[0][0] == ("t", "eː", "ʃ", "ɜː", "t")
    assert phonemes([], "de") == []


def test_phones_of_speech_are_those_of_the_pronunciation():
    for word in ["elephant", "church", "naïve"]:
        assert tuple(_labels(speak(word), "phones")) == phonemes([word], "en-us")[0][0]


def test_languages():
    known = languages()
    assert known["de"] == "German"
    assert known["en-us"] == "English (America)"
    assert {"en", "fr", "ro", "ja", "zh"} <= set(known)
    assert not any(name.startswith("mb") for name in known)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": "a", "voice": "german"}, "no language 'german'; near to it: de"),
        ({"text": "a", "voice": "en-uk"}, "no language 'en-uk'; near to it: .*en-us"),
        ({"text": "a", "voice": ""}, "no language ''"),
        (
            {"text": "a", "voice": "en-us+f33"},
            "no variant 'f33' of the voice 'en-us'; near to it: f3,",
        ),
        ({"text": "a", "rate": 500}, "rate: expected 80 to 449 words a minute, got 500"),
        ({"text": "one, two", "voice": "en-us+fast", "rate": 400}, "expected at most 350"),
        ({"text": "a", "pitch": -1}, "pitch: expected 0 to 99, got -1"),
        ({"text": " … "}, "says nothing of"),
        ({"text": "a\0b"}, "NUL"),
        ({"text": "a\ud800"}, "cannot be encoded"),
    ],
)
def test_what_cannot_be_said(arguments, message):
    text = arguments.pop("text")
    with pytest.raises(InputError, match=message):
        speak(text, **arguments)


def test_an_error_leaves_the_library_usable():
    with pytest.raises(InputError):
        phonemes(["a", "b\0"], "en-us")
    assert phonemes(["b"], "en-us")[0][0] == ("b", "iː")


@pytest.fixture
def looked_for_again(monkeypatch):
    monkeypatch.setattr(library, "_locate", library._locate.__wrapped__)


@pytest.mark.usefixtures("looked_for_again")
def test_a_library_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _: "libnothing-ng.so.9")
    with pytest.raises(BackendError, match=r"pip install 'speechalign\[espeak\]'"):
        speak("a")


@pytest.mark.usefixtures("looked_for_again")
def test_the_library_of_the_system(monkeypatch):
    if ctypes.util.find_library("espeak-ng") is None:
        pytest.skip("the system has no libespeak-ng")
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    speech = speak("Hello, well-known world", voice="en-us")
    assert _labels(speech) == ["Hello,", "well-known", "world"]
    assert phonemes(["church"], "en-us") == [(("tʃ", "ɜː", "tʃ"),)]
