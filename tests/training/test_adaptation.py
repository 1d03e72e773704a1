"""Adaptation: means of highest posterior probability, and calibration."""

import json

import numpy as np
import pytest
from toy_speech import SOURCE, Quiet, material

from speechalign.corpus import Utterance
from speechalign.errors import InputError
from speechalign.models import load_model
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.training import adapt
from speechalign.training.adaptation import moved_means
from speechalign.training.calibration import logistic_regression, word_deficits
from speechalign.training.statistics import Statistics
from speechalign.training.trainer import fit


@pytest.mark.parametrize("tied", [False, True])
def test_means_lie_between_the_old_ones_and_those_of_the_frames(tied):
    rng = np.random.default_rng(0)
    shape = (2, 3, 4, 13)
    weights = np.ones((2, 3, 4, 3) if tied else (2, 1, 4, 1), np.float32)
    mixtures = Mixtures(
        rng.normal(size=shape).astype(np.float32), np.ones(shape, np.float32), weights,
        np.ones(3, np.float32),
    )  # fmt: skip
    statistics = Statistics.empty(mixtures, 0)
    statistics.occupancies[:] = rng.integers(0, 90, weights.shape)
    statistics.occupancies[1, :, 2] = 0.0
    counts = np.broadcast_to(statistics.occupancies.sum(axis=3), shape[:3])
    centres = rng.normal(size=shape)
    statistics.sums[:] = counts[..., None] * centres
    found = moved_means(mixtures, statistics)
    share = (counts / (counts + 50))[..., None]
    expected = share * centres + (1 - share) * mixtures.means
    np.testing.assert_allclose(found.means, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found.means[1, :, 2], mixtures.means[1, :, 2])
    assert found.weights is mixtures.weights


def test_the_adapted_model_explains_the_corpus_better(examples, tmp_path):
    corpus = [
        Utterance(path.stem, path.stem, path, path.with_suffix(".lab").read_text())
        for path in sorted(examples.rglob("*.flac"))
    ]
    progress = Quiet()
    model = load_model("english-sphinx")
    adapted = adapt(
        corpus, model, tmp_path / "adapted", name="mine", fmllr=True, jobs=2, progress=progress
    )
    scores = [iteration.log_likelihood for iteration in progress.iterations]
    assert len(scores) == 5
    assert scores == sorted(scores)
    assert adapted.report.suspects == () or len(adapted.report.suspects) < 3
    described = json.loads((tmp_path / "adapted" / "model.json").read_text())
    assert described["name"] == "mine"
    assert described["licence"] == model.licence
    with pytest.warns(UserWarning, match="utterances to train on: 3; with fewer"):
        one = adapt(corpus, model, str(tmp_path / "one"), name="mine", fmllr=True)
    np.testing.assert_array_equal(one.model.mixtures.means, adapted.model.mixtures.means)
    assert one.model.transforms.keys() == adapted.model.transforms.keys() == {""}
    np.testing.assert_array_equal(one.model.transforms[""], adapted.model.transforms[""])
    quiet = Quiet()
    means = adapt(corpus, model, tmp_path / "map", name="mine", progress=quiet)
    assert len(quiet.iterations) == 3
    assert means.model.transforms == {}


def test_nothing_to_adapt_to(tmp_path, examples):
    corpus = [Utterance("x", "x", examples / "slt" / "tea.flac", "...")]
    with pytest.raises(InputError, match="no utterance can be used"):
        adapt(corpus, load_model("english-sphinx"), tmp_path / "m", name="m", progress=Quiet())
    assert not (tmp_path / "m").exists()


def test_logistic_regression_finds_the_slope_that_made_the_data():
    rng = np.random.default_rng(0)
    values = 3 * rng.normal(size=20000)
    outcomes = rng.random(20000) < 1 / (1 + np.exp(-(0.8 * values + 0.0)))
    slope, intercept = logistic_regression(values, outcomes)
    assert slope == pytest.approx(0.8, abs=0.05)
    assert intercept == pytest.approx(0.0, abs=0.05)
    slope, intercept = logistic_regression(np.array([-1.0] * 5 + [1.0] * 5), np.arange(10) > 4)
    assert 0 < slope < 100


def test_deficits_are_means_over_the_frames_of_a_word(tmp_path):
    toy = material(tmp_path / "toy")[0]
    model = fit(
        toy, SOURCE, name="toy", licence="none", gaussians=1, jobs=1, seed=0, progress=Quiet()
    ).model
    utterance = toy.spoken[0]
    states = np.arange(model.mixtures.num_states)
    rng = np.random.default_rng(0)
    log_probs = rng.normal(size=(utterance.frames, len(states))).astype(np.float32)
    found = word_deficits(model, log_probs, utterance.words)
    assert len(found) == len(utterance.words)
    assert all(deficit < 0 for deficit in found)
    graph = model.graph(utterance.words)
    np.testing.assert_allclose(
        word_deficits(model, log_probs + rng.normal(size=(len(log_probs), 1)), utterance.words),
        found,
        atol=1e-4,
    )
    # Frames that the transcript explains as well as anything does lose nothing.
    likely = np.full_like(log_probs, -100.0)
    likely[:, np.unique(graph.labels)] = 0.0
    assert word_deficits(model, likely, utterance.words) == [0.0] * len(utterance.words)
