"""The embedded English model: emissions, graphs, spans, dictionary."""

import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechalign.errors import BackendError, FormatError, InputError
from speechalign.kernels import viterbi
from speechalign.models import MODELS, PhoneSpan, load_model
from speechalign.models.hmm_gmm import english_sphinx, sphinx_files
from speechalign.models.hmm_gmm.english_sphinx import EnglishSphinx
from speechalign.models.hmm_gmm.sphinx_features import sphinx_features


@pytest.fixture(scope="module")
def model():
    return load_model("english-sphinx")


def noise(samples, seed=0):
    rng = np.random.default_rng(seed)
    return (0.1 * rng.normal(size=samples)).astype(np.float32)


def emit_one(model, samples):
    return model.emit(samples[None], np.array([len(samples)]))


class TestEmit:
    def test_shape_and_names_of_the_columns(self, model):
        emissions = emit_one(model, noise(1601))
        assert emissions.log_probs.shape == (1, 11, 126)
        assert emissions.log_probs.dtype == np.float32
        assert emissions.input_lengths.tolist() == [11]
        assert not emissions.normalised
        assert (emissions.grid.sample_rate, emissions.grid.stride) == (16000, 160)
        assert emissions.vocabulary.ids(["SIL.0", "SIL.2"]) == [96, 98]
        assert np.isfinite(emissions.log_probs).all()

    def test_scores_are_the_mixtures_of_the_files(self, model):
        samples = noise(1600)
        features = sphinx_features(samples).transpose(2, 0, 1).astype(np.float64)
        acoustic = model.folder / "en-us"
        means = np.float64(sphinx_files.read_gaussians(acoustic / "means"))
        variances = np.float64(sphinx_files.read_gaussians(acoustic / "variances")).clip(1e-4)
        weights = np.float64(sphinx_files.read_mixture_weights(acoustic / "sendump"))
        _, senones = sphinx_files.read_phones(acoustic / "mdef")
        found = emit_one(model, samples)[0]
        for p, t in ((0, 0), (17, 4), (41, 9)):
            distances = (features[t][:, None] - means[p]) ** 2 / variances[p]
            densities = -0.5 * (distances + np.log(2 * np.pi * variances[p])).sum(axis=2)
            densities[(variances[p] == 1e-4).all(axis=2)] = -np.inf
            for h, column in enumerate(model.unit(model.phones[p]).labels):
                joint = densities + np.log(weights[:, :, senones[p, h]])
                streams = np.logaddexp.reduce(joint, axis=1)
                expected = streams[0] + 0.5 * streams[1] + 0.5 * streams[2]
                assert found[t, column] == pytest.approx(expected, rel=1e-5, abs=1e-3)

    def test_padding_is_not_read_and_a_batch_is_its_singles(self, model):
        recordings = [noise(samples, samples) for samples in (3000, 160, 4999)]
        lengths = np.array([len(samples) for samples in recordings])
        batch = np.full((3, 6000), np.nan, np.float32)
        for row, samples in zip(batch, recordings):
            row[: len(samples)] = samples
        emissions = model.emit(batch, lengths)
        assert emissions.log_probs.shape[1] == 32
        for b, samples in enumerate(recordings):
            np.testing.assert_array_equal(emissions[b], emit_one(model, samples)[0])
        short = model.emit(batch, lengths.astype(np.int32))
        np.testing.assert_array_equal(short.log_probs, emissions.log_probs)

    @pytest.mark.parametrize("samples", [1, 2, 100, 160])
    def test_recording_shorter_than_a_frame_is_one_frame(self, model, samples):
        emissions = emit_one(model, noise(samples))
        assert emissions.log_probs.shape == (1, 1, 126)
        assert np.isfinite(emissions.log_probs).all()

    def test_silence_and_full_scale_are_finite(self, model):
        square = np.sign(np.sin(np.arange(8000) / 20)).astype(np.float32)
        for samples in (np.zeros(8000, np.float32), square):
            assert np.isfinite(emit_one(model, samples).log_probs).all()

    def test_double_precision_samples_score_alike(self, model):
        samples = noise(2000)
        np.testing.assert_allclose(
            emit_one(model, samples.astype(np.float64)).log_probs,
            emit_one(model, samples).log_probs,
            rtol=1e-4,
            atol=1e-2,
        )

    def test_no_recordings(self, model):
        emissions = model.emit(np.zeros((0, 0), np.float32), np.zeros(0, np.int64))
        assert emissions.log_probs.shape == (0, 0, 126)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_sample_that_is_no_number(self, model, bad):
        batch = np.stack([noise(500), noise(500)])
        batch[1, 77] = bad
        with pytest.raises(InputError, match=r"waveforms\[1\]\[77\]: expected a finite number"):
            model.emit(batch, np.array([500, 500]))

    def test_empty_recording(self, model):
        with pytest.raises(InputError, match=r"waveforms\[1\]: the recording has no samples"):
            model.emit(np.zeros((2, 500), np.float32), np.array([500, 0]))

    def test_length_beyond_the_samples(self, model):
        with pytest.raises(InputError, match=r"lengths\[0\]: expected a value in \[0, 500\]"):
            model.emit(np.zeros((1, 500), np.float32), np.array([501]))

    @pytest.mark.parametrize("shape", [(500,), (2, 500), (1, 1, 500)])
    def test_waveforms_that_do_not_match_the_lengths(self, model, shape):
        with pytest.raises(InputError, match=r"waveforms: expected shape \(1, N\)"):
            model.emit(np.zeros(shape, np.float32), np.array([500]))

    def test_stream_weights_are_factors_on_the_streams(self, model):
        samples = noise(2000)
        first, last = (EnglishSphinx(stream_weights=w) for w in ((1, 0, 0), (0, 0.5, 0.5)))
        parts = [emit_one(m, samples).log_probs for m in (first, last)]
        np.testing.assert_allclose(
            parts[0] + parts[1], emit_one(model, samples).log_probs, rtol=1e-5, atol=1e-3
        )


