"""Transforms of speakers: the objective, what they recover, and when there is none."""

import numpy as np
import pytest
from toy_speech import SOURCE, Quiet, material

from speechalign.kernels.feature_transform import add_transform_statistics, transformed
from speechalign.models.hmm_gmm.mixtures import Mixtures
from speechalign.models.hmm_gmm.sphinx_features import feature_streams
from speechalign.models.speakers import apply_transform, log_determinant
from speechalign.training.expectation import Alternatives, States, expect
from speechalign.training.trainer import fit
from speechalign.training.transforms import (
    TransformStatistics,
    identity,
    likeliest,
    transforms_of,
)


def mixtures_of(tied, seed=0):
    rng = np.random.default_rng(seed)
    shape = (2, 3, 4, 13)
    weights = rng.random((2, 3, 4, 3) if tied else (2, 1, 4, 1)).astype(np.float32)
    weights /= weights.sum(axis=2, keepdims=True)
    return Mixtures(
        (3 * rng.normal(size=shape)).astype(np.float32),
        (0.5 + rng.random(shape)).astype(np.float32),
        weights,
        np.ones(3, np.float32),
    )


def posteriors_of(frames, states, seed=1):
    found = np.random.default_rng(seed).random((frames, states)) ** 4
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def collected(mixtures, plain, posteriors, transform):
    found = TransformStatistics.empty()
    add_transform_statistics(
        plain, apply_transform(plain, transform), posteriors, np.arange(mixtures.num_states),
        mixtures.means, mixtures.half_precisions, mixtures.log_norms, mixtures.log_weights,
        found.squares, found.pulls,
    )  # fmt: skip
    found.frames += plain.shape[2]
    return found


def some_transform(seed=2, size=0.15):
    rng = np.random.default_rng(seed)
    return identity() + size * rng.normal(size=(3, 13, 14))


def distorted(mixtures, frames, truth):
    """Draw frames from Gaussians; return what the transform maps to them, and their states."""
    rng = np.random.default_rng(6)
    hidden = mixtures.weights.shape[3]
    states = rng.integers(mixtures.num_states, size=frames)
    drawn = np.empty((3, 13, frames), np.float32)
    for t, v in enumerate(states):
        c, h = divmod(int(v), hidden)
        k = [rng.choice(4, p=w / w.sum()) for w in mixtures.weights[c, :, :, h].astype(float)]
        for r in range(3):
            density = k[r if hidden > 1 else 0]
            deviation = np.sqrt(mixtures.variances[c, r, density])
            drawn[r, :, t] = mixtures.means[c, r, density] + deviation * rng.normal(size=13)
    inverse = np.linalg.inv(truth[:, :, :13])
    plain = np.einsum("rij,rjt->rit", inverse, drawn - truth[:, :, 13:]).astype(np.float32)
    posteriors = np.zeros((frames, mixtures.num_states), np.float32)
    posteriors[np.arange(frames), states] = 1.0
    return plain, posteriors


def test_a_transform_maps_each_stream_by_itself():
    features = np.random.default_rng(0).normal(size=(3, 13, 7)).astype(np.float32)
    transform = some_transform()
    expected = np.einsum("rij,rjt->rit", transform[:, :, :13], features) + transform[:, :, 13:]
    np.testing.assert_allclose(transformed(features, transform), expected, rtol=1e-5, atol=1e-5)
    assert apply_transform(features, None) is features
    np.testing.assert_array_equal(transformed(features, identity()), features)
    assert log_determinant(None) == 0.0
    doubled = 2 * identity()
    assert log_determinant(doubled) == pytest.approx(39 * np.log(2))


@pytest.mark.parametrize("tied", [False, True])
def test_statistics_are_those_of_the_definition(tied):
    mixtures = mixtures_of(tied)
    plain = np.random.default_rng(3).normal(size=(3, 13, 5)).astype(np.float32)
    posteriors = posteriors_of(5, mixtures.num_states)
    transform = some_transform()
    found = collected(mixtures, plain, posteriors, transform)
    features = apply_transform(plain, transform)
    squares, pulls = np.zeros((3, 13, 14, 14)), np.zeros((3, 13, 14))
    hidden = mixtures.weights.shape[3]
    for t in range(5):
        for v in range(mixtures.num_states):
            c, h = divmod(v, hidden)
            distances = (features[:, None, :, t] - mixtures.means[c]) ** 2 / mixtures.variances[c]
            logs = -0.5 * (distances + np.log(2 * np.pi * mixtures.variances[c])).sum(axis=2)
            if not tied:
                logs = logs.sum(axis=0, keepdims=True)
            logs = logs + np.log(mixtures.weights[c, :, :, h])
            share = np.exp(logs - logs.max(axis=1, keepdims=True))
            share = posteriors[t, v] * share / share.sum(axis=1, keepdims=True)
            for r in range(3):
                x = np.append(plain[r, :, t], 1.0)
                for k in range(4):
                    for i in range(13):
                        g = share[r if tied else 0, k] / mixtures.variances[c, r, k, i]
                        squares[r, i] += g * np.outer(x, x)
                        pulls[r, i] += g * x * mixtures.means[c, r, k, i]
    np.testing.assert_allclose(found.squares, squares, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.pulls, pulls, rtol=1e-4, atol=1e-5)


