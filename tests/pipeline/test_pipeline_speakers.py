"""Models that normalise by speaker, on corpora: what is heard, and what makes no difference."""

import shutil

import numpy as np
import pytest

from speechalign.aligners.aligner import Aligner
from speechalign.audio.sound_file import read_waveform
from speechalign.corpus import Utterance, read_corpus
from speechalign.models.hmm_gmm.model import HmmGmm
from speechalign.pipeline.align_corpus import align_corpus
from speechalign.pipeline.speakers import aligners_by_speaker
from speechalign.pronunciation.lexicon import Lexicon, Pronunciations
from speechalign.training.material import prepare


@pytest.fixture(scope="module")
def model():
    """Make a model of letters of which every state sounds like something."""
    from speechalign.models.hmm_gmm.mixtures import Mixtures

    phones = ("sil", "spn", *"abcdefghijklmnopqrstuvwxyz'")
    rng = np.random.default_rng(0)
    shape = (3 * len(phones), 3, 1, 13)
    mixtures = Mixtures(
        rng.normal(size=shape).astype(np.float32), np.ones(shape, np.float32),
        np.ones((shape[0], 1, 1, 1), np.float32), np.ones(3, np.float32),
    )  # fmt: skip
    return HmmGmm(
        name="letters", language="en", licence="CC0", phones=phones, silence="sil", noise="spn",
        mixtures=mixtures, stay=np.full((len(phones), 3), 0.7), dictionary={}, variant_priors={},
        silence_probability=0.5, acoustic_scale=0.2, calibration=(1.0, 5.0),
        pronunciation="graphemes", by_speaker=True,
    )  # fmt: skip


@pytest.fixture
def corpus(examples, tmp_path):
    folder = tmp_path / "corpus"
    shutil.copytree(examples, folder)
    return folder


def speakers(aligner, utterances, jobs=1):
    """Return a function from an utterance to its aligner."""
    found = aligners_by_speaker(aligner, utterances, jobs=jobs)
    return lambda utterance: found.get(utterance.speaker, aligner)


def emissions(aligner_of, utterance):
    samples = read_waveform(utterance.audio, sample_rate=16000).samples
    return aligner_of(utterance).model.emit(samples[None], np.array([len(samples)]))[0]


def times(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*.TextGrid"))}


def test_statistics_do_not_depend_on_order_threads_or_failures(model, corpus):
    utterances = read_corpus(corpus)
    (corpus / "slt" / "broken.wav").write_bytes(b"RIFF nothing")
    broken = [
        Utterance("slt/b", "slt/b", corpus / "slt" / "broken.wav", "x", "slt"),
        Utterance("slt/n", "slt/n", corpus / "slt" / "tea.flac", "", "slt", problem="no text"),
    ]
    first = speakers(Aligner(model), utterances, jobs=1)
    for others in (
        speakers(Aligner(model), utterances[::-1], jobs=3),
        speakers(Aligner(model), [*broken, *utterances], jobs=2),
    ):
        for utterance in utterances:
            np.testing.assert_array_equal(emissions(others, utterance), emissions(first, utterance))


def test_speakers_hear_themselves_and_nobody_else(model, corpus):
    utterances = read_corpus(corpus)
    together = speakers(Aligner(model), utterances, jobs=1)
    tea = next(u for u in utterances if u.id == "slt/tea")
    river = next(u for u in utterances if u.speaker == "rms")
    nobody = Utterance("tea", "tea", tea.audio, tea.text)
    alone = Aligner(model)
    assert together(nobody).model is model
    # A speaker of one recording, and a recording without a speaker, are what it tells itself.
    np.testing.assert_array_equal(
        emissions(together, river), emissions(speakers(alone, [river], jobs=1), river)
    )
    assert np.abs(emissions(together, tea) - emissions(together, nobody)).max() > 0.1


def test_training_and_aligning_normalise_alike(model, corpus, tmp_path):
    utterances = read_corpus(corpus)
    letters = Lexicon(Pronunciations("en", {}, "graphemes"))
    material = prepare(
        utterances, letters, tmp_path / "work", by_speaker=True, jobs=1, progress=lambda *_: None
    )
    aligner_of = speakers(Aligner(model), utterances, jobs=1)
    for utterance, spoken in zip(utterances, material.spoken):
        samples = read_waveform(utterance.audio, sample_rate=16000).samples
        ((_, streams),) = aligner_of(utterance).model._features(samples)
        found = streams[0].T
        np.testing.assert_allclose(material.cepstra(spoken), found, atol=1e-4)
    by_recording = prepare(utterances, letters, tmp_path / "work", jobs=1, progress=lambda *_: None)
    assert by_recording.fingerprint != material.fingerprint
    assert by_recording.moments == {}


def test_a_run_that_goes_on_gives_the_same_times(model, corpus, tmp_path):
    utterances = read_corpus(corpus)
    whole = align_corpus(utterances, Aligner(model), tmp_path / "whole", jobs=2)
    assert whole.exit_status == 0
    first = [u for u in utterances if u.id != "slt/tea"]
    align_corpus(first, Aligner(model), tmp_path / "parts")
    align_corpus(utterances, Aligner(model), tmp_path / "parts", overwrite=True)
    assert times(tmp_path / "parts") == times(tmp_path / "whole")
    (tmp_path / "parts" / "slt" / "tea.TextGrid").unlink()
    align_corpus(utterances, Aligner(model), tmp_path / "parts")
    assert times(tmp_path / "parts") == times(tmp_path / "whole")


def test_a_recording_more_of_a_speaker_changes_their_others(model, corpus, tmp_path):
    utterances = read_corpus(corpus)
    align_corpus(utterances, Aligner(model), tmp_path / "whole")
    first = [u for u in utterances if u.id != "slt/tea"]
    align_corpus(first, Aligner(model), tmp_path / "parts")
    result = align_corpus(utterances, Aligner(model), tmp_path / "parts")
    assert {r.utterance: r.kept for r in result} == {
        "rms/river": True, "slt/harbour": False, "slt/tea": False,
    }  # fmt: skip
    assert times(tmp_path / "parts") == times(tmp_path / "whole")


def test_only_what_must_be_heard_is(model, corpus, tmp_path, monkeypatch):
    utterances = read_corpus(corpus)
    align_corpus(utterances, Aligner(model), tmp_path / "out")
    heard = []
    monkeypatch.setattr(HmmGmm, "hear", lambda _, samples: heard.append(len(samples)))
    align_corpus(utterances, Aligner(model), tmp_path / "out")
    assert heard == []
    speakers(Aligner("english-sphinx"), utterances, jobs=1)
    assert heard == []
