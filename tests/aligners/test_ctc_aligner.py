"""CTC aligning: tones stand for symbols, so that every time is known."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounding_model import RATE, SoundingModel

from speechalign.aligners import ctc_boundaries, ctc_evidence
from speechalign.aligners.aligner import Aligner
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError, InputError

LETTERS = [*"abcdefghij", "|", "_"]
PHONES = ["AA", "B", "K", "S", "_"]


@pytest.fixture(scope="module")
def model():
    return SoundingModel(LETTERS)


def times(result):
    return np.array([(w.interval.start, w.interval.end) for w in result.words])


def test_words_and_characters_lie_where_they_sound(model):
    sounds = [("", 0.3), ("a", 0.1), ("b", 0.2), ("|", 0.06), ("c", 0.1), ("", 0.4), ("d", 0.3),
              ("", 0.2)]  # fmt: skip
    result = Aligner(model).align(model.speak(*sounds), "Ab, c D!")
    assert [word.interval.label for word in result.words] == ["Ab,", "c", "D!"]
    ends = np.cumsum([seconds for _, seconds in sounds])
    found = times(result)
    assert found[0, 0] == pytest.approx(0.3, abs=0.011)
    assert 0.6 - 0.011 <= found[0, 1] <= found[1, 0] <= 0.66 + 0.011
    assert found[1, 1] == pytest.approx(ends[4], abs=0.011)
    assert found[2] == pytest.approx([ends[5], ends[6]], abs=0.011)
    alignment = result.alignment
    assert list(alignment.tiers) == ["words", "characters"]
    assert [i.label for i in alignment.tiers["characters"]] == ["a", "b", "c", "d"]
    assert alignment.tiers["characters"][0].end == pytest.approx(0.4, abs=0.011)
    assert min(word.interval.confidence for word in result.words) > 0.6


def test_tokens_map_back_to_the_users_text(model):
    waveform = model.speak(("a", 0.1), ("b", 0.1), ("|", 0.06), ("c", 0.1), ("a", 0.1))
    result = Aligner(model, language="fr").align(waveform, "«Â-B» Cà…")
    found = [[(t.interval.label, t.start, t.end) for t in word.tokens] for word in result.words]
    assert found == [[("a", 1, 2), ("b", 3, 4)], [("c", 0, 1), ("a", 1, 2)]]


def test_table_names_the_unit(model):
    result = Aligner(model).align(model.speak(("a", 0.3)), "a")
    assert str(result).splitlines()[0].split() == ["word", "start", "end", "confidence",
                                                   "characters"]  # fmt: skip


def test_what_cannot_be_read_is_any_sound(model):
    sounds = [("a", 0.2), ("|", 0.06), ("?", 0.5), ("|", 0.06), ("b", 0.2)]
    result = Aligner(model).align(model.speak(*sounds), "a 猫 b")
    before, unknown, after = result.words
    assert [word.source for word in result.words] == ["letters", "unknown", "letters"]
    assert unknown.interval.confidence is None
    assert unknown.interval.start >= before.interval.end
    assert 0.2 <= unknown.interval.start < unknown.interval.end <= 0.83
    assert after.interval.start == pytest.approx(0.82, abs=0.08)
    partly = Aligner(model, language="fr").align(model.speak(("a", 0.2), ("?", 0.2)), "aж")
    (word,) = partly.words
    assert (word.source, [t.interval.label for t in word.tokens]) == ("unknown", ["a", "ж"])


def test_labels_in_a_pause_sound_like_speech(model):
    def pauses(said, text="a j", **options):
        sounds = [("a", 0.2), ("", 0.2), *((label, 0.06) for label in said), ("", 0.2), ("j", 0.2)]
        return Aligner(model, **options).align(model.speak(*sounds), text).spoken_pauses

    (pause,) = pauses("bcd")
    assert pause.label == "speech"
    assert 0.0 < pause.start < 0.4 < 0.58 < pause.end < 0.98
    assert not pauses("bcd", "a bcd j")
    assert not pauses("bc")
    assert not pauses("|||")
    assert not pauses("bcd", "a [noise] j")
    for allow in ("insertions", "fillers"):
        assert not pauses("bcd", allow=[allow])


def test_a_word_that_is_not_said_has_little_confidence(model):
    waveform = model.speak(("a", 0.2), ("|", 0.06), ("b", 0.2), ("|", 0.06), ("c", 0.2))
    right = Aligner(model).align(waveform, "a b c")
    wrong = Aligner(model).align(waveform, "a e c")
    assert right.words[1].interval.confidence > 0.8
    assert wrong.words[1].interval.confidence < 0.3
    assert wrong.words[0].interval.confidence > 0.8
    assert wrong.confidence < right.confidence


def test_pronunciations_compete():
    dictionary = {"cab": (("K", "AA", "B"), ("S", "AA", "B")), "sa": (("S", "AA"),)}
    model = SoundingModel(PHONES, unit="phones", dictionary=dictionary)
    for first, second in itertools.product("KS", repeat=2):
        waveform = model.speak(
            ("", 0.2), (first, 0.1), ("AA", 0.1), ("B", 0.1), ("", 0.2), ("S", 0.1), ("AA", 0.1),
            ("", 0.2), (second, 0.1), ("AA", 0.1), ("B", 0.1),
        )  # fmt: skip
        result = Aligner(model).align(waveform, "cab sa cab")
        spelled = [" ".join(phone.label for phone in word.phones) for word in result.words]
        assert spelled == [f"{first} AA B", "S AA", f"{second} AA B"]
        assert list(result.alignment.tiers) == ["words", "phones"]
        assert result.words[1].interval.start == pytest.approx(0.7, abs=0.011)
        assert {word.source for word in result.words} == {"dictionary"}


@pytest.mark.parametrize("said", ["ten million", "ten meters", "ten m"])
def test_readings_of_a_number_compete(said):
    model = SoundingModel([*"acehilmnorst", "|", "_"], language="en")
    sounds = [(letter.replace(" ", "|"), 0.1) for letter in said]
    waveform = model.speak(("a", 0.1), ("|", 0.06), *sounds, ("|", 0.06), ("a", 0.1))
    number = Aligner(model).align(waveform, "a 10m a").words[1]
    assert (number.label, " ".join(number.spoken), number.choices) == ("10m", said, ())
    assert [token.interval.label for token in number.tokens] == list(said.replace(" ", ""))
    assert 0.1 - 0.011 <= number.start <= 0.16 + 0.011
    end = 0.16 + 0.1 * len(said)
    assert end - 0.011 <= number.end <= end + 0.06 + 0.011


def test_phones_that_the_model_lacks_are_any_sound():
    model = SoundingModel(PHONES, unit="phones", dictionary={"cab": (("K", "AA", "B"),)})
    waveform = model.speak(("K", 0.1), ("AA", 0.1), ("B", 0.1), ("?", 0.3))
    result = Aligner(model).align(waveform, "cab [cough]")
    assert [p.label for p in result.words[1].phones] == ["spn"]
    assert (result.words[1].source, result.words[1].interval.confidence) == ("noise", None)


@settings(max_examples=15)
@given(st.data())
def test_windows_do_not_show(model, data):
    letters = data.draw(st.lists(st.sampled_from("abcdefghij"), min_size=8, max_size=16))
    sounds = [("", 0.1)]
    for letter in letters:
        sounds += [(letter, 0.06), ("|", 0.06)]
    waveform, text = model.speak(*sounds), " ".join(letters)
    aligner = Aligner(model, language="und")
    whole = aligner.align(waveform, text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ctc_evidence, "_ITEMS", 5)
        patch.setattr(ctc_boundaries, "_WINDOW", 3)
        parts = aligner.align(waveform, text)
    assert times(parts) == pytest.approx(times(whole), abs=1e-9)
    # Words far away may be what is heard instead, as long as they are in the window.
    confidences = [[w.interval.confidence for w in result.words] for result in (whole, parts)]
    assert confidences[0] == pytest.approx(confidences[1], abs=0.1)


def test_audio_beyond_a_chunk(model):
    rng = np.random.default_rng(1)
    letters = rng.choice(list("abcdefghij"), 500).tolist()
    sounds = [(s, 0.06) for letter in letters for s in (letter, "|")]
    result = Aligner(model, language="und").align(model.speak(*sounds), " ".join(letters))
    starts = times(result)[:, 0]
    assert np.abs(starts - 0.12 * np.arange(500)).max() < 0.07
    assert len(result.words) == 500


def test_calibrations_are_read_back_or_refused(model, tmp_path):
    from speechalign.models.calibration import Calibration, read_calibration

    Calibration("sounding", 0.04, 100).write(tmp_path / "late.json")
    assert read_calibration(tmp_path / "late.json") == Calibration("sounding", 0.04, 100)
    with pytest.raises(InputError, match="was measured on 'other', not on 'sounding'"):
        Aligner(model, calibration=Calibration("other", 0.04, 100))
    (tmp_path / "late.json").write_text('{"model": "x"}')
    with pytest.raises(InputError, match=r"late\.json: expected a calibration: a JSON object"):
        read_calibration(tmp_path / "late.json")
    (tmp_path / "late.json").write_text('{"model": "x", "bias": 20, "words": 3}')
    with pytest.raises(InputError, match="bias: expected seconds between -1 and 1, got 20"):
        read_calibration(tmp_path / "late.json")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_calibration(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "transcript: expected at least one word, got nothing; write what is said"),
        (" … 🙂", "expected at least one word, got only '… 🙂'"),
        ("猫 が", "'猫' and all other words have nothing that sounding can read; romanise them"),
        ("[noise]", "nothing that sounding can read"),
    ],
)
def test_transcripts_that_cannot_be_read(model, text, message):
    with pytest.raises(InputError, match=message.replace("[", r"\[")):
        Aligner(model).align(model.speak(("a", 0.3)), text)


def test_transcripts_that_are_too_long(model):
    message = "its 7 characters need at least 0.14 s, the audio lasts 0.10 s; check that they"
    with pytest.raises(AlignmentError, match=message):
        Aligner(model).align(model.speak(("a", 0.1)), "abab gh")


def test_languages_that_a_model_of_phones_does_not_know():
    model = SoundingModel(PHONES, unit="phones", dictionary={"cab": (("K", "AA", "B"),)})
    with pytest.raises(InputError, match="expected 'en', as sounding knows no other words; got"):
        Aligner(model, language="de")


def test_units_that_there_are_not():
    with pytest.raises(InputError, match="expected characters, tokens or phones, got 'runes'"):
        Aligner(SoundingModel(LETTERS, unit="runes"))


def test_digital_silence_and_very_short_audio(model):
    silence = Waveform(np.zeros(RATE, np.float32), RATE, 1, None, RATE)
    result = Aligner(model).align(silence, "a b")
    assert 0 <= result.words[0].interval.start < result.words[1].interval.end <= 1.0
    short = Waveform(np.zeros(900, np.float32), RATE, 1, None, RATE)
    assert len(Aligner(model).align(short, "a b").words) == 2


def test_our_convolutional_model_gives_words_and_phones(examples):
    torch = pytest.importorskip("torch", reason="needs torch")
    from speechalign.audio.sound_file import read_waveform
    from speechalign.models.ctc.conv_ctc import BLANK, ConvCTC
    from speechalign.models.ctc.conv_net import ConvCTCConfig, ConvCTCNet
    from speechalign.models.hmm_gmm.english_sphinx import EnglishSphinx
    from speechalign.vocabulary import Vocabulary

    torch.manual_seed(0)
    phones = [phone for phone in EnglishSphinx().phones if phone.isalpha()]
    net = ConvCTCNet(ConvCTCConfig(channels=16, stem_channels=8, blocks=1), len(phones) + 1)
    model = ConvCTC(
        net, Vocabulary([*phones, BLANK], blank=BLANK), name="tiny", language="en", licence="none"
    )
    text = "Two cups of tea cost $5.50, [laughter] and the view is free."
    waveform = read_waveform(examples / "slt/tea.flac", sample_rate=RATE)
    result = Aligner(model).align(waveform, text)
    assert [word.interval.label for word in result.words] == text.split()
    assert list(result.alignment.tiers) == ["words", "phones"]
    assert [p.label for p in result.words[0].phones] == ["T", "UW"]
    assert [p.label for p in result.words[6].phones] == ["spn"]
