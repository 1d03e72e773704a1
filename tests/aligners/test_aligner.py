"""One utterance: what must hold for any input, and what may not change when the sound does not."""

import itertools
import re

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

import speechalign
from speechalign.aligners import aligner as whole
from speechalign.aligners import phone_boundaries
from speechalign.aligners.aligner import Aligner, align
from speechalign.audio.sound_file import read_waveform
from speechalign.audio.waveform import Waveform
from speechalign.errors import AlignmentError, InputError
from speechalign.models import load_model
from speechalign.models.hmm_gmm.folder import save

RATE = 16000
NAMES = ("rms/river", "slt/harbour", "slt/tea")
TEXTS = {
    "rms/river": "A heron waits by the river, as patient as a stone.",
    "slt/harbour": "In 1995 the harbour froze; nobody had seen that before.",
    "slt/tea": "Two cups of tea cost $5.50, and the view is free.",
}


def sound(samples):
    return Waveform(np.ascontiguousarray(samples, np.float32), RATE)


@pytest.fixture(scope="module")
def speech(examples):
    return {
        name: read_waveform(examples / f"{name}.flac", sample_rate=RATE).samples for name in NAMES
    }


@pytest.fixture(scope="module")
def single(aligner, speech):
    return {name: aligner.align(sound(speech[name]), TEXTS[name]) for name in NAMES}


def phones(result):
    return [phone for word in result.words for phone in word.phones]


def boundaries(result):
    return np.array([(phone.start, phone.end) for phone in phones(result)])


def moved(before, after, by=0.0):
    """Distances in seconds that boundaries moved, of results with the same phones."""
    assert [p.label for p in phones(before)] == [p.label for p in phones(after)]
    return np.abs(boundaries(after) - by - boundaries(before))


