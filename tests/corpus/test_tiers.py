"""Which tiers of a TextGrid hold utterances, and whose."""

from pathlib import Path

import pytest
import soundfile

from speechalign import Alignment, Interval, write_alignment
from speechalign.corpus import read_corpus
from speechalign.corpus.tiers import choose_tiers
from speechalign.errors import InputError
from speechalign.files.textgrid import Mark, TextGrid, Tier

X = Path("x.TextGrid")


def grid(*names):
    return TextGrid(9.0, [Tier("", n, [Mark("", 0, 1, f"on {n}")]) for n in names], [])


def choose(*names, wanted=()):
    """Return name, speaker and layer of the chosen tiers, and what is left out."""
    choice = choose_tiers(grid(*names), X, wanted)
    return [(s.tier.name, s.speaker, s.layer) for s in choice.speech], choice.left_out


@pytest.mark.parametrize(
    ("names", "chosen", "left_out"),
    [
        (("Ann", "Bob - B"), [("Ann", "Ann", 1), ("Bob - B", "Bob - B", 1)], ()),
        (("",), [("", None, 1)], ()),
        (("Sentence", "A - text"), [("Sentence", None, 1), ("A - text", "A", 1)], ()),
        (("Ann", "Notes", "my comments"), [("Ann", "Ann", 1)], ("Notes", "my comments")),
        (("Ann", "ORT-MAU", "words@Ann"), [("Ann", "Ann", 1)], ("ORT-MAU", "words@Ann")),
        (("utterances", "words", "phones"), [("utterances", None, 1)], ("words", "phones")),
        (
            ("Ann - utterances", "Ann - words", "Bob - Utterances"),
            [("Ann - utterances", "Ann", 1), ("Bob - Utterances", "Bob", 1)],
            ("Ann - words",),
        ),
        (
            ("utterances", "utterances (2)"),
            [("utterances", None, 1), ("utterances (2)", None, 2)],
            (),
        ),
        (("Tone Hansen",), [("Tone Hansen", "Tone Hansen", 1)], ()),
    ],
)  # fmt: skip
def test_without_names(names, chosen, left_out):
    assert choose(*names) == (chosen, left_out)


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["ipu"], [("Ann - IPU", "Ann", 1), ("ipu", None, 1)]),
        (["notes"], [("notes", None, 1)]),
        (["Zoe\u0308"], [("Zo\u00eb", None, 1)]),
        (["Zo\u00eb", "notes"], [("notes", "notes", 1), ("Zo\u00eb", "Zo\u00eb", 1)]),
    ],
)
def test_wanted_tiers(wanted, chosen):
    assert choose("Ann - IPU", "ipu", "notes", "Zo\u00eb", wanted=wanted) == (chosen, ())


def test_a_wanted_tier_that_is_not_there():
    with pytest.raises(InputError, match=r"no tier 'Eve', only 'Ann', 'notes'; choose with --tier"):
        choose("Ann", "notes", wanted=["Eve"])


@pytest.fixture
def corpus(tmp_path):
    soundfile.write(tmp_path / "x.wav", [[0.0]] * 80000, 8000)
    return tmp_path


def test_words_alone_are_a_transcript(corpus):
    words = [Interval(0, 1, "Hello,"), Interval(2, 3, "you")]
    write_alignment(Alignment({"words": words, "phones": ()}, 10.0), corpus / "x.TextGrid")
    (utterance,) = read_corpus(corpus)
    assert (utterance.text, utterance.start, utterance.end) == ("Hello, you", 0.0, None)
    assert not utterance.segmented
    assert utterance.tiers_left_out == ("words", "phones")


def test_layers_are_speakers_on_the_same_channel(corpus):
    soundfile.write(corpus / "x.wav", [[0.0, 0.0]] * 80000, 8000)
    tiers = {
        "Ann - utterances": [Interval(0, 2, "a")],
        "Ann - utterances (2)": [Interval(1, 2, "b")],
        "Bob - utterances": [Interval(1, 3, "c")],
    }
    write_alignment(Alignment(tiers, 10.0), corpus / "x.TextGrid")
    found = [(u.text, u.speaker, u.channel, u.problem) for u in read_corpus(corpus)]
    assert found == [("a", "Ann", 0, None), ("b", "Ann (2)", 0, None), ("c", "Bob", 1, None)]


def test_one_name_of_a_tier(corpus):
    tiers = {"ipu": [Interval(0, 2, "a")], "aside": [Interval(1, 2, "b")]}
    write_alignment(Alignment(tiers, 10.0), corpus / "x.TextGrid")
    (utterance,) = read_corpus(corpus, tiers="ipu")
    assert (utterance.text, utterance.speaker) == ("a", None)


def test_layouts_without_tiers_refuse_names_of_them(tmp_path):
    (tmp_path / "m.jsonl").write_text('{"audio_filepath": "x.wav", "text": "a"}\n')
    with pytest.raises(InputError, match=r"a corpus of the layout 'manifest' has none"):
        read_corpus(tmp_path / "m.jsonl", tiers=["utterances"])
