"""Training on material whose hidden states are known."""

from itertools import pairwise

import numpy as np
import pytest
from toy_speech import DICTIONARY, SOURCE, Quiet, material

from speechalign.kernels import forward_backward
from speechalign.models.hmm_gmm.sphinx_features import feature_streams
from speechalign.pronunciation.lexicon import Pronunciations
from speechalign.text.dictionary import Dictionary
from speechalign.training import material as material_module
from speechalign.training.expectation import Alternatives, States, expect
from speechalign.training.trainer import fit


def fitted(toy, *, gaussians=2, jobs=1, seed=0, progress=None):
    return fit(
        toy, SOURCE, name="toy", licence="none", gaussians=gaussians, jobs=jobs, seed=seed,
        progress=progress or Quiet(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return material(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="module")
def trained(toy):
    return fitted(toy[0])


def parameters(model):
    mixtures = model.mixtures
    priors = [p for word in sorted(model.variant_priors) for p in model.variant_priors[word]]
    return (
        mixtures.means, mixtures.variances, mixtures.weights, model.stay, np.array(priors),
        np.array([model.silence_probability, *model.calibration]),
    )  # fmt: skip


def assert_same(one, other):
    for a, b in zip(parameters(one.model), parameters(other.model), strict=True):
        np.testing.assert_array_equal(a, b)
    assert one.report == other.report


def test_likelihood_grows_in_every_pass_with_the_same_number_of_gaussians(trained):
    passes = trained.report.iterations
    assert [i.gaussians for i in passes] == [1] * 10 + [2] * 4
    for before, after in pairwise(passes):
        if before.gaussians == after.gaussians:
            # Priors on the variances may cost a little once all else has settled.
            assert after.log_likelihood > before.log_likelihood - 0.01
    assert passes[-1].log_likelihood > passes[0].log_likelihood + 10
    assert passes[0].moved == passes[0].frames
    assert passes[-1].moved < 0.02 * passes[-1].frames


def test_hidden_states_are_recovered(toy, trained):
    found = np.concatenate([States(toy[0], 13).read(u) for u in toy[0].spoken]) // 3
    names = np.array(["sil", "spn", "a", "b", "c"])
    said = np.where(toy[1] < 0, "sil", names[toy[1] + 2])
    assert trained.model.phones == tuple(names)
    assert np.mean(names[found] == said) > 0.97


def test_pronunciations_pauses_and_durations_are_estimated(trained):
    model = trained.model
    (two,) = model.variant_priors
    assert np.exp(model.variant_priors[two]) == pytest.approx([0.8, 0.2], abs=0.12)
    # Five places of six lie between words or at the ends; both ends always pause.
    assert model.silence_probability == pytest.approx((2 + 4 * 0.3) / 6, abs=0.1)
    durations = {p.phone: p for p in trained.report.phones}
    for phone in "abc":
        assert 0.07 <= durations[phone].median <= 0.1
    assert trained.report.unheard == ("spn",)
    slope, intercept = model.calibration
    assert slope > 0
    assert intercept > 0


def test_counts_are_the_expected_numbers_of_arcs(toy, trained):
    spoken = toy[0].spoken[:3]
    model = trained.model
    alternatives = Alternatives(toy[0].spoken)
    found = expect(
        model, toy[0], spoken, alternatives, States(toy[0], 14), jobs=1, progress=Quiet().passed
    )
    visits, repeats = (np.zeros(model.mixtures.num_states) for _ in range(2))
    pauses, score = 0.0, 0.0
    variants = np.zeros(2)
    for utterance in spoken:
        features = feature_streams(toy[0].cepstra(utterance))
        log_probs = model.mixtures.log_likelihoods(features, np.arange(len(visits)))
        graph = model.graph(utterance.words)
        search = forward_backward(log_probs, graph, by="arc")
        arcs = search.posteriors.sum(axis=0)
        score += search.score
        for arc, count in enumerate(arcs):
            label, loop = graph.labels[arc], graph.sources[arc] == graph.targets[arc]
            visits[label] += count
            repeats[label] += count * loop
            # Silence is phone 0: its first state has label 0.
            pauses += count * (label == 0 and not loop)
        for i, word in enumerate(utterance.words):
            if len(word) == 2:
                inside = (graph.positions == 2 * i + 1) & (graph.sources != graph.targets)
                # The longer pronunciation alone passes through a second phone "a".
                longer = arcs[inside & (graph.labels == 6)].sum()
                variants += [1 - longer, longer]
    statistics = found.statistics
    np.testing.assert_allclose(statistics.visits, visits, atol=1e-3)
    np.testing.assert_allclose(statistics.repeats, repeats, atol=1e-3)
    np.testing.assert_allclose(statistics.alternatives, variants, atol=1e-3)
    assert statistics.pauses[0] == pytest.approx(pauses, abs=1e-3)
    assert statistics.places[0] == 3 * 6
    assert statistics.log_likelihood[0] == pytest.approx(score, rel=1e-6)
    assert statistics.occupancies.sum() == pytest.approx(sum(u.frames for u in spoken), rel=1e-5)


def test_no_bit_depends_on_the_number_of_threads(tmp_path, monkeypatch, trained):
    monkeypatch.setattr(material_module, "_CHUNK", 300)
    one = fitted(material(tmp_path / "1")[0], jobs=1)
    assert_same(one, fitted(material(tmp_path / "3")[0], jobs=3))
    # The sums are made in other steps than in one chunk: the same, but not bit for bit.
    np.testing.assert_allclose(one.model.mixtures.means, trained.model.mixtures.means, atol=1e-2)


@pytest.mark.parametrize("passes", [1, 6, 11, 13])
def test_a_run_that_is_stopped_goes_on_to_the_same_result(tmp_path, trained, passes):
    toy = material(tmp_path / "stopped")[0]
    progress = Quiet(passes)
    progress.passed = progress.stop_now
    with pytest.raises(KeyboardInterrupt):
        fitted(toy, progress=progress)
    again = Quiet()
    assert_same(fitted(toy, progress=again), trained)
    assert again.iterations == list(trained.report.iterations[passes:])


def test_a_checkpoint_of_other_options_is_not_taken(tmp_path, trained):
    toy = material(tmp_path / "other")[0]
    fitted(toy, gaussians=1)
    assert_same(fitted(toy, gaussians=2), trained)


def test_wrong_transcripts_are_suspect(tmp_path):
    toy = material(tmp_path / "wrong", utterances=40, mistaken=(7, 19))[0]
    suspects = fitted(toy, gaussians=1).report.suspects
    assert {suspect.utterance for suspect in suspects[:2]} == {"u7", "u19"}
    assert all("likelihood" in suspect.reasons for suspect in suspects[:2])
    assert len(suspects) <= 10
    assert [s.log_likelihood for s in suspects] == sorted(s.log_likelihood for s in suspects)


def test_one_utterance_is_enough_for_finite_parameters(tmp_path):
    toy = material(tmp_path / "single", utterances=1)[0]
    model = fitted(toy, gaussians=4).model
    for array in parameters(model)[:4]:
        assert np.isfinite(array).all()
    assert (model.mixtures.variances > 0).all()


def test_priors_of_a_dictionary_hold_for_words_that_are_not_heard(tmp_path):
    toy = material(tmp_path / "priors", utterances=4)[0]
    entries = {word: dict.fromkeys(variants, 0.0) for word, variants in DICTIONARY.items()}
    entries["acab"] = {("a", "c"): 0.0, ("a", "b", "c"): -1.5}
    source = Pronunciations("en", Dictionary(entries))
    model = fit(
        toy, source, name="toy", licence="none", gaussians=1, jobs=1, seed=0, progress=Quiet()
    ).model
    assert model.variant_priors[("a", "c"), ("a", "b", "c")] == (0.0, -1.5)
    assert DICTIONARY["bc"] in model.variant_priors