def check(result, duration):
    """Assert what holds for every result."""
    assert result.duration == duration
    found = phones(result)
    assert all(word.phones for word in result.words)
    assert all(phone.duration >= 0.01 - 1e-9 for phone in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert found[0].start >= 0
    assert found[-1].end <= duration
    for word in result.words:
        assert word.interval.start == word.phones[0].start
        assert word.interval.end == word.phones[-1].end
        assert word.interval.label == word.label
        assert 0 <= word.interval.confidence <= 1
    confidences = [word.interval.confidence for word in result.words]
    assert min(confidences) <= result.confidence <= max(confidences)
    assert np.isfinite(result.log_likelihood)


@pytest.mark.parametrize("name", NAMES)
def test_examples(examples, single, name):
    result = single[name]
    text = TEXTS[name]
    assert (examples / f"{name}.lab").read_text(encoding="utf-8").strip() == text
    check(result, soundfile.info(examples / f"{name}.flac").duration)
    assert [word.interval.label for word in result.words] == text.split()
    assert result.confidence > 0.9
    alignment = result.alignment
    assert list(alignment.tiers) == ["words", "phones"]
    assert alignment.duration == result.duration
    assert list(alignment.tiers["phones"]) == phones(result)


def test_pauses_are_gaps_where_the_sound_is_silent(single, speech):
    # The synthesiser pauses for the semicolon, and at both ends.
    words = {word.interval.label: word.interval for word in single["slt/harbour"].words}
    samples = speech["slt/harbour"]
    gaps = [
        (0.0, words["In"].start),
        (words["froze;"].end, words["nobody"].start),
        (words["before."].end, len(samples) / RATE),
    ]
    for start, end in gaps:
        assert end - start > 0.09
        # 20 ms inside: quiet, compared with the recording.
        inside = samples[round((start + 0.02) * RATE) : round((end - 0.02) * RATE)]
        assert np.sqrt((inside**2).mean()) < 0.1 * np.sqrt((samples**2).mean())


@pytest.mark.parametrize("name", NAMES)
def test_silence_in_front_or_behind_moves_everything_alike(aligner, speech, single, name):
    silence = np.zeros(RATE // 2)
    before = aligner.align(sound(np.r_[silence, speech[name]]), TEXTS[name])
    assert moved(single[name], before, by=0.5).max() <= 0.010
    after = aligner.align(sound(np.r_[speech[name], silence]), TEXTS[name])
    assert moved(single[name], after).max() <= 0.010


@pytest.mark.parametrize("name", NAMES)
def test_room_tone_in_front_moves_everything_alike(aligner, speech, single, name):
    # The front end learns the noise from it, so that a rare boundary takes its other peak.
    tone = speech[name][: RATE // 10]
    tone = np.tile(np.r_[tone, tone[::-1]], 3)[: RATE // 2]
    result = aligner.align(sound(np.r_[tone, speech[name]]), TEXTS[name])
    distances = moved(single[name], result, by=0.5)
    assert np.quantile(distances, 0.95) <= 0.010
    assert distances.max() <= 0.030


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("factor", [0.25, 1.5])
def test_loudness_does_not_matter(aligner, speech, single, name, factor):
    result = aligner.align(sound(factor * speech[name]), TEXTS[name])
    assert moved(single[name], result).max() <= 0.010


@pytest.mark.parametrize("rate", [11025, 22050, 44100, 96000])
def test_sample_rate_of_the_file_hardly_matters(aligner, speech, single, tmp_path, rate):
    for name in NAMES:
        path = tmp_path / "x.wav"
        samples = soxr.resample(speech[name], RATE, rate)
        soundfile.write(path, samples, rate, subtype="FLOAT")
        result = align(path, TEXTS[name], model=aligner.model)
        assert result.waveform.source_rate == rate
        distances = moved(single[name], result)
        if rate >= RATE:
            assert distances.max() <= 0.010
        else:  # what is above 5.5 kHz is gone
            assert np.median(distances) <= 0.010


def test_telephone_speech(aligner, speech, single, tmp_path):
    path = tmp_path / "x.wav"
    for name in NAMES:
        soundfile.write(path, soxr.resample(speech[name], RATE, 8000), 8000)
        result = align(path, TEXTS[name], model=aligner.model)
        check(result, soundfile.info(path).duration)
        words = np.array([(w.interval.start, w.interval.end) for w in result.words])
        wanted = np.array([(w.interval.start, w.interval.end) for w in single[name].words])
        assert np.median(np.abs(words - wanted)) <= 0.015


@pytest.mark.parametrize(("one", "other"), [(0, 1), (1, 2)])
def test_one_recording_after_another(aligner, speech, single, one, other):
    first, second = NAMES[one], NAMES[other]
    both = aligner.align(
        sound(np.r_[speech[first], speech[second]]), f"{TEXTS[first]} {TEXTS[second]}"
    )
    wanted = np.r_[boundaries(single[first]), boundaries(single[second]) + single[first].duration]
    assert [p.label for p in phones(both)] == [
        p.label for name in (first, second) for p in phones(single[name])
    ]
    assert np.abs(boundaries(both) - wanted).max() <= 0.030


@pytest.mark.parametrize(("window", "context"), [(4, 16), (7, 16), (4, 4)])
def test_windows_do_not_show(aligner, speech, single, monkeypatch, window, context):
    monkeypatch.setattr(phone_boundaries, "_WINDOW", window)
    monkeypatch.setattr(phone_boundaries, "_CONTEXT", context)
    for name in NAMES:
        result = aligner.align(sound(speech[name]), TEXTS[name])
        assert moved(single[name], result).max() <= 0.005


def test_casing_and_punctuation_change_labels_only(aligner, speech, single):
    plain = single["rms/river"]
    text = "a HERON waits, «by» the River — as patient... as a (stone)"
    result = aligner.align(sound(speech["rms/river"]), text)
    assert moved(plain, result).max() == 0
    assert " ".join(word.interval.label for word in result.words) == text
    assert len(result.words) == len(plain.words)
    assert result.words[5].interval.label == "River —"


TOKENS = ["tea", "Tea!", "$5.50", "1995", "3rd", "🙂", "—", "&", "50%", "naïve", "x²", "R&D",
          "[cough]", "zxqvk", "猫", "o'clock", "10:30", "…", "well-known", "\N{ZERO WIDTH SPACE}",
          "👩\u200d👩\u200d👧"]  # fmt: skip


@given(
    st.lists(st.sampled_from(TOKENS), min_size=1, max_size=6),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["noise", "silence", "speech"]),
)
@settings(max_examples=40)
def test_words_in_are_words_out_whatever_the_sound(aligner, speech, tokens, seed, kind):
    samples = {
        "noise": 0.1 * np.random.default_rng(seed).normal(size=5 * RATE + seed % 1000),
        "silence": np.zeros(5 * RATE + seed % 1000),
        "speech": speech["slt/tea"][: len(speech["slt/tea"]) - seed % 1000],
    }[kind]
    text = " ".join(tokens)
    if set(tokens) <= {"🙂", "—", "猫", "…", "\N{ZERO WIDTH SPACE}", "👩\u200d👩\u200d👧"}:
        with pytest.raises(InputError, match="transcript: "):
            aligner.align(sound(samples), text)
        return
    result = aligner.align(sound(samples), text)
    check(result, len(samples) / RATE)
    assert " ".join(word.interval.label for word in result.words) == text
    spoken = [token for token in tokens if any(c.isalnum() for c in token) or token == "&"]
    assert len(result.words) == len(spoken)


def test_a_word_that_was_not_said_has_low_confidence(aligner, speech):
    text = TEXTS["rms/river"].replace("patient", "fluorescent")
    words = aligner.align(sound(speech["rms/river"]), text).words
    confidences = {word.interval.label: word.interval.confidence for word in words}
    assert confidences["fluorescent"] < 0.3
    assert confidences["heron"] > 0.9
    assert confidences["stone."] > 0.9


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", TEXTS.values())
def test_confidence_tells_the_right_transcript_from_others(aligner, speech, name, text):
    result = aligner.align(sound(speech[name]), text)
    assert (result.confidence > 0.9) if text == TEXTS[name] else (result.confidence < 0.4)


def test_sources_of_pronunciations(aligner, speech):
    text = "Two cups [slurp] of 猫 cost blorptangs"
    words = aligner.align(sound(speech["slt/tea"]), text).words
    assert [word.source for word in words] == [
        "dictionary", "dictionary", "noise", "dictionary", "unknown", "dictionary", "g2p",
    ]  # fmt: skip
    assert [[phone.label for phone in words[i].phones] for i in (2, 4)] == [["spn"], ["spn"]]


def test_transcript_that_only_just_fits(aligner):
    # "tea" is two phones of three states: 6 frames.
    noise = 0.1 * np.random.default_rng(0).normal(size=RATE)
    for samples in (801, 960):
        check(aligner.align(sound(noise[:samples]), "tea"), samples / RATE)
    with pytest.raises(
        AlignmentError,
        match=r"longer than the audio can hold: its 2 phones need at least 0.06 s, the audio lasts "
        r"0.05 s; check",
    ):
        aligner.align(sound(noise[:800]), "tea")


def test_too_long_a_transcript_names_the_file(aligner, examples):
    with pytest.raises(AlignmentError, match=r"tea\.flac: .* the audio lasts 4\.75 s"):
        align(examples / "slt/tea.flac", TEXTS["slt/tea"] * 20, model=aligner.model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected at least one word, got nothing; write what is said"),
        (" \n", "expected at least one word, got nothing"),
        ("🙂 ...", "expected at least one word, got only '🙂 ...'"),
        ("猫 が", "no letter of language 'en'; romanise them"),
    ],
)
def test_transcripts_without_words(aligner, speech, text, message):
    with pytest.raises(InputError, match=re.escape(message)):
        aligner.align(sound(speech["slt/tea"]), text)


def test_samples_are_aligned_as_the_file_is(examples, single, speech):
    """Arrays at another rate are resampled, as files are."""
    text, wanted = TEXTS["slt/tea"], single["slt/tea"]
    path = examples / "slt/tea.flac"
    file_rate = soundfile.info(path).samplerate
    with path.open("rb") as file:
        assert moved(wanted, align(file, text)).max() == 0
    samples, _ = soundfile.read(path, dtype="int16")
    assert moved(wanted, align(samples, text, sample_rate=file_rate)).max() == 0
    assert moved(wanted, align(speech["slt/tea"], text, sample_rate=RATE)).max() == 0
    torch = pytest.importorskip("torch", reason="needs torch")
    tensor = torch.from_numpy(speech["slt/tea"])[None]
    assert moved(wanted, align(tensor, text, sample_rate=RATE)).max() == 0


def test_a_waveform_of_another_rate_is_resampled(aligner, single, speech):
    half = soxr.resample(speech["slt/tea"], RATE, RATE // 2)
    result = aligner.align(Waveform(half, RATE // 2), TEXTS["slt/tea"])
    assert result.waveform.sample_rate == RATE
    assert np.median(moved(single["slt/tea"], result)) < 0.01


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros(9), "tea"), {}, "sample_rate: expected the sample rate of the samples in Hz"),
        (("a.wav", None), {}, "text: expected the transcript as a str, got NoneType; join words"),
        (("a.wav", ["tea"]), {}, "text: expected the transcript as a str, got list"),
        ((5, "tea"), {}, "audio: expected a path, .* got int"),
        (("a.wav", "tea"), {"model": 5}, "model: expected a name, a path or a loaded .* got int"),
        (("a.wav", "tea"), {"language": "de"}, "language: expected 'en'"),
    ],
)
def test_wrong_arguments(arguments, options, message):
    with pytest.raises(InputError, match=message):
        align(*arguments, **options)


def test_a_named_model_is_loaded_once(examples, monkeypatch):
    loads = []

    def counted(source):
        loads.append(source)
        return load_model(source)

    monkeypatch.setattr(whole, "load_model", counted)
    whole._loaded.cache_clear()
    results = [align(examples / "slt/tea.flac", TEXTS["slt/tea"]) for _ in range(3)]
    assert loads == ["english-sphinx"]
    assert moved(results[0], results[2]).max() == 0


def test_a_model_whose_files_change_is_loaded_again(examples, tmp_path):
    folder = tmp_path / "mine"
    save(load_model("english-sphinx"), folder, texts={})
    audio = examples / "slt/tea.flac"
    first = align(audio, "Two cups of tea cost", model=folder)
    with (folder / "dictionary.txt").open("a", encoding="utf-8") as file:
        file.write("tea\tK AO F IY\n")
    second = align(audio, "Two cups of tea cost", model=str(folder))
    assert "".join(phone.label for phone in first.words[3].phones) == "TIY"
    assert "".join(phone.label for phone in second.words[3].phones) == "KAOFIY"


def test_a_model_may_be_given_instead_of_its_name(examples, single):
    model = load_model("english-sphinx")
    result = align(examples / "slt/tea.flac", TEXTS["slt/tea"], model=model)
    assert moved(single["slt/tea"], result).max() == 0
    with pytest.raises(InputError, match="swedish: no such model; expected a name that"):
        Aligner("swedish")


def test_channel(aligner, speech, single, tmp_path):
    path = tmp_path / "two.wav"
    noise = 0.3 * np.random.default_rng(0).normal(size=len(speech["slt/tea"]))
    soundfile.write(path, np.stack([noise, speech["slt/tea"]], 1), RATE, subtype="FLOAT")
    chosen = align(path, TEXTS["slt/tea"], model=aligner.model, channel=1)
    assert moved(single["slt/tea"], chosen).max() == 0
    assert (chosen.waveform.channels, chosen.waveform.channel) == (2, 1)
    assert align(path, TEXTS["slt/tea"], model=aligner.model, channel=0).confidence < 0.5
    with pytest.raises(InputError, match=r"two\.wav: channel: expected 0 to 1"):
        align(path, TEXTS["slt/tea"], model=aligner.model, channel=2)


def test_table(aligner, speech):
    text = "Two cups of 🙂 <&tea> cost 猫 $5.50, free."
    result = aligner.align(sound(speech["slt/tea"]), text)
    assert repr(result) == str(result)
    head, *rows = str(result).splitlines()
    assert head.split() == ["word", "start", "end", "confidence", "phones"]
    assert [row.split()[0] for row in rows] == ["Two", "cups", "of", "<&tea>", "cost", "猫",
                                                "$5.50,", "free."]  # fmt: skip
    first = result.words[0].interval
    assert rows[0].split()[1:3] == [f"{first.start:.3f}", f"{first.end:.3f}"]
    html = result._repr_html_()
    assert "<td>&lt;&amp;tea&gt;</td>" in html
    assert html.count("<tr>") == 9
    assert html.startswith("<table>")


def test_columns_of_the_table_stay_in_line_with_wide_letters(aligner, speech):
    from rich.cells import cell_len

    result = aligner.align(sound(speech["slt/tea"]), "Two 🙂 cups 猫 of tea")
    lines = str(result).splitlines()
    column = lines[0].index("start")
    for line, word in zip(lines[1:], result.words):
        at = line.index(f"{word.interval.start:.3f}")
        assert cell_len(line[:at]) == column


def test_three_lines_in_a_notebook(examples, tmp_path):
    figure_module = pytest.importorskip("matplotlib.figure")
    result = speechalign.align(examples / "slt/tea.flac", TEXTS["slt/tea"])
    figure = result.plot()
    assert isinstance(figure, figure_module.Figure)
    figure.savefig(tmp_path / "tea.png")
    assert (tmp_path / "tea.png").stat().st_size > 10_000
    labels = [text.get_text() for text in figure.axes[2].texts]
    assert labels == TEXTS["slt/tea"].split()
