"""Doubts: a transcript that the audio does not support, as a whole or at one word."""

import itertools

import numpy as np
import pytest

from speechalign.aligners.result import AlignedUtterance
from speechalign.alignment import Interval
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.pipeline.judgement import DOUBTFUL, judge
from speechalign.pipeline.result import Status
from speechalign.text.word import Word

RATE = 16000


def word(label, *phones, source="dictionary", confidence=0.9):
    intervals = tuple(Interval(start, end, "AH") for start, end in phones)
    span = Interval(phones[0][0], phones[-1][1], label, confidence)
    return Word(label, (label,), source, span=span, phones=intervals)


def judged(confidence, words, unit, pauses=()):
    waveform = Waveform(np.zeros(RATE, np.float32), RATE, 1, None, RATE)
    return judge(
        AlignedUtterance(
            tuple(words), 10.0, -5.0, confidence, waveform, unit, spoken_pauses=tuple(pauses)
        )
    )


YES, NO = word("yes", (0.0, 0.3), (0.3, 0.6)), word("no", (0.6, 0.7), (0.7, 0.8))

WEAK = [
    word("one", (0.0, 0.4), (0.4, 0.6), confidence=0.1),
    word("two", (0.6, 0.8), (0.8, 1.1), confidence=0.14),
]

SQUEEZED = [
    word(label, (start, start + 0.1), confidence=0.0)
    for label, start in (("one", 0.6), ("two", 0.7), ("three", 0.8))
]


def test_all_is_well():
    assert judged(0.5, [YES, NO], "phones") == (Status.ALIGNED, None)


def test_a_confidence_below_the_threshold_is_not_rounded_up_to_it():
    _, reason = judged(0.4981, [YES, NO], "phones")
    assert reason.startswith("confidence 0.49 is below 0.5:")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([YES, word("long", (0.6, 0.7), (0.7, 2.0))], "'long' is stretched from 0.60 to 2.00 s"),
        (
            [word("lost", (0.0, 0.31), (0.31, 0.5), confidence=0.04), NO],
            "'lost' is stretched from 0.00 to 0.50 s",
        ),
        ([word("five-oh", (0.0, 0.3), (1.4, 1.6))], "'five-oh' is stretched from 0.00 to 1.60"),
        ([YES, word("lost", (1.7, 1.8), confidence=0.01)], "'lost' at 1.70 s was hardly heard"),
        ([word("lost", (0.0, 0.1), confidence=0.01), word("no", (1.2, 1.4))], "'lost' at 0.00 s"),
        ([*WEAK, word("three", (1.3, 1.7))], "'one two' from 0.00 to 1.10 s was hardly heard"),
        ([YES, *SQUEEZED], "'one two three' from 0.60 to 0.90 s was hardly heard"),
    ],
)
def test_one_word_is_enough_for_a_doubt(words, reason):
    status, found = judged(0.9, words, "phones")
    assert status is Status.DOUBTFUL
    assert found.startswith(reason)


def test_what_may_last():
    for words in (
        [YES, word("[laughter]", (0.6, 9.0), source="noise", confidence=0.0)],
        [YES, word("猫", (0.6, 3.0), source="unknown")],
        [YES, word("weak", (0.7, 0.8), confidence=0.0), word("no", (0.9, 1.0))],
        [YES, word("no", (9.6, 9.9))],
        [word("short", (0.0, 0.29), (0.29, 0.5), confidence=0.04), NO],
        [word("heard", (0.0, 0.5), (0.5, 0.6), confidence=0.06), NO],
        [YES, *SQUEEZED[:2]],
        [WEAK[0], word("yes", (0.6, 0.9)), word("two", (0.9, 1.6), confidence=0.1)],
    ):
        assert judged(0.9, words, "phones")[0] is Status.ALIGNED
    long = [YES, word("token", (0.6, 3.0))]
    assert judged(0.9, long, "tokens")[0] is Status.ALIGNED
    assert judged(0.9, long, "characters")[0] is Status.DOUBTFUL