def test_the_likeliest_transform_is_a_maximum():
    mixtures = mixtures_of(tied=True)
    found = collected(mixtures, *distorted(mixtures, 1500, some_transform()), None)
    best = likeliest(found)
    value = found.objective(best)
    assert value > found.objective(identity())
    rng = np.random.default_rng(5)
    for _ in range(50):
        assert found.objective(best + 1e-3 * rng.normal(size=best.shape)) < value
    # The gradient is zero: N inv(A)' + k - G w, with the offsets' part of it 0 + k - G w.
    for r in range(3):
        slope = found.pulls[r] - np.einsum("iab,ib->ia", found.squares[r], best[r])
        slope[:, :13] += 1500 * np.linalg.inv(best[r][:, :13]).T
        assert np.abs(slope).max() < 1e-3 * np.abs(found.pulls[r]).max()


@pytest.mark.parametrize("tied", [False, True])
def test_a_known_transform_is_recovered(tied):
    mixtures = mixtures_of(tied)
    truth = some_transform()
    plain, posteriors = distorted(mixtures, 20000, truth)
    transform = None
    for _ in range(4):
        transform = likeliest(collected(mixtures, plain, posteriors, transform))
    # What is left is chance: a third of it with nine times the frames.
    assert np.abs(transform - truth).mean() < 0.12 * np.abs(identity() - truth).mean()


def test_too_few_frames_and_what_never_changes_give_none():
    mixtures = mixtures_of(tied=False)
    plain = np.random.default_rng(7).normal(size=(3, 13, 1200)).astype(np.float32)
    posteriors = posteriors_of(1200, mixtures.num_states)
    few = collected(mixtures, plain[:, :, :999], posteriors[:999], None)
    many = collected(mixtures, plain, posteriors, None)
    assert likeliest(few) is None
    assert likeliest(TransformStatistics.empty()) is None
    assert likeliest(many) is not None
    still = collected(mixtures, np.zeros_like(plain), posteriors, None)
    assert likeliest(still) is None
    found = transforms_of({"few": few, "many": many, "": few})
    assert sorted(found) == ["", "many"]
    assert transforms_of({"few": few}) == {}


def test_log_likelihood_never_falls(tmp_path):
    toy = material(tmp_path / "toy", utterances=40)[0]
    model = fit(
        toy, SOURCE, name="toy", licence="none", gaussians=2, jobs=1, seed=0, progress=Quiet()
    ).model
    model = model.estimated(mixtures=model.mixtures.weighing((1.0, 1.0, 1.0)))
    # The second of two speakers has another voice.
    rng = np.random.default_rng(8)
    stored = np.fromfile(toy.path, np.float32).reshape(-1, 13)
    other = np.eye(13) + 0.1 * rng.normal(size=(13, 13))
    for utterance in toy.spoken:
        if utterance.speaker == "s1":
            place = slice(utterance.begin, utterance.begin + utterance.frames)
            stored[place] = stored[place] @ other + 1.0
    stored.tofile(toy.path)
    scores = []
    for number in range(14, 19):
        found = expect(
            model, toy, toy.spoken, Alternatives(toy.spoken), States(toy, number),
            transforms=True, jobs=1, progress=Quiet().passed,
        )  # fmt: skip
        scores.append(found.statistics.log_likelihood[0] / found.statistics.frames[0])
        model = model.estimated(mixtures=model.mixtures, transforms=transforms_of(found.transforms))
    assert (np.diff(scores) > -1e-6).all()
    assert scores[-1] > scores[0] + 1
    assert sorted(model.transforms) == ["", "s0", "s1"]
    # What was done to the second speaker is undone, as far as the first needs nothing done.
    features = feature_streams(toy.cepstra(toy.spoken[1]))
    moved = apply_transform(features, model.transforms["s1"])
    assert np.abs(moved - features).mean() > 0.5
