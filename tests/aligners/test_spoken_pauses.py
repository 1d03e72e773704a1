"""Pauses that sound like speech, by the scores of a path and in real speech."""

from types import SimpleNamespace

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.aligners.spoken_pauses import PauseJudge
from speechalign.audio.sound_file import read_waveform
from speechalign.frames import FrameGrid
from speechalign.models import PhoneSpan

RATE = 16000
SILENCE, NOISE, SPEECH = range(3)  # labels


@pytest.fixture
def judge():
    labels = {"SIL": [SILENCE], "NOISE": [NOISE], "AH": [SPEECH]}
    return PauseJudge(
        SimpleNamespace(
            silence="SIL",
            noise="NOISE",
            sample_rate=RATE,
            grid=FrameGrid(RATE, RATE // 100),
            chain=lambda phones: SimpleNamespace(labels=np.array(labels[phones[0]])),
        )
    )


def path(*parts):
    """Return spans, kinds and times of so many frames each of word, silence and noise."""
    ends = np.cumsum([frames for _, frames in parts]).tolist()
    phones = {"word": "AH", "silence": "SIL", "noise": "NOISE"}
    spans = [
        PhoneSpan(phones[kind], 2 * n + (kind == "word"), end - frames, end)
        for n, ((kind, frames), end) in enumerate(zip(parts, ends))
    ]
    return spans, [kind for kind, _ in parts], np.array([0, *ends]) / 100


def scores(count, speech, margin, *, rival=SILENCE):
    """Return scores of frames: silence is best, but in a stretch, where speech is by a margin."""
    found = np.full((count, 3), -60.0)
    found[:, SILENCE] = -20.0
    found[slice(*speech), SILENCE] = -40.0
    found[slice(*speech), rival] = -20.0 - margin
    found[slice(*speech), SPEECH] = -20.0
    return found


def times_of(found):
    return [(pause.label, pause.start, pause.end) for pause in found]


def test_speech_for_a_fifth_of_a_second_is_enough(judge):
    parts = path(("silence", 30), ("word", 10), ("silence", 50), ("word", 10), ("silence", 25))
    log_probs = scores(125, (45, 65), 5.6)
    assert times_of(judge.spoken(log_probs, *parts)) == [("speech", 0.4, 0.9)]
    log_probs[100:] = scores(25, (0, 25), 9.0)
    assert times_of(judge.spoken(log_probs, *parts)) == [("speech", 0.4, 0.9), ("speech", 1, 1.25)]


@pytest.mark.parametrize(
    ("speech", "margin", "rival"),
    [((45, 65), 5.4, SILENCE), ((45, 65), 5.4, NOISE), ((45, 58), 8.0, SILENCE)],
)
def test_too_little_or_too_short(judge, speech, margin, rival):
    parts = path(("word", 40), ("silence", 40), ("word", 20))
    assert not judge.spoken(scores(100, speech, margin, rival=rival), *parts)


def test_words_are_no_pauses_and_a_pause_may_be_too_short(judge):
    parts = path(("word", 60), ("silence", 19), ("word", 21))
    assert not judge.spoken(scores(100, (0, 100), 20.0), *parts)


def test_beside_noise_that_the_transcript_has(judge):
    """Its states score any sound then, so that silence alone is compared with."""
    log_probs = scores(140, (10, 140), 9.0)
    log_probs[:, NOISE] = -20.0
    noisy = path(("word", 10), ("silence", 30), ("noise", 30), ("silence", 30), ("word", 40))
    assert not judge.spoken(log_probs, *noisy)
    *parts, times = path(("word", 10), ("noise", 50), ("word", 10), ("silence", 70))
    assert times_of(judge.spoken(log_probs, *parts, times)) == [("speech", 0.7, 1.4)]


def samples_of(examples, name):
    return read_waveform(examples / f"{name}.flac", sample_rate=RATE).samples


@pytest.mark.parametrize("first", [True, False])
def test_a_sentence_that_the_transcript_lacks(aligner, examples, first):
    tea, river = samples_of(examples, "slt/tea"), samples_of(examples, "rms/river")
    text = (examples / ("slt/tea.lab" if first else "rms/river.lab")).read_text("utf-8")
    found = aligner.align(np.concatenate([tea, river]), text, sample_rate=RATE)
    seam = len(tea) / RATE
    start, end = (seam, found.duration) if first else (0.0, seam)
    assert found.spoken_pauses
    for pause in found.spoken_pauses:
        assert start - 0.5 < pause.start < pause.end < end + 0.5


@pytest.mark.parametrize("allow", ["insertions", "fillers"])
def test_speech_between_words_may_be_allowed(aligner, examples, allow):
    text = " ".join((examples / "rms/river.lab").read_text("utf-8").split()[:6])
    samples = samples_of(examples, "rms/river")
    assert aligner.align(samples, text, sample_rate=RATE).spoken_pauses
    free = Aligner(aligner.model, allow=[allow])
    assert not free.align(samples, text, sample_rate=RATE).spoken_pauses


@pytest.mark.parametrize("name", ["slt/tea", "rms/river", "slt/harbour"])
def test_silence_and_claps_are_no_speech(aligner, examples, name):
    samples = samples_of(examples, name)
    text = (examples / f"{name}.lab").read_text("utf-8")
    rng = np.random.default_rng(0)
    claps = np.zeros(2 * RATE)
    for begin in rng.integers(0, len(claps) - 400, 30):
        claps[begin : begin + 400] += rng.normal(size=400) * np.exp(-np.arange(400) / 80)
    for sound in (np.zeros(0), np.zeros(2 * RATE), claps):
        more = np.concatenate([samples, 0.05 * sound]).astype(np.float32)
        assert not aligner.align(more, text, sample_rate=RATE).spoken_pauses