class TestUnits:
    def test_leaving_and_staying_share_the_probability(self, model):
        assert len(model.phones) == 42
        for unit in map(model.unit, model.phones):
            np.testing.assert_allclose(np.exp(unit.stay) + np.exp(unit.leave), 1.0, atol=1e-12)

    def test_columns_of_a_phone_are_named_after_it(self, model):
        for phone, unit in zip(model.phones, map(model.unit, model.phones)):
            names = [f"{phone}.{state}" for state in range(3)]
            assert list(unit.labels) == model.vocabulary.ids(names)

    def test_silence_and_noise_are_phones(self, model):
        assert {model.silence, model.noise} <= set(model.phones)


class TestDictionary:
    def test_words_are_lower_case_and_spelt_in_phones_of_the_model(self, model):
        assert len(model.dictionary) > 100_000
        assert all(word == word.lower() for word in model.dictionary)
        used = {p for variants in model.dictionary.values() for v in variants for p in v}
        assert used <= set(model.phones) - {model.silence, model.noise}
        assert all(v for variants in model.dictionary.values() for v in variants)

    def test_is_read_once(self, model):
        assert load_model("english-sphinx").dictionary is model.dictionary

    def test_variants_belong_to_one_word(self, model):
        assert set(model.dictionary["read"]) == {("R", "EH", "D"), ("R", "IY", "D")}
        assert not any(word.endswith(")") for word in model.dictionary)


def entries(draw_from, size):
    return st.lists(st.sampled_from(draw_from), min_size=1, max_size=size)


@settings(max_examples=30)
@given(data=st.data())
def test_spans_spell_a_pronunciation_of_every_word_in_order(data, model):
    variant = entries(["AA", "T", "S", "M"], 3)
    words = data.draw(st.lists(st.lists(variant, min_size=1, max_size=2), max_size=4))
    seed = data.draw(st.integers(0, 2**32 - 1))
    frames = 3 * sum(min(map(len, word)) for word in words) + data.draw(st.integers(3, 40))
    log_probs = 5 * np.random.default_rng(seed).normal(size=(frames, 126))
    log_probs[:, 96:99] += 3  # pauses are taken as often as not
    graph = model.graph(words)
    spans = model.spans(graph, viterbi(log_probs, graph).arcs)
    assert [s.begin for s in spans] == [0, *(s.end for s in spans[:-1])]
    assert spans[-1].end == frames
    assert all(s.end - s.begin >= 3 for s in spans)
    assert [s.position for s in spans] == sorted(s.position for s in spans)
    for i, variants in enumerate(words):
        assert [s.phone for s in spans if s.position == 2 * i + 1] in variants
    pauses = [s for s in spans if s.position % 2 == 0]
    assert all(s.phone == "SIL" for s in pauses)
    assert len({s.position for s in pauses}) == len(pauses)