def test_a_pause_that_sounds_like_speech_is_doubted_after_the_words():
    pauses = [Interval(0.8, 1.2, "speech"), Interval(1.5, 3.25, "speech")]
    status, reason = judged(0.9, [YES, NO], "phones", pauses)
    assert status is Status.DOUBTFUL
    assert reason.startswith("the pause from 1.50 to 3.25 s sounds like speech")
    assert "--allow insertions" in reason
    _, reason = judged(0.4, [YES, NO], "phones", pauses)
    assert reason.startswith("confidence 0.40")


def sounds():
    """Yield what a transcript may lack: noise, music and silence of different lengths."""
    rng = np.random.default_rng(0)
    times = np.arange(RATE // 2) / RATE
    for seconds in (2, 20, 60):
        count = seconds * RATE
        yield f"silence {seconds}", np.zeros(count)
        yield f"noise {seconds}", 0.05 * rng.normal(size=count)
        chords = [
            0.05 * sum(np.sin(2 * np.pi * tone * times) for tone in rng.choice([220, 330, 440], 3))
            for _ in range(2 * seconds)
        ]
        yield f"music {seconds}", np.concatenate(chords)


def test_words_that_lie_in_another_sentence_are_doubted(aligner, examples):
    samples = [
        read_waveform(examples / f"{name}.flac", sample_rate=RATE).samples
        for name in ("slt/tea", "rms/river", "slt/harbour")
    ]
    texts = [(examples / f"{name}.lab").read_text("utf-8") for name in ("rms/river", "slt/harbour")]
    found = aligner.align(np.concatenate(samples), " ".join(texts), sample_rate=RATE)
    assert found.confidence > DOUBTFUL
    status, _ = judge(found)
    assert status is Status.DOUBTFUL


@pytest.mark.parametrize(
    ("name", "part"), [("slt/tea", "middle"), ("slt/harbour", "middle"), ("rms/river", "half")]
)
def test_a_word_beside_what_the_transcript_lacks_is_doubted(aligner, examples, name, part):
    words = (examples / f"{name}.lab").read_text("utf-8").split()
    third = len(words) // 3
    kept = words[len(words) // 2 :] if part == "half" else words[:third] + words[-third:]
    found = aligner.align(examples / f"{name}.flac", " ".join(kept))
    status, reason = judge(found)
    assert status is Status.DOUBTFUL
    assert "speech that the transcript lacks" in reason


@pytest.mark.parametrize("name", ["slt/tea", "rms/river", "slt/harbour"])
def test_a_sentence_that_the_audio_lacks_is_doubted(aligner, examples, name):
    texts = {
        other: (examples / f"{other}.lab").read_text("utf-8")
        for other in ("slt/tea", "rms/river", "slt/harbour")
    }
    own = texts.pop(name)
    for other in texts.values():
        for text in (f"{own} {other}", f"{other} {own}"):
            found = aligner.align(examples / f"{name}.flac", text)
            status, _ = judge(found)
            assert status is Status.DOUBTFUL, text


@pytest.mark.parametrize("name", ["slt/tea", "rms/river"])
def test_no_word_is_stretched_over_what_the_transcript_lacks(aligner, examples, name):
    samples = read_waveform(examples / f"{name}.flac", sample_rate=RATE).samples
    text = (examples / f"{name}.lab").read_text("utf-8")
    whole = aligner.align(samples, text, sample_rate=RATE)
    for (what, sound), number in itertools.product(sounds(), (0, 5, len(whole))):
        cut = 0
        if number:
            cut = int(RATE * whole.words[number].start) if number < len(whole) else len(samples)
        more = np.concatenate([samples[:cut], sound, samples[cut:]]).astype(np.float32)
        found = aligner.align(more, text, sample_rate=RATE)
        wrong = max(
            abs(a.duration - b.duration) for a, b in zip(whole.words, found.words)
        )  # fmt: skip
        status, _ = judge(found)
        assert status is Status.DOUBTFUL or wrong < 1.0, (what, number)