def test_chain_makes_an_item_of_each_phone_even_repeated_ones(model):
    phones = ["SIL", "T", "T", "AA", "SIL"]
    graph = model.chain(phones)
    arcs = viterbi(np.zeros((15, 126)), graph).arcs
    assert model.spans(graph, arcs) == [
        PhoneSpan(phone, 2 * i + 1, 3 * i, 3 * i + 3) for i, phone in enumerate(phones)
    ]


def test_scores_tell_a_vowel_from_a_fricative(model):
    # A buzz with two resonances, and noise above 4 kHz: no speech, but far from each other.
    n = np.arange(8000)
    buzz = sum(
        math.exp(-(((h * 120 - f) / 150) ** 2)) * np.sin(2 * np.pi * h * 120 * n / 16000)
        for h in range(1, 40)
        for f in (700, 1200)
    )
    hiss = np.diff(np.random.default_rng(0).normal(size=8003), 3)
    quiet = 1e-4 * np.random.default_rng(1).normal(size=4000)
    signal = np.concatenate([quiet, 0.05 * buzz, quiet, 0.05 * hiss, quiet]).astype(np.float32)
    log_probs = emit_one(model, signal)[0]
    vowel, fricative = log_probs[30:70], log_probs[105:145]
    aa, s = list(model.unit("AA").labels), list(model.unit("S").labels)
    assert vowel[:, aa].max(axis=1).mean() > vowel[:, s].max(axis=1).mean() + 5
    assert fricative[:, s].max(axis=1).mean() > fricative[:, aa].max(axis=1).mean() + 5


def test_digital_silence_is_silence(model):
    rng = np.random.default_rng(0)
    speech = (0.1 * rng.normal(size=16000)).astype(np.float32)
    signal = np.concatenate([speech, np.zeros(16000, np.float32), speech])
    inside = emit_one(model, signal)[0][110:190]
    best = {model.vocabulary.symbols[v].rpartition(".")[0] for v in inside.argmax(axis=1)}
    assert best == {"SIL"}


def test_unknown_model_names_the_nearest_ones():
    assert "english-sphinx" in MODELS
    with pytest.raises(InputError, match=r"english-sphynx: no such model; did you mean english-s"):
        load_model("english-sphynx")
    with pytest.raises(InputError, match=r"klingon: no such model; expected a name that `speech"):
        load_model("klingon")


def test_missing_package_says_what_to_install(monkeypatch):
    monkeypatch.setattr(english_sphinx, "find_spec", lambda name: None)  # noqa: ARG005
    with pytest.raises(BackendError, match=r"pip install 'pocketsphinx>=5\.1,<6'"):
        load_model("english-sphinx")


def test_other_files_than_those_it_was_made_for(model, tmp_path, monkeypatch):
    folder = tmp_path / "model" / "en-us"
    shutil.copytree(model.folder, folder, ignore=shutil.ignore_patterns("*.lm.bin"))
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(english_sphinx, "find_spec", lambda name: spec)  # noqa: ARG005
    assert EnglishSphinx().folder == folder
    with (folder / "cmudict-en-us.dict").open("a") as file:
        file.write("speechalign S P IY CH AH L AY N\n")
    with pytest.raises(BackendError, match=r"cmudict-en-us.dict: .*5\.1.*pip install --force-rein"):
        load_model("english-sphinx")
    (folder / "en-us" / "means").unlink()
    with pytest.raises(FormatError, match=r"means: No such file.*install pocketsphinx again"):
        load_model("english-sphinx")


def test_folder_without_a_model_names_the_missing_file(tmp_path):
    with pytest.raises(FormatError, match=r"en-us.mdef: No such file"):
        EnglishSphinx(tmp_path)
